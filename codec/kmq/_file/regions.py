"""Regions: which bytes of a file to read for them, and the indices in those bytes.

Takes a file's container and a region of its picture. Returns pieces, each with the span of bytes that holds
it, and a piece's indices once its bytes are read. It reads only tiles that the region touches and, of a
packed tile, only rows of the region.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kmq._coding.codings import PACKED
from kmq._coding.packed import PackedPlane, packed_span
from kmq._file.decoder import decode_tile
from kmq._ground.sources import GAP, MOST_JOINED
from kmq._indexed.tiles import Box

if TYPE_CHECKING:
    from kmq._container.header import Container
    from kmq._indexed.index_plane import Indices


@dataclass(frozen=True, slots=True)
class Piece:
    """A box `part` of tile `number` that is decoded at once."""

    number: int
    part: Box


def pieces_of(
    container: Container, region: Box, *, in_memory: bool = False
) -> Iterator[tuple[Piece, tuple[int, int]]]:
    """Yield the pieces of a region, each with the span of the file to read for it.

    The region must lie in the picture. A piece is what the region has of a tile, and its span the tile's
    payload. Of a packed tile, a piece is some rows, and its span only theirs: all rows that lie close
    together, as they always do in memory.
    """
    grid, depth = container.grid, container.palette.bit_depth
    for number in grid.touching(region):
        tile = grid.box(number)
        left, top = max(region.x, tile.x), max(region.y, tile.y)
        width = min(region.x + region.width, tile.x + tile.width) - left
        bottom = min(region.y + region.height, tile.y + tile.height)
        if container.coding is not PACKED:
            part = Box(left - tile.x, top - tile.y, width, bottom - top)
            yield Piece(number, part), container.span(number)
            continue
        start, _ = container.span(number)
        close = in_memory or (tile.width - width) * depth <= 8 * GAP
        rows = max(1, 8 * MOST_JOINED // max(1, tile.width * depth)) if close else 1
        for y in range(top, bottom, rows):
            part = Box(left - tile.x, y - tile.y, width, min(rows, bottom - y))
            first, last = packed_span(tile.width, container.palette.k, *part)
            yield Piece(number, part), (start + first, start + last)


def decode_piece(container: Container, piece: Piece, data: memoryview) -> Indices:
    """Return the indices of a piece, (height, width), from the bytes of its span.

    Only payloads that are read whole have their checksums verified. Raises FormatError.
    """
    part = piece.part
    if container.coding is PACKED:
        width, k = container.grid.box(piece.number).width, container.palette.k
        before, _ = packed_span(width, k, *part)
        offset, _ = container.span(piece.number)
        return PackedPlane.view(data, width, k, offset, before).region(*part)
    indices = decode_tile(container, piece.number, data)
    return indices[part.y : part.y + part.height, part.x : part.x + part.width]
