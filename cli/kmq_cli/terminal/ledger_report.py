"""The ledger for people, as a table, and for programs, as JSON."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from kmq_cli.terminal.failures import named, printable
from kmq_cli.terminal.styles import paint_for

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
    paint = paint_for(sys.stdout)
    rows = [("", "bits", "bytes", "of file", "title"), *_rows(ledger, source_bytes)]
    name_width, *widths = (max(len(row[column]) for row in rows) for column in range(4))
    for name, *cells, style in rows:
        line = "  ".join([name.ljust(name_width), *(c.rjust(w) for c, w in zip(cells, widths, strict=True))])
        print(paint(line, style))
    print()
    for name, value in [*_lines(ledger), *notes]:
        print(f"{paint(f'{name:15}', 'dim')}{value}")


Row = tuple[str, str, str, str, str]
"""Name, bits, bytes, share of the file, style."""


def _rows(ledger: Ledger, source_bytes: int | None) -> list[Row]:
    """Return the rows of the ledger: each part, their sum, and other sizes."""
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
    total = ledger.total_bytes
    packed_bytes = None if ledger.coding == "packed" else ledger.packed_bytes
    sizes = [
        (f"raw pixels, {ledger.raw_bits_per_pixel} bits each", ledger.raw_bytes, "dim"),
        *((name, size, "plain") for name, size in parts),
        ("total", total, "title"),
        ("if it were packed", packed_bytes, "dim"),
        ("source file", source_bytes, "dim"),
    ]
    return [
        (name, f"{8 * size:,}", f"{size:,}", f"{100 * size / total:.1f} %", style)
        for name, size, style in sizes
        if size is not None
    ]


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
    source, output = printable(named(source)), printable(output)
    if not source_bytes:
        return f"{output} has {output_bytes:,} bytes"
    share = output_bytes / source_bytes
    relation = f"{100 * share:.1f} % of it" if share < 1 else f"{share:.2f} times as many"
    return f"{source} has {source_bytes:,} bytes, {output} {output_bytes:,}: {relation}"


def ledger_json(ledger: Ledger) -> str:
    """Return the ledger as one line of JSON; infinite and unknown numbers are null."""
    import json
    from dataclasses import asdict

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
