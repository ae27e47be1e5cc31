"""The options of `kmq encode`, by panel of its help, and how what is typed becomes what `kmq.encode` takes.

The names and limits here are those of `kmq.encode`, which can't be imported for them: --help must not wait
for the codec. A test holds the two to each other.
"""

from __future__ import annotations

from kmq_cli.terminal.options import (
    EFFORTS,
    FORCE,
    JOBS,
    MANY,
    MAX_PIXELS,
    OUTPUT,
    PRESERVE,
    QUIET,
    RECURSIVE,
    SKIP_EXISTING,
    SPACES,
    THREADS,
)
from kmq_cli.usage.declared import Kind, Option
from kmq_cli.usage.kinds import names_of, number, one_of, whole

HOW_MANY, WHICH, HOW = "How many colours", "Which colours", "How they are written"
KMEANS = "scikit-learn's KMeans, if one is given"
"""Panels of the help."""

METADATA = ("icc", "exif", "xmp", "density")
PALETTES = ("black-and-white", "game-boy", "pico-8", "e-paper-7", "web-safe")

MOST_COLOURS = 65_536
TILE_SIDES = tuple(1 << exponent for exponent in range(4, 16))


def colours(text: str) -> int | str:
    """Return a number of colours, or "auto". Raises ValueError."""
    if text == "auto":
        return text
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= MOST_COLOURS:
        return int(text)
    raise ValueError(f"{text!r} is neither a number from 1 to {MOST_COLOURS:,} nor auto")


def tile_side(text: str) -> int | str | None:
    """Return the side of a tile; "auto"; or None for "none". Raises ValueError."""
    if text == "auto":
        return text
    if text == "none":
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) in TILE_SIDES:
        return int(text)
    raise ValueError(f"{text!r} is neither a power of two from 16 to 32,768 nor auto or none")


def frame_number(text: str) -> int | str:
    """Return the number of a frame, or "all". Raises ValueError."""
    if text == "all":
        return text
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    raise ValueError(f"{text!r} is neither a number from 0 nor all")


metadata = names_of((*METADATA, "all"))
"""Returns the names of metadata to keep. Raises ValueError."""

K = Option(
    "k",
    ("-k", "--k"),
    "Most colours in the palette, 1 to 65,536; auto: stops when more colours gain little.",
    Kind("N|auto", colours, ("auto",)),
    told_default="256; with a target, as few or as many as it takes",
    panel=HOW_MANY,
    aliases=("--colors", "--colours"),
)
PSNR = Option(
    "psnr",
    ("--psnr",),
    "The fewest colours that reach this quality in decibels.",
    number("DB", 0),
    panel=HOW_MANY,
)
MAX_BYTES = Option(
    "max_bytes",
    ("--max-bytes",),
    "The most colours that fit into a file of N bytes.",
    whole("N", 1, 2**62),
    panel=HOW_MANY,
)
BPP = Option(
    "bpp",
    ("--bpp",),
    "The same, in bits per pixel of the whole file. Packed, 16 colours take a little more than 4.",
    number("X", 0),
    panel=HOW_MANY,
)

PALETTE = Option(
    "palette",
    ("--palette",),
    "Use these colours, in their order: a .gpl, .hex, .pal, .act, .kmq or picture file, or "
    f"{', '.join(PALETTES)}.",
    Kind("FILE|NAME"),
    told_default="chosen for the picture",
    panel=WHICH,
)
SPACE = Option(
    "space",
    ("--space",),
    "Cluster and compare colours as the eye does, or for the least RGB error.",
    SPACES,
    told_default="oklab; srgb with --psnr",
    panel=WHICH,
)
EFFORT = Option(
    "effort",
    ("--effort",),
    "How long to look for a better palette and a smaller file; also picks the model of the context coding.",
    EFFORTS,
    default="default",
    panel=WHICH,
)
DITHER = Option(
    "dither",
    ("--dither",),
    "Mix entries pixel by pixel: smoother from afar, larger when compressed.",
    one_of("none", "floyd-steinberg", "ordered"),
    default="none",
    panel=WHICH,
)
STRENGTH = Option(
    "strength",
    ("--strength",),
    "How much to dither.",
    number("X", 0, 1),
    told_default="0.92; 1 with --palette",
    panel=WHICH,
)

