"""Opening a picture that Pillow reads, with a limit on its size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image

import kmq

if TYPE_CHECKING:
    from kmq import OpenedPicture


def open_image(data: bytes, max_pixels: int | None, frame: int = 0) -> OpenedPicture:
    """Open and load a picture, one of the frames of its file; return it and how many frames there are.

    Raises LimitError if it, or a picture within it, has more than `max_pixels` pixels (None:
    89,478,485), another KmqError for a damaged .kmq file, and ValueError if Pillow can't read it or if
    there is no such frame.
    """
    limit = kmq.MAX_PIXELS if max_pixels is None else max_pixels
    with pillow_limit(limit):
        try:
            return kmq.open_picture(data, frame=frame, max_pixels=limit)
        except ValueError as error:
            option = "--" if str(error).startswith(f"frame {frame}: ") else ""
            raise type(error)(f"{option}{error}") from None


@contextlib.contextmanager
def pillow_limit(pixels: int | None) -> Iterator[None]:
    """Let Pillow warn meanwhile of pictures of more pixels than this, also within .ico and .icns."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
