"""`encode_tiles`: a picture read part by part, encoded on threads of this machine.

`kmq.dask` does the same on a cluster; `job` has what they share.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Unpack

import numpy as np

from kmq._colours.channels import fewest_channels
from kmq._encode.job import (
    Coded,
    Job,
    Progress,
    coded_tiles,
    job_for,
    request_for_tiles,
    table_of,
    tell,
    write_job,
)
from kmq._encode.options import Request, TileOptions
from kmq._ground.threads import in_order
from kmq._ground.whole_files import check_destination
from kmq._indexed.tiles import Box, cut
from kmq._picture.colour_table import ColourTable, added
from kmq._picture.histogram import Histogram
from kmq._picture.large import LargePicture, covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._container.writing import Plan
    from kmq._file.ledger import Ledger


def encode_tiles(
    source: object,
    file: str | os.PathLike[str] | BinaryIO,
    k: int | None = None,
    *,
    fewest_channels: bool = False,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[TileOptions],
) -> Ledger:
    """Encode a picture of any size in bounded memory; return its ledger, with the loss.

    `source` has a `shape`, (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), a `dtype`, uint8, and slices,
    `source[y0:y1, x0:x1]`, that are arrays: a NumPy memory map, a Zarr array, an HDF5 dataset, a
    `kmq.KmqFile`, or a `kmq.MapTiles` for a folder of map tiles. It is read twice, from one thread: to count
    its colours, and, once a palette is chosen, to map its pixels. (It is read once if you give a palette
    without alpha.)

    `file` is a path, which is written all or not at all, or a binary file open for writing, to which the
    whole file is copied at the end. The options are those of `encode` except targets, dithering and `keep`:
    `palette`, `space`, `effort`, `coding`, `tile`, `threads`, `reorder_palette`, `n_init`, `max_iter`,
    `tol`, `random_state`. The bytes are those that `encode` returns for the whole array. With
    `fewest_channels` they are those of `encode` for a Pillow image: alpha that is opaque throughout is left
    out, and colours that are all grey are stored as grey.

    `progress(done, total)` is called with the pixels done, in both passes. If `coding` "auto" finds
    nothing smaller than packed, the second pass begins again.

    Memory holds a table of at most 1,048,576 colours (see `fit_palette`) and, for each of `threads`,
    two blocks of neighbouring tiles, of 4 MiB or of one tile if that is larger. With `coding` "adaptive" or
    "auto", a picture of up to 4,194,304 pixels is mapped whole before it is cut and coded.

    Raises ValueError or TypeError, naming the argument; what `source` raises; OSError if the file can't be
    written; FileExistsError if it exists and `overwrite` is false.
    """
    request = request_for_tiles("encode_tiles", k, options, TileOptions)
    check_destination(file, overwrite=overwrite)
    job = _job_of(LargePicture.of(source), request, progress, fewest=fewest_channels)
    return write_job(job, _tiles, file, progress, overwrite)


def _job_of(picture: LargePicture, request: Request, progress: Progress | None, *, fewest: bool) -> Job:
    """Count the colours of a picture and plan its file; `fewest` leaves out channels that say nothing."""
    writing = request.writing
    if request.given is not None and picture.channels < 4 and not fewest:
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
            tell(progress, done, picture)
            yield table

    table = added(tables())
    if fewest:
        counted = table.histogram()
        channels = fewest_channels(counted.colours)
        picture = picture.in_channels(channels)
        narrow = ColourTable.of(Histogram(counted.colours[:, :channels], counted.counts))
        table = replace(narrow, dropped=table.dropped)
    return job_for(picture, table, request)


def _tiles(job: Job, plan: Plan) -> Generator[Coded]:
    def coded(block: tuple[list[Box], NDArray[np.uint8]]) -> list[Coded]:
        boxes, pixels = block
        return coded_tiles(pixels, boxes, job.mapping, plan)

    def blocks() -> Iterator[tuple[list[Box], NDArray[np.uint8]]]:
        for boxes in job.picture.blocks(plan.grid):
            yield boxes, job.picture.read(covered(boxes))

    for block in in_order(coded, blocks(), job.threads):
        yield from block
