"""The loss: how far the decoded picture is from the original."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import PIXELS, checked_pixels, fewest_channels, in_channels
from kmq._ground.arguments import checked_type

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _sum_of_distances(colours: NDArray[np.uint8], shown: NDArray[np.uint8]) -> int:
    """Return the sum of the `squared_distances`, sooner."""
    if colours.shape[1] == 4:
        return int(squared_distances(colours, shown).sum())
    gaps = np.subtract(colours, shown, dtype=np.int32)
    return SCALE * int(np.square(gaps, out=gaps).sum(dtype=np.int64))


def _squares(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    squares: NDArray[np.int64] = np.einsum("ij,ij->i", gaps, gaps)
    return squares


def squared_error(original: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean squared error (MSE) of a picture: how far `shown` is from `original`.

    Both are arrays (H, W) or (H, W, 1 | 3 | 4) of uint8, such as `decode` returns or `canonical` holds.
    The error is the squared distance in sRGB, values 0 to 255, summed over R, G and B (or over grey) and
    averaged over the pixels. With alpha, it is the mean of the errors over a black and over a white
    backdrop. This is a ledger's `squared_error`.

    The pictures are compared in the channels of `shown`: grey counts as three equal channels, RGB as opaque
    RGBA.

    Raises TypeError for anything but arrays; ValueError for arrays of another shape or dtype, for pictures of
    different sizes, and for an original with colours or alpha that `shown` has no channels for.
    """
    checked_type("original", original, np.ndarray, f"{PIXELS}, as canonical(image).pixels")
    checked_type("shown", shown, np.ndarray, f"{PIXELS}, as decode returns")
    seen = checked_pixels("shown", shown, PIXELS)
    height, width, channels = seen.shape
    before = _in_fewer_channels(checked_pixels("original", original, PIXELS), channels)
    _check_alike(before, (height, width, channels), "shown")
    flat = seen.reshape(-1, channels)
    return _mean_error(before, channels, lambda part: flat[part])


def mean_error(palette: Palette, plane: IndexPlane, original: NDArray[np.uint8]) -> float:
    """Return the `squared_error` of what a plane shows of a picture, (H, W, c).

    Raises ValueError if they differ in size, or the picture has channels that the palette lacks.
    """
    before = _in_fewer_channels(original, palette.channels)
    _check_alike(before, (plane.height, plane.width, palette.channels), "the file")
    indices = plane.indices.reshape(-1)
    return _mean_error(before, palette.channels, lambda part: palette.entries.take(indices[part], axis=0))


def _in_fewer_channels(original: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Leave out the channels that say nothing, if there are more than `channels`."""
    return original[:, :, : fewest_channels(original)] if original.shape[2] > channels else original


def _check_alike(original: NDArray[np.uint8], shape: tuple[int, int, int], other: str) -> None:
    """Raise ValueError unless a picture can be compared with another one of this shape."""
    height, width, channels = original.shape
    if (height, width) != shape[:2] or channels > shape[2]:
        raise ValueError(
            f"original is {width} x {height} with {channels} channels; {other} is "
            f"{shape[1]} x {shape[0]} with {shape[2]}"
        )


def _mean_error(
    original: NDArray[np.uint8], channels: int, shown: Callable[[slice], NDArray[np.uint8]]
) -> float:
    """Return the mean error of what is shown of a picture; `shown` returns some of its pixels, (n, c)."""
    pixels = original.reshape(-1, original.shape[2])
    error = 0
    # 2^16 pixels at a time: the distances take many times the memory of the pixels.
    for start in range(0, len(pixels), 1 << 16):
        part = slice(start, start + (1 << 16))
        error += _sum_of_distances(in_channels(pixels[part], channels), shown(part))
    return error / (SCALE * len(pixels))


def psnr(squared_error: float, channels: int) -> float:
    """Return the peak signal-to-noise ratio in dB: 10 log10(c · 255² / squared_error).

    c is 1 for grey, else 3. No error gives inf.
    """
    peak = min(channels, 3) * 255**2
    return math.inf if squared_error == 0 else 10 * math.log10(peak / squared_error)


def _over_black(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return R, G and B of colours (n, 4) over black, times 255: (n, 3)."""
    return colours[:, :3].astype(np.int64) * colours[:, 3:]
