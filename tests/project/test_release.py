"""What is released: one version everywhere, an sdist and wheels with all that they should have and no more.

KMQ_DIST names a folder of them, as `.ci/wheel FOLDER` makes it; they have to be of this checkout.
"""

import itertools
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest

import kmq

ROOT = Path(__file__).parents[2]
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

WRITTEN_BY_SETUPTOOLS = {
    "PKG-INFO", "setup.cfg", "kmq.egg-info/PKG-INFO", "kmq.egg-info/SOURCES.txt",
    "kmq.egg-info/dependency_links.txt", "kmq.egg-info/entry_points.txt", "kmq.egg-info/requires.txt",
    "kmq.egg-info/top_level.txt",
}  # fmt: skip
"""In the sdist, but not in the repository."""

SOURCES = {"kmq": "codec/kmq", "kmq_cli": "cli/kmq_cli"}
"""Each package, and its folder in the repository."""


@pytest.fixture(scope="module")
def dist():
    """Return the folder with the sdist and the wheels; if none is named the test is skipped and says so."""
    if "KMQ_DIST" not in os.environ:
        pytest.skip("KMQ_DIST names no folder with an sdist and wheels; .ci/wheel makes one")
    return Path(os.environ["KMQ_DIST"])


@pytest.fixture(scope="module")
def tracked():
    """Return the names of the files in the repository."""
    return set(output_of("git", "-C", ROOT, "ls-files", "-z").rstrip("\0").split("\0"))


def output_of(*command):
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def test_the_version_is_the_same_wherever_it_is_read():
    assert metadata.version("kmq") == kmq.__version__, "pip install again"
    assert output_of(sys.executable, "-m", "kmq_cli", "--version").split() == ["kmq", kmq.__version__]
    assert HEADINGS[0].split(", ")[0] == kmq.__version__
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_changelog_has_each_version_once_with_its_date_from_the_latest_on():
    dated = []
    for number, heading in enumerate(HEADINGS):
        match = re.fullmatch(r"(\d+\.\d+\.\d+), (unreleased|\d{4}-\d\d-\d\d)", heading)
        assert match, heading
        version, when = match.groups()
        if when == "unreleased":
            assert number == 0, "only what comes next is unreleased"
            when = date.max.isoformat()
        dated.append((tuple(map(int, version.split("."))), date.fromisoformat(when)))
    assert all(
        later[0] > earlier[0] and later[1] >= earlier[1] for later, earlier in itertools.pairwise(dated)
    )


def test_the_sdist_is_the_repository_without_what_is_for_git_and_its_services(dist, tracked):
    wanted = {name for name in tracked if not name.startswith(".")}
    top = f"kmq-{kmq.__version__}/"
    (path,) = dist.glob("*.tar.gz")
    assert path.name == f"kmq-{kmq.__version__}.tar.gz"
    with tarfile.open(path) as archive:
        files = {member.name.removeprefix(top): member for member in archive if member.isfile()}
        assert files.keys() - WRITTEN_BY_SETUPTOOLS == wanted
        for name in wanted:
            assert archive.extractfile(files[name]).read() == (ROOT / name).read_bytes(), name


def test_each_wheel_has_the_packages_with_their_loops_compiled_and_in_source(dist, tracked):
    wanted = {
        f"{package}/{name.removeprefix(folder + '/')}": name
        for package, folder in SOURCES.items()
        for name in tracked
        if name.startswith(folder + "/")
    }
    built = {name.removesuffix(".py") for name in wanted if name.endswith("_loop.py")}
    built.add("kmq/_ground/_memoryviews")  # which they share
    wheels = sorted(dist.glob("*.whl"))
    assert wheels
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            names = {
                name for name in archive.namelist() if not name.endswith("/") and ".dist-info/" not in name
            }
            compiled = sorted(name for name in names if name.endswith((".so", ".pyd")))
            assert [name.split(".")[0] for name in compiled] == sorted(built), path.name
            assert names - set(compiled) == wanted.keys(), path.name
            for name, source in wanted.items():
                assert archive.read(name) == (ROOT / source).read_bytes(), (path.name, name)
            about = f"kmq-{kmq.__version__}.dist-info"
            assert archive.read(f"{about}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
            assert b"kmq = kmq_cli:main" in archive.read(f"{about}/entry_points.txt").splitlines()
