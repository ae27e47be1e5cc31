"""Systems of fewer rights, as words that stand before a command, and a way to tell whether they work here."""

import os
import subprocess

IS_ROOT = os.name == "posix" and os.geteuid() == 0

OWN_MOUNTS = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]
"""Before a command: it may mount, and nobody else sees what."""

WITHOUT_PROC = "mount -t tmpfs none /proc"
"""Among them: a file that has no name can't be given one, and so gets a temporary name from the start."""

BOUND_BY_PERMISSIONS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if IS_ROOT else []
"""Before a command: it may read and write only what permissions allow, even if root runs it."""


def works(*command):
    """Tell whether a command can be run here and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
