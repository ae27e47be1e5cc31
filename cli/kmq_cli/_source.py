"""Opening a picture that Pillow reads, with a limit on its size."""

from __future__ import annotations

import io

from PIL import Image

from kmq import LimitError

MAX_PIXELS = 89_478_485
"""As for decoding: Pillow's MAX_IMAGE_PIXELS."""


def open_image(data: bytes, max_pixels: int | None) -> Image.Image:
    """Open a picture; its pixels are read later.

    Raises LimitError if it has more than `max_pixels` pixels (None: 89,478,485), and what
    Pillow raises if it isn't a picture.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit warns at some size and fails at twice that
    image = Image.open(io.BytesIO(data))
    pixels = image.width * image.height
    if pixels > limit:
        raise LimitError(f"{image.width} x {image.height} = {pixels} pixels; max_pixels allows {limit}")
    return image
