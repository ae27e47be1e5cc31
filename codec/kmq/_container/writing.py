"""From a palette and an index plane to the bytes of a file: cut into tiles, code each, join them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.codings import CODINGS, Coding, CodingOptions, candidates
from kmq._coding.palette import coded_palette
from kmq._container.header import Container, packed_bytes, read_header, read_sections, write_head
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
class Entries:
    """How a file stores its palette.

    `palette` has the entries in the file's order, and `stored` is its coded form, or None. `numbers` (k,)
    maps the picture's indices to that order; None keeps them.
    """

    palette: Palette
    stored: bytes | None
    numbers: NDArray[np.uint8 | np.uint16] | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is known of a file before its pixels are coded, the same for all tiles.

    `coding` is a name, so that a plan can be sent to other processes.
    """

    grid: TileGrid
    entries: Entries
    coding: str
    options: CodingOptions

    @property
    def palette(self) -> Palette:
        """The palette in the file's order."""
        return self.entries.palette

    def payload(self, indices: Indices) -> bytes:
        """Return the payload of a tile, given the picture's indices in it, (H, W)."""
        numbers = self.entries.numbers
        own = np.ascontiguousarray(indices) if numbers is None else numbers[indices]
        tile = trusted_plane(own.view(), self.palette.k)
        return CODINGS[self.coding].encode(tile, self.palette, self.options)

    def renumbered(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts of the picture's indices, (k,), in the order of the file's entries."""
        if self.entries.numbers is None:
            return counts
        ordered = np.empty_like(counts)
        ordered[self.entries.numbers] = counts
        return ordered

    def head(self, lengths: list[int], crcs: list[int], metadata: Mapping[str, bytes]) -> bytes:
        """Return the bytes of the file before its payloads, given their lengths and checksums."""
        coding = CODINGS[self.coding]
        return write_head(self.grid, self.palette, coding, lengths, crcs, metadata, self.entries.stored)

    def packed_size(self, metadata: Mapping[str, bytes]) -> int:
        """Return the bytes of the file if its coding is packed: they don't depend on the indices."""
        none = [0] * self.grid.count
        return len(self.head(none, none, metadata)) + packed_bytes(self.grid, self.palette.k)

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


def planned(palette: Palette, grids: Sequence[tuple[Coding, TileGrid]], writing: Writing) -> tuple[Plan, ...]:
    """Return the plans of a file in several codings, each with its grid. They share one coded palette."""
    raw = Entries(palette, None, None)
    coded = raw
    if any(coding.codes_palette for coding, _ in grids):
        coded = _coded_entries(palette, writing) or raw
    return tuple(
        Plan(grid, coded if coding.codes_palette else raw, coding.name, writing.options)
        for coding, grid in grids
    )


def _coded_entries(palette: Palette, writing: Writing) -> Entries | None:
    """Return the entries in coded form, or None if that is no smaller than raw."""
    coded = coded_palette(palette, keep_order=writing.keep_palette_order)
    if coded is None:
        return None
    numbers = np.empty(palette.k, index_dtype(palette.k))
    numbers[coded.order] = np.arange(palette.k)
    return Entries(Palette(palette.entries[coded.order]), coded.payload, numbers)


def written(palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing) -> bytes:
    """Return the bytes of the smallest file that `writing` allows, the same on any number of threads."""
    return smallest(palette, plane, metadata, writing)[1]


def smallest(
    palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], writing: Writing
) -> tuple[Plan, bytes]:
    """Return the plan of the smallest file that `writing` allows, and its bytes."""
    codings = candidates(writing.coding, plane.indices.size, writing.options.effort)
    plans = planned(palette, [(coding, _grid(plane, coding, writing.tile)) for coding in codings], writing)
    others = ((plan, _file(plan, plane, metadata, writing.threads)) for plan in plans[1:])
    best = min(others, key=lambda file: len(file[1]), default=None)
    # The first plan of several is packed. It rarely wins, and its size is known without its bytes.
    if best is None or plans[0].packed_size(metadata) <= len(best[1]):
        best = plans[0], _file(plans[0], plane, metadata, writing.threads)
    return best


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
