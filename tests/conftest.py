"""What tests need that may not be there: real pictures, devices, mounts, a browser, other programs.

KMQ_CORPUS says where the pictures are; else they are in shared/corpus beside the checkout. With KMQ_CHROMIUM,
the path of a browser, nothing that needs it or other programs is skipped: what isn't there is a failure.
"""

import contextlib
import gc
import importlib.util
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from commands import forker
from forked_commands import ForkedCommands
from systems import BOUND_BY_PERMISSIONS, OWN_MOUNTS, WITHOUT_PROC, works
from ways import UNCOMPILED, examples

settings.register_profile("untimed", examples())  # how long an example takes is for bench/
settings.load_profile("untimed")

CHROMIUM = os.environ.get("KMQ_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items):
    """Skip, and say so, what needs devices, pipes, terminals or signals that this system hasn't."""
    wanted = {marker.name for item in items for marker in item.iter_markers()}
    mounts = pytest.mark.skipif(
        "mounts" in wanted and not works(*OWN_MOUNTS, "sh", "-c", WITHOUT_PROC),
        reason="needs unshare and mount, as root or where users may have mounts of their own",
    )
    permissions = pytest.mark.skipif(
        "permissions" in wanted and not works(*BOUND_BY_PERMISSIONS, "true"),
        reason="needs a user whom permissions bind: not root, or setpriv to become as good as none",
    )
    posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes, permissions or signals")
    proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, which Linux has")
    full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
    absent = [name for name in ("cwebp", "cjxl", "djxl", "pngquant") if not shutil.which(name)]
    peers = pytest.mark.skipif(bool(absent), reason=f"needs the programs {', '.join(absent)}")
    browser = pytest.mark.skipif(
        CHROMIUM is None or not importlib.util.find_spec("playwright"),
        reason="needs Chromium, and pip install 'kmq[browser]'",
    )
    for item in items:
        one_way = item.get_closest_marker("compiled_only")
        if one_way and UNCOMPILED:
            item.add_marker(pytest.mark.skip(reason=f"with compiled loops only: {one_way.args[0]}"))
        if not os.environ.get("KMQ_CHROMIUM"):
            for name, mark in (("peers", peers), ("browser", browser)):
                if item.get_closest_marker(name):
                    item.add_marker(mark)
        if item.get_closest_marker("posix"):
            item.add_marker(posix)
        if item.get_closest_marker("proc"):
            item.add_marker(posix)
            item.add_marker(proc)
        if item.get_closest_marker("dev_full"):
            item.add_marker(posix)
            item.add_marker(full)
        if item.get_closest_marker("mounts"):
            item.add_marker(mounts)
        if item.get_closest_marker("permissions"):
            item.add_marker(permissions)


def pytest_collection_finish():
    """Leave what has been loaded to no collector, and look for garbage less often: a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session")
def corpus():
    """Return the folder with dev/ and pngsuite/; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("KMQ_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip(f"no corpus of pictures at {folder}; KMQ_CORPUS can name another place")
    return folder


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium, for the tests of the marker `browser`."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  of the extra `browser`

    quiet = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield started
        started.close()


@pytest.fixture(scope="session")
def forked():
    """Return a way to run many commands quickly."""
    return forker(later=False)


@pytest.fixture(scope="session")
def without_proc():
    """Return the same where files that have no name can't be given one, and so have one from the start."""
    prelude = ["sh", "-c", f'{WITHOUT_PROC} && exec "$@"', "sh"]
    with contextlib.closing(ForkedCommands(*OWN_MOUNTS, *prelude)) as commands:
        yield commands


def pytest_deselected(items):
    """Count what a worker leaves out, for the last line: pytest-xdist doesn't report it."""
    output = getattr(items[0].config, "workeroutput", None) if items else None
    if output is not None:
        output["deselected"] = output.get("deselected", 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over one worker's count: all workers leave out the same tests."""
    left_out = getattr(node, "workeroutput", {}).get("deselected", 0)
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and left_out and not reporter.stats.get("deselected"):
        reporter.stats["deselected"] = [SimpleNamespace()] * left_out  # only their number is told
