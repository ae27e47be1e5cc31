"""Mapping: every pixel to its nearest palette entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._arguments import checked_type
from kmq._histogram import Histogram, histogram
from kmq._index_plane import IndexPlane, index_dtype, trusted_plane
from kmq._nearest import nearest
from kmq._palette import Palette

if TYPE_CHECKING:
    from kmq._image import ImageLike


def map_indices(image: ImageLike | Histogram, palette: Palette) -> IndexPlane:
    """Return the index of the nearest palette entry for every pixel.

    `image` is anything that `histogram` takes, or a Histogram that has its inverse. Near
    is by squared distance between colours, exactly, in integers; with alpha, between
    premultiplied colours. Among entries equally near the lowest index is taken.

    Raises ValueError if the picture and the palette have different numbers of channels.
    """
    checked_type("palette", palette, Palette, "a Palette, as fit_palette returns")
    counted = image if isinstance(image, Histogram) else histogram(image)
    if counted.inverse is None:
        raise ValueError("the histogram has no inverse: it is a sum, and has no picture of its own")
    numbers = nearest(counted.colours, palette).astype(index_dtype(palette.k))
    indices = np.take(numbers, counted.inverse)
    return trusted_plane(indices, palette.k)
