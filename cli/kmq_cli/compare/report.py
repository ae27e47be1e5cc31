"""Comparisons for people, as tables, and for programs, as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import PIL
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kmq import __version__
from kmq_cli.compare.peers import COMMANDS, LOSSY, PILLOWS, how_asked
from kmq_cli.terminal.failures import printable
from kmq_cli.terminal.ledger_report import KINDS

if TYPE_CHECKING:
    from kmq_cli.compare.peers import Measured, Peers
    from kmq_cli.compare.quality import Quality
    from kmq_cli.compare.rows import Comparison, Row

SAME = ("PNG-8", *(name for name in COMMANDS if name != LOSSY))
"""Codecs that store the pixels of a .kmq file without further loss."""

LOSSY_PEERS = ("JPEG", LOSSY)

WIDTH = 120
"""Columns that the widest table takes."""

COLUMNS = (
    "picture", "width", "height", "channels", "k", "entries", "codec", "settings", "bytes", "bits_per_pixel",
    "mse", "psnr", "ssim", "encode_seconds", "decode_seconds", "problem",
)  # fmt: skip


# For people


def print_comparison(comparison: Comparison) -> None:
    """Print tables: kmq's files, the same pixels in other formats, lossy formats; and the lossless sizes."""
    console = _console()
    what = (
        f"  {comparison.width:,} x {comparison.height:,} pixels, {KINDS[comparison.channels]}, "
        f"{comparison.source_bytes:,} bytes"
    )
    console.print(Text.assemble((printable(comparison.source), "bold"), what))
    for table in (_own_table(comparison), _same_table(comparison), _lossy_table(comparison)):
        if table is not None:
            console.print()
            console.print(table)
    sizes = [
        f"{one.codec} {one.bytes:,} ({comparison.bits_per_pixel(one.bytes):.2f})"
        for one in comparison.lossless
        if one.bytes is not None
    ]
    console.print()
    console.print(Text.assemble(("without loss   ", "dim"), ", ".join(sizes), " bytes (bits a pixel)"))
    for problem in problems(comparison):
        console.print(Text.assemble(("not measured   ", "dim"), printable(problem)))
    console.print()


def print_peers(peers: Peers) -> None:
    """Print the versions of the codecs, and which programs were not found."""
    console = _console()
    versions = peers.versions()
    libraries = ", ".join(dict.fromkeys(versions[codec] for codec in PILLOWS))
    found = [f"kmq {__version__}", f"Pillow {PIL.__version__} ({libraries})"]
    found += [f"{name} {versions[name]}".strip() for name in versions if name in COMMANDS]
    console.print(Text.assemble(("versions       ", "dim"), ", ".join(found)))
    if peers.missing:
        console.print(Text.assemble(("not found      ", "dim"), ", ".join(peers.missing)))


def _console() -> Console:
    """Return standard output, wide enough for the tables; a narrower terminal wraps their lines."""
    console = Console(highlight=False, soft_wrap=True)
    return Console(highlight=False, soft_wrap=True, width=max(console.width, WIDTH))


def problems(comparison: Comparison) -> list[str]:
    """Say which outputs don't count and why."""
    failed = [(one, "") for one in comparison.lossless]
    failed += [(one, f" at k = {row.asked}") for row in comparison.rows for one in row.peers]
    return [f"{one.codec}{where}: {one.problem}" for one, where in failed if one.problem]


def _own_table(comparison: Comparison) -> Table:
    table = _table(
        "k", "packed", "context", "kmq", "coding", "bits/px", "MSE", "PSNR", "SSIM", "encode", "decode"
    )
    for row in comparison.rows:
        error, psnr, ssim = quality_texts(row.quality)
        size = row.ledger.total_bytes
        table.add_row(
            str(row.asked), f"{row.ledger.packed_bytes:,}", f"{row.context_bytes:,}", f"{size:,}",
            row.ledger.coding, f"{comparison.bits_per_pixel(size):.3f}", error, psnr, ssim,
            *(f"{seconds:.3f} s" for seconds in row.seconds),
        )  # fmt: skip
    return table


def _same_table(comparison: Comparison) -> Table | None:
    """Return the sizes of the same pixels in other formats; the smallest of a row is bold."""
    codecs = present(comparison, SAME)
    if not codecs:
        return None
    table = _table("k", "kmq", *codecs, title="The same pixels, bytes")
    for row in comparison.rows:
        found = {one.codec: one.bytes for one in row.peers}
        sizes = [row.ledger.total_bytes, *(found.get(codec) for codec in codecs)]
        least = min(size for size in sizes if size is not None)
        cells = (Text(number(size), "bold" if size == least else "") for size in sizes)
        table.add_row(str(row.asked), *cells)
    return table


def _lossy_table(comparison: Comparison) -> Table | None:
    codecs = present(comparison, LOSSY_PEERS)
    if not codecs:
        return None
    heads = [name for codec in codecs for name in (codec, "PSNR", "SSIM")]
    jpeg = "JPEG" in codecs
    table = _table(
        "k",
        "kmq",
        "PSNR",
        "SSIM",
        *(["quality"] if jpeg else []),
        *heads,
        title="Lossy formats, bytes and dB",
    )
    for row in comparison.rows:
        found = {one.codec: one for one in row.peers}
        cells = [number(row.ledger.total_bytes), *quality_texts(row.quality)[1:]]
        if jpeg:
            cells.append(found["JPEG"].settings.removeprefix("quality ") if "JPEG" in found else "-")
        for codec in codecs:
            one = found.get(codec)
            cells.append(number(None if one is None else one.bytes))
            cells += quality_texts(one.quality)[1:] if one is not None and one.quality else ["-", "-"]
        table.add_row(str(row.asked), *cells)
    return table


