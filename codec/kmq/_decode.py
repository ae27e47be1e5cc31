"""The way from the bytes of a file to its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._arguments import checked_bytes, checked_integer
from kmq._container import Container, read_container
from kmq._index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._packing import unpack_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 89_478_485
"""Most pixels that are decoded unless the caller allows more: Pillow's MAX_IMAGE_PIXELS."""


def decode(data: bytes | bytearray | memoryview, *, max_pixels: int | None = MAX_PIXELS) -> NDArray[np.uint8]:
    """Return the picture in the bytes of a .kmq file.

    Shape (H, W) for a grey palette, (H, W, 3) for RGB, (H, W, 4) for RGBA with straight
    alpha; dtype uint8. `max_pixels` is the most pixels the picture may have; None is no limit.

    Raises a KmqError: FormatError if the file is damaged or no .kmq file, TruncatedError if
    its end is missing, UnsupportedError if it needs a later decoder, LimitError if it is too
    large. Nothing is allocated for pixels before the header has been verified; a MemoryError
    means that `max_pixels` allows more than there is memory for.
    """
    view = checked_bytes("data", data)
    container = read_container(view, checked_max_pixels(max_pixels))
    return container.palette.colours(read_plane(view, container))


def checked_max_pixels(max_pixels: int | None) -> int | None:
    """Return the argument. Raises ValueError or TypeError unless it is a number from 1, or None."""
    return None if max_pixels is None else checked_integer("max_pixels", max_pixels, 1, 2**62)


def read_plane(data: memoryview, container: Container) -> IndexPlane:
    """Verify and decode every tile (spec section 8, step 6). Raises FormatError."""
    grid, k = container.grid, container.palette.k
    indices = np.zeros((grid.height, grid.width), index_dtype(k))
    if grid.side is None:
        unpack_tile(container.checked_payload(data, 0), indices, k, int(container.tile_starts[0]))
        return trusted_plane(indices, k)
    scratch = np.zeros(grid.side * grid.side, indices.dtype)
    for number, (x, y, width, height) in enumerate(grid.boxes()):
        tile = scratch[: width * height].reshape(height, width)
        payload = container.checked_payload(data, number)
        unpack_tile(payload, tile, k, int(container.tile_starts[number]))
        indices[y : y + height, x : x + width] = tile
    return trusted_plane(indices, k)
