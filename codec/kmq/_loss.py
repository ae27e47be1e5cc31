"""How far a picture is from what its palette shows of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALE = 2 * 255 * 255
"""What `squared_distances` are times those on the scale of 0 to 255, so that they are integers."""


def squared_distances(colours: NDArray[np.uint8], shown: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the squared distances in sRGB between colours (n, c) and (n, c), shape (n,), times SCALE.

    Summed over grey or over R, G and B; with alpha the mean of those over a black and over a
    white backdrop.
    """
    if colours.shape[1] < 4:
        gaps = colours.astype(np.int64) - shown
        return SCALE * _squares(gaps)
    over_black = _over_black(colours) - _over_black(shown)
    over_white = over_black - 255 * (colours[:, 3:].astype(np.int64) - shown[:, 3:])
    return _squares(over_black) + _squares(over_white)


def _squares(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    squares: NDArray[np.int64] = np.einsum("ij,ij->i", gaps, gaps)
    return squares


def psnr(squared_error: float, channels: int) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log10(c · 255² / squared_error); inf for no error.

    c is 1 for grey, and else 3.
    """
    peak = min(channels, 3) * 255**2
    return math.inf if squared_error == 0 else 10 * math.log10(peak / squared_error)


def _over_black(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return premultiplied R, G and B, times 255."""
    return colours[:, :3].astype(np.int64) * colours[:, 3:]
