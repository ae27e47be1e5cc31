"""The bytes of a file, had by their places: of one in memory, or of one that is read as far as is asked for.

In: a binary file that can seek, wherever its bytes are. Out: slices of it, as of a `memoryview`. What can't
happen: that more is read than the slices and what lies between neighbours, that anything is allocated for
bytes that don't come, that fewer bytes are returned than were asked for, or that a file of little use has
memory filled up: for each slice there is a limit.
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

A header has 8 bytes for a tile and 3 or 4 for an entry: this holds 8,000 tiles, which are 8 gigapixels. At
100 Mbit/s they take 5 ms, less than one more request to a store.
"""

GAP = 1 << 16
"""Bytes between two parts that are rather read than asked past: what comes in the time of a request."""

MOST_JOINED = 1 << 22
"""Bytes that neighbouring parts are read together up to."""

MOST_PARTS = 1 << 15
"""Parts that are read together: tiles of one colour have no bytes. So many of 16 x 16 are 1 MiB and more."""

STEP = 1 << 24
"""Bytes that a file is asked for at one time: more are allocated only when these have come."""


class Source(Protocol):
    """Bytes that are had by their places, as those of a `memoryview` are."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> memoryview: ...

    def release(self) -> None:
        """Let go of the bytes; afterwards slices are a ValueError."""
        ...


class FileBytes:
    """The bytes of a file, from its beginning to where it ended when this was made. Any thread may ask.

    Slices have no steps, and raise what the file does; TruncatedError if it ends earlier than it did;
    LimitError if they are longer than a whole file of `max_pixels` pixels (None: no limit) may be. The file
    stays open, and where it stands is not kept.

    Raises TypeError for what isn't a binary file, ValueError if it can't seek, OSError if it doesn't say
    where it ends.
    """

    def __init__(self, file: BinaryIO, max_pixels: int | None = None) -> None:
        if isinstance(file, io.TextIOBase) or not (hasattr(file, "read") and hasattr(file, "seek")):
            raise TypeError(f"file is {type(file).__name__}; it must be a binary file open for reading")
        if not (hasattr(file, "seekable") and file.seekable()):
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
    """Return where a file stands. Raises OSError if it doesn't say."""
    told: object = file.tell()
    try:
        place = operator.index(told)  # type: ignore[arg-type]
    except TypeError:
        place = -1
    if not 0 <= place <= sys.maxsize:
        raise OSError(errno.EIO, f"the file says that it ends at {shown(told)}, which is no offset")
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
            raise TruncatedError(f"the file ends at offset {at}; when it was opened it went further")
        if len(part) > stop - at:
            raise OSError(errno.EIO, "the file returned more bytes than it was asked for")
        parts.append(part)
        at += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Beginning:
    """The bytes of a source, for who reads many small parts of its beginning: more is read, rarely."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read = source[:FIRST]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, part: slice, /) -> memoryview:
        start, stop, _ = part.indices(len(self))
        have = len(self._read)
        if stop > have:
            # Up to twice as much, so that what is read in small parts is not copied often.
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
    """Yield each item with the bytes of its span, (start, stop). Spans near each other are read together."""
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
