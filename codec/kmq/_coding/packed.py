"""The packed coding: every index in exactly `bit_depth` bits (spec section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bitarray import bitarray

from kmq._coding.packed_loop import pack_bits, unpack_bits
from kmq._ground.arguments import checked_bytes, checked_integer, checked_type
from kmq._ground.errors import FormatError
from kmq._indexed.index_plane import (
    MAX_ENTRIES,
    IndexPlane,
    Indices,
    bit_depth,
    check_below,
    index_dtype,
    trusted_plane,
)
from kmq._indexed.tiles import MAX_SIDE


def packed_size(pixels: int, k: int) -> int:
    """Return the size in bytes of `pixels` packed indices below `k`: ceil(n · b / 8) (spec M15)."""
    return (pixels * bit_depth(k) + 7) // 8


def pack_indices(plane: IndexPlane) -> bytes:
    """Return the packed form of a plane: its indices in raster order, `plane.bit_depth` bits each.

    Bits are written most significant first, and zero bits fill up the last byte. With k = 1
    there are no bytes.
    """
    checked_type("plane", plane, IndexPlane, "an IndexPlane, as map_indices returns")
    if plane.bit_depth == 0:
        return b""
    payload = np.empty(packed_size(plane.indices.size, plane.k), np.uint8)
    pack_bits(
        plane.indices.reshape(-1).data,
        plane.bit_depth,
        payload.data,
    )
    return payload.tobytes()


def unpack_indices(payload: bytes | memoryview, width: int, height: int, k: int) -> IndexPlane:
    """Return the index plane of `width` x `height` pixels and indices below `k` from its packed form.

    Raises FormatError if the payload has another size than `width`, `height` and `k` demand, if a
    padding bit is set, or if an index is not below `k`. Raises ValueError or TypeError for an argument
    that isn't allowed.
    """
    width = checked_integer("width", width, 1, MAX_SIDE)
    height = checked_integer("height", height, 1, MAX_SIDE)
    k = checked_integer("k", k, 1, MAX_ENTRIES)
    data = checked_bytes("payload", payload)
    _check_length(data, width * height, k, 0)  # before anything is allocated
    indices = np.zeros((height, width), index_dtype(k))
    unpack_tile(data, indices, k, 0)
    return trusted_plane(indices, k)


def unpack_tile(payload: memoryview, indices: Indices, k: int, offset: int) -> None:
    """Unpack a tile's payload, which begins at `offset` of its file, into `indices` (H, W).

    `indices` must be zero, because with k = 1 there is nothing to unpack. Raises FormatError as
    `unpack_indices` does.
    """
    _check_length(payload, indices.size, k, offset)
    b = bit_depth(k)
    if b == 0:
        return
    padding = len(payload) * 8 - indices.size * b
    if payload[-1] & ((1 << padding) - 1):
        raise FormatError(
            f"padding at offset {offset + len(payload) - 1}: the last {padding} bits of byte "
            f"0x{payload[-1]:02X} must be zero (spec M16)"
        )
    unpack_bits(payload, b, indices.reshape(-1).data)
    check_below(indices, k, offset)


def _check_length(payload: memoryview, pixels: int, k: int, offset: int) -> None:
    if len(payload) != packed_size(pixels, k):
        raise FormatError(
            f"payload at offset {offset} has {len(payload)} bytes; {pixels} indices of {bit_depth(k)} "
            f"bits take {packed_size(pixels, k)} (spec M15)"
        )


def packed_span(plane_width: int, k: int, x: int, y: int, width: int, height: int) -> tuple[int, int]:
    """Return which bytes (start, stop) of the payload of a plane, `plane_width` wide, hold a region."""
    b = bit_depth(k)
    first, last = y * plane_width + x, (y + height - 1) * plane_width + x + width
    return first * b // 8, (last * b + 7) // 8


@dataclass(frozen=True, slots=True)
class PackedPlane:
    """A packed payload, or its part from bit `before` on, in which arithmetic finds any region.

    It unpacks only the region asked for. Of a memory map, it reads nothing else.
    """

    bits: bitarray
    width: int
    k: int
    offset: int
    before: int

    @classmethod
    def view(
        cls, payload: bytes | memoryview, width: int, k: int, offset: int = 0, before: int = 0
    ) -> PackedPlane:
        """Return a view, without a copy, of the payload of a plane of `width` columns.

        `payload` begins at byte `before` of the whole payload, which begins at `offset` of its file.
        """
        return cls(bitarray(buffer=payload, endian="big"), width, k, offset, 8 * before)

    def region(self, x: int, y: int, width: int, height: int) -> Indices:
        """Return the indices (height, width) of a region, which must lie within the plane.

        Raises FormatError if an index is not below k.
        """
        b = bit_depth(self.k)
        indices = np.zeros((height, width), index_dtype(self.k))
        if b == 0:
            return indices
        if width == self.width:
            start = y * width * b - self.before
            rows = self.bits[start : start + height * width * b]
        else:
            rows = bitarray(endian="big")
            for row in range(y, y + height):
                start = (row * self.width + x) * b - self.before
                rows += self.bits[start : start + width * b]
        unpack_bits(memoryview(rows.tobytes()), b, indices.reshape(-1).data)
        check_below(indices, self.k, self.offset, x, y)
        return indices
