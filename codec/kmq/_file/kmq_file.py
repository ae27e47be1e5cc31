"""A .kmq file that is read only as far as is asked for: its header, a region, its ledger."""

from __future__ import annotations

import contextlib
import mmap
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

import numpy as np

from kmq._coding.codings import PACKED
from kmq._coding.packed import PackedPlane
from kmq._container.header import read_container
from kmq._file.decoder import checked_max_pixels, decode_tile, read_plane, tile_payloads
from kmq._file.ledger import Ledger, make_ledger, original_pixels
from kmq._file.regions import decode_piece, pieces_of
from kmq._file.thumbnail import CellSums
from kmq._ground.arguments import checked_bytes, checked_integer, checked_type
from kmq._ground.errors import LimitError
from kmq._ground.reading import MAX_PIXELS
from kmq._ground.sources import Beginning, FileBytes, in_parts
from kmq._ground.threads import checked_threads, in_order
from kmq._indexed.index_plane import IndexPlane, trusted_plane, zero_indices
from kmq._indexed.slicing import selection
from kmq._indexed.tiles import MAX_SIDE, Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import DTypeLike, NDArray

    from kmq._file.regions import Piece
    from kmq._ground.sources import Source
    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette
    from kmq._picture.canonical import ImageLike

BAND = 1 << 20
"""Pixels of a packed tile that are unpacked at a time, if not all are needed at once."""


