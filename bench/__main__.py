"""Measure kmq and its peers on the same pictures, on the same machine, in one run.

Writes JSON, tables in Markdown and plots in SVG. A peer that isn't there is named; so is a picture that
can't be read, and then the exit code is 1. Results are kept in a cache, so that a run that was stopped goes
on where it was; speeds are always measured again.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PARTS = ("size", "palette", "rd", "speed")
HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


def parser_of_arguments() -> argparse.ArgumentParser:
    """Return the parser of what can be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folders", nargs="*", type=Path, metavar="FOLDER", help="pictures, also in folders of it: classes")
    add(
        "--only",
        default=",".join(PARTS),
        metavar="PART,...",
        help=f"parts of {','.join(PARTS)}; all unless told",
    )
    add("--quick", action="store_true", help="few pictures, shrunk, and few settings")
    add("--results", type=Path, metavar="DIR", help="where to write; bench/results, or quick in it")
    add("--cache", type=Path, metavar="DIR", help="where results are kept; ~/.cache/kmq-bench unless told")
    add("--kept", action="store_true", help="measure nothing: results of what the cache has; not of speed")
    add("--time-limit", type=float, default=60.0, metavar="S", help="processor's seconds of an output; 60")
    said = "of size and speed only this coder, as in the results; repeatable; of speed nothing else"
    add("--coder", action="append", metavar="NAME", help=said)
    add(
        "--gate",
        action="store_true",
        help="measure kmq alone; fail if bytes or errors are above those in DIR",
    )
    add("--report", action="store_true", help="measure nothing: write the tables and plots of DIR again")
    add("--page", type=Path, metavar="FILE", help="with --report: put the small table into this page")
    return parser


def main() -> int:
    """Do what the arguments ask for, and return the exit code."""
    parser = parser_of_arguments()
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--only {','.join(unknown)}: there are {', '.join(PARTS)}")
    if not options.report and not options.folders:
        parser.error("which FOLDER?")
    if absent := [str(folder) for folder in options.folders if not folder.is_dir()]:
        parser.error(f"no folder: {', '.join(absent)}")
    if not options.time_limit > 0:
        parser.error(f"--time-limit {options.time_limit:g}: must be above 0")
    os.environ.update(ONE_THREAD)  # read when the libraries load
    try:
        from bench import run  # noqa: PLC0415  after the number of threads is set
    except ModuleNotFoundError as error:
        print(f"{error}: pip install -e '.[bench]'", file=sys.stderr)
        return 1
    results = options.results or HERE / "results" / ("quick" if options.quick else "")
    if options.report:
        return run.report(results, options.page)
    if unknown := [name for name in options.coder or [] if name not in run.coders.CODERS]:
        parser.error(f"--coder {unknown[0]}: there are {', '.join(run.coders.CODERS)}")
    asked = run.Asked(
        options.folders, parts, options.quick, results, options.cache, options.time_limit, options.kept,
        tuple(options.coder or ()),
    )  # fmt: skip
    return (run.gate if options.gate else run.run)(asked)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # wherever it comes, also while libraries load
        print("\nstopped: what was written is whole, and what was measured is kept", file=sys.stderr)
        sys.exit(130)
