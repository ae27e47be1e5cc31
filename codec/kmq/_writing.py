"""From a palette and an index plane to the bytes of a file: cut, each tile coded, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding import Coding, CodingOptions, candidates
from kmq._container import write_container
from kmq._index_plane import IndexPlane, trusted_plane
from kmq._threads import in_order
from kmq._tiles import Box, TileGrid

if TYPE_CHECKING:
    from kmq._palette import Palette


@dataclass(frozen=True, slots=True)
class Writing:
    """How to write: a coding's name or "auto", a tile's side or None, and on how many threads."""

    coding: str
    tile: int | None
    threads: int
    options: CodingOptions


def written(palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing) -> bytes:
    """Return the bytes of a file: the smallest that `writing` allows, the same on any number of threads."""
    grid = TileGrid(plane.width, plane.height, writing.tile)

    def file(coding: Coding) -> bytes:
        def payload(box: Box) -> bytes:
            part = plane.indices[box.y : box.y + box.height, box.x : box.x + box.width]
            tile = trusted_plane(np.ascontiguousarray(part), plane.k) if grid.count > 1 else plane
            return coding.encode(tile, palette, writing.options)

        payloads = list(in_order(payload, grid.boxes(), writing.threads))
        return write_container(grid, palette, coding, payloads, metadata)

    return min(map(file, candidates(writing.coding, plane.width * plane.height)), key=len)
