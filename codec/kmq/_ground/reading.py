"""Bounded reading of streams that may never end, such as a pipe or a device."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from kmq._ground.errors import LimitError

if TYPE_CHECKING:
    from typing import BinaryIO

MAX_PIXELS = 89_478_485
"""Most pixels to read or decode unless the caller allows more: Pillow's MAX_IMAGE_PIXELS."""

STEP = 1 << 20
"""Bytes per read. `judge` sees the first `STEP` bytes before more are read."""

BYTES_A_PIXEL = 8
"""Bytes that a file may have for each allowed pixel. Uncompressed 16-bit RGBA and any .kmq file fit."""

BYTES_BESIDE = 1 << 26
"""Bytes that a file may have for everything else: metadata, palettes, later frames."""


def read_bounded(
    file: BinaryIO, max_pixels: int | None, judge: Callable[[bytes], None] | None = None
) -> bytes:
    """Return all bytes of `file`.

    If the file has at least `STEP` bytes, `judge` is called once with its beginning, before the
    rest is read. It may raise, to refuse the file.

    Raises LimitError if the file has more than 64 MiB and 8 bytes for each of `max_pixels`
    pixels (None: no limit); OSError if it can't be read; BlockingIOError if it has no bytes yet
    and doesn't wait for them.
    """
    most = most_bytes(max_pixels)
    read = io.BytesIO()
    while part := _next_part(file):
        read.write(part)
        if judge is not None and read.tell() >= STEP:
            judge(read.getvalue())
            judge = None
        if most is not None and read.tell() > most:
            raise LimitError(
                f"the file has more than {most:,} bytes, too many for the {max_pixels:,} pixels "
                "that max_pixels allows"
            )
    return read.getvalue()


def most_bytes(max_pixels: int | None) -> int | None:
    """Return the most bytes that a file of `max_pixels` pixels may have, or None for no limit."""
    return None if max_pixels is None else BYTES_A_PIXEL * max_pixels + BYTES_BESIDE


def _next_part(file: BinaryIO) -> bytes:
    part: bytes | None = file.read(STEP)
    if part is None:
        raise BlockingIOError(errno.EAGAIN, "has no more bytes yet, and doesn't wait for them")
    return part
