"""K-means on all colours: centres that move to the means of what is nearest to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._palette.points import assigned, sums_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._palette.points import Points

OVERRELAXATION = 1.9
"""How many times the way to the mean a centre goes.

Measured on 14 photographs at k = 256: ten steps of 1.9 end 0.7 % above the converged error, of
1.0 1.5 %.
"""


def refined(
    points: Points, centres: NDArray[np.int32], iterations: int, held: NDArray[np.bool] | None = None
) -> NDArray[np.int32]:
    """Return centres (k, 4) int32 after at most so many steps of Lloyd's algorithm, over-relaxed.

    The last step goes to the means themselves. `held` (k,) says which centres stay where
    they are. A centre that nothing is nearest to is put on the point that is served worst,
    by weight and squared distance. Everything that decides is an integer, or a float
    computed from few of them in a fixed order: the same on any number of cores.
    """
    centres = centres.copy()
    fixed = np.zeros(len(centres), np.bool) if held is None else held
    low, high = points.positions.min(axis=0), points.positions.max(axis=0)
    last = np.empty(0, np.int64)
    for left in range(iterations - 1, -1, -1):
        numbers = assigned(points, centres)
        sums = sums_of(points, numbers, len(centres))
        if np.array_equal(sums, last):
            left = 0  # noqa: PLW2901  nothing changes any more: to the means, and done
        last = sums
        empty = (sums[:, 4] == 0) & ~fixed
        moving = (sums[:, 4] > 0) & ~fixed
        means = sums[moving, :4] / sums[moving, 4:]
        pace = OVERRELAXATION if left else 1.0
        moved = centres[moving] + pace * (means - centres[moving])
        centres[moving] = np.clip(np.rint(moved), low, high).astype(np.int32)
        if empty.any():
            worst = worst_served(points, centres, numbers, int(empty.sum()))
            centres[np.flatnonzero(empty)[: len(worst)]] = points.positions[worst]
        if not left:
            break
    return centres


def worst_served(
    points: Points, centres: NDArray[np.int32], numbers: NDArray[np.int32], count: int
) -> NDArray[np.intp]:
    """Return up to `count` points whose weighted squared distance to their centre is largest."""
    losses = points.weights * distances(points, centres, numbers)
    worst = np.argsort(-losses, kind="stable")[:count]
    return worst[losses[worst] > 0]


def distances(points: Points, centres: NDArray[np.int32], numbers: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the squared distance of every point to the centre with its number, shape (n,)."""
    gaps = (points.positions - centres[numbers]).astype(np.float64)
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", gaps, gaps)
    return squares
