"""Mapping: every pixel gets a palette entry, the nearest (see `nearest` in `_colours`) or a dithered one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import has_idle_alpha
from kmq._colours.nearest import nearest
from kmq._colours.spaces import checked_space
from kmq._colours.z_order import codes_of
from kmq._ground.arguments import checked_name, checked_number, checked_type
from kmq._indexed.index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._indexed.palette import Palette
from kmq._picture.histogram import Histogram, histogram
from kmq._plane.dithering import DITHERS, STRENGTH, dithered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices
    from kmq._picture.canonical import ImageLike


def map_indices(
    image: ImageLike | Histogram,
    palette: Palette,
    *,
    space: str = "oklab",
    dither: str = "none",
    strength: float = STRENGTH,
) -> IndexPlane:
    """Return the index plane of a picture: for every pixel, the nearest palette entry or a dithered one.

    `image` is anything that `histogram` takes, or a Histogram with its inverse. Distance is
    squared, in `space` ("oklab" or "srgb") and in integers. An entry of exactly the pixel's
    colour wins; other ties go to the lowest index. With alpha, distance is the mean of those over
    a black and a white backdrop; opaque pixels take opaque entries, and fully transparent pixels
    take transparent entries, if the palette has any.

    `dither` is "none", "floyd-steinberg" (serpentine error diffusion: Floyd and Steinberg, 1976) or "ordered"
    (8 x 8 thresholds: a pixel's entry depends only on its place and colour, and the entries of a place are
    those around the colour). Both mix entries in linear light, as the eye does from afar, in any `space`.
    Error diffusion takes the entry nearest in Oklab, with a and b times 0.8. `strength`, 0 to 1, is the share
    of an error that is passed on; 0 is no dithering. With 1 and up to 256 entries, opaque colours that no
    mixture of entries shows first become the nearest that one does, or their errors would smear.

    Raises ValueError if the picture and the palette have different numbers of channels, and
    ValueError or TypeError for other arguments that aren't allowed.
    """
    checked_type("palette", palette, Palette, "a Palette, as fit_palette returns")
    place = checked_space(space)
    checked_name("dither", dither, DITHERS)
    strength = checked_number("strength", strength, 0, 1)
    counted = image if isinstance(image, Histogram) else histogram(image)
    inverse = counted.inverse
    if inverse is None:
        raise ValueError("the histogram has no inverse: a sum of histograms has no picture to map")
    if counted.channels != palette.channels:
        raise ValueError(f"the picture has {counted.channels} channels, the palette {palette.channels}")
    if dither != "none" and strength > 0:
        if has_idle_alpha(counted.colours) and has_idle_alpha(palette.entries):  # the same as without it
            counted = Histogram(counted.colours[:, :3], counted.counts, inverse)
            palette = Palette(palette.entries[:, :3])
        return trusted_plane(dithered(counted, palette, dither, strength), palette.k)
    return trusted_plane(indices_of(inverse, nearest(counted.colours, palette, place), palette.k), palette.k)


def exact_plane(counted: Histogram, palette: Palette) -> IndexPlane:
    """Return the index of every pixel's own colour in a palette of just those of `counted`, in any order.

    The colours must lie in Z-order, as `histogram` lists them, and the histogram must have its inverse.
    """
    assert counted.inverse is not None  # noqa: S101  as documented
    order = np.argsort(codes_of(palette.entries))
    return trusted_plane(indices_of(counted.inverse, order, palette.k), palette.k)


def indices_of(inverse: NDArray[np.uint32], found: NDArray[np.integer], k: int) -> Indices:
    """Return the indices, (H, W), of pixels: of each the one that was found for its colour."""
    numbers: Indices = found.astype(index_dtype(k))
    indices = np.empty(inverse.shape, numbers.dtype)
    flat, places = indices.reshape(-1), inverse.reshape(-1)
    for start in range(0, len(flat), 1 << 16):  # in parts: take() widens every place to 8 bytes
        part = slice(start, start + (1 << 16))
        np.take(numbers, places[part], out=flat[part], mode="clip")  # every place is in range
    return indices
