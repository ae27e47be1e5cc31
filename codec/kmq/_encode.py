"""The way from an image to the bytes of a file."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from kmq._arguments import checked_integer
from kmq._atomic import check_free, write_atomically
from kmq._clustering import KMeansOptions, cluster_palette
from kmq._container import CODINGS, write_container
from kmq._file import inspect_canonical
from kmq._histogram import histogram
from kmq._image import canonical_image
from kmq._index_plane import IndexPlane, trusted_plane
from kmq._mapping import map_indices
from kmq._packing import pack_indices
from kmq._palette import MAX_ENTRIES, Palette
from kmq._tiles import TileGrid, checked_tile

if TYPE_CHECKING:
    from kmq._image import CanonicalImage, ImageLike
    from kmq._ledger import Ledger


def encode(
    image: ImageLike,
    k: int = 256,
    *,
    coding: str = "auto",
    tile: int | None = None,
    keep: Iterable[str] = (),
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int = 0,
) -> bytes:
    """Return the bytes of a .kmq file of `image` with at most `k` colours.

    `image` is a Pillow image of any mode, or a uint8 array (H, W), (H, W, 1), (H, W, 3) or
    (H, W, 4). A picture of at most `k` distinct colours is stored exactly; so is the palette
    of a Pillow image of mode P, with its order and indices, if it has at most `k` entries.
    Of other pictures, the colours are clustered (see `fit_palette`) and every pixel gets the
    nearest entry. Fully transparent pixels become transparent black, but in a palette that
    is kept.

    Of an image, the Exif orientation is applied and an ICC profile converted to sRGB. Modes
    I;16 and I hold 0 to 65,535; for mode F, white is the smallest of 1, 255 and 65,535 that
    holds its values (5 % outside are clipped).

    `k` is 1 to 65,536. `coding` is "auto" or "packed", which are the same so far. `tile`
    cuts the picture into squares of that side, a power of two from 16 to 32,768. `keep` names
    the metadata to keep: any of "icc", "exif", "xmp"; only a Pillow image has them.
    `n_init`, `max_iter`, `tol` and `random_state` are those of scikit-learn's KMeans.

    The same pixels and options give the same bytes, on any number of cores.

    Raises ValueError, or TypeError for what is not a number, naming the argument.
    """
    request = _Request(k, coding, tile, KMeansOptions(n_init, max_iter, tol, random_state))
    return _encode(canonical_image(image, keep), request)


def save(
    file: str | os.PathLike[str] | BinaryIO,
    image: ImageLike,
    k: int = 256,
    *,
    coding: str = "auto",
    tile: int | None = None,
    keep: Iterable[str] = (),
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int = 0,
    overwrite: bool = True,
) -> Ledger:
    """Encode `image` to a file; return its ledger, with the loss.

    `file` is a path or a binary file open for writing; the other arguments are those of
    `encode`. A path is written all or not at all: an existing file stays as it was until
    the new one is whole.

    Raises what `encode` does; OSError if the file can't be written; FileExistsError if it
    exists and `overwrite` is false.
    """
    request = _Request(k, coding, tile, KMeansOptions(n_init, max_iter, tol, random_state))
    path = file if isinstance(file, (str, os.PathLike)) else None
    if path is None and not hasattr(file, "write"):
        raise TypeError(f"file is {type(file).__name__}; it must be a path or a file open for writing")
    if path is not None and not overwrite:
        check_free(path)  # before the work, not only after it
    canonical = canonical_image(image, keep)
    data = _encode(canonical, request)
    if path is not None:
        write_atomically(path, data, overwrite=overwrite)
    else:
        _write_stream(cast("BinaryIO", file), data)
    return inspect_canonical(data, canonical)


def _write_stream(file: BinaryIO, data: bytes) -> None:
    """Write all of `data`; an unbuffered stream may take less at a time."""
    left = memoryview(data)
    while left:
        written = file.write(left)
        if written is None and isinstance(file, io.RawIOBase):
            raise BlockingIOError(errno.EAGAIN, "the stream takes no more bytes now", len(data) - len(left))
        left = left[len(left) if written is None else written :]


@dataclass(frozen=True, slots=True)
class _Request:
    """What the encoder is asked for, checked before any work is done."""

    k: int
    coding: str
    tile: int | None
    options: KMeansOptions

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", checked_integer("k", self.k, 1, MAX_ENTRIES))
        if self.coding not in ("auto", *CODINGS):
            raise ValueError(f"coding is {self.coding!r}; it must be one of auto, {', '.join(CODINGS)}")
        object.__setattr__(self, "tile", checked_tile(self.tile))


def _encode(canonical: CanonicalImage, request: _Request) -> bytes:
    palette, plane = _quantise(canonical, request)
    grid = TileGrid(plane.width, plane.height, request.tile)
    payloads = [
        pack_indices(
            trusted_plane(np.ascontiguousarray(plane.indices[y : y + height, x : x + width]), plane.k)
        )
        for x, y, width, height in grid.boxes()
    ]
    return write_container(grid, palette, "packed", payloads, canonical.metadata)


def _quantise(canonical: CanonicalImage, request: _Request) -> tuple[Palette, IndexPlane]:
    if canonical.indexed is not None and canonical.indexed[0].k <= request.k:
        return canonical.indexed
    counted = histogram(canonical)
    palette = cluster_palette(counted, request.k, request.options)
    return palette, map_indices(counted, palette)
