"""Encoding a picture tile by tile, wherever the work is done: what `encode_tiles` and `kmq.dask` share.

In: a picture that is read part by part, the colours that were counted in it, and what was asked for. Out: the
file that `encode` would make of the whole picture, on any number of threads or machines. Only the colour
table and the tiles being worked on are in memory.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from kmq._coding.codings import PACKED, candidates
from kmq._coding.packed import unpack_tile
from kmq._colours.channels import in_channels
from kmq._colours.loss import SCALE, squared_distances
from kmq._colours.nearest import nearest
from kmq._colours.spaces import checked_space
from kmq._container.header import read_container
from kmq._container.tile_file import TileFile
from kmq._container.writing import Plan, Writing, planned, smallest
from kmq._encode.options import ClusterOptions, Request, check_known
from kmq._file.ledger import ledger_of
from kmq._ground.whole_files import write_atomically, write_copied
from kmq._indexed.index_plane import index_dtype, trusted_plane
from kmq._indexed.tiles import WHOLE_PIXELS, Box, TileGrid, cut
from kmq._palette.fitting import table_palette
from kmq._palette.given import matched
from kmq._picture.canonical import CanonicalImage
from kmq._picture.colour_table import ColourTable, added
from kmq._picture.histogram import counted_codes, histogram
from kmq._plane.mapping import indices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._file.ledger import Ledger
    from kmq._indexed.palette import Palette
    from kmq._picture.large import LargePicture

Progress = Callable[[int, int], None]
"""Called with the pixels done and the pixels to do; both passes count."""

PIXELS_AT_ONCE = 1 << 18
"""Pixels whose colours are counted at a time, to add them up or to map them."""

COLOURS_AT_ONCE = 1 << 16
"""Colours whose distances are computed and held at a time."""


def request_for_tiles(function: str, k: object, options: ClusterOptions, known: type) -> Request:
    """Return the request for a picture in tiles, which can have no target and no dithering.

    Raises TypeError or ValueError, naming the argument.
    """
    check_known(function, options, known)
    if isinstance(k, str):
        raise TypeError(f"k is {k!r}; of tiles it must be an integer")
    return Request(k=cast("int | None", k), **options)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What every tile is mapped to: a palette, by distances in `space`."""

    palette: Palette
    space: str


@dataclass(frozen=True, slots=True)
class Job:
    """A picture, what it is mapped to, and the plans of the files that it may become.

    The last plan is tried first. If its file becomes no smaller than packed, the one before it is next. With
    `writing`, the only plan is one packed tile, from whose indices the file is written as `writing` says.
    """

    picture: LargePicture
    mapping: Mapping
    plans: tuple[Plan, ...]
    threads: int
    writing: Writing | None


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tile's payload, how often it has each index, (k,), and its squared error times SCALE."""

    payload: bytes
    counts: NDArray[np.int64]
    error: int


def table_of(pixels: NDArray[np.uint8]) -> ColourTable:
    """Count the colours of canonical pixels, (H, W, c)."""
    return added(ColourTable(*counted_codes(pixels[rows])[:2], pixels.shape[2]) for rows in _few_rows(pixels))


