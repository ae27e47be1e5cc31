"""The ledger for people, as a table, and for programs, as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kmq import Ledger

KINDS = {1: "grey", 3: "RGB", 4: "RGBA"}


def print_ledger(
    ledger: Ledger, source_bytes: int | None = None, notes: Iterable[tuple[str, str]] = ()
) -> None:
    """Print to standard output where the bytes went and what that saved.

    `source_bytes` is the size of the picture's file, if it came from one. `notes` are more lines, each with
    its name.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(ledger, source_bytes))
    console.print()
    for name, value in [*_lines(ledger), *notes]:
        console.print(Text.assemble((f"{name:15}", "dim"), value))


def _table(ledger: Ledger, source_bytes: int | None) -> Table:
    """Return the ledger as a table: a row for each part in bits and bytes, their sum, and other sizes."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    table.add_column("")
    table.add_column("bits", justify="right")
    table.add_column("bytes", justify="right")
    table.add_column("of file", justify="right")
    raw = f"raw pixels, {ledger.raw_bits_per_pixel} bits each"
    share = f"{100 * ledger.raw_bytes / ledger.total_bytes:.1f} %"
    table.add_row(raw, f"{8 * ledger.raw_bytes:,}", f"{ledger.raw_bytes:,}", share, style="dim")
    parts = [
        (f"index payload, {_payload_bits(ledger)} bits a pixel", ledger.index_bytes),
        (
            f"palette, {ledger.k:,} {KINDS[ledger.channels]} {'entry' if ledger.k == 1 else 'entries'}",
            ledger.palette_bytes,
        ),
        ("header", ledger.header_bytes),
        ("checksums", ledger.checksum_bytes),
        ("metadata", ledger.metadata_bytes),
    ]
    for name, size in parts:
        share = f"{100 * size / ledger.total_bytes:.1f} %"
        table.add_row(name, f"{8 * size:,}", f"{size:,}", share)
    total = ledger.total_bytes
    table.add_row("total", f"{8 * total:,}", f"{total:,}", "100.0 %", style="bold")
    packed_bytes = None if ledger.coding == "packed" else ledger.packed_bytes
    for name, other in [("if it were packed", packed_bytes), ("source file", source_bytes)]:
        if other is not None:
            table.add_row(name, f"{8 * other:,}", f"{other:,}", f"{100 * other / total:.1f} %", style="dim")
    return table


def _payload_bits(ledger: Ledger) -> str:
    """Return the bits that a pixel takes in the payload."""
    if ledger.coding == "packed":
        return str(ledger.bit_depth)
    return f"{8 * ledger.index_bytes / ledger.pixels:.3f}"


def _lines(ledger: Ledger) -> list[tuple[str, str]]:
    """Return what follows from the sizes: lines, each with its name."""
    depth, entropy = ledger.bit_depth, ledger.index_entropy
    tile = "one tile" if ledger.tile is None else f"tiles of {ledger.tile} pixels"
    promised = f"{ledger.promised_ratio:.3f}" if depth else "any ratio"
    promise = f"{promised} promised by {ledger.raw_bits_per_pixel} / {depth} bits"
    left = f"{depth - entropy:.3f} left on the table"
    if ledger.coding != "packed":
        left = f"{ledger.coding} takes {_payload_bits(ledger)}"
    lines = [
        ("picture", f"{ledger.width:,} x {ledger.height:,} pixels, {ledger.coding}, {tile}"),
        ("bits per pixel", f"{ledger.bits_per_pixel:,.3f}"),
        ("ratio to raw", f"{ledger.ratio:.3f} obtained; {promise}"),
        ("index entropy", f"{entropy:.3f} of {depth} bits a pixel (order 0); {left}"),
    ]
    if ledger.k_used < ledger.k:
        lines.append(("entries used", f"{ledger.k_used:,} of {ledger.k:,}"))
    if ledger.squared_error == 0:
        lines.append(("loss", "none: every pixel is exact"))
    elif ledger.squared_error is not None:
        lines.append(("loss", f"MSE {ledger.squared_error:,.2f}, PSNR {ledger.psnr:.2f} dB"))
    return lines


def compared(source: str, source_bytes: int | None, output: str, output_bytes: int) -> str:
    """Return a line that compares the sizes of a file and the one made of it.

    `source_bytes` is None if the size of the source isn't known, as of a pipe.
    """
    source, output = printable(source), printable(output)
    if not source_bytes:
        return f"{output} has {output_bytes:,} bytes"
    share = output_bytes / source_bytes
    relation = f"{100 * share:.1f} % of it" if share < 1 else f"{share:.2f} times as many"
    return f"{source} has {source_bytes:,} bytes, {output} {output_bytes:,}: {relation}"


def ledger_json(ledger: Ledger) -> str:
    """Return the ledger as one line of JSON; infinite and unknown numbers are null."""
    numbers = asdict(ledger) | {
        "total_bytes": ledger.total_bytes,
        "raw_bytes": ledger.raw_bytes,
        "raw_bits_per_pixel": ledger.raw_bits_per_pixel,
        "bits_per_pixel": ledger.bits_per_pixel,
        "ratio": ledger.ratio,
        "promised_ratio": ledger.promised_ratio,
        "psnr": ledger.psnr,
    }
    bits = {name.replace("_bytes", "_bits"): 8 * size for name, size in numbers.items() if "_bytes" in name}
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in (numbers | bits).items()
    }
    return json.dumps(finite)
