"""`encode` and `save`: a whole picture in memory to the bytes of a file; `target` searches for a k."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Unpack

import numpy as np

from kmq._coding.codings import AUTO, PACKED
from kmq._colours.channels import fewest_channels
from kmq._colours.loss import mean_error, psnr
from kmq._container.header import read_container
from kmq._container.writing import Plan, Writing, planned, smallest
from kmq._encode.options import Options, Request, check_known
from kmq._encode.target import Target, reached
from kmq._file.ledger import ledger_of
from kmq._ground.whole_files import check_destination, write_whole
from kmq._indexed.index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._indexed.palette import Palette
from kmq._indexed.tiles import cut
from kmq._palette.fitting import KMeansOptions, cluster_palette
from kmq._palette.given import PaletteLike, matched
from kmq._picture.canonical import canonical_image
from kmq._picture.colour_table import MOST_COLOURS
from kmq._picture.histogram import Histogram, histogram
from kmq._plane.mapping import exact_plane, map_indices

if TYPE_CHECKING:
    from kmq._file.ledger import Ledger
    from kmq._indexed.index_plane import Indices
    from kmq._picture.canonical import CanonicalImage, ImageLike


def encode(
    image: ImageLike,
    k: int | str | None = None,
    *,
    palette: PaletteLike | None = None,
    psnr: float | None = None, max_bytes: int | None = None, bpp: float | None = None,
    space: str | None = None, effort: str = "default", dither: str = "none", strength: float | None = None,
    coding: str = "auto", tile: int | str | None = "auto", threads: int = 1,
    reorder_palette: bool = False, keep: Iterable[str] = (),
    n_init: int | None = None, max_iter: int | None = None, tol: float | None = None,
    random_state: int | None = None,
) -> bytes:  # fmt: skip
    """Return the bytes of a .kmq file of `image` with at most `k` colours (default 256).

    `image` is a Pillow image of any mode, or a uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). A
    picture of at most `k` distinct colours is stored exactly. A mode P image whose palette has at most `k`
    entries keeps it, unused entries included. Otherwise `fit_palette` chooses the colours, with `space`,
    `effort`, `n_init`, `max_iter`, `tol` and `random_state`, and `map_indices` the entry of each pixel, with
    `dither` and `strength`. Fully transparent pixels become transparent black, except in a palette that is
    kept.

    Pillow images are turned upright by their Exif orientation and converted to sRGB by their ICC profile.
    Modes I;16 and I hold 0 to 65,535. White in mode F is the smallest of 1, 255 and 65,535 that covers the
    values (5 % outside are clipped). `keep` names the metadata to keep: "icc", "exif", "xmp".

    `k` is 1 to 65,536, or "auto": the smallest power of two up to 256 after which two more doublings gain
    less than 4.5 dB, or that reaches 45 dB. `psnr` (dB) asks for the smallest k that reaches it, `max_bytes`
    or `bpp` (bits a pixel) for the largest k whose file fits; `k` then is the most that may be used.

    `palette` gives all colours, in their order: a Palette, a table, a Pillow image, the path of a .gpl, .hex,
    .pal, .act, .kmq or picture file, or "black-and-white", "game-boy", "pico-8", "e-paper-7" or "web-safe".
    A transparent entry is added at its end if the picture needs one.

    `space` defaults to "srgb" with `psnr`, otherwise to "oklab". `strength` defaults to 1 with a `palette`,
    otherwise to 0.92.

    `coding` is "packed", "zstd", "context", "adaptive" or "auto". "auto" takes context up to 4,096 pixels,
    the smaller of context and adaptive up to 32,768, and adaptive above. With the effort "thorough" it takes
    context up to 8 megapixels. It takes packed if that is no larger. `effort` also picks the context coding's
    model; "thorough" takes several times longer to encode and twice as long to decode. Adaptive and context
    reorder the entries to make files smaller. They keep the order of an image's own palette and of a given
    one, unless `reorder_palette` is true: then a mode P image is stored by its colours, like any other.

    `tile` is the side of square tiles, a power of two from 16 to 32,768. None means one tile. "auto" means
    one tile up to 4,194,304 pixels and tiles of 1,024 above. For adaptive, "auto" also cuts smaller pictures
    with more than 524,288 pixels that aren't flat: into tiles of 1,024, or of 512 if most aren't. `threads`,
    1 to 256, is how many tiles are coded at a time.

    The same pixels and options give the same bytes on every machine, unless scikit-learn's KMeans does the
    clustering (see `fit_palette`) or the version of Zstandard differs. Raises ValueError or TypeError naming
    the argument; TargetError if no k meets the target; for a palette file FormatError or OSError.
    """
    request = Request(
        k=k, palette=palette, psnr=psnr, max_bytes=max_bytes, bpp=bpp, space=space, effort=effort,
        dither=dither, strength=strength, coding=coding, tile=tile, threads=threads,
        reorder_palette=reorder_palette, keep=keep, n_init=n_init, max_iter=max_iter, tol=tol,
        random_state=random_state,
    )  # fmt: skip
    return _encode(canonical_image(image, request.keep), request).data


def save(
    file: str | os.PathLike[str] | BinaryIO,
    image: ImageLike,
    k: int | str | None = None,
    *,
    overwrite: bool = True,
    **options: Unpack[Options],
) -> Ledger:
    """Encode `image` to a file; return its ledger, with the loss.

    `file` is a path or a binary file open for writing; `k` and the options are those of `encode`. A path is
    written all or not at all: an existing file stays as it was until the new one is whole.

    Raises what `encode` does; TypeError for an option that `encode` lacks; OSError if the file can't be
    written; FileExistsError if it exists and `overwrite` is false.
    """
    check_known("save", options, Options)
    request = Request(k=k, **options)
    check_destination(file, overwrite=overwrite)  # before the work, not only after it
    canonical = canonical_image(image, request.keep)
    made = _encode(canonical, request)
    write_whole(file, made.data, overwrite=overwrite)
    return made.ledger


def _encode(canonical: CanonicalImage, request: Request) -> _Encoded:
    if request.reorder_palette:
        canonical = _by_its_colours(canonical)
    if isinstance(request.target, Target):
        return _encode_to_target(canonical, request, request.target)
    own = _with_own_palette(canonical, request.writing)
    if request.given is None and own is not None and own.k <= request.target:
        return own
    palette, plane = _quantise(histogram(canonical), request, request.target)
    return _Encoded(palette.k, palette, plane, canonical, request.writing)


def _by_its_colours(canonical: CanonicalImage) -> CanonicalImage:
    """Return an indexed picture without its palette, in the channels that its pixels need."""
    if canonical.indexed is None:
        return canonical
    channels = fewest_channels(canonical.pixels, grey="icc" not in canonical.metadata)
    pixels = np.ascontiguousarray(canonical.pixels[:, :, :channels])
    return replace(canonical, pixels=pixels, indexed=None)


@dataclass(frozen=True, eq=False)
class _Encoded:
    """A picture in a palette of at most k colours; its loss, bytes and ledger are computed on demand."""

    k: int
    palette: Palette
    plane: IndexPlane
    canonical: CanonicalImage
    writing: Writing

    @cached_property
    def error(self) -> float:
        return mean_error(self.palette, self.plane, self.canonical.pixels)

    @property
    def psnr(self) -> float:
        return psnr(self.error, self.palette.channels)

    @cached_property
    def _planned(self) -> tuple[Plan, bytes]:
        return smallest(self.palette, self.plane, self.canonical.metadata, self.writing)

    @property
    def data(self) -> bytes:
        return self._planned[1]

    @property
    def ledger(self) -> Ledger:
        """The ledger of `data`, without decoding it: the palette and the plane are known."""
        plan, data = self._planned
        return ledger_of(read_container(memoryview(data)), plan.renumbered(self.plane.counts()), self.error)

    @property
    def size(self) -> int:
        return len(self.data)


def _with_own_palette(canonical: CanonicalImage, writing: Writing) -> _Encoded | None:
    """Return an indexed picture in its own palette, whose order is kept; None for any other picture."""
    if canonical.indexed is None:
        return None
    palette, plane = canonical.indexed
    return _Encoded(palette.k, palette, plane, canonical, replace(writing, keep_palette_order=True))


def _encode_to_target(canonical: CanonicalImage, request: Request, target: Target) -> _Encoded:
    """Return the file that meets the target, found by trying numbers of colours on one histogram."""
    own = _with_own_palette(canonical, request.writing)
    if own is not None and target.psnr is None and not target.auto:
        limit = target.limit(own.plane.indices.size)
        if own.k <= target.most and limit is not None and own.size <= limit:
            return own
    counted = histogram(canonical)

    def attempt(k: int) -> _Encoded:
        return _Encoded(k, *_chosen(counted, k, request.clustering), canonical, request.writing)

    def packed_size(k: int) -> int:
        """Return the bytes of a packed file of k entries: they don't depend on its content."""
        palette = Palette(np.zeros((k, channels), np.uint8))
        grid = cut(width, height, request.writing.tile)
        return planned(palette, [(PACKED, grid)], request.writing)[0].packed_size(canonical.metadata)

    height, width, channels = canonical.pixels.shape
    coding = request.writing.coding
    bound = packed_size if coding in (AUTO, PACKED.name) else None
    exact = coding == PACKED.name
    return reached(target, attempt, bound, len(counted), height * width, exact=exact)


