"""`kmq decode`: its options."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kmq_cli.terminal.options import (
    Force,
    Jobs,
    JsonLines,
    MaxPixels,
    Output,
    Quiet,
    Recursive,
    SkipExisting,
    Sources,
    Threads,
    reported,
    threads_for,
)

EXAMPLES = (
    "Examples:\n\n"
    "- to photo.png: `kmq decode photo.kmq`\n"
    "- to another format: `kmq decode photo.kmq -o photo.webp`\n"
    "- from pipe to pipe, as PNG: `kmq decode - < photo.kmq | display`\n"
    "- a part of a large picture: `kmq decode map.kmq --region 4096,1024,640,480 -o part.png`\n"
    "- many, into a folder: `kmq decode *.kmq -o out --format webp`\n"
)


def _region(text: str) -> tuple[int, ...]:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(n.isascii() and n.isdecimal() and len(n) <= 10 for n in numbers):
        raise typer.BadParameter(f"{text!r} is not X,Y,WIDTH,HEIGHT, four numbers of pixels")
    return tuple(map(int, numbers))


def _colour(text: str) -> str:
    from PIL import ImageColor

    try:
        if len(ImageColor.getrgb(text)) == 3:
            return text
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is no colour: give a name, such as white, or #rrggbb")


Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="png|webp|...",
        help="Write this format, named by its suffix: any that Pillow writes.",
        show_default="that of OUT's suffix, or png",
    ),
]
Background = Annotated[
    str,
    typer.Option(
        parser=_colour,
        metavar="COLOUR",
        help="Lay a picture with transparency over this colour if the format has none: a name or #rrggbb.",
    ),
]
Region = Annotated[
    Any,
    typer.Option(
        parser=_region,
        metavar="X,Y,W,H",
        help="Decode only these pixels of one file: left, top, width, height. Nothing else of a packed file "
        "is read.",
        show_default="all",
    ),
]


def decode(
    sources: Sources,
    output: Output = None,
    file_format: Format = None,
    region: Region = None,
    background: Background = "white",
    threads: Threads = None,
    recursive: Recursive = False,
    jobs: Jobs = None,
    skip_existing: SkipExisting = False,
    max_pixels: MaxPixels = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: JsonLines = False,
) -> None:
    """Decode .kmq files to pictures in any format that Pillow writes.

    A picture of up to 256 colours becomes an indexed PNG, not a larger true-colour one.

    With many files, one that fails doesn't stop the others; the exit code is 1 at the end.
    """
    from kmq_cli.batch.tasks import is_one_file
    from kmq_cli.decode.files import Decoding, decode_many, decode_one

    one_file = is_one_file(sources, recursive=recursive, jobs=jobs)
    threads = threads_for(threads, one_file=one_file)
    decoding = Decoding(file_format, threads, max_pixels, force, skip_existing, background)
    report = reported(quiet=quiet, as_json=as_json)
    if one_file:
        decode_one(sources[0], output, region, decoding, report)
    elif region:
        raise typer.BadParameter("--region works on one file only")
    else:
        decode_many(sources, output, decoding, recursive=recursive, jobs=jobs, report=report)
