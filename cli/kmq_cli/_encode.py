"""`kmq encode`."""

from __future__ import annotations

import io
import sys
from typing import Any, Literal

from rich.console import Console

import kmq
from kmq_cli._failures import complain, failures
from kmq_cli._ledger_report import ledger_json, print_ledger
from kmq_cli._source import open_image
from kmq_cli._streams import STANDARD, check_output, check_suffix, output_for, read_bytes, write_bytes


def run(
    source: str,
    output: str | None,
    options: dict[str, Any],
    *,
    max_pixels: int | None,
    force: bool,
    report: Literal["none", "json", "table"],
) -> None:
    """Encode `source`, write the file, and report; with the file on standard output only JSON, beside it."""
    target = output_for(source, output, ".kmq")
    check_suffix(target)
    with failures(source):
        given = read_bytes(source)
        check_output(source, target, force=force)
        encoded = io.BytesIO()
        image, frames = open_image(given, max_pixels)
        with image:
            if frames > 1:
                complain(source, f"note: has {frames} frames; the first was encoded")
            with Console(stderr=True).status(f"encoding {image.width:,} x {image.height:,} pixels"):
                ledger = kmq.save(encoded, image, **options)
    write_bytes(target, encoded.getvalue(), force=force)
    if report == "json":
        print(ledger_json(ledger), file=sys.stderr if target == STANDARD else sys.stdout)
    elif report == "table" and target != STANDARD:
        share = ledger.total_bytes / len(given)
        compared = f"{100 * share:.1f} % of it" if share < 1 else f"{share:.2f} times as many"
        print(f"{source} has {len(given):,} bytes, {target} {ledger.total_bytes:,}: {compared}\n")
        print_ledger(ledger)
