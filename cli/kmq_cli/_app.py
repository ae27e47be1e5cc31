"""The commands and their options."""

from __future__ import annotations

import io
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kmq_cli._failures import interruption, standard_output


class _Commands(TyperGroup):
    """The commands, of which an interrupted one says so: Typer alone would leave without a word."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  of the Click that Typer has
        with interruption():
            return super().invoke(ctx)


app = typer.Typer(
    name="kmq",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


HOW_MANY, WHICH, KMEANS = "How many colours", "Which colours", "scikit-learn's KMeans"
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


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"kmq {version('kmq')}")
        raise typer.Exit


def _power_of_two(tile: int | None) -> int | None:
    if tile is not None and tile & (tile - 1):
        raise typer.BadParameter(f"{tile} is not a power of two")
    return tile


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


Source = Annotated[
    str, typer.Argument(metavar="IN", help="A file, or - for standard input.", show_default=False)
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file, or - for standard output.",
        show_default="IN with its suffix changed",
    ),
]
Force = Annotated[bool, typer.Option("-f", "--force", metavar="", help="Overwrite OUT if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print the ledger as one line of JSON.")]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2**62,
        metavar="N",
        help="Most pixels a picture may have.",
        show_default="89,478,485, as in Pillow",
    ),
]
Threads = Annotated[
    int, typer.Option(min=1, max=256, metavar="N", help="How many tiles to work on at a time.")
]


@app.callback()
def kmq(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_show_version,
            is_eager=True,
            help="Print the version and leave.",
        ),
    ] = False,
) -> None:
    """Compact images of few colours: a k-means palette and packed indices in a .kmq file.

    Start with `kmq demo`, which encodes and decodes a real photograph.
    """


@app.command(
    epilog="Examples:\n\n"
    "- photo.kmq with 16 colours: `kmq encode photo.jpg -k 16`\n"
    "- at least 38 dB: `kmq encode photo.jpg --psnr 38`\n"
    "- dithered, for a display: `kmq encode photo.jpg --palette e-paper-7 --dither floyd-steinberg`\n"
    "- only look at the result: `kmq encode icon.png -o - | kmq info -`\n"
    "- from another program: `magick x.tif png:- | kmq encode - -o x.kmq`\n"
)
def encode(
    source: Source,
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
            max=2**62,
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
            help="Keep the numbers of an indexed picture's entries, which the context coding may change.",
        ),
    ] = False,
    tile: Annotated[
        int | None,
        typer.Option(
            min=16,
            max=32768,
            callback=_power_of_two,
            metavar="N",
            help="Cut into tiles of N x N pixels, a power of two.",
            show_default="one tile",
        ),
    ] = None,
    threads: Threads = 1,
    keep: Annotated[
        str,
        typer.Option(
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
            max=2**31 - 1,
            metavar="N",
            help="Starts, the first one fixed; the best is kept.",
        ),
    ] = 1,
    max_iter: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=KMEANS,
            min=1,
            max=2**31 - 1,
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
    max_pixels: MaxPixels = None,
    force: Force = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", metavar="", help="Print nothing but errors.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Encode a picture: any that Pillow reads, into at most N colours.

    A picture of at most N colours is stored exactly. Otherwise KMeans chooses the colours and
    every pixel gets the nearest one, or is dithered. Prints the ledger: where the file's
    bytes went. Exit code 3: no number of colours meets --psnr, --max-bytes or --bpp.
    """
    targets = {"--psnr": psnr, "--max-bytes": max_bytes, "--bpp": bpp}
    named = next((name for name, value in targets.items() if value is not None), None)
    if palette is not None and (named or k is not None):
        raise typer.BadParameter(f"--palette has its own number of colours: leave {named or '-k'} out")
    if named and k == "auto":
        raise typer.BadParameter(f"{named} looks for a number of colours, as -k auto does: leave one out")
    from kmq_cli._encode import run

    run(
        source,
        output,
        {
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
            "tile": tile,
            "threads": threads,
            "keep_palette_order": keep_palette_order,
            "keep": [name for name in keep.split(",") if name],
            "n_init": n_init,
            "max_iter": max_iter,
            "tol": tol,
            "random_state": random_state,
        },
        max_pixels=max_pixels,
        force=force,
        report="none" if quiet else "json" if as_json else "table",
    )


@app.command(
    epilog="Examples:\n\n"
    "- photo.png: `kmq decode photo.kmq`\n"
    "- another format: `kmq decode photo.kmq -o photo.webp`\n"
    "- from pipe to pipe, as PNG: `kmq decode - < photo.kmq | display`\n"
)
def decode(
    source: Source,
    output: Output = None,
    threads: Threads = 1,
    max_pixels: MaxPixels = None,
    force: Force = False,
) -> None:
    """Decode a .kmq file to a picture of any format that Pillow writes, by OUT's suffix.

    Up to 256 colours become an indexed PNG, not a larger true-colour one.
    """
    from kmq_cli._decode import run

    run(source, output, threads=threads, max_pixels=max_pixels, force=force)


@app.command(
    epilog="Examples:\n\n"
    "- where its bytes went: `kmq info photo.kmq`\n"
    "- and what was lost: `kmq info photo.kmq --original photo.png`\n"
    "- for programs: `kmq info photo.kmq --json | jq .ratio`\n"
)
def info(
    source: Source,
    original: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="The picture before encoding: the loss is measured against it.",
            show_default=False,
        ),
    ] = None,
    max_pixels: MaxPixels = None,
    as_json: AsJson = False,
) -> None:
    """Print a file's ledger: where every byte went and what that saved."""
    from kmq_cli._info import run

    run(source, original, max_pixels=max_pixels, as_json=as_json)


@app.command(epilog="Example:\n\n- with 8 colours: `kmq demo -k 8`\n")
def demo(
    folder: Annotated[
        str, typer.Argument(metavar="[FOLDER]", help="Where to write; made if it doesn't exist.")
    ] = "kmq-demo",
    k: Annotated[
        int, typer.Option("-k", "--k", min=1, max=65536, metavar="N", help="Most colours in the palette.")
    ] = 16,
    force: Annotated[
        bool, typer.Option("-f", "--force", metavar="", help="Overwrite other files of these names.")
    ] = False,
) -> None:
    """Encode a real photograph that comes with scikit-learn, decode it, and show what it took.

    Writes the .kmq file, the decoded PNG, and a picture of both sides with the palette's
    swatches. Files that are there already, just so, are no obstacle.
    """
    from kmq_cli._demo import run

    run(folder, k, force=force)


def main() -> None:
    """Run the command that the arguments name, and leave with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name is no reason to fail
    with standard_output():
        app()
