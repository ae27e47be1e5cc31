"""`kmq info`."""

from __future__ import annotations

from kmq_cli.terminal.failures import failures
from kmq_cli.terminal.options import MAX_PIXELS
from kmq_cli.usage.declared import Argument, Command, Kind, Option

EXAMPLES = (
    "Examples:\n\n"
    "- where its bytes went: `kmq info photo.kmq`\n"
    "- and what was lost: `kmq info photo.kmq --original photo.png`\n"
    "- for programs: `kmq info photo.kmq --json | jq .ratio`\n"
)

SOURCE = Argument("source", "IN", "A .kmq file, or - for standard input.")
ORIGINAL = Option(
    "original", ("--original",), "The picture before encoding, to measure the loss.", Kind("IMAGE")
)
AS_JSON = Option("as_json", ("--json",), "Print the ledger as one line of JSON.", default=False)


def info(*, source: str, original: str | None, max_pixels: int | None, as_json: bool) -> None:
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


COMMAND = Command("info", info, SOURCE, (ORIGINAL, MAX_PIXELS, AS_JSON), EXAMPLES)
