"""What tests need that may not be there: real pictures, devices, a browser, other programs.

KMQ_CORPUS says where the pictures are; else they are in shared/corpus beside the checkout. With KMQ_CHROMIUM,
the path of a browser, nothing that needs it or other programs is skipped: what isn't there is a failure.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # how long an example takes is for bench/
settings.load_profile("untimed")

CHROMIUM = os.environ.get("KMQ_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pytest_collection_modifyitems(items):
    """Skip, and say so, what needs devices, pipes, terminals or signals that this system hasn't."""
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
