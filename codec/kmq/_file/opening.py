"""`open` and `inspect`: open a file or bytes, and take the ledger of its bytes."""

from __future__ import annotations

import contextlib
import io
import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from kmq._container.header import read_container
from kmq._file.decoder import checked_max_pixels, read_plane
from kmq._file.kmq_file import KmqFile
from kmq._file.ledger import Ledger, make_ledger, original_pixels
from kmq._ground.arguments import checked_bytes
from kmq._ground.errors import TruncatedError
from kmq._ground.reading import MAX_PIXELS, read_bounded

if TYPE_CHECKING:
    from kmq._picture.canonical import ImageLike


def open_file(
    file: str | os.PathLike[str] | BinaryIO, *, max_pixels: int | None = MAX_PIXELS, threads: int = 1
) -> KmqFile:
    """Open a .kmq file; it reads only what you ask for.

    `file` is a path, or a binary file open for reading: an `io.BytesIO`, a member of a ZIP archive, a pipe,
    or a file that fsspec opens. `max_pixels` (None: no limit) is the most pixels that one call of the result
    decodes, `threads`, 1 to 256, how many tiles it decodes at a time.

    A path is mapped into memory. Replacing the file while it is open, as `save` does, doesn't change what
    is read. Don't truncate it: the system kills a process that reads a mapped page that is gone, or that
    its disk can't deliver (SIGBUS). Passing an open file, or calling `decode`, is safe from this.

    An open file that can seek is read on demand, whatever its position: its first 64 KiB and the rest of a
    longer header at once, then the rows (packed) or the tiles that a call needs. Parts less than 64 KiB apart
    are read together, up to 4 MiB. Keep the file open, let nothing else move its position meanwhile, and
    close it yourself; the threads of one KmqFile take turns. An object that is both a path and a file that
    can seek is used as a file.

    A file that can't seek, such as a pipe, is read whole from its position: at most 64 MiB plus 8 bytes
    for each of `max_pixels` pixels, or 1 MiB if it doesn't begin as a .kmq file does. For a file that is read
    on demand, the same bound holds for the header and metadata together, and for each later read.

    Raises OSError if it can't be read; FormatError, TruncatedError or UnsupportedError; LimitError for more
    bytes than that; TypeError for a file that isn't binary.
    """
    limit = checked_max_pixels(max_pixels)
    if _is_open(file):
        stream = cast("BinaryIO", file)
        source = read_kmq(stream, limit) if _has_no_places(stream) else stream
        return KmqFile(source, max_pixels=limit, threads=threads)
    with Path(cast("os.PathLike[str]", file)).open("rb") as opened:
        try:
            data: bytes | mmap.mmap = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except (ValueError, OSError):  # an empty file, or a pipe
            data = read_kmq(opened, limit)
    made = KmqFile(data, max_pixels=limit, threads=threads)
    made._own_map = data if isinstance(data, mmap.mmap) else None  # noqa: SLF001
    return made


def _is_open(file: object) -> bool:
    """Tell whether a file is open. Those of fsspec are paths too; py.path.local reads, but doesn't seek."""
    if isinstance(file, str) or not hasattr(file, "read"):
        return False
    return hasattr(file, "seek") or not isinstance(file, os.PathLike)


def _has_no_places(file: BinaryIO) -> bool:
    """Tell whether a file can only be read from where it stands: a pipe, or a device, which ends at 0."""
    if isinstance(file, io.TextIOBase | mmap.mmap):  # the one is refused, the other is read where it lies
        return False
    if not hasattr(file, "seekable"):
        return not hasattr(file, "seek")
    return not file.seekable() or file.seek(0, io.SEEK_END) == 0


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


def read_kmq(file: BinaryIO, max_pixels: int | None) -> bytes:
    """Return all bytes of a .kmq file, as `read_bounded` does; of another file only the beginning is read.

    Raises what that does, and what `read_container` does if no file has these first bytes.
    """
    return read_bounded(file, max_pixels, _check_beginning)


def _check_beginning(data: bytes) -> None:
    """Raise if no .kmq file begins so. What is wrong with a beginning is wrong with the file."""
    with contextlib.suppress(TruncatedError):
        read_container(memoryview(data))
