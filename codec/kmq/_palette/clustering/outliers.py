"""Outliers: rare but distinct colours, as of a legend or a thin line, get an entry of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.nearest_loop import WEIGHT
from kmq._colours.spaces import UNIT
from kmq._palette.clustering.points import Points, assigned, is_opaque, sums_of
from kmq._palette.clustering.refining import distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR = UNIT / 12
"""Distance from which a colour counts as different and not as a shade: 21 of 255 in sRGB."""

TIMES_USUAL = 2.5
"""It must also be this many times the root mean squared error: with few entries, many colours are far."""

FEWEST_PIXELS = 16
"""A colour of fewer pixels counts as noise."""

ENTRIES_FOR_MANY = 16
"""Entries that outliers never take: the picture as a whole needs them too much."""

SHARE_OF_ENTRIES = 4
"""Of the other entries, outliers take at most one in this many."""

MOST_PAIRS = 1 << 25
"""Most pairs of centres to compare, a second's work: up to 32 outliers at k = 1,024, 2 at 4,096."""

PRICE = 0.1
"""Most that outliers may add to the squared error, as a share of it.

On photographs they add nothing at k = 16 and 256, and 0.3 % at 64; on an elevation map at k = 32, 2 %.
"""


def outliers_kept(
    points: Points, means: Points, centres: NDArray[np.int32], frequent: NDArray[np.bool]
) -> tuple[NDArray[np.int32], NDArray[np.bool]]:
    """Return centres (k, 4), and which of them (k,) are outliers and must not move.

    An outlier is a `frequent` (n,) point that is far from every centre. The farthest goes
    first. The two centres whose merging adds the least error become one, which makes room for it.
    That error is measured on `means`, which stand for all points.
    """
    centres, held = centres.copy(), np.zeros(len(centres), np.bool)
    k = len(centres)
    room = min((k - ENTRIES_FOR_MANY) // SHARE_OF_ENTRIES, MOST_PAIRS // k**2)
    if room < 1 or not frequent.any():
        return centres, held
    flat = Points(
        points.positions[frequent],
        points.weights[frequent],
        points.codes[frequent],
        points.channels,
        points.apart,
    )
    numbers = assigned(means, centres)
    total = float((means.weights * distances(means, centres, numbers)).sum())
    threshold = max(FAR**2, TIMES_USUAL**2 * total / float(means.weights.sum()))
    spent = 0.0
    for _ in range(room):
        losses = distances(flat, centres, assigned(flat, centres))
        farthest = int(losses.argmax())
        if losses[farthest] <= threshold:
            break
        masses = sums_of(means, assigned(means, centres), len(centres))[:, WEIGHT].astype(np.float64)
        first, second, cost = _cheapest_merge(centres, masses, held, apart=points.apart)
        spent += cost - float(flat.weights[farthest] * losses[farthest])
        if spent > PRICE * total:
            break
        pair = masses[[first, second]]
        if pair.sum() > 0:
            one, other = pair.tolist()
            centres[first] = np.rint((one * centres[first] + other * centres[second]) / (one + other))
        centres[second] = flat.positions[farthest]
        held[second] = True
    return centres, held


def _cheapest_merge(
    centres: NDArray[np.int32], masses: NDArray[np.float64], held: NDArray[np.bool], *, apart: bool
) -> tuple[int, int, float]:
    """Return the two centres whose merging costs least, and the cost (Ward, 1963).

    Neither is held. If opaque colours lie apart, both are opaque or both are not.
    """
    opaque = is_opaque(centres)
    free = np.flatnonzero(~held)
    best = (0, 0, np.inf)
    for place, centre in enumerate(free[:-1]):  # row by row: all pairs of 4,096 centres take 128 MB
        others = free[place + 1 :]
        gaps = (centres[others] - centres[centre]).astype(np.float64)
        weights = masses[others] * masses[centre] / np.maximum(masses[others] + masses[centre], 1)
        costs = np.einsum("ij,ij->i", gaps, gaps) * weights
        if apart:
            costs[opaque[others] != opaque[centre]] = np.inf
        cheapest = int(costs.argmin())
        if costs[cheapest] < best[2]:
            best = (int(centre), int(others[cheapest]), float(costs[cheapest]))
    return best
