"""A file that is written tile by tile: room is left for its head, which is filled in at the end.

In: a plan, and payloads in raster order. Out: the bytes that `joined` would return. What can't happen: that
more than one payload is held, or that a file without all of its tiles gets a head.
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
    """A file being written, by a plan, to `file`, in which it seeks; its content before that is lost."""

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
        """Write the head, now that every tile is there, and return what the file has.

        Raises ValueError if it doesn't have all of them.
        """
        head = self._plan.head(self._lengths, self._crcs, {})
        self._file.seek(0)
        write_stream(self._file, head)
        self._file.seek(0, io.SEEK_END)
        return self._plan.container(self._lengths, self._crcs, {})
