"""A picture read part by part, from any object with a shape and slices.

Takes a NumPy array or memory map, a Zarr array, an HDF5 dataset, or the like. Returns the canonical pixels
of the boxes asked for. It reads no more than these boxes, and checks whatever the source returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kmq._colours.channels import check_unmasked, without_hidden_colours
from kmq._indexed.tiles import MAX_SIDE, Box, TileGrid

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

ACCEPTED = (
    "an object of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), dtype uint8, with slices that are arrays, "
    "such as a NumPy memory map or a Zarr array"
)

BLOCK_BYTES = 1 << 22
"""Most bytes of neighbouring tiles that are read together. One tile may have more."""


@dataclass(frozen=True, slots=True, eq=False)
class LargePicture:
    """A picture of `width` x `height` pixels, of which the first `channels` channels are read."""

    source: Any
    width: int
    height: int
    channels: int

    @classmethod
    def of(cls, source: object) -> Self:
        """Return the picture of a source. Raises ValueError unless it has the shape and dtype of one."""
        shape = getattr(source, "shape", None)
        if not isinstance(shape, tuple) or not hasattr(source, "__getitem__"):
            raise ValueError(f"source is {type(source).__name__}; it must be {ACCEPTED}")
        kind = getattr(source, "dtype", None)
        if kind != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
            raise ValueError(f"source is an array of {kind}, shape {shape}; it must be {ACCEPTED}")
        height, width = (int(length) for length in shape[:2])
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"source has shape {shape}; its sides must be 1 to {MAX_SIDE:,} pixels")
        return cls(source, width, height, 1 if len(shape) == 2 else int(shape[2]))

    def in_channels(self, channels: int) -> LargePicture:
        """Return the picture with only its first `channels` channels."""
        return replace(self, channels=channels)

    def read(self, box: Box) -> NDArray[np.uint8]:
        """Return the canonical pixels of a box, (height, width, c) uint8, in an array of their own.

        Raises whatever the source raises, and ValueError if the source returns another shape or dtype.
        """
        rows, columns = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
        part = self.source[rows, columns]
        check_unmasked("source", part)
        given = np.asarray(part)
        if given.dtype != np.uint8 or given.shape != (box.height, box.width, *self.source.shape[2:]):
            raise ValueError(
                f"source[{box.y}:{rows.stop}, {box.x}:{columns.stop}] is an array of {given.dtype}, shape "
                f"{given.shape}; its shape is {self.source.shape}"
            )
        pixels = np.array(np.atleast_3d(given)[:, :, : self.channels], np.uint8, order="C")
        return without_hidden_colours(pixels)

    def blocks(self, grid: TileGrid) -> Iterator[list[Box]]:
        """Yield the tiles of `grid` in raster order, as lists of neighbours to read together."""
        side = grid.side or max(grid.width, grid.height)
        most = max(1, BLOCK_BYTES // (side * side * self.channels))
        for row in range(grid.rows):
            for column in range(0, grid.columns, most):
                first = row * grid.columns + column
                yield [grid.box(first + i) for i in range(min(most, grid.columns - column))]


def covered(boxes: list[Box]) -> Box:
    """Return the box that neighbours in a row of tiles cover together."""
    first, last = boxes[0], boxes[-1]
    return Box(first.x, first.y, last.x + last.width - first.x, first.height)
