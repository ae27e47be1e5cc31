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
    """Return the bytes that `pixels` indices below `k` take when packed: ceil(n · b / 8) (spec M15)."""
    return (pixels * bit_depth(k) + 7) // 8


def pack_indices(plane: IndexPlane) -> bytes:
    """Return the indices in raster order, `plane.bit_depth` bits each, most significant first.

    The last byte is filled up with zero bits; with k = 1 there are no bytes.
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

    Raises FormatError if the payload hasn't exactly the bytes it must have, a padding bit
    is set, or an index isn't below `k`; ValueError or TypeError if an argument is not what
    it can be.
    """
    width = checked_integer("width", width, 1, MAX_SIDE)
    height = checked_integer("height", height, 1, MAX_SIDE)
    k = checked_integer("k", k, 1, MAX_ENTRIES)
    data = checked_bytes("payload", payload)
    _check_length(data, width * height, k, 0)  # before anything of that size is allocated
    indices = np.zeros((height, width), index_dtype(k))
    unpack_tile(data, indices, k, 0)
    return trusted_plane(indices, k)


def unpack_tile(payload: memoryview, indices: Indices, k: int, offset: int) -> None:
    """Unpack a tile's payload, which begins at `offset` of its file, into `indices`, (H, W).

    Raises FormatError as `unpack_indices` does. With k = 1, `indices` must be zero already.
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
    """Return which bytes of the payload of a plane of so many columns have a region: (start, stop)."""
    b = bit_depth(k)
    first, last = y * plane_width + x, (y + height - 1) * plane_width + x + width
    return first * b // 8, (last * b + 7) // 8


@dataclass(frozen=True, slots=True)
class PackedPlane:
    """A packed payload seen as bits, from bit `before` on: any index or region, found by arithmetic.

    Nothing is unpacked that isn't asked for; on a memory map, nothing else is read.
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
        """Return a view, without a copy, of the payload of a plane of `width` columns, from byte `before` on.

        `offset` is where the payload begins in its file.
        """
        return cls(bitarray(buffer=payload, endian="big"), width, k, offset, 8 * before)

    def region(self, x: int, y: int, width: int, height: int) -> Indices:
        """Return the indices, (height, width), of a region that lies within the plane.

        Raises FormatError if one of them isn't below k.
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
