"""The small table that the README has of the results, between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import _palette_tables as palette
from bench import _rd_tables as rd
from bench import _size_tables as size
from bench import _speed_tables as speed
from bench._means import mean, table

START, END = "<!-- bench: this table is written by python -m bench -->\n", "<!-- bench: end -->\n"


def table_of(found: Mapping[str, dict[str, Any] | None]) -> str:
    """Return the table, of the parts that were measured."""
    rows: list[tuple[str, str, str]] = []
    if sizes := found.get("size"):
        rows += _sizes(sizes)
    if palettes := found.get("palette"):
        rows += _palettes(palettes)
    if curves := found.get("rd"):
        rows += _curves(curves)
    if speeds := found.get("speed"):
        rows += speed.headline(speeds)
    return table(("kmq against", "ratio", "of pictures"), rows)


def _sizes(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for what, peer in (
        (f"bytes, the same indices, context: {size.SMALLEST}", size.SMALLEST),
        ("JPEG XL", "JPEG XL"),
        ("WebP lossless", "WebP lossless"),
        ("PNG, oxipng", "PNG-8, oxipng"),
    ):
        one = size.against(found, "kmq context", peer)
        if one.pairs:
            rows.append((what, f"{one.mean:.3f}", f"{len(one)}; worst {one.worst[0]:.3f}"))
    zstd = size.against(found, "kmq zstd", size.SMALLEST)
    if zstd.pairs:
        rows.append(
            ("bytes, the same indices, zstd: the smallest of the four", f"{zstd.mean:.3f}", str(len(zstd)))
        )
    return rows


def _palettes(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for peer in ("pngquant", "libimagequant", "KMeans, every pixel"):
        ks = [palette.against(found, palette.OURS, peer, k=k) for k in (16, 64, 256)]
        if all(one.pairs for one in ks):
            means = ", ".join(f"{one.mean:.3f}" for one in ks)
            rows.append(
                (f"squared error, k = 16, 64, 256: {peer}", means, ", ".join(str(len(one)) for one in ks))
            )
    points = [palette.above(found, "kmq oklab, dithered", "pngquant, dithered", k) for k in (16, 64, 256)]
    if all(points):
        means = ", ".join(f"{mean([value for value, _ in one]):+.1f}" for one in points)
        counts = ", ".join(str(len(one)) for one in points)
        rows.append(("SSIMULACRA2, points above pngquant, both dithered, k = 16, 64, 256", means, counts))
    return rows


def _curves(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for way in ("pngquant + oxipng", "WebP", "AVIF"):
        one = rd.ratios_at(found, rd.SCORE, "kmq, dithered", way, 70)
        if one.pairs:
            rows.append((f"bytes at SSIMULACRA2 70, dithered: {way}", f"{one.mean:.3f}", str(len(one))))
    return rows


def filled(text: str, written: str) -> str:
    """Return the README with the table between its marks. Raises ValueError if they aren't there, once."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"the README should have one line {START.strip()} and after it one {END.strip()}")
    before, rest = text.split(START)
    return f"{before}{START}\n{written}\n{END}{rest.split(END)[1]}"


def fill(path: Path, results: Path) -> None:
    """Put the table of `results` into the README."""
    shown = (results / "README.md").read_text("utf-8").split("The figures that the README shows:\n\n")[1]
    path.write_text(filled(path.read_text("utf-8"), shown), "utf-8")
