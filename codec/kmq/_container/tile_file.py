"""Writing a file tile by tile: the head's place is left free and filled at the end.

Takes a plan, and payloads in raster order. Writes the bytes that `joined` would return. Only one payload is
in memory at a time, and a file gets its head only when it has all of its tiles.
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
    """A .kmq file being written to `file`, which must be able to seek. Earlier content is lost."""

    def __init__(self, file: BinaryIO, plan: Plan) -> None:
        self._file, self._plan = file, plan
        self._lengths: list[int] = []
        self._crcs: list[int] = []
        none = [0] * plan.grid.count
        self.size = len(plan.head(none, none, {}))
        """Bytes so far, including the head."""
        file.seek(self.size)
        file.truncate()

    def write(self, payload: bytes) -> None:
        """Write the payload of the next tile."""
        write_stream(self._file, payload)
        self._lengths.append(len(payload))
        self._crcs.append(zlib.crc32(payload))
        self.size += len(payload)

    def finish(self) -> Container:
        """Write the head, and return what `read_container` would of the file.

        Raises ValueError if tiles are missing.
        """
        head = self._plan.head(self._lengths, self._crcs, {})
        self._file.seek(0)
        write_stream(self._file, head)
        self._file.seek(0, io.SEEK_END)
        return self._plan.container(self._lengths, self._crcs, {})
