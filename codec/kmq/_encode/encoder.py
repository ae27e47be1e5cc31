"""The way from an image to the bytes of a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from kmq._coding.codings import AUTO, CODINGS, PACKED, CodingOptions
from kmq._colours.loss import mean_error, psnr
from kmq._container.writing import Writing, written
from kmq._encode.target import Target, checked_target, reached
from kmq._file.kmq_file import inspect_canonical
from kmq._ground.arguments import checked_name
from kmq._ground.threads import checked_threads
from kmq._ground.whole_files import check_free, write_atomically, write_stream
from kmq._indexed.index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._indexed.palette import Palette
from kmq._indexed.tiles import checked_tile
from kmq._palette.fitting import KMeansOptions, cluster_palette
from kmq._palette.given import PaletteLike, load_palette, matched
from kmq._picture.canonical import canonical_image
from kmq._picture.colour_table import MOST_COLOURS
from kmq._picture.histogram import Histogram, histogram
from kmq._plane.dithering import STRENGTH
from kmq._plane.mapping import map_indices

if TYPE_CHECKING:
    from kmq._file.ledger import Ledger
    from kmq._indexed.index_plane import Indices
    from kmq._picture.canonical import CanonicalImage, ImageLike


def encode(
    image: ImageLike,
    k: int | str | None = None,
    *,
    palette: PaletteLike | None = None,
    psnr: float | None = None,
    max_bytes: int | None = None,
    bpp: float | None = None,
    space: str | None = None,
    effort: str = "default",
    dither: str = "none",
    strength: float | None = None,
    coding: str = "auto",
    tile: int | str | None = "auto",
    threads: int = 1,
    keep_palette_order: bool = False,
    keep: Iterable[str] = (),
    n_init: int = 1,
    max_iter: int | None = None,
    tol: float = 1e-4,
    random_state: int = 0,
) -> bytes:
    """Return the bytes of a .kmq file of `image` with at most `k` colours, 256 unless told otherwise.

    `image` is a Pillow image of any mode, or a uint8 array (H, W), (H, W, 1), (H, W, 3) or
    (H, W, 4). A picture of at most `k` distinct colours is stored exactly; so is the palette
    of a Pillow image of mode P, if it has at most `k` entries.
    Of other pictures, the colours are clustered (see `fit_palette`) and every pixel gets the
    nearest entry, or is dithered (see `map_indices`). Fully transparent pixels become
    transparent black, but in a palette that is kept.

    Of an image, the Exif orientation is applied and an ICC profile converted to sRGB. Modes
    I;16 and I hold 0 to 65,535; for mode F, white is the smallest of 1, 255 and 65,535 that
    holds its values (5 % outside are clipped).

    How many colours: `k` is 1 to 65,536, or "auto" for the elbow: the smallest power of two up
    to 256 after which two more doublings gain less than 4.5 dB, or that reaches 45 dB, or
    all there are. A target takes the smallest k whose file has at least `psnr` dB, or the
    largest whose file has at most `max_bytes` bytes or `bpp` bits a pixel; a number `k`
    beside it is the most it may take.

    Which colours: `palette` gives them all, in their order: a Palette, a table of colours,
    a Pillow image, the path of a .gpl, .hex, .pal, .act, .kmq or picture file, or a name
    ("black-and-white", "game-boy", "pico-8", "e-paper-7", "web-safe"). If it has no
    transparent entry and the picture has fully transparent pixels, one is added at its end.

    `space`, `effort`, `n_init`, `max_iter`, `tol` and `random_state` are those of
    `fit_palette`, `dither` and `strength` those of `map_indices`. Unless told otherwise, the
    space is "oklab", but "srgb" for `psnr`, which is measured there, and to dither with a
    given palette, because unlike entries mix nearer to it than to Oklab; and the strength is
    0.8, but 1 with a given palette, which isn't fitted to the picture. `keep` names the
    metadata to keep: any of "icc", "exif", "xmp"; only a Pillow image has them.

    `coding` is "packed", "zstd", "context" or "auto": context up to 8 megapixels, zstd above, and packed
    wherever that isn't larger. `effort` is also for how long to look for a smaller file: of the
    context coding it names the model, and "thorough" takes several times as long, and to decode about twice
    as long. `tile` cuts the picture into squares of that side, a power of two from 16 to 32,768; None
    leaves it whole, and "auto" leaves up to 4,194,304 pixels whole and cuts larger pictures into squares of
    1,024. `threads`, 1 to 256, is how many of them are coded at a time. The context coding may renumber the
    entries of the palette, for that makes files smaller; `keep_palette_order` forbids it, as does `palette`.

    The same pixels and options give the same bytes, on any number of cores.

    Raises ValueError, or TypeError for what is not a number or a name, naming the argument;
    TargetError if `psnr`, `max_bytes` or `bpp` can't be had; and for a palette file
    FormatError or OSError.
    """
    kmeans = {"n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": random_state}
    keeps = keep_palette_order or palette is not None
    writing = checked_writing(coding, tile, threads, effort, keeps)
    request = checked_request(
        k, palette, (psnr, max_bytes, bpp), space, effort, dither, strength, kmeans, writing
    )
    return _encode(canonical_image(image, keep), request)


def save(
    file: str | os.PathLike[str] | BinaryIO,
    image: ImageLike,
    k: int | str | None = None,
    *,
    palette: PaletteLike | None = None,
    psnr: float | None = None,
    max_bytes: int | None = None,
    bpp: float | None = None,
    space: str | None = None,
    effort: str = "default",
    dither: str = "none",
    strength: float | None = None,
    coding: str = "auto",
    tile: int | str | None = "auto",
    threads: int = 1,
    keep_palette_order: bool = False,
    keep: Iterable[str] = (),
    n_init: int = 1,
    max_iter: int | None = None,
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
    kmeans = {"n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": random_state}
    keeps = keep_palette_order or palette is not None
    writing = checked_writing(coding, tile, threads, effort, keeps)
    request = checked_request(
        k, palette, (psnr, max_bytes, bpp), space, effort, dither, strength, kmeans, writing
    )
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
        write_stream(cast("BinaryIO", file), data)
    return inspect_canonical(data, canonical)


@dataclass(frozen=True, slots=True)
class Request:
    """What the encoder is asked for, checked before any work is done."""

    k: int | Target
    palette: Palette | None
    options: KMeansOptions
    writing: Writing


def checked_request(
    k: object,
    palette: PaletteLike | None,
    demands: tuple[float | None, int | None, float | None],
    space: str | None,
    effort: str,
    dither: str,
    strength: float | None,
    kmeans: dict[str, Any],
    writing: Writing,
) -> Request:
    """Check the arguments. Raises ValueError or TypeError, naming the argument."""
    fixed = None if palette is None else load_palette(palette)
    number = checked_target(k, *demands, fixed=None if fixed is None else fixed.k)
    if space is None:
        space = "srgb" if demands[0] is not None or (fixed is not None and dither != "none") else "oklab"
    if strength is None:
        strength = STRENGTH if fixed is None else 1.0
    options = KMeansOptions(space, effort, dither, strength, **kmeans)
    return Request(number, fixed, options, writing)


def checked_writing(
    coding: object, tile: int | str | None, threads: object, effort: str, keeps: object
) -> Writing:
    """Check the arguments. Raises ValueError or TypeError, naming the argument."""
    name = checked_name("coding", coding, (AUTO, *CODINGS))
    return Writing(name, checked_tile(tile), checked_threads(threads), CodingOptions(effort), bool(keeps))


def _encode(canonical: CanonicalImage, request: Request) -> bytes:
    if isinstance(request.k, Target):
        return _encode_to_target(canonical, request, request.k)
    palette, plane = _quantise(canonical, request, request.k)
    return written(palette, plane, canonical.metadata, request.writing)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """A palette of at most k colours and the picture in it; the rest is found out when it is asked for."""

    k: int
    palette: Palette
    plane: IndexPlane
    canonical: CanonicalImage
    writing: Writing

    @cached_property
    def psnr(self) -> float:
        error = mean_error(self.palette, self.plane, self.canonical.pixels)
        return psnr(error, self.palette.channels)

    @cached_property
    def data(self) -> bytes:
        return written(self.palette, self.plane, self.canonical.metadata, self.writing)

    @property
    def size(self) -> int:
        return len(self.data)


def _encode_to_target(canonical: CanonicalImage, request: Request, target: Target) -> bytes:
    """Try numbers of colours on one histogram until the target is met."""
    if canonical.indexed is not None and target.psnr is None and not target.auto:
        own = _Attempt(canonical.indexed[0].k, *canonical.indexed, canonical, request.writing)
        limit = target.limit(own.plane.indices.size)
        if own.k <= target.most and limit is not None and own.size <= limit:
            return own.data  # with its own palette, in its order
    counted = histogram(canonical)

    def attempt(k: int) -> _Attempt:
        return _Attempt(k, *_chosen(counted, k, request), canonical, request.writing)

    def packed_size(k: int) -> int:
        """Return the bytes of a packed file of k entries, which don't depend on what is in it."""
        plane = trusted_plane(np.zeros((height, width), index_dtype(k)), k)
        palette = Palette(np.zeros((k, channels), np.uint8))
        return len(written(palette, plane, canonical.metadata, replace(request.writing, coding=PACKED.name)))

    height, width, channels = canonical.pixels.shape
    coding = request.writing.coding
    bound = packed_size if coding in (AUTO, PACKED.name) else None
    exact = coding == PACKED.name
    return reached(target, attempt, bound, len(counted), height * width, exact=exact).data


