"""Pictures of any size on many machines: .kmq files from Dask arrays, and Dask arrays from .kmq files.

Needs Dask: `pip install 'kmq[dask]'`. The current scheduler does the work, such as that of a
`distributed.Client`. Workers count the colours of the chunks and add up the tables in a tree. This process
chooses the palette. Workers map and code the tiles; their payloads, which are small, come to this process a
few at a time, and it writes them in place. If a worker dies, Dask does its tasks again. The bytes are always
those of `kmq.encode` for the whole array.
"""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

import dask
import dask.array as da
import numpy as np
from dask.base import tokenize

from kmq._colours.channels import without_hidden_colours
from kmq._encode.job import Coded, Job, Mapping, coded_tiles, job_for, request_for_tiles, table_of, write_job
from kmq._encode.options import ClusterOptions
from kmq._file.opening import open_file
from kmq._ground.arguments import shown
from kmq._ground.whole_files import check_destination
from kmq._indexed.tiles import Box
from kmq._picture.colour_table import MOST_COLOURS, ColourTable, added
from kmq._picture.large import LargePicture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._container.writing import Plan
    from kmq._encode.job import Progress
    from kmq._file.kmq_file import KmqFile
    from kmq._file.ledger import Ledger

__all__ = ["encode", "from_kmq"]

FAN_IN = 8
"""Tables that one task adds up."""

GROUP = FAN_IN**3
"""Chunks whose tables are added up before the sum is sent here, so that little is sent."""

AHEAD = 4
"""Tiles requested ahead of the one being written, for each thread that works on them."""


def encode(
    array: da.Array,
    file: str | os.PathLike[str] | BinaryIO,
    k: int | None = None,
    *,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ClusterOptions],
) -> Ledger:
    """Encode a Dask array, (H, W) or (H, W, 1 | 3 | 4) of uint8; return the ledger, with the loss.

    The options are those of `kmq.encode_tiles` except `threads` and `fewest_channels`, and so are the bytes.
    It is quickest if each chunk of the array is one or several whole tiles: a chunk is computed for each tile
    that it shares pixels with. An array of up to 4,194,304 pixels may be mapped in one task and coded in
    this process, as `kmq.encode_tiles` says.

    Raises what `kmq.encode_tiles` does, and what computing the array does.
    """
    request = request_for_tiles("encode", k, options, ClusterOptions)
    if not isinstance(array, da.Array):
        raise TypeError(
            f"array is {type(array).__name__}; it must be a Dask array (kmq.encode_tiles takes others)"
        )
    check_destination(file, overwrite=overwrite)
    picture = LargePicture.of(array)
    if array.ndim == 3:
        array = array.rechunk({2: -1})  # pixels stay together
    job = job_for(picture, _counted(array, picture, progress), request)
    return write_job(job, _tiles, file, progress, overwrite)


def from_kmq(
    path: str | os.PathLike[str], *, storage_options: collections.abc.Mapping[str, Any] | None = None
) -> da.Array:
    """Return a .kmq file's picture as a lazy array, (H, W) or (H, W, 3 | 4) of uint8, a chunk for each tile.

    The header is read now, and each tile when it is computed, by the worker that computes it: the path must
    lead to the file there too.

    fsspec opens a `path` with "://", such as "s3://scans/one.kmq"; `storage_options` are those of its file
    system. For each chunk its worker asks for the size, the first 64 KiB (or the header, if that is longer)
    and the tile, without reading ahead.

    Raises OSError or a KmqError, now or when it is computed. For a URL it raises ImportError without fsspec
    or a package that fsspec needs, and ValueError for an unknown protocol. For a path that is no URL,
    `storage_options` are a ValueError.
    """
    name = os.fspath(path)
    if storage_options is not None and not _is_url(name):
        raise ValueError(f"storage_options are for a URL, with '://'; path is {shown(name)}")
    options = dict(storage_options or {})
    with _opened(name, options) as file:
        shape, side = file.shape, file.tile
        key = "kmq-" + _token(name, options, file)
    chunks = [_pieces(length, side or length) for length in shape[:2]] + [(length,) for length in shape[2:]]
    # A partial hides the options: Dask would look for keys in them.
    region = functools.partial(_region, name, options)
    layer = {
        (key, row, column, *([0] * (len(shape) - 2))): (region, x, y, width, height)
        for row, (y, height) in enumerate(_places(chunks[0]))
        for column, (x, width) in enumerate(_places(chunks[1]))
    }
    return da.Array(layer, key, chunks=chunks, dtype=np.uint8)


