"""Reading what may have no end, like a pipe or a device, within bounds."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from kmq._ground.errors import LimitError

if TYPE_CHECKING:
    from typing import BinaryIO

STEP = 1 << 20
"""Bytes that are read at a time; the first so many are judged before there are more."""

BYTES_A_PIXEL = 8
"""Most bytes of a file for each pixel that is allowed: 16-bit RGBA as it is, or any .kmq file."""

BYTES_BESIDE = 1 << 26
"""And most bytes of everything else: metadata, palettes, later frames."""


def read_bounded(
    file: BinaryIO, max_pixels: int | None, judge: Callable[[bytes], None] | None = None
) -> bytes:
    """Return all bytes of `file`.

    If there are `STEP` or more, `judge` is called with the first of them, and may raise.

    Raises LimitError if there are more than 8 for each of `max_pixels` pixels (None: no limit)
    and 64 MiB, and OSError if it can't be read, or has no bytes yet and doesn't wait for them.
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
    """Return how many bytes a file may have for so many pixels; None if any number."""
    return None if max_pixels is None else BYTES_A_PIXEL * max_pixels + BYTES_BESIDE


def _next_part(file: BinaryIO) -> bytes:
    part: bytes | None = file.read(STEP)
    if part is None:
        raise BlockingIOError(errno.EAGAIN, "has no more bytes yet, and doesn't wait for them")
    return part
