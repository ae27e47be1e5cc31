"""The options of `kmq encode`, by panel of its help, and how what is typed becomes what `kmq.encode` takes.

The names and limits here are those of `kmq.encode`, which can't be imported for them: --help must not wait
for the codec. A test holds the two to each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from kmq_cli.terminal.options import MANY, EffortName, SpaceName, at_most

HOW_MANY, WHICH, HOW = "How many colours", "Which colours", "How they are written"
KMEANS = "scikit-learn's KMeans, if one of these is given or the effort is thorough"
"""Panels of the help."""

METADATA = ("icc", "exif", "xmp")

MOST_COLOURS = 65_536
TILE_SIDES = tuple(1 << exponent for exponent in range(4, 16))


def colours(text: str) -> int | str:
    """Return a number of colours, or "auto". Raises typer.BadParameter."""
    if text == "auto":
        return text
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= MOST_COLOURS:
        return int(text)
    raise typer.BadParameter(f"{text!r} is neither a number from 1 to {MOST_COLOURS:,} nor auto")


def tile_side(text: str) -> int | str | None:
    """Return the side of a tile; "auto"; or None for "none". Raises typer.BadParameter."""
    if text == "auto":
        return text
    if text == "none":
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) in TILE_SIDES:
        return int(text)
    raise typer.BadParameter(f"{text!r} is neither a power of two from 16 to 32,768 nor auto or none")


def metadata(text: str) -> tuple[str, ...]:
    """Return the names of metadata to keep. Raises typer.BadParameter."""
    names = tuple(filter(None, text.split(",")))
    for name in names:
        if name not in METADATA:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(METADATA)}")
    return names


def finite(number: float | None) -> float | None:
    """Return a number. Raises typer.BadParameter if it is infinite or none: `min` lets both pass."""
    if number is not None and not number < float("inf"):
        raise typer.BadParameter(f"{number} is not a finite number")
    return number


K = Annotated[
    Any,
    typer.Option(
        "-k",
        "--k",
        rich_help_panel=HOW_MANY,
        parser=colours,
        metavar="N|auto",
        help="Most colours in the palette, 1 to 65,536; auto: until more no longer pay.",
        show_default="256; with a target, as few or as many as it takes",
    ),
]
Psnr = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=HOW_MANY,
        min=0,
        callback=finite,
        metavar="DB",
        help="The fewest colours that reach this quality in decibels.",
        show_default=False,
    ),
]
MaxBytes = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=HOW_MANY,
        min=1,
        callback=at_most(2**62),
        metavar="N",
        help="The most colours that fit into a file of N bytes.",
        show_default=False,
    ),
]
Bpp = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=HOW_MANY,
        min=0,
        callback=finite,
        metavar="X",
        help="The same, in bits per pixel of the whole file: 16 colours take a little more than 4.",
        show_default=False,
    ),
]

Palette = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=WHICH,
        metavar="FILE|NAME",
        help="Use these colours, in their order: a .gpl, .hex, .pal, .act, .kmq or picture file, or "
        "black-and-white, game-boy, pico-8, e-paper-7, web-safe.",
        show_default="chosen for the picture",
    ),
]
Space = Annotated[
    SpaceName | None,
    typer.Option(
        rich_help_panel=WHICH,
        help="Cluster and compare colours as the eye does, or for the least RGB error.",
        show_default="oklab; srgb with --psnr, and to dither with --palette",
    ),
]
Effort = Annotated[
    EffortName,
    typer.Option(
        rich_help_panel=WHICH,
        help="How long to look for a better palette and a smaller file; also picks the model of the context "
        "coding.",
    ),
]
Dither = Annotated[
    Literal["none", "floyd-steinberg", "ordered"],
    typer.Option(
        rich_help_panel=WHICH,
        help="Mix entries pixel by pixel: smoother from afar, larger when compressed.",
    ),
]
Strength = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=WHICH,
        min=0,
        max=1,
        callback=finite,
        metavar="X",
        help="How much to dither.",
        show_default="0.8; 1 with --palette",
    ),
]

Coding = Annotated[
    Literal["auto", "packed", "zstd", "context", "adaptive"],
    typer.Option(
        rich_help_panel=HOW,
        help="How to write the indices. adaptive: small and quick; context: smallest and slow; zstd: quick "
        "to decode; packed: any region can be read alone; auto: adaptive, packed if that is no larger, up to "
        "32,768 pixels context if smaller, and with --effort thorough context up to 8 megapixels.",
    ),
]
KeepPaletteOrder = Annotated[
    bool,
    typer.Option(
        "--keep-palette-order",
        metavar="",
        rich_help_panel=HOW,
        help="Keep the numbers of an indexed picture's entries, which adaptive and context may change.",
    ),
]
Tile = Annotated[
    Any,
    typer.Option(
        rich_help_panel=HOW,
        parser=tile_side,
        metavar="N|auto|none",
        help="Cut into tiles of N x N pixels, a power of two; none: one tile; auto: tiles of 1024 above "
        "4,194,304 pixels, and for adaptive of 512 or 1024 where over 524,288 pixels aren't flat.",
    ),
]
Keep = Annotated[
    Any,
    typer.Option(
        rich_help_panel=HOW,
        parser=metadata,
        metavar="icc,exif,xmp",
        help="Metadata to keep, any of the three.",
        show_default="none: colours become sRGB, the picture upright",
    ),
]

Starts = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=KMEANS,
        min=1,
        callback=at_most(2**31 - 1),
        metavar="N",
        help="Starts, the first one fixed; the best is kept.",
        show_default="1",
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=KMEANS,
        min=1,
        callback=at_most(2**31 - 1),
        metavar="N",
        help="Most iterations of a run.",
        show_default="by effort: 3, 5 or 100",
    ),
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=KMEANS,
        min=0,
        callback=finite,
        metavar="X",
        help="Stop when the centres move less than this.",
        show_default="0.0001",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=KMEANS,
        min=0,
        max=2**32 - 1,
        metavar="N",
        help="Seed of the other starts.",
        show_default="0",
    ),
]

SkipIfLarger = Annotated[
    bool | None,
    typer.Option(
        "--skip-if-larger/--no-skip-if-larger",
        metavar="",
        rich_help_panel=MANY,
        help="Skip files whose .kmq would be no smaller.",
        show_default="on for many files, off for one",
    ),
]
SharedPalette = Annotated[
    bool,
    typer.Option(
        "--shared-palette",
        metavar="",
        rich_help_panel=MANY,
        help="Choose one palette for all pictures together, as for sprites, animations and map series.",
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|local",
        rich_help_panel=MANY,
        help="Work on a Dask cluster that reads the same files, for example tcp://10.0.0.1:8786; local: on "
        "one of --jobs processes.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", metavar="", help="Print the ledger as one line of JSON; for many files, a line for each."
    ),
]
