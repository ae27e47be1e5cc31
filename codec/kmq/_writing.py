"""From a palette and an index plane to the bytes of a file: cut, each tile coded, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding import Coding, CodingOptions, candidates
from kmq._container import write_container
from kmq._index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._palette import Palette
from kmq._palette_coding import coded_palette
from kmq._threads import in_order
from kmq._tiles import Box, cut

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Writing:
    """How to write: a coding's name or "auto", a tile's side or "auto" or None, and on how many threads.

    `keep_palette_order` says that every entry keeps its number.
    """

    coding: str
    tile: int | str | None
    threads: int
    options: CodingOptions
    keep_palette_order: bool = False


def written(palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing) -> bytes:
    """Return the bytes of a file: the smallest that `writing` allows, the same on any number of threads."""
    tried = candidates(writing.coding, plane.width * plane.height)
    return min((_file(coding, palette, plane, metadata, writing) for coding in tried), key=len)


def _file(
    coding: Coding, palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing
) -> bytes:
    """Return the bytes of a file in one coding."""
    stored = None
    if coding.codes_palette:
        coded = coded_palette(palette, keep_order=writing.keep_palette_order)
        if coded is not None:
            stored, palette, plane = coded.payload, *_renumbered(palette, plane, coded.order)
    grid = cut(plane.width, plane.height, writing.tile)

    def payload(box: Box) -> bytes:
        part = plane.indices[box.y : box.y + box.height, box.x : box.x + box.width]
        tile = trusted_plane(np.ascontiguousarray(part), plane.k) if grid.count > 1 else plane
        return coding.encode(tile, palette, writing.options)

    payloads = list(in_order(payload, grid.boxes(), writing.threads))
    return write_container(grid, palette, coding, payloads, metadata, stored)


def _renumbered(palette: Palette, plane: IndexPlane, order: NDArray[np.intp]) -> tuple[Palette, IndexPlane]:
    """Return the same picture with the entries in another order: `order` (k,) names the old entry of each."""
    numbers = np.empty(palette.k, index_dtype(palette.k))
    numbers[order] = np.arange(palette.k)
    return Palette(palette.entries[order]), trusted_plane(numbers[plane.indices], plane.k)
