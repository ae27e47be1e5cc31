"""What the speeds say, as tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from bench.report.means import geometric, table

ENCODE, DECODE = 3, 4
OURS = ("kmq adaptive", "kmq context", "kmq zstd", "kmq packed")


def paired(rows: Sequence[Sequence[Any]], ours: str, theirs: str, what: int) -> list[tuple[float, str]]:
    """Return, for each picture, the median over the rounds of their time / ours: above 1, kmq is quicker."""
    pictures: dict[str, dict[str, Any]] = {}
    for row in rows:
        pictures.setdefault(row[0], {})[row[2]] = row[what]
    found = []
    for name, each in pictures.items():
        one, other = each.get(ours), each.get(theirs)
        if isinstance(one, list) and isinstance(other, list):
            rounds = [b / a for a, b in zip(one, other, strict=False) if a and b]
            if rounds:
                found.append((statistics.median(rounds), name))
    return found


def cell(pairs: Sequence[tuple[float, str]]) -> str:
    """Return the geometric mean, least, most and count, for a table."""
    if not pairs:
        return "–"
    ratios = [ratio for ratio, _ in pairs]
    return f"{short(geometric(ratios))} ({short(min(ratios))} to {short(max(ratios))})"


def short(value: float) -> str:
    """Return a figure with as many digits as it is worth."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value >= 20 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def coders(found: dict[str, Any], what: int) -> str:
    """Return a row for each peer: its time as a ratio to that of kmq's codings."""
    names = list(dict.fromkeys(row[2] for row in found["rows"]))
    codings = [name for name in OURS if name in names]
    rows = [
        (name, *(cell(paired(found["rows"], ours, name, what)) for ours in codings))
        for name in names
        if name not in codings
    ]
    count = len({row[0] for row in found["rows"]})
    way = "coding" if what == ENCODE else "decoding"
    return table((f"{way}: time / that of kmq, {count} planes", *codings), rows)


def megapixels(found: dict[str, Any]) -> str:
    """Return a row for each coder: megapixels a second, all pixels by all medians."""
    rows = []
    for name in dict.fromkeys(row[2] for row in found["rows"]):
        cells = []
        for what in (ENCODE, DECODE):
            whole = [
                (row[1], statistics.median(row[what]))
                for row in found["rows"]
                if row[2] == name and isinstance(row[what], list) and row[what]
            ]
            total = sum(seconds for _, seconds in whole)
            cells.append(short(sum(size for size, _ in whole) / total) if total else "–")
        rows.append((name, *cells))
    return table(("megapixels a second", "coding", "decoding"), rows)


def palettes(found: dict[str, Any]) -> str:
    """Return a row for each tool and k: its time as a ratio to that of kmq's default."""
    names = list(dict.fromkeys(row[2] for row in found["palettes"]))
    rows = []
    for name in names:
        if name == "kmq srgb":
            continue
        cells = []
        for k in (16, 256):
            rows_of_k = [row for row in found["palettes"] if row[0].endswith(f"k = {k}")]
            cells.append(cell(paired(rows_of_k, "kmq srgb", name, 3)))
        rows.append((name, *cells))
    count = len({row[0].rsplit(",", 1)[0] for row in found["palettes"]})
    return table(
        (f"palette and mapping: time / that of kmq srgb, {count} pictures", "k = 16", "k = 256"), rows
    )


def growth(found: dict[str, Any], column: int, unit: str) -> str:
    """Return a row for each command, a column for each size."""
    sizes = sorted({row[1] for row in found["growth"]})
    rows = []
    for name in dict.fromkeys(row[0] for row in found["growth"]):
        by_size = {row[1]: row[column] for row in found["growth"] if row[0] == name}
        rows.append((name, *(_figure(by_size.get(size)) for size in sizes)))
    return table((unit, *(f"{size:g} MP" for size in sizes)), rows)


def colours(found: dict[str, Any]) -> str:
    """Return a row for each tool, a column for each k."""
    ks = sorted({row[1] for row in found["colours"]})
    rows = []
    for name in dict.fromkeys(row[0] for row in found["colours"]):
        by_k = {row[1]: row[2] for row in found["colours"] if row[0] == name}
        rows.append((name, *(_figure(by_k.get(k)) for k in ks)))
    return table(("processor's seconds", *map(str, ks)), rows)


def _figure(value: object) -> str:
    return "–" if value is None else value if isinstance(value, str) else short(float(value))  # type: ignore[arg-type]


def page(found: dict[str, Any]) -> str:
    """Return the page."""
    starts = table(("", "clock, ms", "processor, ms"), ([name, *each] for name, *each in found["start-up"]))
    return f"""
Times are the processor's, not the clock's, so that other work on the machine hardly changes them; but it does
by some tenths, for caches and memory are shared. So each round has every tool once, ratios are of the same
round, their median over {found["rounds"]} rounds counts for a picture, and tables have the geometric mean
over the pictures with the least and the most. Above 1, kmq is quicker.

Programs are timed with their start and with reading and writing PNG; libraries, kmq among them, without. djxl
says its own speed of decoding, on the clock.

## Coding and decoding

{coders(found, ENCODE)}
{coders(found, DECODE)}
{megapixels(found)}
## Palettes

{palettes(found)}
## Growth with the picture

A photograph, resized; 256 colours for those that have palettes. Commands, with their start.

![Seconds against megapixels](speed-growth.svg)

{growth(found, 2, "processor's seconds")}
{growth(found, 3, "peak memory, MB")}
## Growth with k

![Seconds against k](speed-colours.svg)

{colours(found)}
## Start-up

Median of several runs of the command.

{starts}"""