def _quantise(counted: Histogram, request: Request, k: int) -> tuple[Palette, IndexPlane]:
    if request.given is not None:
        counted, palette = matched(counted, request.given)
        return palette, _mapped(counted, palette, request.clustering)
    return _chosen(counted, k, request.clustering)


def _chosen(counted: Histogram, k: int, options: KMeansOptions) -> tuple[Palette, IndexPlane]:
    """Choose a palette and map the picture to it; leave out the entries that dithering doesn't use."""
    palette = cluster_palette(counted, k, options)
    if len(counted) <= k:  # every colour has an entry: there is nothing to search for, or to dither
        return palette, exact_plane(counted, palette)
    plane = _mapped(counted, palette, options)
    used = plane.counts() > 0
    # Above MOST_COLOURS, encode_tiles can't know in time which entries are used: keep them all here too.
    if used.all() or (len(counted) > MOST_COLOURS and options.dither == "none"):
        return palette, plane
    left = Palette(palette.entries[used])
    numbers: Indices = (np.cumsum(used) - used).astype(index_dtype(left.k))
    return left, trusted_plane(numbers[plane.indices], left.k)


def _mapped(counted: Histogram, palette: Palette, options: KMeansOptions) -> IndexPlane:
    return map_indices(
        counted, palette, space=options.space, dither=options.dither, strength=options.strength
    )
