"""Random access to a file's bytes, in memory or read on demand.

Takes a binary file that can seek. Returns slices of it, as a `memoryview` does. Guarantees:

- It reads only the slices asked for, and small gaps between neighbouring ones.
- It allocates nothing before the bytes arrive.
- A slice is never short: if the file ends early, that is an error.
- Every slice is bounded, so that a hostile file can't fill memory.
"""

from __future__ import annotations

import errno
import io
import operator
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol, TypeVar

from kmq._ground.arguments import shown
from kmq._ground.errors import LimitError, TruncatedError
from kmq._ground.reading import most_bytes

Item = TypeVar("Item")

FIRST = 1 << 16
"""Bytes of the beginning that are read at once, and kept.

A header has 8 bytes for each tile and 3 or 4 for each entry. 64 KiB hold 8,000 tiles, or 8 gigapixels. At
100 Mbit/s they take 5 ms, less than another request to a store.
"""

GAP = 1 << 16
"""Largest gap in bytes between parts that are read together. It arrives in the time of a request."""

MOST_JOINED = 1 << 22
"""Most bytes of neighbouring parts that are read together, gaps included."""

MOST_PARTS = 1 << 15
"""Most parts that are read together: tiles of one colour take no bytes, so `MOST_JOINED` can't bound them."""

STEP = 1 << 24
"""Most bytes per read. More are allocated only when these have arrived."""


class Source(Protocol):
    """Bytes that are sliced like a `memoryview`."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> memoryview: ...

    def release(self) -> None:
        """Let go of the bytes. Slicing raises ValueError from then on."""
        ...


class FileBytes:
    """The bytes of an open file, up to where it ended when this was made. Any thread may slice it.

    Slices must have no step. The file stays open; its position changes.

    A slice raises TruncatedError if the file has become shorter, LimitError if the slice is longer than
    a whole file of `max_pixels` pixels may be (None: no limit), and whatever the file raises.

    Raises TypeError for anything but a binary file, ValueError if it can't seek, OSError if it doesn't
    say where it ends.
    """

    def __init__(self, file: BinaryIO, max_pixels: int | None = None) -> None:
        if isinstance(file, io.TextIOBase) or not (hasattr(file, "read") and hasattr(file, "seek")):
            raise TypeError(f"file is {type(file).__name__}; it must be a binary file open for reading")
        if not hasattr(file, "seekable"):
            raise ValueError(f"file is {type(file).__name__}, which has no seekable() to ask")
        if not file.seekable():
            raise ValueError(f"file is {type(file).__name__}, which can't seek; kmq.open reads such a file")
        self._file: BinaryIO | None = file
        self._lock = threading.Lock()
        file.seek(0, io.SEEK_END)
        self._size = _place(file)
        self._max_pixels = max_pixels
        self._first = memoryview(b"")
        self._first = self[:FIRST]

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> memoryview:
        start, stop, _ = part.indices(self._size)
        if stop <= len(self._first):
            return self._first[start:stop]
        most = most_bytes(self._max_pixels)
        if most is not None and stop - start > most:
            raise LimitError(
                f"offset {start} to {stop} of the file are {stop - start:,} bytes, too many for the "
                f"{self._max_pixels:,} pixels that max_pixels allows"
            )
        with self._lock:
            if self._file is None:
                raise ValueError("the file has been released")
            return memoryview(_read(self._file, start, stop))

    def release(self) -> None:
        """Let go of the file, without closing it."""
        self._file = None
        self._first.release()


def _place(file: BinaryIO) -> int:
    """Return the position of a file. Raises OSError if the file gives none."""
    told: object = file.tell()
    try:
        place = operator.index(told)  # type: ignore[arg-type]
    except TypeError:
        place = -1
    if not 0 <= place <= sys.maxsize:
        raise OSError(errno.EIO, f"the file gives its end as {shown(told)}, which is no offset")
    return place


def _read(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    parts: list[bytes] = []
    at = start
    while at < stop:
        part: bytes | None = file.read(min(stop - at, STEP))
        if part is None:
            raise BlockingIOError(errno.EAGAIN, "the file has no more bytes yet, and doesn't wait for them")
        if not isinstance(part, bytes):
            raise TypeError(f"file returned {type(part).__name__} when read; it must be a binary file")
        if not part:
            raise TruncatedError(f"the file ends at offset {at}; it was longer when it was opened")
        if len(part) > stop - at:
            raise OSError(errno.EIO, "the file returned more bytes than it was asked for")
        parts.append(part)
        at += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Beginning:
    """A source for reading many small parts of its beginning: it keeps what it has read and reads ahead.

    A slice raises LimitError if it ends beyond the most bytes that a file of `max_pixels` pixels may have
    (None: no limit): that much would be kept.
    """

    def __init__(self, source: Source, max_pixels: int | None = None) -> None:
        self._source = source
        self._max_pixels = max_pixels
        self._read = source[:FIRST]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, part: slice, /) -> memoryview:
        start, stop, _ = part.indices(len(self))
        have = len(self._read)
        if stop > have:
            most = most_bytes(self._max_pixels)
            if most is not None and stop > most:
                raise LimitError(
                    f"offset {start} to {stop} of the file: header and metadata have more than {most:,} "
                    f"bytes, too many for the {self._max_pixels:,} pixels that max_pixels allows"
                )
            # Doubling what is kept means that small reads rarely copy it.
            self._read = memoryview(
                bytes(self._read) + self._source[have : max(stop, have + min(have, STEP))]
            )
        return self._read[start:stop]

    def release(self) -> None:
        """Let go of what was read."""
        self._read.release()


def in_parts(
    source: Source, parts: Iterable[tuple[Item, tuple[int, int]]]
) -> Iterator[tuple[Item, memoryview]]:
    """Yield each item with the bytes of its span (start, stop), in order; nearby spans are read together."""
    waiting: list[tuple[Item, tuple[int, int]]] = []
    first = last = 0
    for item, (start, stop) in parts:
        joins = 0 <= start - last <= GAP and stop - first <= MOST_JOINED and len(waiting) < MOST_PARTS
        if waiting and not joins:
            yield from _together(source, waiting)
            waiting = []
        if not waiting:
            first = start
        last = stop
        waiting.append((item, (start, stop)))
    yield from _together(source, waiting)


def _together(source: Source, parts: list[tuple[Item, tuple[int, int]]]) -> Iterator[tuple[Item, memoryview]]:
    if not parts:
        return
    first = parts[0][1][0]
    block = source[first : parts[-1][1][1]]
    for item, (start, stop) in parts:
        yield item, block[start - first : stop - first]
