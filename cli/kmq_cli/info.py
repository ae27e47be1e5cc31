"""`kmq info`."""

from __future__ import annotations

from typing import Annotated

import typer

from kmq_cli.terminal.failures import failures
from kmq_cli.terminal.options import MaxPixels

EXAMPLES = (
    "Examples:\n\n"
    "- where its bytes went: `kmq info photo.kmq`\n"
    "- and what was lost: `kmq info photo.kmq --original photo.png`\n"
    "- for programs: `kmq info photo.kmq --json | jq .ratio`\n"
)

Source = Annotated[
    str, typer.Argument(metavar="IN", help="A .kmq file, or - for standard input.", show_default=False)
]
Original = Annotated[
    str | None,
    typer.Option(
        metavar="IMAGE", help="The picture before encoding, to measure the loss.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print the ledger as one line of JSON.")]


def info(
    source: Source, original: Original = None, max_pixels: MaxPixels = None, as_json: AsJson = False
) -> None:
    """Print a file's ledger: where every byte went, and what that saved."""
    from kmq_cli.pictures.source import open_image
    from kmq_cli.terminal.ledger_report import ledger_json, print_ledger
    from kmq_cli.terminal.streams import check_standard_output, open_kmq, read_bytes

    check_standard_output()
    before, source_bytes = None, None
    if original is not None:
        with failures(original):
            given = read_bytes(original, max_pixels)
            before, _ = open_image(given, max_pixels)
            source_bytes = len(given)
    with failures(source), open_kmq(source, max_pixels) as file:
        ledger = file.ledger(before)
    if as_json:
        print(ledger_json(ledger))
    else:
        print_ledger(ledger, source_bytes)
