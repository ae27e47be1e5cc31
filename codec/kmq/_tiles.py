"""How a picture is cut into tiles (spec section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kmq._arguments import checked_integer

MAX_SIDE = 2**31 - 1
"""Longest side a picture can have, in pixels (spec M5, M6)."""

TILE_EXPONENTS = range(1, 16)
"""A tile's side is 2 to one of these (spec M8)."""


class Box(NamedTuple):
    """A rectangle of pixels: its left and top edges, its width and height."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class TileGrid:
    """A picture of `width` x `height` pixels cut into squares of `side`, or not cut if None."""

    width: int
    height: int
    side: int | None = None

    @property
    def columns(self) -> int:
        """Tiles from left to right."""
        return 1 if self.side is None else -(-self.width // self.side)

    @property
    def rows(self) -> int:
        """Tiles from top to bottom."""
        return 1 if self.side is None else -(-self.height // self.side)

    def __len__(self) -> int:
        return self.columns * self.rows

    def box(self, number: int) -> Box:
        """Return the place of a tile, by its number in raster order."""
        if self.side is None:
            return Box(0, 0, self.width, self.height)
        row, column = divmod(number, self.columns)
        x, y = column * self.side, row * self.side
        return Box(x, y, min(self.side, self.width - x), min(self.side, self.height - y))

    def boxes(self) -> Iterator[Box]:
        """Yield the place of every tile, in raster order."""
        return map(self.box, range(len(self)))

    def touching(self, region: Box) -> Iterator[int]:
        """Yield the numbers of the tiles that share pixels with `region`, in raster order."""
        side = max(self.width, self.height) if self.side is None else self.side
        for row in range(region.y // side, (region.y + region.height - 1) // side + 1):
            for column in range(region.x // side, (region.x + region.width - 1) // side + 1):
                yield row * self.columns + column


def check_size(width: int, height: int) -> None:
    """Raise ValueError unless the format can hold a picture of these sides."""
    checked_integer("width", width, 1, MAX_SIDE)
    checked_integer("height", height, 1, MAX_SIDE)


def check_tile(tile: int | None) -> int:
    """Return the exponent for a tile of side `tile`, 0 for None.

    Raises ValueError unless it is a power of two from 2 to 32,768.
    """
    if tile is None:
        return 0
    side = checked_integer("tile", tile, 2, 1 << TILE_EXPONENTS[-1])
    if side & (side - 1):
        raise ValueError(f"tile is {side}; it must be a power of two")
    return side.bit_length() - 1
