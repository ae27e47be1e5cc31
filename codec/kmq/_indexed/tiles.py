"""How a picture is cut into tiles (spec section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kmq._ground.arguments import checked_integer, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices

MAX_SIDE = 2**31 - 1
"""Longest side a picture can have, in pixels (spec M5, M6)."""

TILE_EXPONENTS = range(4, 16)
"""Exponents of a tile's side, 2**4 to 2**15: 16 to 32,768 pixels (spec M8)."""

AUTO_TILE = "auto"
"""Asks for one tile, or for tiles of AUTO_SIDE if the picture has more than WHOLE_PIXELS pixels."""

WHOLE_PIXELS = 1 << 22
AUTO_SIDE = 1024

BUSY_PIXELS = 1 << 19
"""Most busy pixels of a tile that is as large as the picture; see `cut_where_busy`."""

BUSY_SIDE = 512
"""Side of the tiles of pictures that are busy nearly all over, which tiles of this side cost nothing."""

ROWS_COUNTED = 8
"""One row in so many is looked at to count the busy pixels."""


class Box(NamedTuple):
    """A rectangle of pixels: left and top edge, width and height."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class TileGrid:
    """A picture of `width` x `height` pixels, cut into squares of `side`; None leaves it whole."""

    width: int
    height: int
    side: int | None = None

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return 1 if self.side is None else -(-self.width // self.side)

    @property
    def rows(self) -> int:
        """Tiles in a column."""
        return 1 if self.side is None else -(-self.height // self.side)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.columns * self.rows

    def box(self, number: int) -> Box:
        """Return the box of tile `number`, counted in raster order from 0."""
        if self.side is None:
            return Box(0, 0, self.width, self.height)
        row, column = divmod(number, self.columns)
        x, y = column * self.side, row * self.side
        return Box(x, y, min(self.side, self.width - x), min(self.side, self.height - y))

    def boxes(self) -> Iterator[Box]:
        """Yield the box of every tile, in raster order."""
        return map(self.box, range(self.count))

    def touching(self, region: Box) -> Iterator[int]:
        """Yield the numbers of the tiles that overlap `region`, in raster order."""
        side = max(self.width, self.height) if self.side is None else self.side
        for row in range(region.y // side, (region.y + region.height - 1) // side + 1):
            for column in range(region.x // side, (region.x + region.width - 1) // side + 1):
                yield row * self.columns + column

    def covering(self, region: Box) -> Box:
        """Return the box that the tiles overlapping `region` cover together."""
        side = max(self.width, self.height) if self.side is None else self.side
        x, y = region.x // side * side, region.y // side * side
        right = min(-(-(region.x + region.width) // side) * side, self.width)
        bottom = min(-(-(region.y + region.height) // side) * side, self.height)
        return Box(x, y, right - x, bottom - y)


def checked_tile(tile: int | str | None) -> int | str | None:
    """Return `tile`: a side as an int, AUTO_TILE, or None for a picture of one tile.

    Raises ValueError or TypeError unless a side is a power of two from 16 to 32,768.
    """
    if tile is None or (isinstance(tile, str) and tile == AUTO_TILE):
        return tile
    if isinstance(tile, str):
        raise TypeError(f"tile is {shown(tile)}; it must be a power of two, 'auto' or None")
    side = checked_integer("tile", tile, 1 << TILE_EXPONENTS[0], 1 << TILE_EXPONENTS[-1])
    if side & (side - 1):
        raise ValueError(f"tile is {side}; it must be a power of two")
    return side


def cut(width: int, height: int, tile: int | str | None) -> TileGrid:
    """Return the grid that `tile`, as `checked_tile` returns it, cuts a picture into."""
    if isinstance(tile, str):
        tile = None if width * height <= WHOLE_PIXELS else AUTO_SIDE
    return TileGrid(width, height, tile)


def cut_where_busy(indices: Indices) -> TileGrid:
    """Return the grid for a coding that flat pixels cost no time, of a picture of up to WHOLE_PIXELS.

    Tiles let several threads work, but each has to learn anew what repeats. With few busy pixels there is
    little work to share: one tile. On the corpus's text and screens tiles of 1,024 cost 0 to 30 % of the
    bytes, and those of 512 twice that; on photographs, which are busy all over, neither costs anything.
    """
    height, width = indices.shape
    side = None
    if width * height > BUSY_PIXELS and min(width - 1, height) > 1:
        busy = busy_pixels(indices[:-1:ROWS_COUNTED], indices[1::ROWS_COUNTED])
        share = np.count_nonzero(busy) / busy.size
        if share * width * height > BUSY_PIXELS:
            side = BUSY_SIDE if share > 3 / 4 else AUTO_SIDE
    return TileGrid(width, height, side)


def busy_pixels(above: Indices, rows: Indices) -> NDArray[np.bool_]:
    """Return which pixels of some rows (n, W) are busy, all but the outermost ones: (n, W - 2).

    `above` (n, W) has the row above each. A pixel is busy unless its neighbours to the left, above, and above
    to both sides are equal (spec D.4).
    """
    west, north = rows[:, :-2], above[:, 1:-1]
    busy: NDArray[np.bool_] = (west != north) | (west != above[:, :-2]) | (west != above[:, 2:])
    return busy
