"""The nearest palette entry of each colour, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import has_idle_alpha
from kmq._colours.nearest_loop import NUMBER, nearest_entries
from kmq._colours.spaces import points_of
from kmq._colours.z_order import codes_of
from kmq._indexed.palette import Palette

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._colours.spaces import ColourSpace

CELL_BITS = (3, 4, 5, 6)
"""High bits of each channel that the colours of a cell share, from the largest cells to the smallest.

The best of ten choices, or nearly so, at k = 16, 256 and 4,096 on photographs: 15, 40 and 150 ns
a colour, three times as fast as pruning along one sorted axis.
"""

AT_ONCE = 1 << 16
"""Colours whose points are in memory at a time."""


def nearest(colours: NDArray[np.uint8], palette: Palette, space: ColourSpace) -> NDArray[np.int32]:
    """Return the index of the entry nearest to each of `colours` (n, c): (n,), int32.

    Distance is squared Euclidean between points of `space`, in integers. An entry of exactly
    the colour wins; other ties go to the lowest index. With alpha, opaque colours take opaque
    entries and fully transparent colours take fully transparent entries, if the palette has
    any. If all entries are opaque, opaque colours are compared without alpha, so that a picture
    gets the same entries in RGB and in RGBA. Colours in Z-order are the quickest.

    Raises ValueError if colours and palette differ in their number of channels.
    """
    if colours.shape[1] != palette.channels:
        raise ValueError(f"the picture has {colours.shape[1]} channels, the palette {palette.channels}")
    if has_idle_alpha(palette.entries):
        solid = colours[:, 3] == 255
        without = Palette(palette.entries[:, :3])
        if solid.all():
            return _nearest(colours[:, :3], without, space)
        found = _nearest(colours, palette, space)
        if solid.any():
            found[solid] = _nearest(colours[solid, :3], without, space)
        return found
    return _nearest(colours, palette, space)


def _nearest(colours: NDArray[np.uint8], palette: Palette, space: ColourSpace) -> NDArray[np.int32]:
    found = np.empty(len(colours), np.int32)
    for start in range(0, len(colours), AT_ONCE):
        part = colours[start : start + AT_ONCE]
        places = points_of(part, space), codes_of(part)
        found[start : start + AT_ONCE] = nearest_located(part, *places, palette, space)
    return found


def nearest_located(
    colours: NDArray[np.uint8],
    points: NDArray[np.int32],
    codes: NDArray[np.uint32],
    palette: Palette,
    space: ColourSpace,
) -> NDArray[np.int32]:
    """Return what `nearest` does, from known points (n, 4) in the space and known codes (n,) in Z-order."""
    entries, channels = palette.entries, colours.shape[1]
    centres = points_of(entries, space)
    numbers = np.arange(len(entries), dtype=np.int32)
    found = nearest_of(points, codes, channels, centres, numbers)
    if channels == 4:
        for alpha in (0, 255):
            alike = entries[:, 3] == alpha
            some = colours[:, 3] == alpha
            if alike.any() and some.any() and not alike.all():
                found[some] = nearest_of(points[some], codes[some], channels, centres[alike], numbers[alike])
        # Nearly transparent colours can share a point, so an entry of exactly the colour is looked up.
        entry_codes = codes_of(entries)
        order = np.argsort(entry_codes, kind="stable").astype(np.int32)
        places = np.searchsorted(entry_codes, codes, sorter=order)
        places[places == len(order)] = 0
        same = entry_codes[order[places]] == codes
        found[same] = order[places[same]]
    return found


def nearest_of(
    points: NDArray[np.int32],
    codes: NDArray[np.uint32],
    channels: int,
    entries: NDArray[np.int32],
    numbers: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Return the number of the entry nearest to each point: (n,), int32.

    `points` (n, 4) have colours of `channels` channels, whose Z-order codes are `codes` (n,).
    `entries` (k, 4) are points too, and `numbers` (k,) are the numbers to return for them. A tie
    goes to the first entry.
    """
    shifts = np.array([(8 - bits) * channels for bits in CELL_BITS], np.int32)
    levels, k = len(shifts) + 1, len(entries)
    candidates = np.empty((levels, k, NUMBER + 1), np.int32)
    candidates[0, :, :NUMBER], candidates[0, :, NUMBER] = entries, numbers
    sizes, sources = np.empty(levels, np.int64), np.empty(levels, np.int64)
    squares, found = np.empty(k, np.int64), np.empty(len(points), np.int32)
    nearest_entries(
        np.ascontiguousarray(points).data,
        np.ascontiguousarray(codes).data,
        shifts.data,
        candidates.data,
        sizes.data,
        sources.data,
        squares.data,
        found.data,
    )
    return found
