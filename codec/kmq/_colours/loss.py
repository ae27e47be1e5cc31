"""The loss: how far the decoded picture is from the original."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import fewest_channels, in_channels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import IndexPlane
    from kmq._indexed.palette import Palette

SCALE = 2 * 255 * 255
"""`squared_distances` are this times the distances on the scale 0 to 255, so that they are integers."""


def squared_distances(colours: NDArray[np.uint8], shown: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the squared distances in sRGB between colours (n, c) and (n, c), times SCALE: (n,), int64.

    Squares are summed over grey, or over R, G and B. With alpha, the result is the mean of the
    distances over a black and over a white backdrop.
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


def mean_error(palette: Palette, plane: IndexPlane, original: NDArray[np.uint8]) -> float:
    """Return the mean squared distance in sRGB of a pixel of `original` (H, W, c) from the decoded picture.

    Raises ValueError if the sizes differ, or if `original` needs channels that the palette lacks.
    """
    if original.shape[2] > palette.channels:
        original = original[:, :, : fewest_channels(original)]
    height, width, channels = original.shape
    if (width, height) != (plane.width, plane.height) or channels > palette.channels:
        raise ValueError(
            f"original is {width} x {height} with {channels} channels; the file is "
            f"{plane.width} x {plane.height} with {palette.channels}"
        )
    pixels, indices = original.reshape(-1, channels), plane.indices.reshape(-1)
    error = 0
    # 2^16 pixels at a time: the distances take many times the memory of the pixels.
    for start in range(0, len(indices), 1 << 16):
        part = slice(start, start + (1 << 16))
        error += int(
            squared_distances(
                in_channels(pixels[part], palette.channels), palette.entries[indices[part]]
            ).sum()
        )
    return error / (SCALE * len(indices))


def psnr(squared_error: float, channels: int) -> float:
    """Return the peak signal-to-noise ratio in dB: 10 log10(c · 255² / squared_error).

    c is 1 for grey, else 3. No error gives inf.
    """
    peak = min(channels, 3) * 255**2
    return math.inf if squared_error == 0 else 10 * math.log10(peak / squared_error)


def _over_black(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return R, G and B of colours (n, 4) over black, times 255: (n, 3)."""
    return colours[:, :3].astype(np.int64) * colours[:, 3:]
