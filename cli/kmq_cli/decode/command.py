"""`kmq decode`: its options."""

from __future__ import annotations

from collections.abc import Sequence

from kmq_cli.terminal.failures import UsageError
from kmq_cli.terminal.options import (
    FORCE,
    JOBS,
    JSON_LINES,
    MAX_PIXELS,
    OUTPUT,
    PRESERVE,
    QUIET,
    RECURSIVE,
    SKIP_EXISTING,
    THREADS,
    files,
    reported,
    threads_for,
)
from kmq_cli.usage.declared import Command, Kind, Option

EXAMPLES = (
    "Examples:\n\n"
    "- to photo.png: `kmq decode photo.kmq`\n"
    "- to another format: `kmq decode photo.kmq -o photo.webp`\n"
    "- from pipe to pipe, as PNG: `kmq decode - < photo.kmq | display`\n"
    "- a part of a large picture: `kmq decode map.kmq --region 4096,1024,640,480 -o part.png`\n"
    "- the file as an array in C, for flash memory: `kmq decode icon.kmq -o icon.h`\n"
    "- many, into a folder: `kmq decode *.kmq -o out --format webp`\n"
)


def _region(text: str) -> tuple[int, ...]:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(n.isascii() and n.isdecimal() and len(n) <= 10 for n in numbers):
        raise ValueError(f"{text!r} is not X,Y,WIDTH,HEIGHT, four numbers of pixels")
    return tuple(map(int, numbers))


def _colour(text: str) -> str:
    from PIL import ImageColor

    try:
        known = len(ImageColor.getrgb(text)) == 3
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"{text!r} is not a colour: give a name, such as white, or #rrggbb")
    return text


FORMAT = Option(
    "file_format",
    ("--format",),
    "Write this format, named by its suffix: any that Pillow writes.",
    Kind("png|webp|..."),
    told_default="by the suffix of OUT, or png",
)
BACKGROUND = Option(
    "background",
    ("--background",),
    "Lay a picture with transparency over this colour if the format has none: a name or #rrggbb.",
    Kind("COLOUR", _colour),
    default="white",
)
REGION = Option(
    "region",
    ("--region",),
    "Decode only these pixels of one file: left, top, width, height. Nothing else of a packed file is read.",
    Kind("X,Y,W,H", _region),
    told_default="all",
)
OPTIONS = (
    OUTPUT, FORMAT, REGION, BACKGROUND, THREADS, RECURSIVE, JOBS, SKIP_EXISTING, MAX_PIXELS, FORCE, PRESERVE,
    QUIET, JSON_LINES,
)  # fmt: skip


def decode(
    *,
    sources: Sequence[str],
    output: str | None,
    file_format: str | None,
    region: tuple[int, int, int, int] | None,
    background: str,
    threads: int | None,
    recursive: bool,
    jobs: int | None,
    skip_existing: bool,
    max_pixels: int | None,
    force: bool,
    preserve: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Decode .kmq files to pictures in any format that Pillow writes.

    A picture of up to 256 colours becomes an indexed PNG, not a larger true-colour one.

    If one of many files fails, the others are still decoded; the exit code is then 1.
    """
    from kmq_cli.batch.tasks import is_one_file
    from kmq_cli.decode.one import Decoding, decode_one

    one_file = is_one_file(sources, recursive=recursive, jobs=jobs)
    threads = threads_for(threads, one_file=one_file)
    decoding = Decoding(file_format, threads, max_pixels, force, skip_existing, background, preserve)
    report = reported(quiet=quiet, as_json=as_json)
    if one_file:
        decode_one(sources[0], output, region, decoding, report)
    elif region:
        raise UsageError("--region works on one file only")
    else:
        from kmq_cli.decode.many import decode_many

        decode_many(sources, output, decoding, recursive=recursive, jobs=jobs, report=report)


COMMAND = Command("decode", decode, files("out/*.kmq"), OPTIONS, EXAMPLES)
