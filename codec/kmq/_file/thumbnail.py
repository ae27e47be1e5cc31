"""Zooming out: the means of square cells of pixels, summed tile by tile.

Takes the indices of tiles, and the palette. Returns a picture with a pixel for each cell, which doesn't
depend on the tiles. In memory are the sums and one tile for each thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette
    from kmq._indexed.tiles import Box

AT_ONCE = 1 << 18
"""Pixels whose colours are in memory at a time."""


class CellSums:
    """Sums of the colours of a picture of `width` x `height` pixels, in square cells of `side` pixels.

    Cells at the right and bottom edges may be smaller. With alpha, colours are weighted by it: a pixel
    that doesn't show adds no colour.
    """

    def __init__(self, width: int, height: int, side: int, palette: Palette) -> None:
        self._side, self._palette = side, palette
        self._extent = width, height
        self._table = _premultiplied(palette.entries)
        self._sums = np.zeros((-(-height // side), -(-width // side), palette.channels), np.int64)

    def of(self, box: Box, bands: Iterable[Indices]) -> NDArray[np.int64]:
        """Return the sums of `box` in the cells that it touches. `bands` are its rows of indices."""
        side = self._side
        rows, columns = (
            (at + length - 1) // side - at // side + 1
            for at, length in ((box.y, box.height), (box.x, box.width))
        )
        sums = np.zeros((rows, columns, self._palette.channels), np.int64)
        starts = _starts(box.x, box.width, side)
        y = box.y
        for band in bands:
            step = max(1, AT_ONCE // box.width)
            for first in range(0, len(band), step):
                part = band[first : first + step]
                colours = np.take(self._table, part, axis=0, mode="clip")  # every index is below k
                within = np.add.reduceat(colours, _starts(y, len(part), side), axis=0, dtype=np.int64)
                row = y // side - box.y // side
                sums[row : row + len(within)] += np.add.reduceat(within, starts, axis=1)
                y += len(part)
        return sums

    def add(self, box: Box, sums: NDArray[np.int64]) -> None:
        """Add the sums that `of` returned for `box`."""
        row, column = box.y // self._side, box.x // self._side
        self._sums[row : row + sums.shape[0], column : column + sums.shape[1]] += sums

    def means(self) -> NDArray[np.uint8]:
        """Return the mean colours, rounded to the nearest: (H, W) for grey, else (H, W, c), uint8."""
        width, height = self._extent
        counts = np.multiply.outer(*(_lengths(length, self._side) for length in (height, width)))[..., None]
        sums = self._sums
        if sums.shape[2] < 4:
            means = _divided(sums, counts)
        else:
            alphas = sums[:, :, 3:]
            colours = _divided(sums[:, :, :3], np.maximum(alphas, 1))
            means = np.concatenate([colours, _divided(alphas, counts)], axis=2)
            means[means[:, :, 3] == 0] = 0
        picture = means.astype(np.uint8)
        return picture[:, :, 0] if picture.shape[2] == 1 else picture


def _premultiplied(entries: NDArray[np.uint8]) -> NDArray[np.int32]:
    table = entries.astype(np.int32)
    if table.shape[1] == 4:
        table[:, :3] *= table[:, 3:]
    return table


def _divided(sums: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    quotients: NDArray[np.int64] = (2 * sums + counts) // (2 * counts)
    return quotients


def _starts(at: int, length: int, side: int) -> NDArray[np.intp]:
    """Return where cells begin among `length` pixels, the first of which is the picture's pixel `at`."""
    starts: NDArray[np.intp] = np.arange(at // side, (at + length - 1) // side + 1, dtype=np.intp) * side - at
    return np.maximum(starts, 0)


def _lengths(length: int, side: int) -> NDArray[np.int64]:
    return np.minimum(side, length - np.arange(0, length, side, dtype=np.int64))
