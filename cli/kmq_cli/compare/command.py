"""`kmq compare`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from kmq_cli.encode.options import EffortName, SpaceName
from kmq_cli.terminal.options import MaxPixels

EXAMPLES = (
    "Examples:\n\n"
    "- a table: `kmq compare photo.png`\n"
    "- and a page to look at: `kmq compare photo.png icon.png --html report.html`\n"
    "- these numbers of colours: `kmq compare photo.png -k 3,16,200`\n"
    "- for a spreadsheet: `kmq compare *.png --csv > sizes.csv`\n"
)

MOST_ROWS = 64
"""Most numbers of colours that can be asked for."""


def _numbers(text: str) -> str:
    words = text.split(",")
    for word in words:
        if not (word.isascii() and word.isdecimal() and len(word) <= 5 and 1 <= int(word) <= 65_536):
            raise typer.BadParameter(f"{word!r} is no number from 1 to 65,536")
    if len(words) > MOST_ROWS:
        raise typer.BadParameter(f"{len(words)} numbers; at most {MOST_ROWS} are compared")
    return text


def compare(
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Pictures, or - for standard input.", show_default=False),
    ],
    ks: Annotated[
        str,
        typer.Option(
            "-k",
            "--k",
            callback=_numbers,
            metavar="N,N,...",
            help="Numbers of colours, each 1 to 65,536; a row for each.",
        ),
    ] = "2,4,8,16,32,64,128,256",
    html: Annotated[
        str | None,
        typer.Option(
            "--html", metavar="OUT", help="Also write a page of it, with the pictures.", show_default=False
        ),
    ] = None,
    space: Annotated[
        SpaceName, typer.Option(help="Where colours are clustered and compared, as in encode.")
    ] = "oklab",
    effort: Annotated[
        EffortName, typer.Option(help="How long kmq looks for better palettes and smaller files.")
    ] = "default",
    time_limit: Annotated[
        float,
        typer.Option(
            min=0.1, max=86_400, metavar="S", help="Most seconds that a run of another program may take."
        ),
    ] = 60,
    max_pixels: MaxPixels = None,
    force: Annotated[
        bool, typer.Option("-f", "--force", metavar="", help="Overwrite the page if it exists.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", metavar="", help="Print one line of JSON.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", metavar="", help="Print a line for each codec and number of colours.")
    ] = False,
) -> None:
    """Compare sizes, quality and time for several numbers of colours, beside other formats.

    Bytes are those of whole files, packed and context-coded; seconds are for encoding, choosing the palette
    and context coding, and for decoding that file. Beside it stand PNG and WebP without loss, PNG of the same
    indices, the JPEG whose size is nearest, and what is installed of oxipng, cwebp, cjxl and pngquant. Every
    output is decoded before it counts.
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv both print: leave one out")
    if images.count("-") > 1:
        raise typer.BadParameter("standard input can be read once: leave the other - out")
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
