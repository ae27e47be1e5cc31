"""Cuts of points across principal axes: the first centres for k-means, and where to split a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kmq._palette.clustering.cutting_loop import BINS, COLUMNS, LOWER, MASS
from kmq._palette.clustering.points import is_opaque
from kmq._palette.clustering.splitting_loop import measure_groups, split_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._palette.clustering.points import Points


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """The best cut of each cluster: the squared error saved (k,), and the means (k, 4) of both parts."""

    saved: NDArray[np.int64]
    below: NDArray[np.int32]
    above: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Points in groups, as the compiled loops take them: the arrays of `measure_groups`."""

    positions: NDArray[np.int32]
    masses: NDArray[np.int64]
    order: NDArray[np.int32]
    bounds: NDArray[np.int32]
    sums: NDArray[np.int64]
    gains: NDArray[np.int64]
    room: NDArray[np.int64]

    @classmethod
    def of(cls, points: Points, numbers: NDArray[np.uint16], k: int) -> _Groups:
        """Return a group of the points of each number below k. Empty groups are left out."""
        order = np.argsort(numbers, kind="stable").astype(np.int32)
        sizes = np.bincount(numbers)
        ends = np.cumsum(sizes[sizes > 0])
        bounds = np.zeros((k, 3), np.int32)
        bounds[: len(ends), 1] = ends
        bounds[1 : len(ends), 0] = ends[:-1]
        return cls(
            points.positions,
            points.weights,
            order,
            bounds,
            np.zeros((k, COLUMNS), np.int64),
            np.zeros(k, np.int64),
            np.empty(len(points) + k + 2 * BINS, np.int64),
        )

    def buffers(self, groups: int) -> tuple[Any, ...]:
        """Return the arguments of the loops. The first `groups` groups are filled."""
        arrays = (self.positions, self.masses, self.order, self.bounds, self.sums, self.gains)
        return *(array.data for array in arrays), groups, self.room.data

    @staticmethod
    def means(sums: NDArray[np.int64], masses: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the means (k, 4), rounded. The mean of no mass is 0."""
        masses = np.maximum(masses, 1)[:, np.newaxis]
        return ((2 * sums + masses) // (2 * masses)).astype(np.int32)


def split_centres(points: Points, k: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return at most `k` centres, (k, 4) int32, and the number (n,) of each point's centre.

    Each step cuts the group whose best cut saves the most squared error. A cut is across the axis of
    the group's largest variance, at the place that saves the most (Wu, "Color quantization by dynamic
    programming and principal analysis", 1992, with greedy cuts). So the cuts for a smaller k are the
    first cuts for a larger one.

    Opaque points that lie apart are never in one group with others; `k` is at least the number of
    these kinds. There are fewer than `k` centres if there are fewer distinct points.
    """
    kinds = is_opaque(points.positions)
    groups = _Groups.of(points, kinds.astype(np.uint16), k)
    some = int(kinds.any()) + int(not kinds.all())
    count = split_groups(*groups.buffers(some))
    numbers = np.empty(len(points), np.int32)
    by_place = np.argsort(groups.bounds[:count, 0]).astype(np.int32)
    sizes = groups.bounds[by_place, 1] - groups.bounds[by_place, 0]
    numbers[groups.order] = np.repeat(by_place, sizes)
    return groups.means(groups.sums[:count, :MASS], groups.sums[:count, MASS]), numbers


def best_cuts(points: Points, numbers: NDArray[np.int32], k: int) -> Cuts:
    """Return the best cut of each of `k` clusters of the points with its number (n,).

    A cluster that can't be cut saves 0.
    """
    groups = _Groups.of(points, numbers.astype(np.uint16), k)  # a sort of 16 bits is quickest
    filled = np.flatnonzero(np.bincount(numbers, minlength=k))
    measure_groups(*groups.buffers(len(filled)))
    lower = groups.sums[:, LOWER:]
    cuts = Cuts(np.zeros(k, np.int64), np.zeros((k, 4), np.int32), np.zeros((k, 4), np.int32))
    cuts.saved[filled] = groups.gains[: len(filled)]
    below = groups.means(lower[:, :MASS], lower[:, MASS])
    above = groups.means(groups.sums[:, :MASS] - lower[:, :MASS], groups.sums[:, MASS] - lower[:, MASS])
    cuts.below[filled], cuts.above[filled] = below[: len(filled)], above[: len(filled)]
    return cuts
