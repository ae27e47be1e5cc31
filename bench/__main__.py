"""Measure kmq and its peers on the same pictures, on the same machine, in one run.

Writes JSON, tables in Markdown and plots in SVG. A peer that isn't there is named; so is a picture that can't be
read, and then the exit code is 1. Results of parts that took long are kept in a cache, so that a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PARTS = ("size", "palette", "rd", "speed")
HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


def main() -> int:
    """Do what the arguments ask for, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="pictures, and folders of them"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, of {','.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="few pictures, shrunk, and few settings")
    parser.add_argument(
        "--results", type=Path, help="where to write (default bench/results; quick: quick in it)"
    )
    parser.add_argument("--cache", type=Path, help="where results are kept (default ~/.cache/kmq-bench)")
    parser.add_argument(
        "--time-limit", type=float, default=120.0, help="seconds for each output (default 120)"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing: write tables and plots again")
    parser.add_argument(
        "--gate", action="store_true", help="measure kmq's bytes and errors only, and fail if they got worse"
    )
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--only {','.join(unknown)}: there are {', '.join(PARTS)}")
    if not options.report and not options.folders:
        parser.error("which FOLDER?")
    if absent := [str(folder) for folder in options.folders if not folder.is_dir()]:
        parser.error(f"no folder: {', '.join(absent)}")
    os.environ.update(ONE_THREAD)  # read when the libraries load
    from bench._run import Asked, run  # noqa: PLC0415

    results = options.results or HERE / "results" / ("quick" if options.quick else "")
    asked = Asked(
        options.folders,
        parts,
        options.quick,
        results,
        options.cache,
        options.time_limit,
        options.report,
        options.gate,
    )
    return run(asked)


if __name__ == "__main__":
    sys.exit(main())