def _quantise(canonical: CanonicalImage, request: Request, k: int) -> tuple[Palette, IndexPlane]:
    if request.palette is not None:
        counted, palette = matched(histogram(canonical), request.palette)
        return palette, _mapped(counted, palette, request)
    if canonical.indexed is not None and canonical.indexed[0].k <= k:
        return canonical.indexed
    counted = histogram(canonical)
    return _chosen(counted, k, request)


def _chosen(counted: Histogram, k: int, request: Request) -> tuple[Palette, IndexPlane]:
    """Choose a palette and map the picture to it; entries that dithering doesn't use are left out."""
    if len(counted) <= k:  # every colour has an entry: there is nothing to dither
        request = replace(request, options=replace(request.options, dither="none"))
    palette = cluster_palette(counted, k, request.options)
    plane = _mapped(counted, palette, request)
    used = plane.counts() > 0
    # Of very many colours not all are looked at, and with tiles from elsewhere it isn't known in time.
    if used.all() or (len(counted) > MOST_COLOURS and request.options.dither == "none"):
        return palette, plane
    left = Palette(palette.entries[used])
    numbers: Indices = (np.cumsum(used) - used).astype(index_dtype(left.k))
    return left, trusted_plane(numbers[plane.indices], left.k)


def _mapped(counted: Histogram, palette: Palette, request: Request) -> IndexPlane:
    options = request.options
    return map_indices(
        counted, palette, space=options.space, dither=options.dither, strength=options.strength
    )
