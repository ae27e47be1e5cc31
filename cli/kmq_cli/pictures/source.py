"""Opening a picture that Pillow reads, with a limit on its size."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from PIL import Image, ImageFile

import kmq

if TYPE_CHECKING:
    from kmq import OpenedPicture


def open_image(
    data: bytes, max_pixels: int | None, frame: int = 0, *, opaque: bool = False, truncated: bool = False
) -> OpenedPicture:
    """Open and load a picture, one of the frames of its file; return it and how many frames there are.

    `opaque` ignores its alpha. `truncated` takes what there is of a file that ends too early, with a warning.

    Raises LimitError if it, or a picture within it, has more than `max_pixels` pixels (None:
    89,478,485), another KmqError for a damaged .kmq file, and ValueError if Pillow can't read it or if
    there is no such frame.
    """
    limit = kmq.MAX_PIXELS if max_pixels is None else max_pixels
    is_tiff = data[:2] in (b"II", b"MM")
    with pillow_limit(limit), warnings.catch_warnings(), _quiet_libtiff() if is_tiff else nullcontext():
        if opaque:  # then it doesn't matter
            warnings.filterwarnings("ignore", "every pixel is transparent")
        try:
            opened = kmq.open_picture(data, frame=frame, max_pixels=limit)
        except ValueError as error:
            if str(error).startswith(f"frame {frame}: "):
                raise ValueError(f"--{error}") from None
            opened = _as_far_as_it_goes(data, frame, limit, error, asked=truncated)
    return opened._replace(image=_opaque(opened.image)) if opaque else opened


def _as_far_as_it_goes(
    data: bytes, frame: int, limit: int, problem: ValueError, *, asked: bool
) -> OpenedPicture:
    """Open a picture that ends too early. Raises `problem`, unless that helps and is `asked` for."""
    if isinstance(problem, kmq.KmqError) or not asked:
        hint = "; --truncated takes what there is" if "truncated" in str(problem) else ""
        raise type(problem)(f"{problem}{hint}")
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        opened = kmq.open_picture(data, frame=frame, max_pixels=limit)
    except ValueError:
        raise problem from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    warnings.warn(f"taken as far as it goes: {problem}", stacklevel=2)
    return opened


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image without its alpha, whose colours stay."""
    if image.mode == "P":
        image = image.copy()
        image.putpalette(image.getpalette("RGB") or [])
    elif image.mode in ("RGBA", "LA", "PA"):
        image = image.convert({"LA": "L"}.get(image.mode, "RGB"))
    image.info.pop("transparency", None)
    return image


@contextlib.contextmanager
def _quiet_libtiff() -> Iterator[None]:
    """Drop what libtiff prints to standard error meanwhile; Pillow says what is wrong with the file."""
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # or logging prints what becomes an error
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def pillow_limit(pixels: int | None) -> Iterator[None]:
    """Let Pillow warn meanwhile of pictures of more pixels than this, also within .ico and .icns."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
