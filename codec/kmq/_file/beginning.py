"""Reading a .kmq file from what may have no end: of another one, no more than its beginning."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kmq._container.header import read_container
from kmq._ground.errors import TruncatedError
from kmq._ground.reading import read_bounded

if TYPE_CHECKING:
    from typing import BinaryIO


def read_kmq(file: BinaryIO, max_pixels: int | None) -> bytes:
    """Return all bytes of a .kmq file, as `read_bounded`; of another one no more than its beginning is read.

    Raises as that, and what `read_container` does if the first bytes are those of no file.
    """
    return read_bounded(file, max_pixels, _check_beginning)


def _check_beginning(data: bytes) -> None:
    """Raise if no file begins so. What a beginning is refused for, whatever follows, so is the file."""
    with contextlib.suppress(TruncatedError):
        read_container(memoryview(data))
