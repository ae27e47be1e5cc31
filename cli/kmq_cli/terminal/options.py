"""Options that several commands have."""

from __future__ import annotations

import os
from typing import Literal

from kmq_cli.usage.declared import Argument, Kind, Option
from kmq_cli.usage.kinds import one_of, whole

MANY = "Many files"
"""Panel of the help."""

SPACES = one_of("oklab", "srgb")
EFFORTS = one_of("fast", "default", "thorough")

MOST_PIXELS = 2**62


def files(pattern: str, folders: str = "folders with --recursive") -> Argument:
    """Return the argument of a command that takes many files; the help shows `pattern` as an example."""
    explained = f"Files, patterns like '{pattern}', {folders}; or only - for standard input."
    return Argument("sources", "IN", explained, many=True)


OUTPUT = Option(
    "output",
    ("-o", "--output"),
    "A file, or - for standard output; for many files a folder, where --recursive makes the same folders as "
    "it finds.",
    Kind("OUT"),
    told_default="IN with its suffix changed",
)
FORCE = Option("force", ("-f", "--force"), "Overwrite OUT if it exists.", default=False)
QUIET = Option("quiet", ("-q", "--quiet"), "Print nothing but errors.", default=False)
JSON_LINES = Option("as_json", ("--json",), "Print a line of JSON for each file.", default=False)
RECURSIVE = Option(
    "recursive",
    ("-r", "--recursive"),
    "Take the files in folders too, at any depth, except hidden ones.",
    default=False,
    panel=MANY,
)
JOBS = Option(
    "jobs",
    ("-j", "--jobs"),
    "How many files to work on at a time, each in its own process; 1: in this process.",
    whole("N", 1, 256),
    told_default="one for each core",
    panel=MANY,
)
SKIP_EXISTING = Option(
    "skip_existing",
    ("--skip-existing",),
    "Skip files whose OUT exists, instead of failing.",
    default=False,
    panel=MANY,
)
PRESERVE = Option(
    "preserve", ("--preserve",), "Give OUT the times of IN, when it was changed and read.", default=False
)
MAX_PIXELS = Option(
    "max_pixels",
    ("--max-pixels",),
    "Most pixels a picture may have.",
    whole("N", 1, MOST_PIXELS),
    told_default="89,478,485, as in Pillow",
)
MOST_THREADS = 256
"""What the library takes."""

THREADS = Option(
    "threads",
    ("--threads",),
    "How many tiles of a file to work on at a time.",
    whole("N", 1, MOST_THREADS),
    told_default="all cores; with many files 1",
)

Report = Literal["none", "json", "text"]
"""What a command prints apart from errors."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(threads: int | None, *, one_file: bool) -> int:
    """Return on how many threads to work on a file; each of many has a process and a core of its own."""
    if threads is None:
        return min(cores(), MOST_THREADS) if one_file else 1
    return threads


def reported(*, quiet: bool, as_json: bool) -> Report:
    """Return what the options ask to be printed."""
    return "none" if quiet else "json" if as_json else "text"
