"""From a palette and an index plane to the bytes of a file: cut into tiles, code each, join them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.codings import CODINGS, Coding, CodingOptions, candidates
from kmq._coding.palette import coded_palette
from kmq._container.header import Container, read_header, read_sections, write_head
from kmq._ground.threads import in_order
from kmq._indexed.index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._indexed.palette import Palette
from kmq._indexed.tiles import AUTO_TILE, WHOLE_PIXELS, Box, TileGrid, cut, cut_where_busy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices


@dataclass(frozen=True, slots=True)
class Writing:
    """How to write a file.

    `coding` is a coding's name or "auto". `tile` is the side of a tile, "auto" or None. `threads` is how
    many tiles are coded at a time. With `keep_palette_order`, every entry keeps its number.
    """

    coding: str
    tile: int | str | None
    threads: int
    options: CodingOptions
    keep_palette_order: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is known of a file before its pixels are coded, the same for all tiles.

    `palette` has the entries in the file's order, and `stored` is its coded form, or None. `numbers` (k,)
    maps the picture's indices to that order; None keeps them. `coding` is a name, so that a plan can be sent
    to other processes.
    """

    grid: TileGrid
    palette: Palette
    stored: bytes | None
    numbers: NDArray[np.uint8 | np.uint16] | None
    coding: str
    options: CodingOptions

    def payload(self, indices: Indices) -> bytes:
        """Return the payload of a tile, given the picture's indices in it, (H, W)."""
        own = np.ascontiguousarray(indices) if self.numbers is None else self.numbers[indices]
        tile = trusted_plane(own.view(), self.palette.k)
        return CODINGS[self.coding].encode(tile, self.palette, self.options)

    def renumbered(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts of the picture's indices, (k,), in the order of the file's entries."""
        if self.numbers is None:
            return counts
        ordered = np.empty_like(counts)
        ordered[self.numbers] = counts
        return ordered

    def head(self, lengths: list[int], crcs: list[int], metadata: Mapping[str, bytes]) -> bytes:
        """Return the bytes of the file before its payloads, given their lengths and checksums."""
        coding = CODINGS[self.coding]
        return write_head(self.grid, self.palette, coding, lengths, crcs, metadata, self.stored)

    def container(self, lengths: list[int], crcs: list[int], metadata: Mapping[str, bytes]) -> Container:
        """Return what `read_container` returns for the file, given the payloads' lengths and checksums."""
        head = memoryview(self.head(lengths, crcs, metadata))
        header = read_header(head)
        return Container(
            grid=header.grid,
            coding=header.coding,
            palette=header.palette,
            metadata=read_sections(head, header),
            palette_size=header.palette_size,
            header_size=header.size,
            sections_size=header.sections_size,
            tile_starts=np.cumsum([len(head), *lengths], dtype=np.int64),
            tile_crcs=header.items[:, -1].astype(np.uint32),
        )


def planned(palette: Palette, grid: TileGrid, coding: Coding, writing: Writing) -> Plan:
    """Return the plan of a file in one coding, for a picture of `palette` cut by `grid`."""
    coded = None
    if coding.codes_palette:
        coded = coded_palette(palette, keep_order=writing.keep_palette_order)
    if coded is None:
        return Plan(grid, palette, None, None, coding.name, writing.options)
    numbers = np.empty(palette.k, index_dtype(palette.k))
    numbers[coded.order] = np.arange(palette.k)
    entries = Palette(palette.entries[coded.order])
    return Plan(grid, entries, coded.payload, numbers, coding.name, writing.options)


def written(palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing) -> bytes:
    """Return the bytes of the smallest file that `writing` allows, the same on any number of threads."""
    return smallest(palette, plane, metadata, writing)[1]


def smallest(
    palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing
) -> tuple[Plan, bytes]:
    """Return the plan of the smallest file that `writing` allows, and its bytes."""
    codings = candidates(writing.coding, plane.indices.size, writing.options.effort)
    plans = (planned(palette, _grid(plane, coding, writing.tile), coding, writing) for coding in codings)
    files = ((plan, _file(plan, plane, metadata, writing.threads)) for plan in plans)
    return min(files, key=lambda file: len(file[1]))


def _grid(plane: IndexPlane, coding: Coding, tile: int | str | None) -> TileGrid:
    if tile == AUTO_TILE and coding.flat_is_free and plane.indices.size <= WHOLE_PIXELS:
        return cut_where_busy(plane.indices)
    return cut(plane.width, plane.height, tile)


def _file(plan: Plan, plane: IndexPlane, metadata: Mapping[str, bytes], threads: int) -> bytes:
    """Return the bytes of the file of one plan."""

    def payload(box: Box) -> bytes:
        return plan.payload(plane.indices[box.y : box.y + box.height, box.x : box.x + box.width])

    return joined(plan, in_order(payload, plan.grid.boxes(), min(threads, plan.grid.count)), metadata)


def joined(plan: Plan, payloads: Iterable[bytes], metadata: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a file, given the payloads of its tiles in raster order."""
    parts = list(payloads)
    head = plan.head([len(part) for part in parts], [zlib.crc32(part) for part in parts], metadata)
    return b"".join([head, *parts])
