"""Pictures that are small enough for a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

MOST_SIDE = 1200
"""Pixels of the longer side; larger pictures are scaled down."""

MOST_BYTES = 1_000_000
"""Larger lossless previews are stored with loss: noise of 1200 x 1200 then takes 1.0 MB, with alpha 1.6."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture as WebP, its size, and whether it was scaled down or stored with loss."""

    data: bytes
    width: int
    height: int
    scaled: bool
    lossy: bool

    @property
    def uri(self) -> str:
        """The picture as a data: URI."""
        return f"data:image/webp;base64,{base64.b64encode(self.data).decode('ascii')}"


def make_preview(image: Image.Image) -> Preview:
    """Return a preview of a picture of mode L, RGB or RGBA."""
    scale = MOST_SIDE / max(image.size)
    scaled = scale < 1
    if scaled:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        premultiplied = image.convert("RGBa") if image.mode == "RGBA" else image
        image = premultiplied.resize(size, Image.Resampling.LANCZOS).convert(image.mode)
    data = _webp(image, lossless=True, exact=True)
    lossy = len(data) > MOST_BYTES
    if lossy:
        data = _webp(image, quality=80, alpha_quality=50)
    return Preview(data, *image.size, scaled, lossy)


def _webp(image: Image.Image, **options: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()