def _is_url(name: str) -> bool:
    return "://" in name


def _token(name: str, options: dict[str, Any], file: KmqFile) -> str:
    """Return a text that differs between files, and changes when the file does."""
    if _is_url(name):
        # A file system may know only a file's name and size. The checksums are those of its content.
        crcs = file._container.tile_crcs  # noqa: SLF001
        store, place = _store(name, options)
        return str(tokenize(name, options, store.ukey(place), file.shape, crcs, file.palette.entries))
    status = os.stat(name)  # noqa: PTH116  a str may be what it is
    return str(tokenize(os.path.abspath(name), status.st_mtime_ns, status.st_size))  # noqa: PTH100


def _store(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """Return the file system of a URL, and the file's place in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(f"opening {shown(url)} takes fsspec: pip install fsspec") from error
    store, place = url_to_fs(url, **options)
    return store, place


@contextlib.contextmanager
def _opened(name: str, options: dict[str, Any]) -> Iterator[KmqFile]:
    if not _is_url(name):
        with open_file(name, max_pixels=None) as file:
            yield file
        return
    store, place = _store(name, options)
    # fsspec's own default reads 5 MiB ahead, more than most tiles.
    with store.open(place, "rb", cache_type="none") as raw, open_file(raw, max_pixels=None) as file:
        yield file


def _pieces(length: int, side: int) -> tuple[int, ...]:
    return tuple(min(side, length - start) for start in range(0, length, side))


def _places(pieces: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    start = 0
    for length in pieces:
        yield start, length
        start += length


def _region(name: str, options: dict[str, Any], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    with _opened(name, options) as file:
        return file.read(x, y, width, height)


def _counted(array: da.Array, picture: LargePicture, progress: Progress | None) -> ColourTable:
    """Count the colours chunk by chunk; the workers add up the tables."""
    chunks = array.to_delayed().ravel().tolist()
    groups = (_sum_of(chunks[start : start + GROUP]) for start in range(0, len(chunks), GROUP))

    def tables() -> Iterator[ColourTable]:
        done = 0
        for table in _computed(groups):
            done += int(table.counts.sum())
            if progress is not None:
                progress(done, 2 * picture.width * picture.height)
            yield table

    return added(tables())


def _sum_of(chunks: list[Any]) -> Any:  # noqa: ANN401  what dask.delayed returns has no type
    """Return the table of some chunks, delayed, as a tree of sums."""
    tables = [dask.delayed(_table)(chunk) for chunk in chunks]
    while len(tables) > 1:
        tables = [
            dask.delayed(added)(tables[start : start + FAN_IN]) for start in range(0, len(tables), FAN_IN)
        ]
    return tables[0]


def _table(chunk: NDArray[np.uint8]) -> ColourTable:
    return table_of(_canonical(chunk)).within(MOST_COLOURS)


def _canonical(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return without_hidden_colours(np.ascontiguousarray(np.atleast_3d(pixels)))


def _tiles(job: Job, plan: Plan) -> Generator[Coded]:
    array = job.picture.source
    mapping, shared = dask.delayed(job.mapping), dask.delayed(plan)
    yield from _computed(
        dask.delayed(_coded)(
            array[box.y : box.y + box.height, box.x : box.x + box.width], box, mapping, shared
        )
        for box in plan.grid.boxes()
    )


def _coded(pixels: NDArray[np.uint8], box: Box, mapping: Mapping, plan: Plan) -> Coded:
    (tile,) = coded_tiles(_canonical(pixels), [Box(*box)], mapping, plan)
    return tile


def _computed(tasks: Iterable[Any]) -> Generator[Any]:
    """Yield the results of delayed tasks in order; few are computed ahead of the one that is taken."""
    client = _client()
    ahead: deque[Any] = deque()
    if client is None:
        most = AHEAD * (os.cpu_count() or 1)
        for task in tasks:
            ahead.append(task)
            if len(ahead) == most:
                yield from dask.compute(*ahead)
                ahead.clear()
        yield from dask.compute(*ahead)
        return
    most = AHEAD * max(1, sum(client.nthreads().values()))
    for task in tasks:
        ahead.append(client.compute(task))
        if len(ahead) >= most:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _client() -> Any:  # noqa: ANN401  distributed may not be installed
    """Return the client of the cluster in use, if there is one."""
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None
