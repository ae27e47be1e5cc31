"""Decoding: from the bytes of a file to its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kmq._container.header import Container, read_container
from kmq._ground.arguments import checked_bytes, checked_integer
from kmq._ground.reading import MAX_PIXELS
from kmq._ground.sources import in_parts
from kmq._ground.threads import checked_threads, in_order
from kmq._indexed.index_plane import IndexPlane, trusted_plane, zero_indices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq._ground.sources import Source
    from kmq._indexed.index_plane import Indices


def decode(
    data: bytes | bytearray | memoryview, *, max_pixels: int | None = MAX_PIXELS, threads: int = 1
) -> NDArray[np.uint8]:
    """Return the pixels of a .kmq file, given its bytes.

    The result is a uint8 array: (H, W) for a grey palette, (H, W, 3) for RGB, (H, W, 4) for RGBA
    with straight alpha. `max_pixels` is the most pixels that the picture may have; None is no
    limit. `threads`, 1 to 256, is how many tiles are decoded at a time.

    Raises a KmqError: FormatError if the file is damaged or not a .kmq file, TruncatedError if its
    end is missing, UnsupportedError if it needs a later decoder, LimitError if the picture is too
    large. No memory for pixels is allocated before the header is verified. A MemoryError means that
    `max_pixels` allows more pixels than fit in memory.
    """
    view = checked_bytes("data", data)
    threads = checked_threads(threads)
    container = read_container(view, checked_max_pixels(max_pixels))
    return container.palette.colours(read_plane(view, container, threads))


def checked_max_pixels(max_pixels: int | None) -> int | None:
    """Return `max_pixels`. Raises ValueError or TypeError unless it is None or an integer of at least 1."""
    return None if max_pixels is None else checked_integer("max_pixels", max_pixels, 1, 2**62)


def read_plane(data: Source, container: Container, threads: int = 1) -> IndexPlane:
    """Verify and decode every tile (spec section 9, step 6). Raises FormatError if one is damaged."""
    grid, k = container.grid, container.palette.k
    payloads = tile_payloads(data, container, range(grid.count))
    if grid.count == 1:
        return trusted_plane(decode_tile(container, *next(payloads)), k)
    indices = zero_indices(grid.height, grid.width, k)

    def decode_into_place(tile: tuple[int, memoryview]) -> None:
        x, y, width, height = grid.box(tile[0])
        indices[y : y + height, x : x + width] = decode_tile(container, *tile)

    for _ in in_order(decode_into_place, payloads, min(threads, container.grid.count)):
        pass
    return trusted_plane(indices, k)


def tile_payloads(
    data: Source, container: Container, numbers: Iterable[int]
) -> Iterator[tuple[int, memoryview]]:
    """Yield each tile's number with its payload, which is not yet verified."""
    return in_parts(data, ((number, container.span(number)) for number in numbers))


def decode_tile(container: Container, number: int, payload: memoryview) -> Indices:
    """Verify a tile's payload and return its indices, (H, W). Raises FormatError if it is damaged."""
    box = container.grid.box(number)
    container.check_payload(number, payload)
    indices = zero_indices(box.height, box.width, container.palette.k)
    container.coding.decode(payload, indices, container.palette, int(container.tile_starts[number]))
    return indices