class KmqFile:
    """An open .kmq file, which reads only what you ask for.

    `kmq.open` makes one; so does `KmqFile(data)`, from a file's bytes or an open file that can seek. The
    header, palette and metadata are checked at once, the pixels when they are read. As a context manager it
    closes the file, if `kmq.open` opened it. `max_pixels` (None: no limit) is the most pixels that one call
    decodes, `threads` how many tiles it decodes at a time.

    Slice it like the array of its pixels: `file[y0:y1, x0:x1]` decodes that part, and `np.asarray(file)`
    everything. It can stand for an array wherever `shape`, `dtype` and slices are enough.

    Raises FormatError, TruncatedError or UnsupportedError.
    """

    def __init__(
        self,
        data: bytes | bytearray | memoryview | mmap.mmap | BinaryIO,
        *,
        max_pixels: int | None = MAX_PIXELS,
        threads: int = 1,
    ) -> None:
        self._max_pixels = checked_max_pixels(max_pixels)
        self._threads = checked_threads(threads)
        self._own_map: mmap.mmap | None = None
        self._data: Source
        if hasattr(data, "read") and not isinstance(data, mmap.mmap):
            self._data = FileBytes(cast("BinaryIO", data), self._max_pixels)
            self._container = read_container(Beginning(self._data, self._max_pixels))
        else:
            self._data = checked_bytes("data", data)
            self._container = read_container(self._data)

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return self._container.grid.width

    @property
    def height(self) -> int:
        """Rows."""
        return self._container.grid.height

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the picture as an array: (H, W) for grey, else (H, W, 3 | 4)."""
        channels = self.palette.channels
        return (self.height, self.width) if channels == 1 else (self.height, self.width, channels)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """The dtype of the picture as an array: uint8."""
        return np.dtype(np.uint8)

    @property
    def ndim(self) -> int:
        """Number of axes of the picture as an array: 2 for grey, else 3."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.height

    @property
    def k(self) -> int:
        """Number of palette entries."""
        return self.palette.k

    @property
    def bit_depth(self) -> int:
        """Bits of an index: ceil(log2 k)."""
        return self.palette.bit_depth

    @property
    def palette(self) -> Palette:
        """The palette."""
        return self._container.palette

    @property
    def coding(self) -> str:
        """How the index plane is written: "packed", "zstd", "context" or "adaptive"."""
        return self._container.coding.name

    @property
    def tile(self) -> int | None:
        """Side of a tile in pixels; None if the picture is one tile."""
        return self._container.grid.side

    @property
    def metadata(self) -> Mapping[str, bytes]:
        """The sections: "icc", "exif", "xmp", and unknown ones by their tag."""
        return self._container.metadata

    def indices(self, region: tuple[int, int, int, int] | None = None) -> IndexPlane:
        """Decode the index plane, or only a region of it, (x, y, width, height), as `read` does.

        Raises LimitError if it has more than `max_pixels` pixels, FormatError if a tile is
        damaged, ValueError if the region doesn't lie in the picture.
        """
        if region is not None:
            return self._region(region)
        self._check_limit(self.width, self.height)
        return read_plane(self._data, self._container, self._threads)

    def pixels(self) -> NDArray[np.uint8]:
        """Decode the picture: (H, W) for grey, else (H, W, 3 | 4), uint8. Raises as `indices`."""
        return self.palette.colours(self.indices())

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """Decode the region whose top left pixel is (x, y), and nothing else.

        Shape (height, width) for grey, else (height, width, 3 | 4), dtype uint8. Of a packed
        tile only the region's bits are read, so its checksum is not checked. In the other codings,
        each tile that the region touches is verified and decoded whole, and `max_pixels`
        limits the pixels of those tiles.

        Raises ValueError if the region doesn't lie in the picture, LimitError and FormatError
        as `indices`.
        """
        return self.palette.colours(self._region((x, y, width, height)))

    def __getitem__(self, key: object) -> NDArray[np.uint8]:
        """Decode a part of the picture: `file[y0:y1, x0:x1]`, `file[y]`, `file[..., 0]`.

        As with an array, negative places count from the end, integers remove their axis, and slices may have
        steps. Everything between the first pixel and the last is decoded, as by `read`; `thumbnail` is the
        quicker way to a smaller picture. Raises what `read` does; IndexError for a place outside; TypeError
        for anything other than integers, slices and `...`.
        """
        chosen = selection(key, self.shape)
        if chosen.box is None:
            return np.empty(chosen.shape, np.uint8)
        decoded = self.read(*chosen.box)
        part = decoded[chosen.index]
        # A copy frees what was decoded beyond the part. A single value is a scalar already.
        return part.copy() if part.size < decoded.size else part

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.generic]:  # noqa: FBT001
        """Decode the picture, as `pixels` does, for `np.asarray`. Raises ValueError if `copy` is False."""
        if copy is False:
            raise ValueError("copy is False; decoding a picture always makes a new array")
        pixels = self.pixels()
        return pixels if dtype is None else pixels.astype(dtype, copy=False)

    def thumbnail(self, max_side: int) -> NDArray[np.uint8]:
        """Return the whole picture zoomed out, no side longer than `max_side` pixels, 1 to 2^31 - 1.

        Each of its pixels is the mean of a square of n x n, cut at the right and bottom edges. n is as small
        as `max_side` allows: 1 if the picture is small enough. Means are of sRGB values, as in Pillow's
        `Image.reduce`; with alpha, colours are weighted by it. Shape and dtype are those of `read`.

        Every tile is decoded and its checksum checked, but none is kept. Besides the result, memory
        holds 8 bytes for each of its values, and a tile for each thread. In a picture of one tile, that is
        all its indices. If that tile is packed, it is only the payload, or nothing if the file is mapped.

        Raises as `indices`: `max_pixels` limits the whole picture.
        """
        max_side = checked_integer("max_side", max_side, 1, MAX_SIDE)
        self._check_limit(self.width, self.height)
        side = -(-max(self.width, self.height) // max_side)
        cells = CellSums(self.width, self.height, side, self.palette)

        def sums(tile: tuple[int, memoryview]) -> tuple[Box, NDArray[np.int64]]:
            box = self._container.grid.box(tile[0])
            return box, cells.of(box, self._bands(*tile))

        for box, part in in_order(sums, self._payloads(), self._threads):
            cells.add(box, part)
        return cells.means()

    def _payloads(self) -> Iterator[tuple[int, memoryview]]:
        return tile_payloads(self._data, self._container, range(self._container.grid.count))

    def _bands(self, number: int, payload: memoryview) -> Iterator[Indices]:
        """Verify a tile and yield its indices, some rows at a time if it is packed."""
        if self._container.coding is not PACKED:
            yield decode_tile(self._container, number, payload)
            return
        self._container.check_payload(number, payload)
        tile = self._container.grid.box(number)
        plane = PackedPlane.view(payload, tile.width, self.k, self._container.span(number)[0])
        rows = max(1, BAND // tile.width)
        for y in range(0, tile.height, rows):
            yield plane.region(0, y, tile.width, min(rows, tile.height - y))

    def verify(self) -> None:
        """Check what opening the file didn't: every requirement on the tiles.

        Memory holds a tile for each thread. Raises as `indices`.
        """
        self._check_limit(self.width, self.height)

        def check(tile: tuple[int, memoryview]) -> None:
            decode_tile(self._container, *tile)

        for _ in in_order(check, self._payloads(), self._threads):
            pass

    def _region(self, region: tuple[int, int, int, int]) -> IndexPlane:
        try:
            x, y, width, height = region
        except (TypeError, ValueError):
            raise ValueError(f"region is {region!r}; it must be (x, y, width, height)") from None
        x = checked_integer("x", x, 0, self.width - 1)
        y = checked_integer("y", y, 0, self.height - 1)
        width = checked_integer("width", width, 1, self.width - x)
        height = checked_integer("height", height, 1, self.height - y)
        self._check_limit(width, height)
        grid = self._container.grid
        if self._container.coding is not PACKED:
            whole = grid.covering(Box(x, y, width, height))
            self._check_limit(whole.width, whole.height, "the tiles it touches have ")
        indices = zero_indices(height, width, self.k)

        def decode_into_place(read: tuple[Piece, memoryview]) -> None:
            piece, data = read
            tile = grid.box(piece.number)
            left, top = tile.x + piece.part.x - x, tile.y + piece.part.y - y
            to = indices[top : top + piece.part.height, left : left + piece.part.width]
            to[:] = decode_piece(self._container, piece, data)

        in_memory = isinstance(self._data, memoryview)
        pieces = in_parts(
            self._data, pieces_of(self._container, Box(x, y, width, height), in_memory=in_memory)
        )
        for _ in in_order(decode_into_place, pieces, self._threads):
            pass
        return trusted_plane(indices, self.k)

    def ledger(self, original: ImageLike | None = None, *, indices: IndexPlane | None = None) -> Ledger:
        """Return where the file's bytes went; with the original picture, also the loss.

        `indices`, if you have decoded them already, saves decoding them again.

        Raises as `indices`, and ValueError if the original has another size, or channels
        that the file doesn't have, or if `indices` have another size or k.
        """
        plane = self.indices() if indices is None else indices
        checked_type("indices", plane, IndexPlane, "an IndexPlane, as KmqFile.indices returns")
        if (plane.width, plane.height, plane.k) != (self.width, self.height, self.k):
            raise ValueError(f"indices are {plane}; the file is {self.width}x{self.height}, k={self.k}")
        return make_ledger(self._container, plane, original_pixels(self._container, original))

    def close(self) -> None:
        """Release the file. What was read from it stays valid; nothing more can be read."""
        self._data.release()
        if self._own_map is not None:
            # An error on its way up can hold views of the map, which goes when they go.
            with contextlib.suppress(BufferError):
                self._own_map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"KmqFile({self.width}x{self.height}, k={self.k}, coding={self.coding!r})"

    def _check_limit(self, width: int, height: int, subject: str = "") -> None:
        if self._max_pixels is not None and width * height > self._max_pixels:
            raise LimitError(
                f"{subject}{width} x {height} = {width * height} pixels; max_pixels allows {self._max_pixels}"
            )
