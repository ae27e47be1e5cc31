"""`kmq encode`: its options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kmq_cli.terminal.options import (
    MANY,
    Force,
    Jobs,
    MaxPixels,
    Output,
    Quiet,
    Recursive,
    SkipExisting,
    Sources,
    Threads,
    at_most,
    reported,
)

EXAMPLES = (
    "Examples:\n\n"
    "- photo.kmq with 16 colours: `kmq encode photo.jpg -k 16`\n"
    "- at least 38 dB: `kmq encode photo.jpg --psnr 38`\n"
    "- dithered, for a display: `kmq encode photo.jpg --palette e-paper-7 --dither floyd-steinberg`\n"
    "- only look at the result: `kmq encode icon.png -o - | kmq info -`\n"
    "- from another program: `magick x.tif png:- | kmq encode - -o x.kmq`\n"
    "- many, into a folder: `kmq encode *.png icons/*.gif -o out`\n"
    "- a folder and all below it: `kmq encode --recursive photos -o out --jobs 4`\n"
)

HOW_MANY, WHICH, HOW = "How many colours", "Which colours", "How they are written"
KMEANS = "scikit-learn's KMeans"
"""Panels of the help."""


class Coding(StrEnum):
    """How the index plane is written."""

    auto = "auto"
    packed = "packed"
    zstd = "zstd"
    context = "context"


class Space(StrEnum):
    """Where colours are clustered and compared."""

    oklab = "oklab"
    srgb = "srgb"


class Effort(StrEnum):
    """How long to look for a better palette and for a smaller file."""

    fast = "fast"
    default = "default"
    thorough = "thorough"


class Dither(StrEnum):
    """How to dither."""

    none = "none"
    floyd_steinberg = "floyd-steinberg"
    ordered = "ordered"


def _tile(text: str) -> str:
    if text in ("auto", "none"):
        return text
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 16 <= int(text) <= 32_768:
        if int(text) & (int(text) - 1):
            raise typer.BadParameter(f"{text} is not a power of two")
        return text
    raise typer.BadParameter(f"{text!r} is neither a power of two from 16 to 32,768 nor auto or none")


def _colours(text: str | None) -> str | None:
    if text is None or text == "auto":
        return text
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_536:
        return text
    raise typer.BadParameter(f"{text!r} is neither a number from 1 to 65,536 nor auto")


def _metadata(names: str) -> str:
    for name in filter(None, names.split(",")):
        if name not in ("icc", "exif", "xmp"):
            raise typer.BadParameter(f"{name!r} is none of icc, exif, xmp")
    return names


def _finite(number: float | None) -> float | None:
    if number is not None and not number < float("inf"):
        raise typer.BadParameter(f"{number} is not a finite number")
    return number


def encode(
    sources: Sources,
    output: Output = None,
    k: Annotated[
        str | None,
        typer.Option(
            "-k",
            "--k",
            rich_help_panel=HOW_MANY,
            callback=_colours,
            metavar="N|auto",
            help="Most colours in the palette, 1 to 65,536; auto: until more no longer pay.",
            show_default="256; with a target, as few or as many as it takes",
        ),
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=HOW_MANY,
            min=0,
            callback=_finite,
            metavar="DB",
            help="As few colours as reach so many decibels.",
            show_default=False,
        ),
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=HOW_MANY,
            min=1,
            callback=at_most(2**62),
            metavar="N",
            help="As many colours as a file of N bytes holds.",
            show_default=False,
        ),
    ] = None,
    bpp: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=HOW_MANY,
            min=0,
            callback=_finite,
            metavar="X",
            help="The same, by bits a pixel of the whole file: 16 colours take a little more than 4.",
            show_default=False,
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=WHICH,
            metavar="FILE|NAME",
            help="Take these colours, in their order: a .gpl, .hex, .pal, .act, .kmq or picture file, or "
            "black-and-white, game-boy, pico-8, e-paper-7, web-safe.",
            show_default="chosen for the picture",
        ),
    ] = None,
    space: Annotated[
        Space | None,
        typer.Option(
            rich_help_panel=WHICH,
            help="Cluster and compare colours as the eye does, or for least RGB error.",
            show_default="oklab; srgb with --psnr, and to dither with --palette",
        ),
    ] = None,
    effort: Annotated[
        Effort,
        typer.Option(
            rich_help_panel=WHICH,
            help="How long to look for a better palette and for a smaller file; also names the model of the "
            "context coding.",
        ),
    ] = Effort.default,
    dither: Annotated[
        Dither,
        typer.Option(
            rich_help_panel=WHICH,
            help="Mix entries pixel by pixel: smoother from afar, larger when compressed.",
        ),
    ] = Dither.none,
    strength: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=WHICH,
            min=0,
            max=1,
            callback=_finite,
            metavar="X",
            help="How much to dither.",
            show_default="0.8; 1 with --palette",
        ),
    ] = None,
    coding: Annotated[
        Coding,
        typer.Option(
            rich_help_panel=HOW,
            help="How to write the indices: context makes the smallest files, zstd is faster, of packed any "
            "region can be read alone; auto: context up to 8 megapixels, zstd above, packed where neither is "
            "smaller.",
        ),
    ] = Coding.auto,
    keep_palette_order: Annotated[
        bool,
        typer.Option(
            "--keep-palette-order",
            metavar="",
            rich_help_panel=HOW,
            help="Keep the numbers of an indexed picture's entries, which the context coding may change.",
        ),
    ] = False,
    tile: Annotated[
        str,
        typer.Option(
            rich_help_panel=HOW,
            callback=_tile,
            metavar="N|auto|none",
            help="Cut into tiles of N x N pixels, a power of two; none: one tile; auto: one up to 4,194,304 "
            "pixels, tiles of 1024 above.",
        ),
    ] = "auto",
    threads: Threads = 1,
    keep: Annotated[
        str,
        typer.Option(
            rich_help_panel=HOW,
            callback=_metadata,
            metavar="icc,exif,xmp",
            help="Metadata to keep, any of the three.",
            show_default="none: colours become sRGB, the picture upright",
        ),
    ] = "",
    n_init: Annotated[
        int,
        typer.Option(
            rich_help_panel=KMEANS,
            min=1,
            callback=at_most(2**31 - 1),
            metavar="N",
            help="Starts, the first one fixed; the best is kept.",
        ),
    ] = 1,
    max_iter: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=KMEANS,
            min=1,
            callback=at_most(2**31 - 1),
            metavar="N",
            help="Most iterations of a run.",
            show_default="by effort: 3, 5 or 100",
        ),
    ] = None,
    tol: Annotated[
        float,
        typer.Option(
            rich_help_panel=KMEANS,
            min=0,
            callback=_finite,
            metavar="X",
            help="Stop when the centres move less than this.",
        ),
    ] = 1e-4,
    random_state: Annotated[
        int,
        typer.Option(
            rich_help_panel=KMEANS, min=0, max=2**32 - 1, metavar="N", help="Seed of the other starts."
        ),
    ] = 0,
    recursive: Recursive = False,
    jobs: Jobs = None,
    skip_if_larger: Annotated[
        bool | None,
        typer.Option(
            "--skip-if-larger/--no-skip-if-larger",
            metavar="",
            rich_help_panel=MANY,
            help="Leave files out whose .kmq would be no smaller than they are.",
            show_default="on for many files, off for one",
        ),
    ] = None,
    skip_existing: SkipExisting = False,
    shared_palette: Annotated[
        bool,
        typer.Option(
            "--shared-palette",
            metavar="",
            rich_help_panel=MANY,
            help="Choose one palette for all pictures together, as for sprites, animations and map series.",
        ),
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|local",
            rich_help_panel=MANY,
            help="Do the work on a Dask cluster that reads the same files, as at tcp://10.0.0.1:8786; "
            "local: on one of --jobs processes.",
            show_default=False,
        ),
    ] = None,
    max_pixels: MaxPixels = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", metavar="", help="Print the ledger as one line of JSON; of many files, a line for each."
        ),
    ] = False,
) -> None:
    """Encode pictures: any that Pillow reads, into at most N colours.

    A picture of at most N colours is stored exactly. Otherwise KMeans chooses the colours and
    every pixel gets the nearest one, or is dithered. Prints the ledger: where the file's
    bytes went. Exit code 3: no number of colours meets --psnr, --max-bytes or --bpp.

    Of many files, one that fails doesn't stop the others; the exit code is 1 at the end.
    """
    targets = {"--psnr": psnr, "--max-bytes": max_bytes, "--bpp": bpp}
    named = next((name for name, value in targets.items() if value is not None), None)
    if palette is not None and (named or k is not None):
        raise typer.BadParameter(f"--palette has its own number of colours: leave {named or '-k'} out")
    if named and k == "auto":
        raise typer.BadParameter(f"{named} looks for a number of colours, as -k auto does: leave one out")
    from kmq_cli.batch.tasks import is_one_file
    from kmq_cli.encode.files import Encoding, encode_many, encode_one

    options = {
        "k": int(k) if k is not None and k != "auto" else k,
        "psnr": psnr,
        "max_bytes": max_bytes,
        "bpp": bpp,
        "palette": palette,
        "space": space and space.value,
        "effort": effort.value,
        "dither": dither.value,
        "strength": strength,
        "coding": coding.value,
        "tile": int(tile) if tile.isdecimal() else {"none": None}.get(tile, tile),
        "threads": threads,
        "keep_palette_order": keep_palette_order,
        "keep": [name for name in keep.split(",") if name],
        "n_init": n_init,
        "max_iter": max_iter,
        "tol": tol,
        "random_state": random_state,
    }
    encoding = Encoding(options, max_pixels, force, skip_existing, skip_if_larger)
    report = reported(quiet=quiet, as_json=as_json)
    if shared_palette and (palette is not None or named or k == "auto"):
        other = "--palette" if palette is not None else named or "-k auto"
        raise typer.BadParameter(f"--shared-palette chooses the colours for all pictures: leave {other} out")
    if is_one_file(sources, recursive=recursive, jobs=jobs) and dask is None and not shared_palette:
        encode_one(sources[0], output, encoding, report)
    else:
        encode_many(
            sources, output, encoding, recursive=recursive, jobs=jobs, report=report, dask=dask,
            shared_palette=shared_palette,
        )  # fmt: skip