def _few_rows(pixels: NDArray[np.uint8]) -> Iterator[slice]:
    """Yield rows that are counted together, few because a pixel of noise takes up to 45 bytes meanwhile."""
    step = max(1, PIXELS_AT_ONCE // pixels.shape[1])
    return (slice(start, start + step) for start in range(0, len(pixels), step))


def job_for(picture: LargePicture, table: ColourTable, request: Request) -> Job:
    """Return the job of a picture whose colours have been counted: choose its palette and plan its files."""
    writing = request.writing
    mapping = Mapping(_chosen_palette(table, request), request.clustering.space)
    codings = candidates(writing.coding, picture.width * picture.height, writing.options.effort)
    if picture.width * picture.height <= WHOLE_PIXELS and any(coding.flat_is_free for coding in codings):
        # The indices decide how it is cut, or which of several codings is the smallest.
        whole = TileGrid(picture.width, picture.height)
        plans = planned(mapping.palette, [(PACKED, whole)], writing)
        return Job(picture, mapping, plans, writing.threads, writing)
    grid = cut(picture.width, picture.height, writing.tile)
    plans = planned(mapping.palette, [(coding, grid) for coding in codings], writing)
    return Job(picture, mapping, plans, writing.threads, None)


def _chosen_palette(table: ColourTable, request: Request) -> Palette:
    """Return the palette that `encode` would choose for pictures of these colours."""
    if request.given is not None:
        return matched(table.histogram(), request.given)[1]
    return table_palette(table, cast("int", request.target), request.clustering)


def write_job(
    job: Job,
    tiles_of: Callable[[Job, Plan], Generator[Coded]],
    file: str | os.PathLike[str] | BinaryIO,
    progress: Progress | None,
    overwrite: bool,  # noqa: FBT001
) -> Ledger:
    """Map and code every tile, write the payloads as they come, and return the ledger.

    `tiles_of` maps and codes the tiles by a plan, wherever it does so.
    """
    ledgers: list[Ledger] = []

    def write(to: BinaryIO) -> None:
        if job.writing is not None:
            with contextlib.closing(tiles_of(job, job.plans[0])) as tiles:
                (tile,) = tiles
            ledgers.append(_write_indices(tile, job, job.writing, to))
            tell(progress, 2 * job.picture.width * job.picture.height, job.picture)
            return
        for plan in reversed(job.plans):
            with contextlib.closing(tiles_of(job, plan)) as tiles:
                ledger = write_coded(tiles, job, plan, to, progress)
            if ledger is not None:
                break
        assert ledger is not None  # noqa: S101  the first plan's file is no smaller than itself
        ledgers.append(ledger)

    if isinstance(file, (str, os.PathLike)):
        write_atomically(file, write, overwrite=overwrite)
    else:
        write_copied(file, write)
    return ledgers[-1]


def _write_indices(tile: Coded, job: Job, writing: Writing, file: BinaryIO) -> Ledger:
    """Write the file of a picture whose indices are in one packed tile; return its ledger."""
    width, height, k = job.picture.width, job.picture.height, job.mapping.palette.k
    indices = np.zeros((height, width), index_dtype(k))
    unpack_tile(memoryview(tile.payload), indices, k, 0)
    plan, data = smallest(job.mapping.palette, trusted_plane(indices, k), {}, writing)
    file.write(data)
    error = tile.error / (SCALE * width * height)
    return ledger_of(read_container(memoryview(data)), plan.renumbered(tile.counts), error)


def write_coded(
    tiles: Iterable[Coded], job: Job, plan: Plan, file: BinaryIO, progress: Progress | None = None
) -> Ledger | None:
    """Write a file of tiles as they come; return its ledger.

    Return None once the file is no smaller than that of the job's first plan, which is packed if there are
    others.
    """
    most = None if plan is job.plans[0] else job.plans[0].packed_size({})
    begun = TileFile(file, plan)
    counts = np.zeros(plan.palette.k, np.int64)
    error = done = 0
    for tile in tiles:
        begun.write(tile.payload)
        counts += tile.counts
        error += tile.error
        done += int(tile.counts.sum())
        tell(progress, job.picture.width * job.picture.height + done, job.picture)
        if most is not None and begun.size >= most:
            return None
    container = begun.finish()
    return ledger_of(container, plan.renumbered(counts), error / (SCALE * done))


def coded_tiles(pixels: NDArray[np.uint8], boxes: list[Box], mapping: Mapping, plan: Plan) -> list[Coded]:
    """Map and code the tiles of a block: canonical pixels, (H, W, c), of `boxes` side by side."""
    left = boxes[0].x
    parts = [pixels[:, box.x - left : box.x - left + box.width] for box in boxes]
    return [_coded(np.ascontiguousarray(part), mapping, plan) for part in parts]


def _coded(pixels: NDArray[np.uint8], mapping: Mapping, plan: Plan) -> Coded:
    palette = mapping.palette
    indices = np.empty(pixels.shape[:2], index_dtype(palette.k))
    counts = np.zeros(palette.k, np.int64)
    error = 0
    for rows in _few_rows(pixels):
        counted = histogram(CanonicalImage(pixels[rows]))
        assert counted.inverse is not None  # noqa: S101  histogram() makes it
        colours = in_channels(counted.colours, palette.channels)
        found = nearest(colours, palette, checked_space(mapping.space))
        for start in range(0, len(found), COLOURS_AT_ONCE):
            part = slice(start, start + COLOURS_AT_ONCE)
            each = counted.counts[part]
            counts += np.bincount(found[part], each, palette.k).astype(np.int64)  # exact below 2^53
            error += int(squared_distances(colours[part], palette.entries[found[part]]) @ each)
        indices[rows] = indices_of(counted.inverse, found, palette.k)
    return Coded(plan.payload(indices), counts, error)


def tell(progress: Progress | None, done: int, picture: LargePicture) -> None:
    if progress is not None:
        progress(done, 2 * picture.width * picture.height)
