"""SSIMULACRA2, how alike two pictures look: 90 is visually lossless, 70 high, 50 medium, 30 low."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bench.pictures import Pixels

LEAST_SIDE, MOST_PIXELS = 64, 500_000
"""It is asked of opaque pictures from so many pixels a side to so many in all: it takes 2 s a megapixel."""


def scored(pixels: Pixels) -> bool:
    """Tell whether the score is asked of a picture."""
    there = importlib.util.find_spec("ssimulacra2") is not None
    height, width, channels = pixels.shape
    return there and channels == 3 and min(height, width) >= LEAST_SIDE and height * width <= MOST_PIXELS


class Scorer:
    """Scores pictures beside one original, as the package ssimulacra2 does, but the original's share once."""

    def __init__(self, original: Pixels) -> None:
        """Take the original, (H, W, 3)."""
        from ssimulacra2 import ssimulacra2 as parts  # noqa: PLC0415  it may not be there

        self._parts: Any = parts
        self._scales = [
            (image, parts.blur_image(image * image), parts.blur_image(image))
            for image in self._pyramid(original)
        ]

    def score(self, shown: Pixels) -> float:
        """Return the score of a picture of the same shape: 100 if it is the same."""
        parts, found = self._parts, self._parts.Msssim()
        for (original, squares, mean), image in zip(self._scales, self._pyramid(shown), strict=True):
            products, other = parts.blur_image(original * image), parts.blur_image(image)
            scale = parts.MsssimScale()
            scale.avg_ssim = parts.ssim_map(mean, other, squares, parts.blur_image(image * image), products)
            scale.avg_edgediff = parts.edge_diff_map(original, mean, image, other)
            found.scales.append(scale)
        return float(found.score())

    def _pyramid(self, pixels: Pixels) -> list[Any]:
        parts, images = self._parts, []
        linear = parts.srgb_to_linear(np.array(pixels, np.float64))
        for _ in range(parts.kNumScales):
            image = parts.make_positive_xyb(parts.linear_rgb_to_xyb(linear))
            if min(image.shape[:2]) < 8:
                break
            images.append(image)
            linear = parts.downsample(linear, 2, 2)
        return images
