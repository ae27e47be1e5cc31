"""`kmq info`."""

from __future__ import annotations

import kmq
from kmq._reading import read_kmq
from kmq_cli._failures import failures
from kmq_cli._ledger_report import ledger_json, print_ledger
from kmq_cli._source import open_image
from kmq_cli._streams import check_standard_output, read_bytes


def run(source: str, original: str | None, *, max_pixels: int | None, as_json: bool) -> None:
    """Print the ledger of `source`, with the loss if there is an original."""
    check_standard_output()
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    before, source_bytes = None, None
    if original is not None:
        with failures(original):
            given = read_bytes(original, max_pixels)
            before, _ = open_image(given, max_pixels)
            source_bytes = len(given)
    with failures(source):
        ledger = kmq.inspect(read_bytes(source, max_pixels, read_kmq), before, **limit)
    if as_json:
        print(ledger_json(ledger))
    else:
        print_ledger(ledger, source_bytes)
