"""Dithering: neighbouring pixels take different entries and, from afar, mix to the colours in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from kmq._colours.nearest import nearest
from kmq._colours.spaces import UNIT, points_of
from kmq._indexed.index_plane import index_dtype
from kmq._plane.dithering_loop import diffuse, mix_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._colours.spaces import ColourSpace
    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette
    from kmq._picture.histogram import Histogram

DITHERS = ("none", "floyd-steinberg", "ordered")
"""Names of the methods."""

STRENGTH = 0.8
"""Default share of an error that is passed on: the best of 0.7, 0.8 and 0.9 on Kodak's pictures."""

EDGE = UNIT // 2
"""A pixel lies on an edge if its neighbours on opposite sides differ by this, summed over coordinates."""


def dithered(
    counted: Histogram, palette: Palette, space: ColourSpace, method: str, strength: float
) -> Indices:
    """Return the indices (H, W) of a picture, dithered by `method` with `strength` from 0 to 1.

    With alpha, opaque pixels take only opaque entries, if the palette has any. Fully transparent
    pixels take the transparent entry, if it has one, and pass no error on.
    """
    assert counted.inverse is not None  # noqa: S101  the caller has checked it; this is for mypy
    colours, entries = counted.colours, palette.entries
    places = points_of(entries, space)
    # The search prunes along the first axis, so put the axis of the greatest variance first.
    gaps = places.astype(np.int64) - places.sum(axis=0, dtype=np.int64) // palette.k
    axes = np.argsort(-(gaps * gaps).sum(axis=0), kind="stable")
    order = np.argsort(places[:, axes[0]], kind="stable")
    rows = np.empty(palette.k, np.int32)
    rows[order] = np.arange(palette.k, dtype=np.int32)
    found = rows[nearest(colours, palette, space)]
    ranges = np.empty((len(colours), 2), np.int32)
    ranges[:] = (0, palette.k)
    if palette.channels == 4:
        opaque = order[entries[order, 3] == 255]
        if len(opaque):  # append a second list, of the opaque entries alone
            rows[opaque] = np.arange(palette.k, palette.k + len(opaque), dtype=np.int32)
            solid = colours[:, 3] == 255
            ranges[solid] = (palette.k, palette.k + len(opaque))
            found[solid] = rows[order[found[solid]]]
            order = np.concatenate([order, opaque])
        if (entries[:, 3] == 0).any():
            ranges[colours[:, 3] == 0] = (0, 0)
    table = np.ascontiguousarray(places[order][:, axes])
    points = np.ascontiguousarray(points_of(colours, space)[:, axes])
    share = round(256 * strength)
    if method == "ordered":
        partners, shares = np.empty(len(colours), np.int32), np.empty(len(colours), np.uint8)
        mix_entries(points.data, found.data, ranges.data, table.data, share, partners.data, shares.data)
        return _by_threshold(
            counted.inverse, _numbers(order, found, palette.k), _numbers(order, partners, palette.k), shares
        )
    height, width = counted.inverse.shape
    # Clip to the range of the pixels and the entries: no later pixel can make up for an error beyond it.
    low = np.minimum(points.min(axis=0), table.min(axis=0))
    limits = np.stack([low, np.maximum(points.max(axis=0), table.max(axis=0))])
    errors, chosen = np.empty((2, width + 2, 4), np.int32), np.empty((height, width), np.int32)
    diffuse(
        counted.inverse.data,
        points.data,
        found.data,
        ranges.data,
        table.data,
        limits.data,
        share,
        EDGE,
        errors.data,
        chosen.data,
    )
    return _numbers(order, chosen, palette.k)


def _numbers(order: NDArray[np.intp], rows: NDArray[np.int32], k: int) -> Indices:
    return cast("Indices", order.astype(index_dtype(k))[rows])


def _bayer(side: int) -> NDArray[np.uint8]:
    """Return the thresholds 0 to side² - 1 of ordered dithering (Bayer, 1973); `side` is a power of two."""
    matrix = np.zeros((1, 1), np.uint8)
    while len(matrix) < side:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]]).astype(np.uint8)
    return matrix


def _by_threshold(
    inverse: NDArray[np.uint32], first: Indices, second: Indices, shares: NDArray[np.uint8]
) -> Indices:
    """Return the indices: `second` where a colour's share is above the pixel's threshold, else `first`."""
    thresholds = _bayer(8)
    height, width = inverse.shape
    line = np.tile(thresholds, (1, width // 8 + 1))[:, :width]
    indices: Indices = np.empty((height, width), first.dtype)
    for y in range(height):
        colours = inverse[y]
        indices[y] = np.where(shares[colours] > line[y % 8], second[colours], first[colours])
    return indices
