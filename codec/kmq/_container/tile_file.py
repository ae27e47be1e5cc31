"""A file that is written tile by tile: it leaves room for its head, which it writes at the end.

In: a plan, and payloads in raster order. Out: the bytes that `joined` would return. One payload is held at a
time, and a file gets a head only when it has all of its tiles.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO

from kmq._ground.whole_files import write_stream

if TYPE_CHECKING:
    from kmq._container.header import Container
    from kmq._container.writing import Plan


class TileFile:
    """A file that is written to `file` by a plan. It seeks in it, and its earlier content is lost."""

    def __init__(self, file: BinaryIO, plan: Plan) -> None:
        self._file, self._plan = file, plan
        self._lengths: list[int] = []
        self._crcs: list[int] = []
        none = [0] * plan.grid.count
        self.size = len(plan.head(none, none, {}))
        """Bytes so far, the head's included."""
        file.seek(self.size)
        file.truncate()

    def write(self, payload: bytes) -> None:
        """Write the payload of the next tile."""
        write_stream(self._file, payload)
        self._lengths.append(len(payload))
        self._crcs.append(zlib.crc32(payload))
        self.size += len(payload)

    def finish(self) -> Container:
        """Write the head after the last tile, and return what `read_container` would.

        Raises ValueError if tiles are missing.
        """
        head = self._plan.head(self._lengths, self._crcs, {})
        self._file.seek(0)
        write_stream(self._file, head)
        self._file.seek(0, io.SEEK_END)
        return self._plan.container(self._lengths, self._crcs, {})
