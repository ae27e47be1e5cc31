"""Opening a picture's file through Pillow: with the plugin that its first bytes name, as the file means it.

To load all plugins of Pillow takes as long as to decode a small picture, to load one a tenth of that.
"""

from __future__ import annotations

import importlib
import io
import os
import struct
import warnings
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from kmq._ground.errors import KmqError, LimitError
from kmq._ground.reading import MAX_PIXELS, read_bounded
from kmq._picture.source.mending import mended


class Common(NamedTuple):
    """A common format: Pillow's name, the plugin, and how files begin. A test holds them to Pillow."""

    name: str
    plugin: str
    beginnings: tuple[bytes, ...]


COMMON = (
    Common("PNG", "PngImagePlugin", (b"\x89PNG\r\n\x1a\n",)),
    Common("JPEG", "JpegImagePlugin", (b"\xff\xd8\xff",)),
    Common("GIF", "GifImagePlugin", (b"GIF87a", b"GIF89a")),
    Common("BMP", "BmpImagePlugin", (b"BM",)),
    Common("TIFF", "TiffImagePlugin", (b"II*\0", b"MM\0*")),
    Common("WEBP", "WebPImagePlugin", (b"RIFF",)),
)

UNKNOWN = "not a picture in a format that Pillow reads"


class OpenedPicture(NamedTuple):
    """A loaded Pillow image, and how many frames or pages its file has."""

    image: Image.Image
    frames: int


def open_picture(
    file: str | os.PathLike[str] | bytes | BinaryIO, *, frame: int = 0, max_pixels: int | None = MAX_PIXELS
) -> OpenedPicture:
    """Return a picture as `encode` takes it: as its file means it, where Pillow alone hands over less.

    `file` is a path, the bytes of a file, or a binary file. The image has the file's colour space, named by a
    profile or by numbers (PNG: cICP, gAMA, cHRM; AVIF: nclx), as `info["icc_profile"]`; 16 bits a channel are
    rounded to 8; colour keys, grey of any depth and colour maps are as the formats' standards say. `encode`
    does the same to an image that `Image.open` has opened and nothing has loaded; only of a PNG that Pillow
    refuses for a damaged or long text, this reads the pixels. `frame` counts from 0.

    Raises OSError if the file can't be read; LimitError for more than `max_pixels` pixels (None: any number);
    ValueError if Pillow can't read it, or if there is no such frame; and another KmqError for a damaged .kmq.
    """
    if isinstance(file, bytes):
        data = file
    elif isinstance(file, (str, os.PathLike)):
        with Path(file).open("rb") as opened:
            data = read_bounded(opened, max_pixels)
    else:
        data = read_bounded(file, max_pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            if frame and data.startswith(b"GIF8"):
                from kmq._picture.source.gif import with_clear_screen

                data = with_clear_screen(data)
            image, frames = _opened(data, max_pixels)
            if frame:
                _go_to(image, frame, frames)
            return OpenedPicture(mended(image), frames)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise LimitError(_too_many(max_pixels)) from None
        except (MemoryError, KmqError, _NoFrameError):
            raise
        except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
            if isinstance(error.__cause__, KmqError):  # a .kmq file, but a damaged one
                raise error.__cause__ from None
            place = f" frame {frame}" if frame else " it"
            problem = f"Pillow can't read{place}: {str(error) or type(error).__name__}"
            raise ValueError(UNKNOWN if isinstance(error, UnidentifiedImageError) else problem) from None


class _NoFrameError(ValueError):
    """There is no such frame."""


def _too_many(limit: int | None) -> str:
    most = "Pillow's limit" if limit is None else f"{limit:,} pixels"
    return f"the picture has more than {most}"


def _opened(data: bytes, limit: int | None) -> tuple[Image.Image, int]:
    """Return an image that isn't loaded, and its frames."""
    image = identified(data)
    if limit is not None and image.width * image.height > limit:
        raise LimitError(_too_many(limit))
    try:
        frames = getattr(image, "n_frames", 1)
        image.seek(0)
    except Exception:  # noqa: BLE001  to count frames, some formats read them; the first is still good
        return identified(data), 1
    return image, frames


def identified(data: bytes) -> Image.Image:
    """Return what `Image.open` does for bytes, and load no other plugin for a common format.

    Raises what that does, but for a damaged file of a common format what its own plugin does.
    """
    for name, plugin, beginnings in COMMON:
        if data.startswith(beginnings):
            importlib.import_module(f"PIL.{plugin}")
            factory, _ = Image.OPEN[name]
            if name == "PNG":
                from kmq._picture.source.png import readable_png

                data = readable_png(data)
            try:
                return factory(io.BytesIO(data), "")
            except (SyntaxError, IndexError, TypeError, struct.error) as error:
                if name == "PNG":
                    _check_depth(data)
                if name == "TIFF" and (image := _unknown_tiff(data)) is not None:
                    return image
                try:  # it may only begin like one
                    return Image.open(io.BytesIO(data))
                except UnidentifiedImageError:
                    if not str(error) or str(error).startswith("not a"):
                        raise
                    raise error from None
    return Image.open(io.BytesIO(data))


def _unknown_tiff(data: bytes) -> Image.Image | None:
    from kmq._picture.source.planes import read_unknown

    try:
        return read_unknown(data)
    except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise
    except Exception:  # noqa: BLE001  damaged tags fail in many ways, and Pillow has said what is wrong
        return None


def _check_depth(data: bytes) -> None:
    """Raise SyntaxError for a PNG whose samples are of a depth that its colours can't have."""
    from kmq._picture.source.png import DEPTHS, png_facts

    facts = png_facts(io.BytesIO(data))
    if facts is not None and facts.bits not in DEPTHS.get(facts.colour_type, ()):
        raise SyntaxError(
            f"IHDR gives colour type {facts.colour_type} with {facts.bits} bits, which no PNG has"
        ) from None


def _go_to(image: Image.Image, frame: int, frames: int) -> None:
    if frame >= frames:
        count = f"{frames} frames, 0 to {frames - 1}" if frames > 1 else "one frame, 0"
        raise _NoFrameError(f"frame {frame}: it has {count}")
    image.seek(frame)
