"""A folder of map tiles, x/y.png, as one large picture, read tile by tile.

Takes a folder, which is not trusted. Returns a source for `kmq.encode_tiles`, whose slices are pixels.
Guarantees:

- Only a bounded number of decoded tiles is in memory.
- All tiles have one size; another size is an error.
- Every error names its file.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from kmq._colours.channels import in_channels
from kmq._indexed.slicing import selection
from kmq._indexed.tiles import MAX_SIDE
from kmq._picture.canonical import canonical_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
"""Name of a column or row. Zoom levels up to 29 need at most 9 digits."""

MOST_SIDE = 4096
"""Longest side of a tile in pixels. Servers use 256 or 512, and reading one pixel decodes a whole tile."""

CACHE_BYTES = 1 << 24
"""Bytes of decoded tiles to keep: a row of 64 tiles of 256 x 256 with alpha."""


class MapTiles:
    """The tiles of a map at one zoom level, `folder`/x/y.png, as a source of `kmq.encode_tiles`.

    Tile servers and `gdal2tiles --xyz` name tiles so: x grows to the right, and y downwards, or
    upwards with `tms`. All tiles are squares of one side, up to 4,096 pixels, in any format that
    Pillow reads. The picture spans the least to the greatest x and y in the folder; `origin` is the x
    and y of its upper left tile. Other files are ignored.

    `shape` is (H, W, 3), or (H, W, 4) if a tile is missing (it is transparent) or has
    transparency; `dtype` is uint8. `tiles[y0:y1, x0:x1]` slices like an array: it decodes the
    tiles that it touches, to sRGB, as `encode` does.

    Construction reads the names and headers of all tiles and takes 10 bytes for each. Up to 16 MiB
    of decoded tiles are kept, or one larger tile. Several threads may share it.

    Raises OSError if the folder or a file can't be read. Raises ValueError, naming the file, for a
    folder without tiles, two files of one tile, a tile of another size, and a file that is no picture;
    a damaged picture is found only when a slice decodes it.
    """

    def __init__(self, folder: str | os.PathLike[str], *, tms: bool = False) -> None:
        self._folder, self._tms = Path(folder), tms
        columns, rows, suffixes = array("q"), array("q"), array("H")
        kinds: dict[str, int] = {}
        for x, y, suffix in _names(self._folder):
            columns.append(x)
            rows.append(y)
            suffixes.append(kinds.setdefault(suffix, len(kinds)))
        if not columns:
            raise ValueError(
                f"{folder}: no map tiles; it must be a folder of one zoom level, with files such as x/y.png"
            )
        self._kinds = tuple(kinds)
        left, top = min(columns), max(rows) if tms else min(rows)
        self._origin = left, top
        across = np.array(columns) - left
        down = top - np.array(rows) if tms else np.array(rows) - top
        extent = int(down.max()) + 1, int(across.max()) + 1
        keys = down << 32 | across
        order = np.argsort(keys, kind="stable")
        self._keys, self._suffixes = keys[order], np.array(suffixes)[order]
        self._refuse_doubles()
        self._side = 0
        transparent = len(keys) < extent[0] * extent[1]
        for number in range(len(keys)):
            path = self._path(number)
            with _named(path), Image.open(path) as image:
                size, clear = image.size, image.has_transparency_data
            self._check_size(path, *size)
            transparent |= bool(clear)
        if max(extent) * self._side > MAX_SIDE:
            raise ValueError(
                f"{folder}: the tiles span {extent[1]:,} columns and {extent[0]:,} rows of {self._side} "
                f"pixels; the picture's sides must be 1 to {MAX_SIDE:,} pixels"
            )
        self._shape = extent[0] * self._side, extent[1] * self._side, 4 if transparent else 3
        self._decoded: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the picture: (H, W, 3 | 4)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Type of the pixels: uint8."""
        return np.dtype(np.uint8)

    @property
    def side(self) -> int:
        """Side of a tile in pixels."""
        return self._side

    @property
    def origin(self) -> tuple[int, int]:
        """The x and y, as files are named, of the picture's upper left tile."""
        return self._origin

    def __getitem__(self, key: object) -> NDArray[np.uint8]:
        """Return a part of the picture. Keys, and their errors, are those of `KmqFile`."""
        chosen = selection(key, self.shape)
        if chosen.box is None:
            return np.empty(chosen.shape, np.uint8)
        left, top, width, height = chosen.box
        part = np.zeros((height, width, self.shape[2]), np.uint8)
        side = self._side
        for row in range(top // side, (top + height - 1) // side + 1):
            for column in range(left // side, (left + width - 1) // side + 1):
                tile = self._tile(row, column)
                if tile is None:
                    continue
                y, x = row * side - top, column * side - left
                seen = tile[max(-y, 0) : height - y, max(-x, 0) : width - x]
                y, x = max(y, 0), max(x, 0)
                part[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
        return part[chosen.index]

    def __repr__(self) -> str:
        return f"MapTiles({str(self._folder)!r}, {len(self._keys)} tiles of {self._side}x{self._side})"

    def _path(self, number: int) -> Path:
        down, across = divmod(int(self._keys[number]), 1 << 32)
        x, y = self._origin[0] + across, self._origin[1] + (-down if self._tms else down)
        return self._folder / str(x) / f"{y}{self._kinds[self._suffixes[number]]}"

    def _refuse_doubles(self) -> None:
        doubles = np.flatnonzero(self._keys[1:] == self._keys[:-1])
        if len(doubles):
            one, other = (self._path(int(doubles[0]) + i) for i in range(2))
            raise ValueError(f"{one} and {other.name} are the same tile")

    def _check_size(self, path: Path, width: int, height: int) -> None:
        """Raise ValueError if a tile has another size than the first one checked."""
        if not self._side and width == height <= MOST_SIDE:
            self._side = width
        if (width, height) != (self._side, self._side):
            allowed = f"{self._side} x {self._side}" if self._side else f"square, up to {MOST_SIDE:,}"
            raise ValueError(f"{path}: the tile has {width} x {height} pixels; it must be {allowed}")

    def _tile(self, row: int, column: int) -> NDArray[np.uint8] | None:
        """Return the pixels of a tile, (side, side, c), or None if it is missing."""
        key = row << 32 | column
        number = int(np.searchsorted(self._keys, key))
        if number == len(self._keys) or self._keys[number] != key:
            return None
        with self._lock:
            if key in self._decoded:
                self._decoded.move_to_end(key)
                return self._decoded[key]
        pixels = self._read(self._path(number))
        with self._lock:
            self._decoded[key] = pixels
            while len(self._decoded) > max(1, CACHE_BYTES // pixels.size):
                self._decoded.popitem(last=False)
        return pixels

    def _read(self, path: Path) -> NDArray[np.uint8]:
        with _named(path):
            image = Image.open(path)
        with image:
            self._check_size(path, *image.size)
            with _named(path):
                pixels = canonical_image(image).pixels
        # Again: some formats know their size only once the pixels are read.
        self._check_size(path, pixels.shape[1], pixels.shape[0])
        channels = self.shape[2]
        if pixels.shape[2] > channels:
            raise ValueError(f"{path}: the tile has transparency that its header didn't announce")
        flat = in_channels(pixels.reshape(-1, pixels.shape[2]), channels)
        return flat.reshape(self._side, self._side, channels)


def _names(folder: Path) -> Iterator[tuple[int, int, str]]:
    """Yield x, y and the suffix of every file that has the name of a tile."""
    known = Image.registered_extensions()
    with os.scandir(folder) as columns:
        for column in columns:
            if not (NUMBER.fullmatch(column.name) and column.is_dir()):
                continue
            with os.scandir(column) as files:
                for file in files:
                    row, dot, suffix = file.name.partition(".")
                    if NUMBER.fullmatch(row) and (dot + suffix).lower() in known and file.is_file():
                        yield int(column.name), int(row), dot + suffix


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn Pillow's errors into a ValueError, and the system's into an OSError, that name the tile."""
    try:
        yield
    except MemoryError:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not a picture in a format that Pillow reads") from None
    except Exception as error:  # noqa: BLE001  each of Pillow's readers fails in its own way
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise ValueError(f"{path}: Pillow can't read it: {str(error) or type(error).__name__}") from None
