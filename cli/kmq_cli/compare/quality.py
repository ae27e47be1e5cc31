"""How near a picture is to its original: squared error, PSNR and SSIM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import kmq

if TYPE_CHECKING:
    from numpy.typing import NDArray

RADIUS, SIGMA = 5, 1.5
"""The Gaussian window is 11 x 11 pixels."""

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
BAND = 128
"""Rows that are compared at a time: the sums are many times as large as the pixels."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How near a picture is to its original.

    `squared_error` and `psnr` are a ledger's. `ssim` is at most 1, and None for a picture that is smaller
    than the window.
    """

    squared_error: float
    psnr: float
    ssim: float | None


def quality(original: NDArray[np.uint8], shown: NDArray[np.uint8]) -> Quality:
    """Compare two pictures of the same shape, (H, W, c) uint8; c is 1, 3 or 4."""
    error = kmq.squared_error(original, shown)
    return Quality(error, psnr(error, original.shape[2]), ssim(original, shown))


def psnr(squared_error: float, channels: int) -> float:
    """Return the PSNR in dB, as a ledger has it; inf for no error."""
    return 10 * math.log10(min(channels, 3) * 255**2 / squared_error) if squared_error else math.inf


def ssim(original: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float | None:
    """Return the mean structural similarity of luma, or None if a side has fewer pixels than the window.

    Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error Visibility to Structural
    Similarity, IEEE Transactions on Image Processing 13(4), 2004: a Gaussian window, K1 = 0.01 and
    K2 = 0.03, at full size and where the whole window lies in the picture. Luma is that of Rec. 601.
    With alpha, the mean of those over a black and over a white backdrop.
    """
    if min(original.shape[:2]) <= 2 * RADIUS:
        return None
    backdrops = (0, 255) if original.shape[2] == 4 else (0,)
    return math.fsum(_similarity(original, shown, backdrop) for backdrop in backdrops) / len(backdrops)


def _similarity(original: NDArray[np.uint8], shown: NDArray[np.uint8], backdrop: int) -> float:
    height, width = original.shape[0] - 2 * RADIUS, original.shape[1] - 2 * RADIUS
    sums = []
    for top in range(0, height, BAND):
        rows = slice(top, min(top + BAND, height) + 2 * RADIUS)
        x, y = _luma(original[rows], backdrop), _luma(shown[rows], backdrop)
        mean_x, mean_y = _blurred(x), _blurred(y)
        product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
        covariance = _blurred(x * y) - product
        variances = _blurred(x * x + y * y) - squares
        similar = (2 * product + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
        sums.append(float(similar.sum()))
    return float(math.fsum(sums) / (height * width))


def _luma(pixels: NDArray[np.uint8], backdrop: int) -> NDArray[np.float64]:
    """Return luma over a grey backdrop, (H, W), 0 to 255."""
    if pixels.shape[2] == 1:
        return pixels[:, :, 0].astype(np.float64)
    luma: NDArray[np.float64] = pixels[:, :, :3] @ np.array([0.299, 0.587, 0.114])
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3] / 255
        luma = luma * alpha + backdrop * (1 - alpha)
    return luma


def _blurred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weighted means in the window, (H - 10, W - 10)."""
    taps = [math.exp(-(offset**2) / (2 * SIGMA**2)) for offset in range(-RADIUS, RADIUS + 1)]
    height, width = plane.shape[0] - 2 * RADIUS, plane.shape[1] - 2 * RADIUS
    down = np.zeros((height, plane.shape[1]))
    for place, tap in enumerate(taps):
        down += plane[place : place + height] * tap
    across = np.zeros((height, width))
    for place, tap in enumerate(taps):
        across += down[:, place : place + width] * tap
    return across / sum(taps) ** 2
