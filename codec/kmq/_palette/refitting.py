"""Palettes for dithering: fitted to what the dithered picture shows from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.spaces import colours_at, points_of
from kmq._indexed.palette import Palette
from kmq._picture.histogram import Histogram
from kmq._plane.dithering import dithered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._colours.spaces import ColourSpace
    from kmq._indexed.index_plane import Indices

BLUR = (1, 4, 6, 4, 1)
"""Weights of the blur along each axis: a binomial filter, for the view from afar."""

PACE = 2.0
"""Entries move by this times the mean blurred error. The best of 1, 2 and 3 at k = 16, 64 and 256."""

BAND = 64
"""Rows of a band. Of a large picture, only bands are dithered."""

SAMPLE = 1 << 20
"""Pixels to dither, if that gives at least `FEWEST_BANDS` bands."""

FEWEST_BANDS = 4
"""Fewest bands: a wide picture has its top, its bottom and what lies between dithered too."""


def refitted(
    counted: Histogram,
    palette: Palette,
    exact: NDArray[np.bool],
    space: ColourSpace,
    method: str,
    strength: float,
    rounds: int,
) -> Palette:
    """Return a palette of as many entries that shows the picture better when it is dithered.

    Each of `rounds` dithers the picture and moves every entry against the blurred error at its
    pixels. These are steps of gradient descent on the squared blurred error, as in spatial colour
    quantisation (Puzicha, Held, Ketterer, Buhmann and Fellner, 2000), but dithering chooses the
    entries of the pixels. Of a large picture, bands of rows stand for the whole.

    Entries marked in `exact` (k,) don't change. Opaque entries stay opaque, translucent ones
    translucent and transparent ones transparent. The histogram must have its inverse.
    """
    assert counted.inverse is not None  # noqa: S101  as the docstring demands
    sample = _sample(counted, counted.inverse)
    assert sample.inverse is not None  # noqa: S101
    points = points_of(sample.colours, space)
    fixed = np.repeat(exact[:, np.newaxis], 4, axis=1)
    if palette.channels == 4:
        fixed[palette.entries[:, 3] == 255, 3] = True
        fixed[palette.entries[:, 3] == 0] = True
    soft = (palette.entries[:, -1] % 255 > 0) & (palette.channels == 4)
    for _ in range(rounds):
        places = points_of(palette.entries, space)
        indices = dithered(sample, palette, space, method, strength)
        errors = _blurred_errors(sample.inverse, points, indices, places)
        errors[fixed] = 0
        moved = np.rint(places - PACE * errors).astype(np.int32)
        moved[soft, 3] = np.clip(moved[soft, 3], *_soft_alphas(space))
        palette = Palette(colours_at(moved, palette.channels, space))
    return palette


def _soft_alphas(space: ColourSpace) -> tuple[int, int]:
    """Return the fourth coordinates of alpha 1 and 254."""
    least, most = points_of(np.array([[0, 0, 0, 1], [0, 0, 0, 254]], np.uint8), space)[:, 3].tolist()
    return least, most


def _sample(counted: Histogram, inverse: NDArray[np.uint32]) -> Histogram:
    """Return the histogram with the inverse cut to about `SAMPLE` pixels, in evenly spaced bands of rows."""
    height, width = inverse.shape
    bands = max(FEWEST_BANDS, SAMPLE // (BAND * width))
    if height <= 2 * BAND * bands:
        return counted
    starts = np.linspace(0, height - BAND, bands).astype(np.intp)
    rows = np.concatenate([inverse[start : start + BAND] for start in starts])
    return Histogram(counted.colours, counted.counts, rows)


def _blurred_errors(
    inverse: NDArray[np.uint32],
    points: NDArray[np.int32],
    indices: Indices,
    places: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Return the mean blurred error at the pixels of each entry, 0 without pixels: (k, 4), float64."""
    k, (height, _) = len(places), inverse.shape
    sums = np.zeros((k, 4))
    pixels = np.zeros(k)
    reach = len(BLUR) // 2
    for top in range(0, height, BAND):
        bottom = min(top + BAND, height)
        low, high = max(top - reach, 0), min(bottom + reach, height)
        numbers = indices[top:bottom].ravel()
        pixels += np.bincount(numbers, minlength=k)
        around = ((reach - (top - low), reach - (high - bottom)), (reach, reach))
        for axis in range(4):
            error = places[:, axis][indices[low:high]] - points[:, axis][inverse[low:high]]
            blurred = _convolved(_convolved(np.pad(error, around)).T).T
            sums[:, axis] += np.bincount(numbers, blurred.ravel(), k)
    sums /= sum(BLUR) ** 2 * np.maximum(pixels, 1)[:, np.newaxis]
    return sums


def _convolved(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Convolve the rows with `BLUR`. Rows too close to the top or bottom are left out."""
    size = len(rows) - len(BLUR) + 1
    result = np.zeros((size, rows.shape[1]), np.int32)
    for start, weight in enumerate(BLUR):
        result += weight * rows[start : start + size]
    return result
