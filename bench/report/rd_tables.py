"""What bytes against quality say: as tables, and as the curves of a plot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from bench.report.means import Ratios, geometric, mean, ratios, table

PSNR, SCORE = 1, 2
SCORES = (30, 50, 70, 80, 90)
PSNRS = (28, 32, 36, 40)
LONG = {PSNR: "PSNR, dB", SCORE: "SSIMULACRA2"}


def bytes_at(points: Sequence[Any], what: int, target: float) -> float | None:
    """Return the bytes at which a curve reaches a quality, None if it doesn't.

    Between two points the logarithm of the bytes is taken as linear in the quality. Of two points the smaller
    file counts where it isn't worse.
    """
    whole = sorted(point for point in points if not isinstance(point, str) and point[what] is not None)
    curve: list[tuple[float, float]] = []
    for point in whole:
        if not curve or point[what] > curve[-1][0]:
            curve.append((point[what], math.log(point[0])))
    for (low, start), (high, end) in itertools.pairwise(curve):
        if low <= target <= high:
            return math.exp(start + (end - start) * (target - low) / (high - low))
    return None


def by_picture(found: dict[str, Any]) -> dict[str, dict[str, Sequence[Any]]]:
    """Return the points of each picture and way."""
    pictures: dict[str, dict[str, Sequence[Any]]] = {}
    for name, way, _, points in found["rows"]:
        pictures.setdefault(name, {})[way] = points
    return pictures


def ratios_at(found: dict[str, Any], what: int, ours: str, theirs: str, target: float) -> Ratios:
    """Return the ratios of our bytes to theirs at equal quality."""
    each = by_picture(found).items()
    return ratios((n, bytes_at(w[ours], what, target), bytes_at(w[theirs], what, target)) for n, w in each)


def at_equal(found: dict[str, Any], what: int, ours: str, targets: Sequence[float]) -> str:
    """Return a row for each other way: our bytes as a ratio to its, at equal quality."""
    rows = []
    for way in found["ways"]:
        if way == ours:
            continue
        rows.append((way, *(ratios_at(found, what, ours, way, target).cell() for target in targets)))
    return table((f"{ours}'s bytes / those of, at {LONG[what]}", *map(str, targets)), rows)


def curve(found: dict[str, Any], way: str, what: int) -> list[tuple[float, float]]:
    """Return bits a pixel and quality, a point for each setting; means over complete pictures."""
    return sorted((rate, each[what]) for rate, each in points(found, way).values() if what in each)


def points(found: dict[str, Any], way: str) -> dict[float, tuple[float, dict[int, float]]]:
    """Return, by setting, bits a pixel (geometric mean over complete pictures), and each quality (mean)."""
    whole = complete(found)
    rows = [row for row in found["rows"] if row[1] == way and row[0] in whole]
    each = {}
    cells = zip(*(row[3] for row in rows), strict=True)
    for setting, made in zip(found["ways"][way][1:], cells, strict=True) if rows else ():
        rate = geometric([8 * cell[0] / row[2] for cell, row in zip(made, rows, strict=True)])
        known = [what for what in (PSNR, SCORE) if all(cell[what] is not None for cell in made)]
        each[setting] = rate, {what: mean([cell[what] for cell in made]) for what in known}
    return each


def complete(found: dict[str, Any]) -> set[str]:
    """Return the pictures that have all points of all ways."""
    lacking = {
        name for name, _, _, points in found["rows"] if any(isinstance(point, str) for point in points)
    }
    return {name for name, *_ in found["rows"]} - lacking


def settings(found: dict[str, Any]) -> str:
    """Return a row for each way, with how it is run and with which settings."""
    rows = [
        (way, f"`{said[0]}`", ", ".join(f"{s:g}" for s in said[1:])) for way, said in found["ways"].items()
    ]
    return table(("", "how", "settings"), rows, left=3)


def means(found: dict[str, Any]) -> str:
    """Return a row for each way and setting: mean bits a pixel, PSNR and score over the pictures."""
    rows = []
    for way in found["ways"]:
        for setting, (rate, each) in points(found, way).items():
            shown = (
                f"{each[what]:.{digits}f}" if what in each else "–"
                for what, digits in ((PSNR, 2), (SCORE, 1))
            )
            rows.append((way, f"{setting:g}", f"{rate:.3f}", *shown))
    return table(("", "setting", "bits a pixel", "PSNR", "SSIMULACRA2"), rows)
