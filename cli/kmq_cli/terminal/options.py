"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Literal

import typer

MANY = "Many files"
"""Panel of the help."""

SpaceName = Literal["oklab", "srgb"]
EffortName = Literal["fast", "default", "thorough"]


def at_most(most: int) -> Callable[[int | None], int | None]:
    """Return a callback that refuses a larger number; `max` would show it in the help, however long."""

    def checked(number: int | None) -> int | None:
        if number is not None and number > most:
            raise typer.BadParameter(f"{number} is more than {most}")
        return number

    return checked


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="IN",
        help="Files, patterns like 'photos/*.png', folders with --recursive; or only - for standard input.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file, or - for standard output; for many files a folder, where --recursive makes the same "
        "folders as it finds.",
        show_default="IN with its suffix changed",
    ),
]
Force = Annotated[bool, typer.Option("-f", "--force", metavar="", help="Overwrite OUT if it exists.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", metavar="", help="Print nothing but errors.")]
JsonLines = Annotated[bool, typer.Option("--json", metavar="", help="Print a line of JSON for each file.")]
Recursive = Annotated[
    bool,
    typer.Option(
        "-r",
        "--recursive",
        metavar="",
        rich_help_panel=MANY,
        help="Take the files in folders too, at any depth, except hidden ones.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        min=1,
        max=256,
        metavar="N",
        rich_help_panel=MANY,
        help="How many files to work on at a time, each in its own process; 1: in this process.",
        show_default="one for each core",
    ),
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        metavar="",
        rich_help_panel=MANY,
        help="Skip files whose OUT exists, instead of failing.",
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        callback=at_most(2**62),
        metavar="N",
        help="Most pixels a picture may have.",
        show_default="89,478,485, as in Pillow",
    ),
]
MOST_THREADS = 256
"""What the library takes."""

Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_THREADS,
        metavar="N",
        help="How many tiles of a file to work on at a time.",
        show_default="all cores; with many files 1",
    ),
]

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
