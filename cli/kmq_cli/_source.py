"""Opening a picture that Pillow reads, with a limit on its size."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from kmq import LimitError

MAX_PIXELS = 89_478_485
"""As for decoding: Pillow's MAX_IMAGE_PIXELS."""


def open_image(data: bytes, max_pixels: int | None) -> Image.Image:
    """Open and load a picture.

    Raises LimitError if it, or a picture within it, has more than `max_pixels` pixels (None:
    89,478,485), and ValueError if Pillow can't read it.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    Image.MAX_IMAGE_PIXELS = limit  # Pillow warns of more than this, also within .ico and .icns
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(data))
            image.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise LimitError(f"the picture has more than {limit:,} pixels") from None
        except UnidentifiedImageError:
            raise ValueError("not a picture in a format that Pillow reads") from None
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
            raise ValueError(f"Pillow can't read it: {error or type(error).__name__}") from None
    return image
