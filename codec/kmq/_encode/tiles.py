"""From a picture that is read part by part to a file that is written tile by tile: count, choose, then map.

In: a `LargePicture`, and what `kmq.encode` may be told. Out: the file that `kmq.encode` would make of the
whole picture. What can't happen: that its bytes depend on the threads, or on who did which part; that more is
held than the colour table and, for each thread, some tiles.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from kmq._coding.codings import candidates
from kmq._colours.channels import fewest_channels, in_channels
from kmq._colours.loss import SCALE, squared_distances
from kmq._colours.nearest import nearest
from kmq._colours.spaces import checked_space
from kmq._container.header import packed_bytes
from kmq._container.tile_file import TileFile
from kmq._container.writing import Plan, planned
from kmq._encode.encoder import checked_request, checked_writing
from kmq._file.ledger import ledger_of
from kmq._ground.threads import in_order
from kmq._ground.whole_files import check_free, write_atomically, write_copied
from kmq._indexed.index_plane import index_dtype
from kmq._indexed.palette import Palette
from kmq._indexed.tiles import Box, cut
from kmq._palette.fitting import cluster_palette
from kmq._palette.given import PaletteLike, matched
from kmq._picture.canonical import CanonicalImage
from kmq._picture.colour_table import ColourTable, added
from kmq._picture.histogram import Histogram, counted_codes, histogram
from kmq._picture.large import LargePicture, covered
from kmq._plane.mapping import indices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._container.writing import Writing
    from kmq._encode.encoder import Request
    from kmq._file.ledger import Ledger

Progress = Callable[[int, int], None]
"""Is told how many pixels are done, and of how many; those of both passes count."""

PIXELS_AT_ONCE = 1 << 18
"""Pixels whose colours are counted at one time, to add them up or to map them."""

COLOURS_AT_ONCE = 1 << 16
"""Colours that are counted, and whose distances are held, at one time."""


def encode_tiles(
    source: object,
    file: str | os.PathLike[str] | BinaryIO,
    k: int | None = None,
    *,
    palette: PaletteLike | None = None,
    space: str | None = None,
    effort: str = "default",
    coding: str = "auto",
    tile: int | str | None = "auto",
    threads: int = 1,
    keep_palette_order: bool = False,
    n_init: int = 1,
    max_iter: int | None = None,
    tol: float = 1e-4,
    random_state: int = 0,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> Ledger:
    """Encode a picture of any size in bounded memory; return its ledger, with the loss.

    `source` is an object with a `shape`, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), a `dtype`, uint8, and
    slices, `source[y0:y1, x0:x1]`, that are arrays: a NumPy memory map, a Zarr array, an HDF5 dataset, a
    `kmq.KmqFile`, a folder of map tiles as `kmq.MapTiles`. It is read twice, from one thread: its colours
    are counted, a palette is chosen, and its pixels are mapped. (Where the palette is given and has no
    alpha, once.)

    `file` is a path, which is written all or not at all, or a binary file open for writing, to which it is
    copied when it is whole. The other arguments are those of `encode`, and so are the bytes:
    those that `encode` returns for the whole array. There is no dithering, and no target.
    `progress(done, total)` is called with the pixels done, of both passes; where "auto" comes to nothing
    smaller than packed, the second begins again.

    Held at a time are a table of at most 1,048,576 colours (see `fit_palette`) and, for each of
    `threads`, two blocks of neighbouring tiles, of 4 MiB or of one tile if that is larger.

    Raises ValueError or TypeError, naming the argument; what `source` does; OSError if the file can't be
    written; FileExistsError if it exists and `overwrite` is false.
    """
    kmeans = {"n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": random_state}
    writing = checked_writing(coding, tile, threads, effort, keep_palette_order or palette is not None)
    request = checked_tiles_request(k, palette, space, effort, kmeans, writing)
    check_destination(file, overwrite=overwrite)
    return encode_picture(LargePicture.of(source), request, file, progress, overwrite)


def checked_tiles_request(
    k: object,
    palette: PaletteLike | None,
    space: str | None,
    effort: str,
    kmeans: dict[str, Any],
    writing: Writing,
) -> Request:
    """Return what is asked of tiles: what may be asked of a whole picture, but for targets and dithering."""
    if isinstance(k, str):
        raise TypeError(f"k is {k!r}; of tiles it must be an integer")
    return checked_request(k, palette, (None, None, None), space, effort, "none", None, kmeans, writing)


def check_destination(file: object, *, overwrite: bool) -> None:
    """Raise TypeError for what can't be written to; FileExistsError if it mustn't be overwritten."""
    if isinstance(file, (str, os.PathLike)):
        if not overwrite:
            check_free(file)
    elif not hasattr(file, "write"):
        raise TypeError(f"file is {type(file).__name__}; it must be a path or a file open for writing")


def encode_picture(
    picture: LargePicture,
    request: Request,
    file: str | os.PathLike[str] | BinaryIO,
    progress: Progress | None,
    overwrite: bool,  # noqa: FBT001
    fewest: bool = False,  # noqa: FBT001, FBT002
) -> Ledger:
    """Do the work of `encode_tiles`, with arguments that have been checked; `fewest` as of `job_of`."""
    return write_job(job_of(picture, request, progress, fewest=fewest), _tiles, file, progress, overwrite)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What every tile is mapped to: a palette, by distances in `space`."""

    palette: Palette
    space: str


