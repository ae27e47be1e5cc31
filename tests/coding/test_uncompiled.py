"""The package with its loops compiled, and the same with their sources run as Python: the same bytes.

A second process runs the other way: what a process has imported stays.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

import kmq
from kmq._ground.loops import LOOPS
from ways import UNCOMPILED

PACKAGE = Path(kmq.__file__).parent
BOTH = """
import importlib, json, sys
from pathlib import Path
import numpy as np
import kmq
from kmq._ground.loops import LOOPS

def encoded(picture):
    yield "packed", kmq.encode(picture, 11, coding="packed")
    yield "sRGB", kmq.encode(picture, 7, space="srgb", coding="packed", tile=16)
    yield "zstd", kmq.encode(picture, 70, coding="zstd", effort="fast")
    yield "context", kmq.encode(picture, palette="web-safe", coding="context", tile=16)
    yield "fast", kmq.encode(picture, 5, coding="context", effort="fast")
    yield "thorough", kmq.encode(picture[:7, :7], 14, coding="context", effort="thorough")
    yield "adaptive", kmq.encode(picture, 20, coding="adaptive", tile=16)
    yield "adaptive, few", kmq.encode(picture, 7, coding="adaptive")
    yield "diffused", kmq.encode(picture, 6, dither="floyd-steinberg", coding="packed")
    yield "ordered", kmq.encode(picture, 6, dither="ordered", coding="packed")
    yield "e-paper", kmq.encode(picture, palette="e-paper-7", dither="floyd-steinberg", coding="packed")

found = {"loops": [importlib.import_module(loop).__file__ for loop in LOOPS]}
for path in sorted(Path(sys.argv[1]).glob("*.npy")):
    for name, data in encoded(np.load(path)):
        found[f"{path.stem} {name}"] = data.hex()
        found[f"{path.stem} {name} decoded"] = kmq.decode(data).tobytes().hex()
print(json.dumps(found))
"""


def python(code, *arguments, uncompiled, where=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_CORE")}
    environment["KMQ_UNCOMPILED"] = uncompiled
    if where is not None:
        environment["PYTHONPATH"] = str(where)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, check=False, text=True)


@pytest.mark.slow
def test_either_way_gives_the_same_bytes(tmp_path):
    across, down = np.meshgrid(np.arange(12), np.arange(8))
    soft = np.stack([13 * across, 24 * down, 7 * (across + down)], axis=2).astype(np.uint8)
    soft[2:5, 3:9] = (200, 30, 9)
    noise = np.random.default_rng(3).integers(0, 256, (5, 8, 4), np.uint8)
    noise[:3, :, 3], noise[3:4, :, 3] = 255, 0
    for name, picture in (("soft", soft), ("noise", noise), ("grey", soft[:5, :, 0])):
        np.save(tmp_path / name, picture)
    found = []
    for uncompiled, suffixes in (("0", tuple(EXTENSION_SUFFIXES)), ("1", (".py",))):
        done = python(BOTH, tmp_path, uncompiled=uncompiled)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
        assert all(path.endswith(suffixes) for path in found[-1].pop("loops"))
    assert found[0] == found[1]
    assert len(found[0]) == 3 * 11 * 2


@pytest.mark.both_ways
@pytest.mark.parametrize("loop", LOOPS)
def test_these_tests_run_the_loops_as_they_were_asked_to(loop):
    module = importlib.import_module(loop)
    room, _, name = loop.rpartition(".")
    assert module is getattr(importlib.import_module(room), name)
    assert module.__file__.endswith(".py" if UNCOMPILED else tuple(EXTENSION_SUFFIXES))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def test_the_loops_are_all_that_is_written_in_cython():
    in_cython = [path for path in PACKAGE.rglob("*.py") if "\nimport cython\n" in path.read_text("utf-8")]
    assert sorted(LOOPS) == sorted(name_of(path) for path in in_cython)


@pytest.fixture
def copied(tmp_path):
    """Return a folder with a copy of the package."""
    shutil.copytree(PACKAGE, tmp_path / "kmq", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


IMPORTED = "import kmq; print(kmq.__file__)"


@pytest.mark.compiled_only("a copy of the compiled package is imported")
@pytest.mark.parametrize("loop", [LOOPS[-1], "*"])
def test_a_package_without_a_compiled_loop_says_so(copied, loop):
    assert python(IMPORTED, uncompiled="", where=copied).stdout.strip().startswith(str(copied))
    for path in (copied / "kmq").rglob(f"{loop.rpartition('.')[2]}.*"):
        if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
            path.unlink()
    done = python(IMPORTED, uncompiled="", where=copied)
    assert done.returncode == 1
    first = LOOPS[0] if loop == "*" else loop
    assert f"ImportError: {first} isn't compiled for this Python" in done.stderr
    assert "install kmq again with a C compiler, or set KMQ_UNCOMPILED=1" in done.stderr
    assert python(IMPORTED, uncompiled="1", where=copied).stdout.strip().startswith(str(copied))


def test_without_cython_the_sources_can_not_be_run():
    done = python("import sys; sys.modules['cython'] = None; import kmq", uncompiled="1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: KMQ_UNCOMPILED=1 needs the package Cython")


def test_another_value_of_the_variable_is_refused():
    done = python(IMPORTED, uncompiled="yes")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ImportError: KMQ_UNCOMPILED is 'yes'; it must be 0 or 1"
