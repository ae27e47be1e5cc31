"""The coefficients by which the adaptive coding guesses a pixel from its neighbours (spec D.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.adaptive.order import Order
    from kmq._indexed.index_plane import Indices

TAPS = ((-1, 0), (0, -1), (1, -1), (2, -1), (-1, -1), (-2, 0), (0, -2))
"""The neighbours, as (x, y) from the pixel: W, N, NE, NEE, NW, WW, NN."""

UNIT = 16
"""A coefficient of 1."""

MOST = 64
"""The largest sum of the coefficients' absolute values (spec M34)."""

DEFAULT = np.array([10, 8, 4, 2, -4, -2, -2], np.int32)
"""The coefficients of a tile whose payload has none."""

SAMPLES = 1 << 14
"""About how many values, of all channels together, the coefficients are fitted to."""


def fitted_coefficients(places: Indices, busy: NDArray[np.bool_], order: Order) -> NDArray[np.int32]:
    """Return the coefficients (7,) that guess a tile's pixels best, by least squares, or the default ones.

    `places` (H, W) are the places of its entries in `order`. `busy` (H - 2, W - 4) says which pixels count;
    it leaves out the first two rows, the first two columns and the last two. All sums are of integers below
    2^53, so that the order of additions doesn't matter.
    """
    values = np.arange(len(order.points))[:, None] if order.is_ramp else order.points
    inner = np.flatnonzero(busy)
    inner = inner[:: max(1, len(inner) * values.shape[1] // SAMPLES)]
    y, x = np.divmod(inner, busy.shape[1])
    y, x = y + 2, x + 2
    own = places[y, x]
    near = [places[y + dy, x + dx] for dx, dy in TAPS]
    squares, products = np.zeros((len(TAPS), len(TAPS))), np.zeros(len(TAPS))
    for channel in values.T.astype(np.float64):
        base = channel[near[0]]
        parts = np.stack([channel[n] - base for n in near[1:]])
        target = channel[own] - base
        # einsum, because the threads of a matrix product would wait for each other
        squares[1:, 1:] += np.einsum("ip,jp->ij", parts, parts)
        products[1:] += np.einsum("ip,p->i", parts, target)
    squares += np.eye(len(TAPS)) * (len(inner) + 1)
    products += DEFAULT / UNIT * (len(inner) + 1)
    found = np.rint(UNIT * np.linalg.solve(squares, products)).astype(np.int32)
    found[0] = UNIT - found[1:].sum()
    return found if np.abs(found).sum() <= MOST else DEFAULT
