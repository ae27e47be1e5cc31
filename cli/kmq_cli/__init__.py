"""The `kmq` command: encode, decode and look into .kmq files."""

import os
import sys

from kmq_cli.terminal.failures import interruption

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments name, and leave with its exit code."""
    if sys.stderr is None:  # closed: print() would take standard output instead, and a file its number
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  until the end
    with interruption():  # also while the rest is being loaded
        from kmq_cli import app as _app

        _app.main()
