"""Colours as weighted points in the space that clusters them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.nearest import nearest_of
from kmq._colours.nearest_loop import WEIGHT, sum_by_entry
from kmq._colours.spaces import OPAQUE, UNIT, points_of
from kmq._colours.z_order import codes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._colours.spaces import ColourSpace

WEIGHT_BITS = 27
"""Bits of the sum of weights. Rounding weights up to 1 adds less than that again: points are fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Weighted points, in the Z-order of their colours.

    - `positions` (n, 4) int32, in units of 1 / UNIT.
    - `weights` (n,) int64, at least 1 each, and less than 2^28 in all. Products with squared distances
      then have 64 bits.
    - `codes` (n,) uint32, the Z-order codes of the colours.
    - `channels` of the colours, which is also the number of coordinates in use.
    - `apart`: there are opaque and translucent colours, so opaque ones lie `OPAQUE` farther out in the
      fourth coordinate. No centre is then the mean of both kinds.
    """

    positions: NDArray[np.int32]
    weights: NDArray[np.int64]
    codes: NDArray[np.uint32]
    channels: int
    apart: bool

    def __len__(self) -> int:
        return len(self.weights)


def weighted_points(colours: NDArray[np.uint8], weights: NDArray[np.int64], space: ColourSpace) -> Points:
    """Return the points of colours (n, c), in Z-order. Their weights are in proportion to `weights` (n,)."""
    return located_points(colours, weights, points_of(colours, space), codes_of(colours))


def located_points(
    colours: NDArray[np.uint8],
    weights: NDArray[np.int64],
    positions: NDArray[np.int32],
    codes: NDArray[np.uint32],
) -> Points:
    """Return what `weighted_points` does, from known positions and codes."""
    channels = colours.shape[1]
    shift = WEIGHT_BITS - int(weights.sum()).bit_length()
    scaled: NDArray[np.int64] = weights << shift if shift >= 0 else np.maximum(weights >> -shift, 1)
    opaque = colours[:, 3] == 255 if channels == 4 else np.zeros(0, np.bool)
    apart = bool(opaque.any() and not opaque.all())
    if apart:
        positions = positions.copy()
        positions[opaque, 3] += OPAQUE
    return Points(positions, scaled, codes, channels, apart)


def binned(points: Points, bits: int) -> Points:
    """Return one point, the mean, for all colours that share the `bits` high bits of every channel."""
    cells = points.codes >> np.uint32((8 - bits) * points.channels)
    positions, weights, codes = points.positions, points.weights, points.codes
    if points.apart:  # opaque and translucent colours get cells of their own
        cells = 2 * cells + is_opaque(positions)  # fits: cells have at most 28 bits
        order = np.argsort(cells, kind="stable")
        if (order[1:] < order[:-1]).any():
            cells, positions, weights, codes = cells[order], positions[order], weights[order], codes[order]
    starts = np.flatnonzero(np.diff(cells, prepend=~cells[:1]))
    if len(starts) == len(points):  # each point is a cell of its own
        return (
            points
            if codes is points.codes
            else replace(points, positions=positions, weights=weights, codes=codes)
        )
    sums = np.add.reduceat(weights, starts)
    means = np.zeros((len(starts), 4), np.int32)
    for axis in range(points.channels):
        means[:, axis] = np.rint(np.add.reduceat(positions[:, axis] * weights, starts) / sums)
    return Points(means, sums, codes[starts], points.channels, points.apart)


def is_opaque(positions: NDArray[np.int32]) -> NDArray[np.bool]:
    """Return which positions (n, 4) of points that lie apart are opaque: (n,), bool."""
    opaque: NDArray[np.bool] = positions[:, 3] > OPAQUE // 2 + UNIT // 2
    return opaque


def compact(points: Points, least: int) -> Points:
    """Return the means of cells, as large as still give `least` points; few points are returned as they are.

    The largest cells are those of 32 levels a channel.
    """
    for bits in range(5, 8):
        if len(points) <= least:
            break
        means = binned(points, bits)
        if len(means) >= least:
            return means
    return points


def assigned(points: Points, centres: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the number of the nearest of `centres` (k, 4) for each point: (n,), int32."""
    numbers = np.arange(len(centres), dtype=np.int32)
    return nearest_of(points.positions, points.codes, points.channels, centres, numbers)


def sums_of(points: Points, numbers: NDArray[np.int32], k: int) -> NDArray[np.int64]:
    """Return, for each of k numbers, the weighted sum of its positions, and its weight: (k, 5), int64."""
    sums = np.zeros((k, WEIGHT + 1), np.int64)
    sum_by_entry(points.positions.data, points.weights.data, numbers.data, sums.data)
    return sums
