"""Where colours lie, how far apart they are, and which palette entry is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._nearest_loop import nearest_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._palette import Palette


def coordinates(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the points, shape (n, c), between which the distance of colours is measured.

    Grey and RGB colours, (n, 1) or (n, 3), are their own coordinates. RGBA colours (n, 4)
    are premultiplied, times 255 to stay integers: (R·A, G·A, B·A, 255·A), 0 to 65,025. So
    the less a colour shows the less its hue counts (Porter and Duff, "Compositing digital
    images", 1984).
    """
    points = colours.astype(np.int32)
    if colours.shape[1] == 4:
        alpha = points[:, 3:].copy()
        points[:, 3] = 255
        points *= alpha
    return points


def distance_scale(channels: int) -> int:
    """Return what a squared distance between coordinates is to be divided by: 1, with alpha 255²."""
    return 255 * 255 if channels == 4 else 1


def nearest(colours: NDArray[np.uint8], palette: Palette) -> NDArray[np.int32]:
    """Return, for each of `colours` (n, c), the index of the nearest entry, shape (n,), int32.

    Squared Euclidean distance between `coordinates`, in integers; ties go to the lowest
    index. Raises ValueError if colours and palette differ in their number of channels.
    """
    if colours.shape[1] != palette.channels:
        raise ValueError(f"the picture has {colours.shape[1]} channels, the palette {palette.channels}")
    points, entries = coordinates(colours), coordinates(palette.entries)
    # The loop prunes along the first axis: let it be the one that parts the entries best.
    axes = np.argsort(-entries.astype(np.float64).var(axis=0), kind="stable")
    order = np.argsort(entries[:, axes[0]], kind="stable").astype(np.int32)
    found = np.empty(len(points), np.int32)
    nearest_entries(
        _four_columns(points[:, axes]).data,
        _four_columns(entries[order][:, axes]).data,
        order.data,
        found.data,
    )
    return found


def _four_columns(points: NDArray[np.int32]) -> NDArray[np.int32]:
    table = np.zeros((len(points), 4), np.int32)
    table[:, : points.shape[1]] = points
    return table


def squared_error(pixels: NDArray[np.uint8], shown: NDArray[np.uint8]) -> int:
    """Return the sum of squared distances between two lists of colours, (n, c) each.

    In units of `distance_scale`, exactly.
    """
    error = 0
    # The sum of 2^16 distances stays below 2^53, where doubles are exact: 2^16 · 4 · 65,025².
    for start in range(0, len(pixels), 1 << 16):
        part = slice(start, start + (1 << 16))
        gaps = (coordinates(pixels[part]) - coordinates(shown[part])).astype(np.float64)
        error += int(np.vdot(gaps, gaps))
    return error
