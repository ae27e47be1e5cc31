"""The order in which the adaptive coding numbers a palette's entries (spec D.3).

It follows from the colours alone: the decoder finds it too, and the palette keeps its own order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.palette import Palette

SYMBOL = 16
"""Values of a symbol, and so entries in a group."""

RAMP_ENTRIES = 256
"""The largest k of a ramp."""

CHANNEL_SHIFTS = np.array([0, 16, 32, 48], np.uint64)
"""Where red, green, blue and alpha are in a number of 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A palette's entries in the order of the adaptive coding.

    - `order` (k,): the entry at each place.
    - `places` (k,): the place of each entry.
    - `points` (k, 4): the colours in this order: red, green and blue, each multiplied by alpha, then alpha.
    - `colours` (k,): the same points, 16 bits a channel, red in the lowest.
    - `is_ramp`: no channel falls from one entry to the next.
    - `has_alpha`: some entry's alpha is below 255.

    All arrays are read-only.
    """

    order: NDArray[np.intp]
    places: NDArray[np.uint16]
    points: NDArray[np.int32]
    colours: NDArray[np.uint64]
    is_ramp: bool
    has_alpha: bool


@lru_cache(maxsize=2)
def entry_order(palette: Palette) -> Order:
    """Return the order of a palette's entries.

    It is kept for the next tile: for 65,536 entries it takes 150 ms, which is long for a tile of 16 x 16.
    """
    points = _points(palette)
    k = len(points)
    order = np.arange(k)
    is_ramp = False
    if k > SYMBOL:
        by_sum = np.argsort(points.sum(axis=1), kind="stable")
        is_ramp = k <= RAMP_ENTRIES and bool((np.diff(points[by_sum], axis=0) >= 0).all())
        order = by_sum if is_ramp else _by_splits(points)
    places = np.empty(k, np.uint16)
    places[order] = np.arange(k)
    ordered = np.ascontiguousarray(points[order])
    colours = (ordered.astype(np.uint64) << CHANNEL_SHIFTS).sum(axis=1, dtype=np.uint64)
    for array in (order, places, ordered, colours):
        array.flags.writeable = False
    return Order(order, places, ordered, colours, is_ramp, has_alpha=bool((points[:, 3] < 255).any()))


def _points(palette: Palette) -> NDArray[np.int32]:
    entries = palette.entries.astype(np.int32)
    points = np.full((palette.k, 4), 255, np.int32)
    points[:, : palette.channels] = entries
    if palette.channels == 1:
        points[:, :3] = entries
    points[:, :3] = (points[:, :3] * points[:, 3:] + 127) // 255
    return points


def _by_splits(points: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return an order in which entries beside each other are alike, also within each group of 16.

    A list of entries is sorted along its widest axis and halved, again and again. All lists of a depth are
    halved at once.
    """
    r, g, b, a = (points[:, i].astype(np.int64) for i in range(4))
    axes = np.stack([3 * r + 4 * g + 3 * b, 4 * r - 4 * b, 5 * g - 2 * r - 2 * b, 6 * a])
    k = len(points)
    order = np.arange(k)
    starts = np.zeros(1, np.intp)
    while len(starts) < k:
        sizes = np.diff(starts, append=k)
        of_list = np.repeat(np.arange(len(starts)), sizes)
        values = axes[:, order]
        means = np.add.reduceat(values, starts, axis=1) // sizes
        deviations = np.add.reduceat(np.abs(values - means[:, of_list]), starts, axis=1)
        widest = values[deviations.argmax(axis=0)[of_list], np.arange(k)]
        order = order[np.lexsort((widest, of_list))]
        groups = -(-sizes // SYMBOL)
        halves = np.where(groups > 1, groups // 2 * SYMBOL, sizes // 2)
        starts = np.sort(np.concatenate([starts, (starts + halves)[halves > 0]]))  # union1d loads numpy.ma
    return order
