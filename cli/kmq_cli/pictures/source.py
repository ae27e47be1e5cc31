"""Opening a picture that Pillow reads, with a limit on its size."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from kmq import MAX_PIXELS, KmqError, LimitError
from kmq_cli.pictures.formats import opened


def open_image(data: bytes, max_pixels: int | None, frame: int = 0) -> tuple[Image.Image, int]:
    """Open and load a picture, one of the frames of its file; return it and how many frames there are.

    Raises LimitError if it, or a picture within it, has more than `max_pixels` pixels (None:
    89,478,485), another KmqError for a damaged .kmq file, and ValueError if Pillow can't read it or if
    there is no such frame.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    with pillow_limit(limit):
        image, frames = _opened(data, limit)
        if frame:
            _go_to(image, frame, frames)
    return image, frames


@contextlib.contextmanager
def pillow_limit(pixels: int | None) -> Iterator[None]:
    """Let Pillow warn meanwhile of pictures of more pixels than this, also within .ico and .icns."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _opened(data: bytes, limit: int) -> tuple[Image.Image, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = opened(data, limit)
            image.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise LimitError(f"the picture has more than {limit:,} pixels") from None
        except (MemoryError, LimitError):
            raise
        except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
            if isinstance(error.__cause__, KmqError):  # a .kmq file, but a damaged one
                raise error.__cause__ from None
            problem = f"Pillow can't read it: {error or type(error).__name__}"
            if isinstance(error, UnidentifiedImageError):
                problem = "not a picture in a format that Pillow reads"
            raise ValueError(problem) from None
    try:
        frames = getattr(image, "n_frames", 1)
        image.seek(0)  # to count frames, some formats read them
        image.load()
    except Exception:  # noqa: BLE001  the first frame is still good
        frames = 1
    return image, frames


def _go_to(image: Image.Image, frame: int, frames: int) -> None:
    """Load another frame of an image. Raises ValueError if there is none, or if Pillow can't read it."""
    if frame >= frames:
        count = f"{frames} frames, 0 to {frames - 1}" if frames > 1 else "one frame, 0"
        raise ValueError(f"--frame {frame}: it has {count}")
    try:
        image.seek(frame)
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
        raise ValueError(f"Pillow can't read frame {frame}: {error or type(error).__name__}") from None