CODING = Option(
    "coding",
    ("--coding",),
    "How to write the indices. adaptive: small and quick; context: smallest and slow; zstd: quick to decode; "
    "packed: any region can be read alone; auto: adaptive, or packed if that is no larger, or up to 32,768 "
    "pixels context if that is smaller; with --effort thorough, context up to 8 megapixels.",
    one_of("auto", "packed", "zstd", "context", "adaptive"),
    default="auto",
    panel=HOW,
)
REORDER_PALETTE = Option(
    "reorder_palette",
    ("--reorder-palette",),
    "Sort the palette of an indexed picture and leave out unused entries, for a smaller file.",
    default=False,
    panel=HOW,
)
TILE = Option(
    "tile",
    ("--tile",),
    "Cut into tiles of N x N pixels, a power of two; none: one tile; auto: tiles of 1024 above 4,194,304 "
    "pixels, and in adaptive tiles of 512 or 1024 if more than 524,288 pixels aren't flat.",
    Kind("N|auto|none", tile_side, ("auto", "none")),
    default="auto",
    panel=HOW,
)
KEEP = Option(
    "keep",
    ("--keep",),
    "Metadata to keep, any of the four; density: the resolution in print; all: every kind.",
    Kind(f"{','.join(METADATA)}|all", metadata, (*METADATA, "all")),
    default=(),
    told_default="none: colours become sRGB, the picture upright",
    panel=HOW,
)

STARTS = Option(
    "n_init",
    ("--n-init",),
    "How many starts, of which the first is fixed; the best result is kept.",
    whole("N", 1, 2**31 - 1),
    told_default="1",
    panel=KMEANS,
)
ITERATIONS = Option(
    "max_iter",
    ("--max-iter",),
    "Most iterations of a run.",
    whole("N", 1, 2**31 - 1),
    told_default="by effort: 3, 5 or 100",
    panel=KMEANS,
)
TOLERANCE = Option(
    "tol",
    ("--tol",),
    "Stop when the centres move less than this.",
    number("X", 0),
    told_default="1e-4",
    panel=KMEANS,
)
SEED = Option(
    "random_state",
    ("--random-state",),
    "Seed of the other starts.",
    whole("N", 0, 2**32 - 1),
    told_default="0",
    panel=KMEANS,
)

SKIP_IF_LARGER = Option(
    "skip_if_larger",
    ("--skip-if-larger",),
    "Skip files whose .kmq would be no smaller.",
    told_default="on for many files, off for one",
    panel=MANY,
    off="--no-skip-if-larger",
)
FRAME = Option(
    "frame",
    ("--frame",),
    "Which frame or page to encode, counted from 0; all: a file for each.",
    Kind("N|all", frame_number, ("all",)),
    told_default="0",
)
OPAQUE = Option(
    "opaque",
    ("--opaque",),
    "Take all pixels as opaque, whatever their alpha: some programs leave 0 there.",
    default=False,
)
TRUNCATED = Option(
    "truncated",
    ("--truncated",),
    "Take a picture whose file ends too early, as far as it goes.",
    default=False,
)
KEEP_SUFFIX = Option(
    "keep_suffix",
    ("--keep-suffix",),
    "Name files a.png.kmq, not a.kmq.",
    default=False,
    panel=MANY,
)
SHARED_PALETTE = Option(
    "shared_palette",
    ("--shared-palette",),
    "Choose one palette for all pictures together, as for sprites, animations and map series.",
    default=False,
    panel=MANY,
)
DASK = Option(
    "dask",
    ("--dask",),
    "Work on a Dask cluster that can read the same files, for example tcp://10.0.0.1:8786; local: on a "
    "cluster of --jobs processes.",
    Kind("ADDRESS|local", words=("local",)),
    panel=MANY,
)
AS_JSON = Option(
    "as_json",
    ("--json",),
    "Print the ledger as one line of JSON; for many files, a line for each.",
    default=False,
)

OF_LIBRARY = (
    K, PSNR, MAX_BYTES, BPP, PALETTE, SPACE, EFFORT, DITHER, STRENGTH, CODING,
    REORDER_PALETTE, TILE, THREADS, KEEP, STARTS, ITERATIONS, TOLERANCE, SEED,
)  # fmt: skip
"""Those that `kmq.encode` takes."""

OPTIONS = (
    OUTPUT, *OF_LIBRARY, FRAME, RECURSIVE, JOBS, SKIP_IF_LARGER, SKIP_EXISTING, KEEP_SUFFIX, SHARED_PALETTE,
    DASK, MAX_PIXELS, OPAQUE, TRUNCATED, FORCE, PRESERVE, QUIET, AS_JSON,
)  # fmt: skip