@dataclass(frozen=True, slots=True)
class Job:
    """A picture, what it is mapped to, and the plans of the files that may come of it.

    The last plan is the one to try first; those before it are for when its file becomes no smaller.
    """

    picture: LargePicture
    mapping: Mapping
    plans: tuple[Plan, ...]
    threads: int


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A tile's payload, how often it has each index, (k,), and its squared error times SCALE."""

    payload: bytes
    counts: NDArray[np.int64]
    error: int


def job_of(
    picture: LargePicture, request: Request, progress: Progress | None = None, *, fewest: bool = False
) -> Job:
    """Count the colours of a picture and choose what they are mapped to.

    `fewest` leaves out the channels that say nothing, as of a Pillow image.
    """
    writing = request.writing
    if request.palette is not None and picture.channels < 4 and not fewest:
        counted = Histogram(np.zeros((1, picture.channels), np.uint8), np.ones(1, np.int64))
        return job_for(picture, ColourTable.of(counted), request)
    grid = cut(picture.width, picture.height, writing.tile)

    def blocks() -> Iterator[NDArray[np.uint8]]:
        for boxes in picture.blocks(grid):
            yield picture.read(covered(boxes))

    def tables() -> Iterator[ColourTable]:
        done = 0
        for table in in_order(table_of, blocks(), writing.threads):
            done += int(table.counts.sum())
            _tell(progress, done, picture)
            yield table

    table = added(tables())
    if fewest:
        counted = table.histogram()
        channels = fewest_channels(counted.colours)
        picture = picture.in_channels(channels)
        table = ColourTable.of(Histogram(counted.colours[:, :channels], counted.counts))
    return job_for(picture, table, request)


def table_of(pixels: NDArray[np.uint8]) -> ColourTable:
    """Count the colours of canonical pixels, (H, W, c)."""
    return added(ColourTable(*counted_codes(pixels[rows])[:2], pixels.shape[2]) for rows in _few_rows(pixels))


def _few_rows(pixels: NDArray[np.uint8]) -> Iterator[slice]:
    """Yield rows that are counted together: of noise, each pixel takes up to 45 bytes meanwhile."""
    step = max(1, PIXELS_AT_ONCE // pixels.shape[1])
    return (slice(start, start + step) for start in range(0, len(pixels), step))


def job_for(picture: LargePicture, table: ColourTable, request: Request) -> Job:
    """Choose what the colours of a picture, which have been counted, are mapped to."""
    writing = request.writing
    mapping = Mapping(chosen_palette(table, request), request.options.space)
    grid = cut(picture.width, picture.height, writing.tile)
    codings = candidates(writing.coding, picture.width * picture.height)
    plans = tuple(planned(mapping.palette, grid, coding, writing) for coding in codings)
    return Job(picture, mapping, plans, writing.threads)


def chosen_palette(table: ColourTable, request: Request) -> Palette:
    """Return the palette that `encode` would choose for pictures of these colours."""
    counted = table.histogram()
    if request.palette is not None:
        return matched(counted, request.palette)[1]
    k = cast("int", request.k)
    palette = cluster_palette(counted, k, request.options)
    if table.dropped:
        return palette
    found = nearest(counted.colours, palette, checked_space(request.options.space))
    return Palette(palette.entries[np.bincount(found, minlength=palette.k) > 0])


def write_job(
    job: Job,
    tiles_of: Callable[[Job, Plan], Generator[Coded]],
    file: str | os.PathLike[str] | BinaryIO,
    progress: Progress | None,
    overwrite: bool,  # noqa: FBT001
) -> Ledger:
    """Map and code every tile, write them as they come to a path or a stream, and return the ledger.

    `tiles_of` does the mapping and coding by a plan, wherever it does it.
    """
    ledgers: list[Ledger] = []

    def write(to: BinaryIO) -> None:
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


def _tiles(job: Job, plan: Plan) -> Generator[Coded]:
    def coded(block: tuple[list[Box], NDArray[np.uint8]]) -> list[Coded]:
        boxes, pixels = block
        return coded_tiles(pixels, boxes, job.mapping, plan)

    def blocks() -> Iterator[tuple[list[Box], NDArray[np.uint8]]]:
        for boxes in job.picture.blocks(plan.grid):
            yield boxes, job.picture.read(covered(boxes))

    for block in in_order(coded, blocks(), job.threads):
        yield from block


def write_coded(
    tiles: Iterable[Coded], job: Job, plan: Plan, file: BinaryIO, progress: Progress | None = None
) -> Ledger | None:
    """Write a file of tiles as they come; return its ledger, or None if it becomes no smaller than packed.

    That is only for a plan that isn't the job's first, which is packed then.
    """
    most = None if plan is job.plans[0] else _packed_size(job.plans[0])
    begun = TileFile(file, plan)
    counts = np.zeros(plan.palette.k, np.int64)
    error = done = 0
    for tile in tiles:
        begun.write(tile.payload)
        counts += tile.counts
        error += tile.error
        done += int(tile.counts.sum())
        _tell(progress, job.picture.width * job.picture.height + done, job.picture)
        if most is not None and begun.size >= most:
            return None
    container = begun.finish()
    if plan.numbers is not None:
        counts[plan.numbers] = counts.copy()
    return ledger_of(container, counts, error / (SCALE * done))


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


def _packed_size(plan: Plan) -> int:
    none = [0] * plan.grid.count
    return len(plan.head(none, none, {})) + packed_bytes(plan.grid, plan.palette.k)


def _tell(progress: Progress | None, done: int, picture: LargePicture) -> None:
    if progress is not None:
        progress(done, 2 * picture.width * picture.height)
