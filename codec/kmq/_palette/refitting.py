"""Palettes for dithering: fitted to what the dithered picture shows from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.light import HALF, colours_of_lights, lights_of
from kmq._indexed.palette import Palette
from kmq._plane.blending_loop import count_pairs, solve
from kmq._plane.dithering import diffused, wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._picture.histogram import Histogram

BLUR = np.array([201, 178, 125, 68, 28, 8], np.int32)
"""Weights of the distances 0 to 5 along an axis: binomial, of variance 4. That is a blur twice, of 2 each."""

SWEEPS = 10
"""Sweeps of the solver over all entries."""

MOST = 1024
"""Most entries that are fitted. With more, dithering has little to mix, and pairs take too much memory."""

BAND = 8
"""Rows of a band. Of a large picture, only bands are dithered: other ones each round."""

SAMPLE = 1 << 16
"""Fewest pixels to dither in a round, of a larger picture. With more than 128 entries, 512 for each."""

SAMPLE_OF_FEW = 1 << 17
"""Pixels to dither for up to `FEW` entries, each of many colours; these get a round more, too."""

FEW = 8

FEWEST_BANDS = 4
"""Fewest bands: a wide picture has its top, its bottom and what lies between dithered too."""

WIDEST = 1 << 15
"""Pixels of a band. Of a wider picture, evenly spaced blocks of `BLOCK` columns are taken."""

BLOCK = 256

RIDGE = 2
"""Pixels' weight with which an entry stays where it is: a rare one isn't moved by chance."""


def refitted(
    counted: Histogram, palette: Palette, exact: NDArray[np.bool], strength: float, rounds: int
) -> Palette:
    """Return a palette of as many entries that shows the picture better when it is dithered.

    Each of `rounds` dithers the picture by error diffusion and moves the entries to where the dithered
    picture, blurred, has the least squared error in light while every pixel keeps its entry. That
    is a problem of least squares (as in Orchard and Bouman, "Color quantization of images", 1991, and
    Puzicha, Held, Ketterer, Buhmann and Fellner, "On spatial quantization of color images", 2000). All
    that it needs of the picture is how often two entries lie at which distance. Of a large picture,
    bands of rows stand for the whole, other ones each round.

    Entries marked in `exact` (k,) don't change. Opaque entries stay opaque, translucent ones
    translucent and transparent ones transparent. The histogram must have its inverse.
    """
    assert counted.inverse is not None  # noqa: S101  as the docstring demands
    if palette.k > MOST:
        return palette
    colours = wanted(counted.colours, palette)
    free = np.ones((palette.k, 4), np.uint8)
    free[exact] = 0
    limits = np.full((palette.k, 2), HALF, np.int32)
    if palette.channels == 4:
        alpha = palette.entries[:, 3]
        free[alpha == 0] = 0
        limits[alpha < 255] = lights_of(np.array([[0, 0, 0, 1], [0, 0, 0, 254]], np.uint8))[:, 3]
    free[limits[:, 0] == limits[:, 1], 3] = 0
    if not free.any():
        return palette
    few = palette.k <= FEW
    pixels = SAMPLE_OF_FEW if few else max(SAMPLE, 512 * palette.k)
    for number in range(rounds + few):
        inverse = _bands(counted.inverse, pixels, number)
        chosen = diffused(inverse, colours, palette, strength)
        entries = lights_of(palette.entries)
        _solve(chosen, inverse, colours.lights, free, limits, entries)
        moved = colours_of_lights(entries, palette.channels)
        moved[~free.any(axis=1)] = palette.entries[~free.any(axis=1)]
        palette = Palette(moved)
    return palette


def _solve(
    chosen: NDArray[np.int32],
    inverse: NDArray[np.uint32],
    lights: NDArray[np.int32],
    free: NDArray[np.uint8],
    limits: NDArray[np.int32],
    entries: NDArray[np.int32],
) -> None:
    """Move the lights `entries` (k, 4) to where they show best what is wanted at `chosen` (H, W)."""
    k, width = len(entries), chosen.shape[1]
    pairs, sums = np.zeros((k, k), np.int64), np.zeros((k, 4), np.int64)
    room = np.empty((width, 4), np.int64)
    count_pairs(chosen.data, inverse.data, lights.data, BLUR.data, room.data, pairs.data, sums.data)
    ridges = np.full(k, RIDGE * int(2 * BLUR.sum() - BLUR[0]) ** 2, np.int64)
    solve(
        pairs.data, sums.data, ridges.data, entries.copy().data, free.data, limits.data, SWEEPS, entries.data
    )


def _bands(inverse: NDArray[np.uint32], pixels: int, number: int) -> NDArray[np.uint32]:
    """Return about `pixels` of a picture: evenly spaced bands of rows, further down for each number."""
    height, width = inverse.shape
    if width > WIDEST:
        starts = np.linspace(0, width - BLOCK, WIDEST // BLOCK).astype(np.intp)
        columns = (starts[:, np.newaxis] + np.arange(BLOCK)).ravel()
    else:
        columns = np.arange(width)
    bands = max(FEWEST_BANDS, pixels // (BAND * len(columns)))
    if height <= BAND * bands:
        rows = np.arange(height)
        if width <= WIDEST:
            return inverse
    else:
        shift = (number * 89 % 144) / 144  # steps of the golden ratio's share
        starts = np.minimum((np.arange(bands) + shift) * (height / bands), height - BAND).astype(np.intp)
        rows = (starts[:, np.newaxis] + np.arange(BAND)).ravel()
    return np.ascontiguousarray(inverse[rows[:, np.newaxis], columns])
