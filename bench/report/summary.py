"""The small table of the results, which a page has between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.report import palette_tables as palette
from bench.report import rd_tables as rd
from bench.report import size_tables as size
from bench.report import speed_tables as speed
from bench.report.means import geometric, mean, table

START, END = "<!-- bench: this table is written by python -m bench -->\n", "<!-- bench: end -->\n"


SMALL = ("JPEG XL", "WebP lossless", "PNG-8, oxipng")

KS, KS_SAID = (16, 64, 256), "16, 64, 256"

Row = tuple[str, str, str, str, str]
"""What is measured, how kmq is asked, what stands beside it, our figures / its, and of how many pictures."""


def table_of(found: Mapping[str, dict[str, Any] | None]) -> str:
    """Return the table, of the parts that were measured."""
    rows: list[Row] = []
    for part, rows_of in (("size", _sizes), ("palette", _palettes), ("rd", _curves), ("speed", _speeds)):
        one = found.get(part)
        if one is not None:
            rows += rows_of(one)
    return table(("", "kmq", "beside", "kmq / it", "pictures"), rows, left=3)


def _sizes(found: dict[str, Any]) -> list[Row]:
    rows = []
    for coding, peer in (
        *((coding, peer) for coding in ("adaptive", "context") for peer in (size.SMALLEST, *SMALL)),
        ("zstd", "PNG-8, oxipng"),
        ("packed", "PNG-8, oxipng"),
    ):
        one = size.against(found, f"kmq {coding}", peer)
        if one.pairs:
            count = f"{len(one)}; worst {one.worst[0]:.3f}"
            rows.append(("bytes, the same indices", coding, peer, f"{one.mean:.3f}", count))
    return rows


def _palettes(found: dict[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for peer in ("pngquant", "libimagequant", "KMeans, every pixel"):
        ks = [palette.against(found, palette.OURS, peer, k=k) for k in KS]
        if all(one.pairs for one in ks):
            means = _listed(f"{one.mean:.3f}" for one in ks)
            rows.append(
                (f"squared error, k = {KS_SAID}", "`srgb`", peer, means, _listed(len(one) for one in ks))
            )
    for dither in ("none", "Floyd-Steinberg"):
        dithered = "" if dither == "none" else ", dithered"
        points = [palette.above(found, f"kmq oklab{dithered}", f"pngquant{dithered}", k) for k in KS]
        if all(points):
            means = _listed(f"{mean([value for value, _ in one]):+.1f} points" for one in points)
            asked = f"`oklab`{dithered}"
            what = f"SSIMULACRA2, k = {KS_SAID}"
            rows.append((what, asked, f"pngquant{dithered}", means, _listed(len(one) for one in points)))
    return rows


def _curves(found: dict[str, Any]) -> list[Row]:
    rows = []
    for way in ("pngquant + oxipng", "JPEG", "WebP", "AVIF"):
        one = rd.ratios_at(found, rd.SCORE, "kmq, dithered", way, 70)
        if one.pairs:
            rows.append(("bytes at SSIMULACRA2 70", "dithered", way, f"{one.mean:.2f}", str(len(one))))
    return rows


def _speeds(found: dict[str, Any]) -> list[Row]:
    rows = []
    for what, way in ((speed.ENCODE, "coding"), (speed.DECODE, "decoding")):
        for coding in ("adaptive", "context", "zstd"):
            for peer in ("WebP lossless", "JPEG XL"):
                pairs = speed.paired(found["rows"], f"kmq {coding}", peer, what)
                if pairs:
                    ratio = speed.short(1 / geometric([value for value, _ in pairs]))
                    rows.append((f"time of {way}", coding, peer, ratio, str(len(pairs))))
    pairs = [
        speed.paired(
            [row for row in found["palettes"] if row[0].endswith(f"k = {k}")], "kmq srgb", "libimagequant", 3
        )
        for k in (16, 256)
    ]
    if all(pairs):
        ratios = _listed(speed.short(1 / geometric([value for value, _ in one])) for one in pairs)
        what = "time of palette and mapping, k = 16, 256"
        rows.append((what, "`srgb`", "libimagequant", ratios, _listed(len(one) for one in pairs)))
    return rows


def _listed(cells: Iterable[object]) -> str:
    return ", ".join(map(str, cells))


def filled(text: str, written: str) -> str:
    """Return the page with the table between its marks. Raises ValueError if they aren't there, once."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"the page should have one line {START.strip()} and after it one {END.strip()}")
    before, rest = text.split(START)
    return f"{before}{START}\n{written}\n{END}{rest.split(END)[1]}"


def fill(path: Path, results: Path) -> None:
    """Put the table of `results` into a page."""
    shown = (results / "README.md").read_text("utf-8").split("The figures in short:\n\n")[1]
    path.write_text(filled(path.read_text("utf-8"), shown), "utf-8")
