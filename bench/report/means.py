"""Means of ratios, and the tables that they stand in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios of two tools, one for each picture that both have, with the pictures' names."""

    pairs: tuple[tuple[float, str], ...]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def mean(self) -> float:
        """The geometric mean; NaN of none."""
        return geometric([ratio for ratio, _ in self.pairs])

    @property
    def worst(self) -> tuple[float, str]:
        """The largest, and whose it is."""
        return max(self.pairs, default=(math.nan, ""))

    def cell(self) -> str:
        """Return mean and count for a table; a dash for none."""
        return f"{self.mean:.3f} ({len(self)})" if self.pairs else "–"


def geometric(ratios: Sequence[float]) -> float:
    """Return the geometric mean; NaN of none."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean; NaN of none."""
    return math.fsum(values) / len(values) if values else math.nan


def number(value: object) -> float | None:
    """Return what is a number and more than nothing, and None for words and what is missing."""
    return float(value) if isinstance(value, int | float) and value > 0 else None


def ratios(cells: Iterable[tuple[str, object, object]]) -> Ratios:
    """Return the ratios of name, ours and theirs, where both are numbers."""
    numbers = ((name, number(ours), number(theirs)) for name, ours, theirs in cells)
    return Ratios(tuple((ours / theirs, name) for name, ours, theirs in numbers if ours and theirs))


def table(heading: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """Return a table in Markdown: the first `left` columns are words, the others numbers."""
    marks = ["---"] * left + ["---:"] * (len(heading) - left)
    lines = [heading, marks, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
