"""Small but meaningful colours: those of a legend or a thin line get an entry of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colour_space import UNIT
from kmq._points import assigned, sums_of
from kmq._refining import distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._points import Points

FAR = UNIT / 8
"""Distance from which a colour is another colour and not a shade: 32 of 255 in sRGB."""

TIMES_USUAL = 4
"""How many times the root of the mean squared error it must be too: with few entries, much is far."""

FEWEST_PIXELS = 16
"""Fewer pixels of a colour are taken for noise."""

SHARE_OF_ENTRIES = 8
"""At most one entry in so many is given to an outlier."""

PRICE = 0.01
"""How much of the squared error outliers may cost in all."""


def outliers_kept(
    points: Points, centres: NDArray[np.int32], fewest: int
) -> tuple[NDArray[np.int32], NDArray[np.bool]]:
    """Return centres (k, 4), and which of them hold an outlier and shall not move.

    An outlier is a point of at least `fewest` weight that is far from every centre.
    The farthest goes first; it takes the place of one of the two centres whose merging
    costs least.
    """
    centres, held = centres.copy(), np.zeros(len(centres), np.bool)
    if len(centres) < 3:
        return centres, held
    numbers = assigned(points, centres, mixed=True)
    losses = distances(points, centres, numbers)
    total = float(points.weights @ losses)
    threshold = max(FAR**2, TIMES_USUAL**2 * total / float(points.weights.sum()))
    spent = 0.0
    for _ in range(len(centres) // SHARE_OF_ENTRIES):
        far = np.where((points.weights >= fewest) & (losses > threshold), losses, 0)
        farthest = int(far.argmax())
        if far[farthest] == 0:
            break
        first, second, cost = _cheapest_merge(points, centres, held, numbers)
        spent += cost - float(points.weights[farthest] * losses[farthest])
        if spent > PRICE * total:
            break
        masses = np.bincount(numbers, points.weights, len(centres))[[first, second]]
        if masses.sum() > 0:
            centres[first] = np.rint(masses @ centres[[first, second]] / masses.sum())
        centres[second] = points.positions[farthest]
        held[second] = True
        numbers = assigned(points, centres, mixed=True)
        losses = distances(points, centres, numbers)
    return centres, held


def _cheapest_merge(
    points: Points, centres: NDArray[np.int32], held: NDArray[np.bool], numbers: NDArray[np.int32]
) -> tuple[int, int, float]:
    """Return the two centres, neither held, whose merging costs least, and the cost (Ward, 1963)."""
    free = np.flatnonzero(~held)
    masses = sums_of(points, numbers, len(centres))[free, 4].astype(np.float64)
    best = (0, 0, np.inf)
    for place, centre in enumerate(free[:-1]):  # row by row: all pairs of 4,096 would be 128 MB
        gaps = (centres[free[place + 1 :]] - centres[centre]).astype(np.float64)
        others = masses[place + 1 :]
        costs = np.einsum("ij,ij->i", gaps, gaps) * others * masses[place]
        costs /= np.maximum(others + masses[place], 1)
        cheapest = int(costs.argmin())
        if costs[cheapest] < best[2]:
            best = (int(centre), int(free[place + 1 + cheapest]), float(costs[cheapest]))
    return best
