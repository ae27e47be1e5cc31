"""The histogram: how often each distinct colour occurs in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._image import CanonicalImage, canonical_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._image import ImageLike


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """The distinct colours of a picture with their exact counts.

    `colours` has shape (n, c) and dtype uint8, sorted by their bytes; `counts` (n,) int64,
    all at least 1. `inverse` (H, W) uint32 gives each pixel's row in `colours`, or is None.
    """

    colours: NDArray[np.uint8]
    counts: NDArray[np.int64]
    inverse: NDArray[np.uint32] | None = None

    def __post_init__(self) -> None:
        for name in ("colours", "counts", "inverse"):
            array = getattr(self, name)
            if array is not None:
                array = array.view()
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    @property
    def channels(self) -> int:
        """Bytes a colour: 1 grey, 3 RGB, 4 RGBA."""
        return int(self.colours.shape[1])

    def __len__(self) -> int:
        return len(self.colours)

    def __repr__(self) -> str:
        return f"Histogram({len(self)} colours, {int(self.counts.sum())} pixels)"


def histogram(image: ImageLike | CanonicalImage) -> Histogram:
    """Count the distinct colours of a picture.

    `image` is anything that `encode` takes; it is made canonical first (8 bits, sRGB,
    upright, fully transparent pixels transparent black).

    Raises ValueError if it is not such a picture.
    """
    pixels = (image if isinstance(image, CanonicalImage) else canonical_image(image)).pixels
    height, width, channels = pixels.shape
    keys = np.zeros((height, width), np.uint32)
    for channel in range(channels):
        keys <<= 8
        keys |= pixels[:, :, channel]
    values, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shifts = 8 * np.arange(channels - 1, -1, -1, dtype=np.uint32)
    colours = (values[:, np.newaxis] >> shifts & 0xFF).astype(np.uint8)
    return Histogram(colours, counts.astype(np.int64), inverse.reshape(height, width).astype(np.uint32))
