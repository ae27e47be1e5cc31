"""Opening a file, and the ledger of its bytes."""

from __future__ import annotations

import contextlib
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from kmq._container.header import read_container
from kmq._file.decoder import MAX_PIXELS, checked_max_pixels, read_plane
from kmq._file.kmq_file import KmqFile
from kmq._file.ledger import Ledger, make_ledger, original_pixels
from kmq._ground.arguments import checked_bytes
from kmq._ground.errors import TruncatedError
from kmq._ground.reading import read_bounded

if TYPE_CHECKING:
    from kmq._picture.canonical import CanonicalImage, ImageLike


def open_file(
    file: str | os.PathLike[str] | BinaryIO, *, max_pixels: int | None = MAX_PIXELS, threads: int = 1
) -> KmqFile:
    """Open a .kmq file: what isn't asked for isn't read.

    `file` is a path, or a binary file open for reading that can seek: an `io.BytesIO`, a member of a ZIP
    archive, what fsspec opens. `max_pixels` (None: no limit) is the most pixels that one call of the
    result decodes, `threads`, 1 to 256, how many tiles it decodes at a time.

    A path is mapped into memory.
    Replacing the file while it is open, as `save` does, changes nothing of what is read. Don't
    shorten it: the system ends a process that reads what is no longer there (SIGBUS), or whose
    disk fails then. `decode` of the bytes of a file has no such danger.

    What can't be mapped, like a pipe, is read whole: up to 8 bytes for each of `max_pixels`
    pixels and 64 MiB, and no further than its beginning if that is of no .kmq file.

    An open file is taken from its beginning, wherever it stands, to its end. Its first 64 KiB are read at
    once, and the rest of a longer header; then, for each call, the rows (packed) or tiles that
    it needs. Those with at most 64 KiB between them are read together, up to 4 MiB; and at one time no more
    than of a pipe in all. It must stay open, is yours to close, and stands anywhere after a call. Nobody
    else may move in it meanwhile; the threads of one KmqFile take turns. What is a path too is an open file
    if it can read and seek.

    Raises OSError if it can't be read; FormatError, TruncatedError or UnsupportedError; LimitError for more
    bytes than that; TypeError for a file that isn't binary, ValueError for one that can't seek.
    """
    limit = checked_max_pixels(max_pixels)
    if _is_open(file):
        return KmqFile(cast("BinaryIO", file), max_pixels=limit, threads=threads)
    with Path(cast("os.PathLike[str]", file)).open("rb") as opened:
        try:
            data: bytes | mmap.mmap = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # an empty file, or a pipe
            data = read_kmq(opened, limit)
    made = KmqFile(data, max_pixels=limit, threads=threads)
    made._own_map = data if isinstance(data, mmap.mmap) else None  # noqa: SLF001
    return made


def _is_open(file: object) -> bool:
    """Say whether a file is open. Those of fsspec are paths too; py.path.local reads, but doesn't seek."""
    if isinstance(file, str) or not hasattr(file, "read"):
        return False
    return hasattr(file, "seek") or not isinstance(file, os.PathLike)


def inspect(
    data: bytes | bytearray | memoryview,
    original: ImageLike | None = None,
    *,
    max_pixels: int | None = MAX_PIXELS,
) -> Ledger:
    """Return the ledger of a file's bytes; with the original picture, also the loss.

    Raises what `decode` does, and ValueError if the original doesn't match the file.
    """
    view = checked_bytes("data", data)
    container = read_container(view, checked_max_pixels(max_pixels))
    return make_ledger(container, read_plane(view, container), original_pixels(container, original))


def inspect_canonical(data: bytes, original: CanonicalImage) -> Ledger:
    """Return the ledger of bytes that were just made of `original`."""
    view = memoryview(data)
    container = read_container(view)
    return make_ledger(container, read_plane(view, container), original.pixels)


def read_kmq(file: BinaryIO, max_pixels: int | None) -> bytes:
    """Return all bytes of a .kmq file, as `read_bounded`; of another one no more than its beginning is read.

    Raises as that, and what `read_container` does if the first bytes are those of no file.
    """
    return read_bounded(file, max_pixels, _check_beginning)


def _check_beginning(data: bytes) -> None:
    """Raise if no file begins so. What a beginning is refused for, whatever follows, so is the file."""
    with contextlib.suppress(TruncatedError):
        read_container(memoryview(data))
