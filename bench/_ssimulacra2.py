"""SSIMULACRA2, a score of how alike two pictures look: 90 is visually lossless, 70 high, 50 medium, 30 low."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from PIL import Image

from bench._pictures import Pixels

LEAST_SIDE, MOST_PIXELS = 64, 500_000
"""It is asked of opaque pictures from so many pixels a side to so many in all: it takes 3 s a megapixel."""


def scored(pixels: Pixels) -> bool:
    """Tell whether the score is asked of a picture."""
    there = importlib.util.find_spec("ssimulacra2") is not None
    height, width, channels = pixels.shape
    return there and channels == 3 and min(height, width) >= LEAST_SIDE and height * width <= MOST_PIXELS


def score(original: Pixels, shown: Pixels) -> float:
    """Return the score of a picture, (H, W, 3), beside its original: 100 if it is the same."""
    from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415  it may not be there

    with tempfile.TemporaryDirectory(prefix="kmq-bench-") as folder:
        paths = [str(Path(folder) / name) for name in ("original.png", "shown.png")]
        for path, pixels in zip(paths, (original, shown), strict=True):
            Image.fromarray(pixels).save(path, compress_level=0)
        return float(compute_ssimulacra2(*paths))
