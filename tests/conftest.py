"""What tests need of the system they run on: pictures, devices, mounts, permissions.

The pictures are at KMQ_CORPUS, or in shared/corpus beside the checkout.
"""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import settings

from forked_commands import ForkedCommands
from systems import BOUND_BY_PERMISSIONS, OWN_MOUNTS, WITHOUT_PROC, works

settings.register_profile("untimed", deadline=None)  # how long an example takes is for bench/
settings.load_profile("untimed")


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
    full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
    for item in items:
        if item.get_closest_marker("posix"):
            item.add_marker(posix)
        if item.get_closest_marker("dev_full"):
            item.add_marker(posix)
            item.add_marker(full)
        if item.get_closest_marker("mounts"):
            item.add_marker(mounts)
        if item.get_closest_marker("permissions"):
            item.add_marker(permissions)


@pytest.fixture(scope="session")
def corpus():
    """Return the folder with dev/ and pngsuite/; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("KMQ_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip(f"no corpus of pictures at {folder}; KMQ_CORPUS can name another place")
    return folder


@pytest.fixture(scope="session")
def forked():
    """Return a way to run many commands quickly."""
    with contextlib.closing(ForkedCommands()) as commands:
        yield commands


@pytest.fixture(scope="session")
def without_proc():
    """Return the same where files that have no name can't be given one, and so have one from the start."""
    prelude = ["sh", "-c", f'{WITHOUT_PROC} && exec "$@"', "sh"]
    with contextlib.closing(ForkedCommands(*OWN_MOUNTS, *prelude)) as commands:
        yield commands
