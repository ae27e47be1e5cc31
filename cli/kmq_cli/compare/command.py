"""`kmq compare`: its options."""

from __future__ import annotations

from collections.abc import Sequence

from kmq_cli.terminal.failures import UsageError
from kmq_cli.terminal.options import EFFORTS, MAX_PIXELS, SPACES
from kmq_cli.usage.declared import Argument, Command, Kind, Option
from kmq_cli.usage.kinds import number

EXAMPLES = (
    "Examples:\n\n"
    "- a table: `kmq compare photo.png`\n"
    "- a page with the pictures: `kmq compare photo.png icon.png --html report.html`\n"
    "- other numbers of colours: `kmq compare photo.png -k 3,16,200`\n"
    "- for a spreadsheet: `kmq compare *.png --csv > sizes.csv`\n"
)

MOST_ROWS = 64
"""Most numbers of colours that can be compared."""


def _numbers(text: str) -> tuple[int, ...]:
    words = text.split(",")
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) <= 5 and 1 <= int(word) <= 65_536):
            raise ValueError(f"{word!r} is not a number from 1 to 65,536")
    if len(words) > MOST_ROWS:
        raise ValueError(f"{len(words)} numbers; at most {MOST_ROWS} can be compared")
    return tuple(sorted(set(map(int, words))))


IMAGES = Argument("images", "IMAGE", "Pictures, or - for standard input.", many=True)
KS = Option(
    "ks",
    ("-k", "--k"),
    "Numbers of colours, each 1 to 65,536. Each gives a row.",
    Kind("N,N,...", _numbers),
    default=(2, 4, 8, 16, 32, 64, 128, 256),
    told_default="2,4,8,16,32,64,128,256",
)
HTML = Option("html", ("--html",), "Also write a page with the pictures and plots.", Kind("OUT"))
SPACE = Option(
    "space",
    ("--space",),
    "How to cluster and compare colours, as in encode.",
    SPACES,
    default="oklab",
)
EFFORT = Option(
    "effort",
    ("--effort",),
    "How long kmq looks for better palettes and smaller files.",
    EFFORTS,
    default="default",
)
TIME_LIMIT = Option(
    "time_limit",
    ("--time-limit",),
    "Most seconds for a run of another program.",
    number("S", 0.1, 86_400),
    default=60,
)
FORCE = Option("force", ("-f", "--force"), "Overwrite the page if it exists.", default=False)
AS_JSON = Option("as_json", ("--json",), "Print one line of JSON.", default=False)
AS_CSV = Option("as_csv", ("--csv",), "Print a line for each codec and number of colours.", default=False)
OPTIONS = (KS, HTML, SPACE, EFFORT, TIME_LIMIT, MAX_PIXELS, FORCE, AS_JSON, AS_CSV)


def compare(
    *,
    images: Sequence[str],
    ks: Sequence[int],
    html: str | None,
    space: str,
    effort: str,
    time_limit: float,
    max_pixels: int | None,
    force: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compare sizes, quality and time for several numbers of colours with those of other formats.

    Sizes are bytes of whole files: packed, context-coded, and as kmq encode writes them, with the coding that
    it chose. Seconds are for that last file, on one thread: to encode, including the choice of the palette,
    and to decode. For comparison there are lossless PNG and WebP, PNG of the same indices, the JPEG nearest
    in size, and oxipng, cwebp, cjxl and pngquant if they are installed. Every output is decoded before it
    counts.
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv both print: leave one out")
    if images.count("-") > 1:
        raise UsageError("standard input can be read only once: leave the other - out")
    from kmq_cli.compare.run import run

    run(
        images,
        ks,
        {"space": space, "effort": effort},
        html,
        time_limit=time_limit,
        max_pixels=max_pixels,
        force=force,
        report="json" if as_json else "csv" if as_csv else "table",
    )


COMMAND = Command("compare", compare, IMAGES, OPTIONS, EXAMPLES)
