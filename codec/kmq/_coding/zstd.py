"""The Zstandard coding: a tile's indices as bytes in one Zstandard frame (spec section 6)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from kmq._ground.errors import FormatError
from kmq._indexed.index_plane import IndexPlane, Indices, check_below

if TYPE_CHECKING:
    from types import ModuleType

MAGIC = bytes([0x28, 0xB5, 0x2F, 0xFD])
FORBIDDEN = 0b0001_1111
"""Bits of `Frame_Header_Descriptor` that must be zero: dictionary, checksum, reserved (spec M24)."""

SINGLE_SEGMENT = 0b0010_0000
SIZE_BYTES = (1, 2, 4, 8)
"""Bytes of `Frame_Content_Size` by the descriptor's top two bits. 0 means no field unless SINGLE_SEGMENT."""

MAX_WINDOW_LOG = 23
"""The largest window is 8 MiB (spec M26), which RFC 8878 recommends that every decoder support."""

LEVELS = {"fast": 12, "default": 19, "thorough": 22}
"""zstd's level by effort.

On kodim05 (photograph, 64 colours), a KiCad schematic and Debian's background of 3 megapixels:

- fast: 174, 14.5 and 110 kB, at 17, 89 and 44 MP/s
- default: 164, 11.9 and 70.5 kB, at 1.9, 4.3 and 1.2 MP/s
- thorough: 164, 11.3 and 69.9 kB, at 1.8, 0.9 and 0.7 MP/s

Level 16 makes 1 to 42 % more bytes than 19, in a half to an eighth of its time.
"""

LARGE = 8_000_000
"""For a tile of more bytes, "default" uses a smaller window, lest coding take longer than all the rest."""

LARGE_WINDOW_LOG = 19
"""That window: half a megabyte. It codes large photographs 1.6 to 5 times as fast, to 1 to 3 % more bytes.

A photograph of 24 megapixels takes 7 s of processor time, not 15. Searching less at each place (search_log 4,
not 7) costs as many bytes and saves less time.
"""

PIECE = 1 << 20
"""Bytes decompressed at a time, so that no tile is in memory twice."""


def zstd_tile(plane: IndexPlane, effort: str) -> bytes:
    """Return one Zstandard frame of the indices in raster order, a byte each for k up to 256, else two."""
    zstd = _library()
    parameter = zstd.CompressionParameter
    content = plane.indices.astype(plane.indices.dtype.newbyteorder("<"), copy=False)
    window = LARGE_WINDOW_LOG if effort == "default" and content.nbytes > LARGE else MAX_WINDOW_LOG
    options = {parameter.compression_level: LEVELS[effort], parameter.window_log: window}
    frame: bytes = zstd.compress(content.reshape(-1).view(np.uint8).data, options=options)
    return frame


def unzstd_tile(payload: memoryview, indices: Indices, k: int, offset: int) -> None:
    """Decompress a tile's payload, which begins at `offset` of its file, into `indices` (H, W).

    This takes memory for the window, at most 8 MiB, and for one `PIECE`.

    Raises FormatError if the payload is anything but one frame of exactly these indices, or if an index
    is not below k.
    """
    _check_frame_header(payload, indices.nbytes, offset)
    zstd = _library()
    decompressor = zstd.ZstdDecompressor()
    content = indices.reshape(-1).view(np.uint8)
    # At most half: if all fits at once, the library doesn't check that blocks are within the size limit.
    most = min(PIECE, max(1, len(content) // 2))
    at, more = 0, payload
    try:
        while not decompressor.eof:
            piece = decompressor.decompress(more, most)
            more = memoryview(b"")
            if at + len(piece) > len(content):
                raise _bad_frame(offset, f"has more than the {len(content)} bytes of the tile")
            if not piece and not decompressor.eof:
                raise _bad_frame(offset, f"is cut off after {at} of {len(content)} bytes")
            content[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
    except zstd.ZstdError as error:
        raise _bad_frame(offset, f"is damaged: {error}") from None
    if at < len(content):
        raise _bad_frame(offset, f"has {at} bytes of content; the tile takes {len(content)}")
    if decompressor.unused_data:
        end = offset + len(payload) - len(decompressor.unused_data)
        raise _bad_frame(offset, f"ends at offset {end}; the payload ends at {offset + len(payload)}")
    if indices.itemsize > 1:
        indices[...] = indices.view("<u2")  # swaps bytes on big-endian machines
    check_below(indices, k, offset)


def _check_frame_header(payload: memoryview, size: int, offset: int) -> None:
    """Raise FormatError unless the frame's header is one that M23 to M26 allow, for `size` bytes of content.

    The library would find most errors too, but which ones, and in what words, depends on its version.
    """
    if payload[:4] != MAGIC:
        shown = bytes(payload[:4]).hex(" ").upper() or "missing"
        raise FormatError(
            f"Magic_Number at offset {offset} is {shown}, not 28 B5 2F FD: no Zstandard frame (spec M23)"
        )
    if len(payload) < 5:
        raise FormatError(
            f"Frame_Header_Descriptor at offset {offset + 4} is missing: the payload ends there (spec M24)"
        )
    descriptor = payload[4]
    if descriptor & FORBIDDEN:
        raise FormatError(
            f"Frame_Header_Descriptor at offset {offset + 4} is 0x{descriptor:02X}: bits 0 to 4 must be "
            "zero, for no dictionary and no checksum (spec M24)"
        )
    single = bool(descriptor & SINGLE_SEGMENT)
    at = 5 if single else 6
    size_bytes = SIZE_BYTES[descriptor >> 6] if single or descriptor >> 6 else 0
    field = payload[at : at + size_bytes]
    if not size_bytes or len(field) < size_bytes:
        raise FormatError(
            f"Frame_Content_Size at offset {offset + at} is missing; it must be {size} (spec M25)"
        )
    stated = int.from_bytes(field, "little") + (256 if size_bytes == 2 else 0)
    if stated != size:
        raise FormatError(
            f"Frame_Content_Size at offset {offset + at} is {stated}; the tile's indices take {size} "
            "bytes (spec M25)"
        )
    window = size if single else ((8 + (payload[5] & 7)) << (payload[5] >> 3)) << 7
    if window > 1 << MAX_WINDOW_LOG:
        name, place = ("Frame_Content_Size", at) if single else ("Window_Descriptor", 5)
        raise FormatError(
            f"{name} at offset {offset + place} makes the window {window} bytes; it must be at most "
            f"{1 << MAX_WINDOW_LOG} (spec M26)"
        )


def _bad_frame(offset: int, problem: str) -> FormatError:
    return FormatError(f"the Zstandard frame at offset {offset} {problem} (spec M27)")


def _library() -> ModuleType:
    """Return the Zstandard module of the standard library or, before Python 3.14, its backport."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
