"""Whether kmq got worse than in stored results: bytes and squared errors, that no machine's noise touches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEAN, ONE = 0.002, 0.03
"""By how much the geometric mean may rise, and any single figure.

On another kind of processor clustering may round differently and end in another palette, so that single
figures move by a percent or two, up as well as down.
"""


@dataclass(frozen=True, slots=True)
class Regression:
    """What got worse: which figure of which pictures, and the ratio of the new to the stored."""

    what: str
    ratio: float

    def __str__(self) -> str:
        return f"{self.what}: {100 * (self.ratio - 1):+.2f} %"


def regressions(
    stored: Mapping[tuple[str, str], float],
    new: Mapping[tuple[str, str], float],
    most_mean: float = MEAN,
    most_one: float = ONE,
) -> list[Regression]:
    """Return what is worse in `new` than in `stored`: first by means, then one by one, the worst first.

    Both map a tool and a case to a figure, of which less is better and 0 is exact. What only one of them has
    doesn't count, but a tool of `stored` that `new` has nothing of is a regression without end: then nothing
    was compared.
    """
    found, singles = [], []
    for tool in dict.fromkeys(tool for tool, _ in stored):
        shared = [case for name, case in stored if name == tool and (tool, case) in new]
        if not shared:
            found.append(Regression(f"{tool}: not measured", math.inf))
            continue
        ratios = {case: _ratio(stored[tool, case], new[tool, case]) for case in shared}
        mean = _geometric(list(ratios.values()))
        if mean > 1 + most_mean:
            found.append(Regression(f"{tool}, mean of {len(ratios)}", mean))
        singles += [
            Regression(f"{tool}, {case}", ratio) for case, ratio in ratios.items() if ratio > 1 + most_one
        ]
    singles.sort(key=lambda one: -one.ratio)
    return found + singles


def _ratio(stored: float, new: float) -> float:
    if stored == new:
        return 1.0
    return new / stored if stored else math.inf


def _geometric(ratios: list[float]) -> float:
    if math.inf in ratios:
        return math.inf
    return math.exp(math.fsum(math.log(ratio) for ratio in ratios if ratio > 0) / len(ratios))


def sizes_of(found: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Return kmq's bytes of results of sizes, by coder and plane."""
    return {
        (coder, f"{name}, {label}"): float(cell)
        for name, label, _, _, _, cells in found["rows"]
        for coder, cell in zip(found["coders"], cells, strict=True)
        if coder.startswith("kmq") and not isinstance(cell, str)
    }


def errors_of(found: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Return kmq's squared errors of results of palettes, by tool and case."""
    return {
        (tool, f"{name}, k = {k}"): float(cell[0])
        for name, k, cells in found["rows"]
        for tool, cell in zip(found["tools"], cells, strict=True)
        if tool.startswith("kmq") and not isinstance(cell, str)
    }
