"""TIFF files: grey of any depth and meaning, and colour maps of 8 bits, as their tags say (TIFF 6.0).

Takes a loaded image. Pillow hands values over as they are in the file; here they become pixels.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from PIL import Image

from kmq._picture.source.deep import redrawn

BITS, PHOTOMETRIC, COLOUR_MAP, SAMPLE_FORMAT = 258, 262, 320, 339
WHITE_IS_ZERO, SIGNED = 0, 2


def mended_tiff(image: Image.Image) -> Image.Image:
    """Return the image, or one with its metadata and the pixels that its tags mean."""
    tags: Any = getattr(image, "tag_v2", {})
    if image.mode == "P":
        return _with_palette(image, tags.get(COLOUR_MAP, ()))
    bits = _first(tags.get(BITS, 1))
    inverted = tags.get(PHOTOMETRIC) == WHITE_IS_ZERO
    if image.mode == "I" and bits == 16 and _first(tags.get(SAMPLE_FORMAT, 1)) == SIGNED:
        warnings.warn("its values are signed: 0 was taken as black and 65,535 as white", stacklevel=2)
        return redrawn(image, image.copy())
    if image.mode.startswith("I;16") and (bits < 16 or inverted):
        most = (1 << bits) - 1 if 8 < bits < 16 else 65_535
        values = np.minimum(np.asarray(image), most).astype(np.uint32)
        grey = ((510 * values + most) // (2 * most)).astype(np.uint8)
        return redrawn(image, Image.fromarray(255 - grey if inverted else grey))
    return image


def _first(value: Any) -> int:  # noqa: ANN401  a tag's
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else 1


def _with_palette(image: Image.Image, values: Any) -> Image.Image:  # noqa: ANN401  a tag's
    """Return an image whose colour map has no value over 255 with that map: it is one of 8 bits."""
    if not values or len(values) % 3 or not 0 < max(values) <= 255:
        return image
    third = len(values) // 3
    made = image.copy()
    made.putpalette(bytes(values[channel * third + entry] for entry in range(third) for channel in range(3)))
    return redrawn(image, made)
