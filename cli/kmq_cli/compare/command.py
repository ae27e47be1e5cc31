"""`kmq compare`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from kmq_cli.terminal.options import EffortName, MaxPixels, SpaceName

EXAMPLES = (
    "Examples:\n\n"
    "- a table: `kmq compare photo.png`\n"
    "- a page with the pictures: `kmq compare photo.png icon.png --html report.html`\n"
    "- other numbers of colours: `kmq compare photo.png -k 3,16,200`\n"
    "- for a spreadsheet: `kmq compare *.png --csv > sizes.csv`\n"
)

MOST_ROWS = 64
"""Most numbers of colours that can be compared."""


def _numbers(text: str) -> str:
    words = text.split(",")
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) <= 5 and 1 <= int(word) <= 65_536):
            raise typer.BadParameter(f"{word!r} is not a number from 1 to 65,536")
    if len(words) > MOST_ROWS:
        raise typer.BadParameter(f"{len(words)} numbers; at most {MOST_ROWS} can be compared")
    return text


Images = Annotated[
    list[str],
    typer.Argument(metavar="IMAGE", help="Pictures, or - for standard input.", show_default=False),
]
Ks = Annotated[
    str,
    typer.Option(
        "-k",
        "--k",
        callback=_numbers,
        metavar="N,N,...",
        help="Numbers of colours, each 1 to 65,536. Each gives a row.",
    ),
]
Html = Annotated[
    str | None,
    typer.Option(
        "--html", metavar="OUT", help="Also write a page with the pictures and plots.", show_default=False
    ),
]
Space = Annotated[SpaceName, typer.Option(help="Where to cluster and compare colours, as in encode.")]
Effort = Annotated[EffortName, typer.Option(help="How long kmq looks for better palettes and smaller files.")]
TimeLimit = Annotated[
    float,
    typer.Option(min=0.1, max=86_400, metavar="S", help="Most seconds for a run of another program."),
]
Force = Annotated[bool, typer.Option("-f", "--force", metavar="", help="Overwrite the page if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one line of JSON.")]
AsCsv = Annotated[
    bool, typer.Option("--csv", metavar="", help="Print a line for each codec and number of colours.")
]


def compare(
    images: Images,
    ks: Ks = "2,4,8,16,32,64,128,256",
    html: Html = None,
    space: Space = "oklab",
    effort: Effort = "default",
    time_limit: TimeLimit = 60,
    max_pixels: MaxPixels = None,
    force: Force = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare sizes, quality and time for several numbers of colours with those of other formats.

    Sizes are bytes of whole files: packed, context-coded, and as kmq encode writes them, with the coding that
    it chose. Seconds are of the last, on one thread: encoding, which includes the choice of the palette, and
    decoding. For comparison there are lossless PNG and WebP, PNG of the same indices, the JPEG nearest in
    size, and oxipng, cwebp, cjxl and pngquant if they are installed. Every output is decoded before it
    counts.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv both print: leave one out")
    if images.count("-") > 1:
        raise typer.BadParameter("standard input can be read only once: leave the other - out")
    from kmq_cli.compare.run import run

    run(
        images,
        sorted(set(map(int, ks.split(",")))),
        {"space": space, "effort": effort},
        html,
        time_limit=time_limit,
        max_pixels=max_pixels,
        force=force,
        report="json" if as_json else "csv" if as_csv else "table",
    )