def _table(*heads: str, title: str | None = None) -> Table:
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=title, title_style="dim", title_justify="left"
    )
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def present(comparison: Comparison, codecs: Iterable[str]) -> list[str]:
    """Return which of the codecs have an output in some row."""
    found = {one.codec for row in comparison.rows for one in row.peers if one.bytes is not None}
    return [codec for codec in codecs if codec in found]


def number(size: int | None) -> str:
    """Return a size for a column; a dash for none."""
    return "-" if size is None else f"{size:,}"


def quality_texts(quality: Quality) -> tuple[str, str, str]:
    """Return the squared error, PSNR and SSIM for columns."""
    psnr = "exact" if math.isinf(quality.psnr) else f"{quality.psnr:.2f}"
    return f"{quality.squared_error:,.2f}", psnr, "-" if quality.ssim is None else f"{quality.ssim:.4f}"


# For programs


def comparison_json(comparisons: Sequence[Comparison], peers: Peers) -> str:
    """Return the comparisons as one line of JSON; infinite and unknown numbers are null."""
    versions = peers.versions()
    codecs = [
        {"codec": name, "version": versions[name] or None, "settings": how_asked(name)} for name in versions
    ]
    return json.dumps(
        {
            "kmq": __version__,
            "codecs": codecs,
            "not_found": list(peers.missing),
            "pictures": [_picture(comparison) for comparison in comparisons],
        }
    )


def _picture(comparison: Comparison) -> dict[str, Any]:
    return {
        "source": comparison.source,
        "source_bytes": comparison.source_bytes,
        "width": comparison.width,
        "height": comparison.height,
        "channels": comparison.channels,
        "lossless": [_peer(comparison, one, None) for one in comparison.lossless],
        "rows": [_row(comparison, row) for row in comparison.rows],
    }


def _row(comparison: Comparison, row: Row) -> dict[str, Any]:
    ledger = row.ledger
    parts = ("header_bytes", "palette_bytes", "index_bytes", "checksum_bytes", "metadata_bytes")
    return {
        "k": row.asked,
        "entries": ledger.k,
        "packed_bytes": ledger.packed_bytes,
        "context_bytes": row.context_bytes,
        "bytes": ledger.total_bytes,
        "coding": ledger.coding,
        "bits_per_pixel": ledger.bits_per_pixel,
        **_quality(row.quality),
        "encode_seconds": row.seconds[0],
        "decode_seconds": row.seconds[1],
        **{part: getattr(ledger, part) for part in parts},
        "peers": [_peer(comparison, one, row) for one in row.peers],
    }


def _peer(comparison: Comparison, one: Measured, row: Row | None) -> dict[str, Any]:
    """Return what a peer made. If it lost nothing itself, its quality is that of its row, or exact."""
    found = one.quality or (row.quality if row is not None else None)
    measured = one.bytes is not None
    exact = {"mse": 0.0, "psnr": None, "ssim": 1.0}
    unknown = {"mse": None, "psnr": None, "ssim": None}
    return {
        "codec": one.codec,
        "settings": one.settings or None,
        "bytes": one.bytes,
        "bits_per_pixel": None if one.bytes is None else comparison.bits_per_pixel(one.bytes),
        **((_quality(found) if found else exact) if measured else unknown),
        "encode_seconds": one.seconds,
        "problem": one.problem or None,
    }


def _quality(quality: Quality) -> dict[str, float | None]:
    psnr = quality.psnr if math.isfinite(quality.psnr) else None
    return {"mse": quality.squared_error, "psnr": psnr, "ssim": quality.ssim}


def comparison_csv(comparisons: Sequence[Comparison]) -> str:
    """Return a line for every codec and number of colours, as in RFC 4180, with a heading.

    Lossless files of the whole picture have no k. Infinite and unknown numbers are empty.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for comparison in comparisons:
        told = _picture(comparison)
        head = {"picture": comparison.source} | {name: told[name] for name in ("width", "height", "channels")}
        for one in told["lossless"]:
            writer.writerow(head | one)
        for row, ledger in zip(told["rows"], (row.ledger for row in comparison.rows), strict=True):
            here = head | {"k": row["k"], "entries": row["entries"]}
            own = {name: row[name] for name in ("mse", "psnr", "ssim", "encode_seconds", "decode_seconds")}
            size = {"bytes": ledger.total_bytes, "bits_per_pixel": ledger.bits_per_pixel}
            writer.writerow(here | {"codec": "kmq", "settings": ledger.coding} | size | own)
            loss = {name: row[name] for name in ("mse", "psnr", "ssim")}
            for coding in ("packed", "context"):
                whole = row[f"{coding}_bytes"]
                size = {"bytes": whole, "bits_per_pixel": comparison.bits_per_pixel(whole)}
                writer.writerow(here | {"codec": f"kmq {coding}"} | size | loss)
            for one in row["peers"]:
                writer.writerow(here | one)
    return out.getvalue()
