"""A folder of map tiles, x/y.png, as one large picture that is read tile by tile.

In: a folder that others wrote. Out: a source of `kmq.encode_tiles`, whose slices are pixels. What can't
happen: that more than some tiles are held, that a tile of another size is shown shifted, or that an error
doesn't name its file.
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
"""What a column or row is called: zoom levels up to 29 have no more digits."""

MOST_SIDE = 4096
"""Longest side of a tile in pixels; servers have 256 or 512. A whole one is decoded for a pixel of it."""

CACHE_BYTES = 1 << 24
"""Decoded tiles that are kept: a row of 64 tiles of 256 x 256."""


class MapTiles:
    """The tiles of a map in one zoom level, `folder`/x/y.png, as a picture: a source of `kmq.encode_tiles`.

    So tile servers name them, and `gdal2tiles --xyz`: x grows to the right and y downwards, or with `tms`
    upwards. All are squares of one side, up to 4,096 pixels, in any format that Pillow reads. The picture
    goes from the least to the greatest x and y that are there; `origin` says which those are at its left
    top. Files of other names are left out.

    It has a `shape`, (H, W, 3), or (H, W, 4) where a tile is missing, which is transparent, or
    has transparency; a `dtype`, uint8; and slices as of an array, `tiles[y0:y1, x0:x1]`, for
    which the tiles are decoded that they touch: to sRGB, as `encode` does. Up to 16 MiB of them are
    kept, or one that is larger. When it is made, names and headers of all tiles are read. Beside that it
    takes 10 bytes for each tile; it may be used by several threads.

    Raises OSError for a folder or file that can't be read; ValueError, naming it, for a folder without tiles,
    two files of one tile, a tile of another size, and a file that isn't a picture or turns out damaged, which
    slices raise.
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
                f"{folder}: no map tiles; a folder of one zoom level is needed, with x/y.png or the like"
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
                f"{folder}: tiles are {extent[1]:,} columns and {extent[0]:,} rows of {self._side} pixels "
                f"apart; sides must be 1 to {MAX_SIDE:,} pixels"
            )
        self._shape = extent[0] * self._side, extent[1] * self._side, 4 if transparent else 3
        self._decoded: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the picture as an array: (H, W, 3 | 4)."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Of the picture as an array: uint8."""
        return np.dtype(np.uint8)

    @property
    def side(self) -> int:
        """Pixels of a tile's side."""
        return self._side

    @property
    def origin(self) -> tuple[int, int]:
        """The x and y, as in the files' names, of the tile place at the picture's left top."""
        return self._origin

    def __getitem__(self, key: object) -> NDArray[np.uint8]:
        """Return a part of the picture. Keys are those of `KmqFile`; raises as those do, and as the class."""
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
        """Raise ValueError if a tile has another size. The first one's side is that of all."""
        if not self._side and width == height <= MOST_SIDE:
            self._side = width
        if (width, height) != (self._side, self._side):
            allowed = f"{self._side} x {self._side}" if self._side else f"square, up to {MOST_SIDE:,}"
            raise ValueError(f"{path}: the tile has {width} x {height} pixels; it must be {allowed}")

    def _tile(self, row: int, column: int) -> NDArray[np.uint8] | None:
        """Return the pixels of a tile, (side, side, c), or None if there is none."""
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
        # Once more: of some formats the size is known when the pixels are read.
        self._check_size(path, pixels.shape[1], pixels.shape[0])
        channels = self.shape[2]
        if pixels.shape[2] > channels:
            raise ValueError(f"{path}: the tile has transparency, which its header didn't say before")
        flat = in_channels(pixels.reshape(-1, pixels.shape[2]), channels)
        return flat.reshape(self._side, self._side, channels)


def _names(folder: Path) -> Iterator[tuple[int, int, str]]:
    """Yield x, y and the suffix of every file that is called as a tile is."""
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
    """Turn what Pillow raises for a tile into a ValueError that names it; what the system raises stays."""
    try:
        yield
    except MemoryError:
        raise
    except UnidentifiedImageError:
        raise ValueError(f"{path}: not a picture in a format that Pillow reads") from None
    except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise ValueError(f"{path}: Pillow can't read it: {str(error) or type(error).__name__}") from None
