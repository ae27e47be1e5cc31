"""How far a picture is from what its palette shows of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALE = 255 * 255
"""What `squared_distances` are times those on the scale of 0 to 255: premultiplied colours are integers."""


def squared_distances(colours: NDArray[np.uint8], shown: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the squared distances in sRGB between colours (n, c) and (n, c), shape (n,), times SCALE.

    Summed over grey or over R, G and B; with alpha over premultiplied R, G, B and A.
    """
    gaps = _premultiplied(colours) - _premultiplied(shown)
    squares: NDArray[np.int64] = np.einsum("ij,ij->i", gaps, gaps)
    return squares


def psnr(squared_error: float, channels: int) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log10(c · 255² / squared_error); inf for no error."""
    return math.inf if squared_error == 0 else 10 * math.log10(channels * 255**2 / squared_error)


def _premultiplied(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    points = colours.astype(np.int64)
    alpha = points[:, 3:].copy() if colours.shape[1] == 4 else 255
    if colours.shape[1] == 4:
        points[:, 3] = 255
    return points * alpha
