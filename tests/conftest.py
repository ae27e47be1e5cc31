"""Where the real pictures are: KMQ_CORPUS, or shared/corpus beside the checkout."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # how long an example takes is for bench/
settings.load_profile("untimed")


def pytest_collection_modifyitems(items):
    """Skip, and say so, what needs devices, pipes, terminals or signals that this system hasn't."""
    posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX pipes, permissions or signals")
    proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc, which Linux has")
    full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
    for item in items:
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
