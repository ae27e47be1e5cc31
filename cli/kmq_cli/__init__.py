"""The `kmq` command: encodes, decodes and inspects .kmq files."""

import os
import sys

from kmq_cli.terminal.failures import interruption

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    # kmq clusters with integers and needs no BLAS, whose threads take 0.1 s of processor time to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if sys.stderr is None:  # closed: print() would write to standard output, and a file take its number
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  until the end
    # The threads that NumPy's OpenBLAS starts take as long as the rest of NumPy; kmq has no work for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with interruption():  # also while the rest loads
        from kmq_cli import app

        app.main()
