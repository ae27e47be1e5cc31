"""Formats of pictures: the common ones are known from a table, the others from all of Pillow's plugins.

To load all plugins takes as long as to decode a small picture, to load one a tenth of that. A test holds the
table to Pillow.
"""

from __future__ import annotations

import importlib
import io
import struct
from typing import Any, NamedTuple

from PIL import Image

from kmq import LimitError

KMQ = "KMQ"
"""What Pillow calls the format of .kmq files."""


class Format(NamedTuple):
    """A format that Pillow reads and writes: its name, the plugin, suffixes, and how files begin."""

    name: str
    plugin: str
    suffixes: tuple[str, ...]
    beginnings: tuple[bytes, ...]


COMMON = (
    Format("PNG", "PngImagePlugin", (".png", ".apng"), (b"\x89PNG\r\n\x1a\n",)),
    Format("JPEG", "JpegImagePlugin", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8\xff",)),
    Format("GIF", "GifImagePlugin", (".gif",), (b"GIF87a", b"GIF89a")),
    Format("BMP", "BmpImagePlugin", (".bmp",), (b"BM",)),
    Format("TIFF", "TiffImagePlugin", (".tif", ".tiff"), (b"II*\0", b"MM\0*")),
    Format("WEBP", "WebPImagePlugin", (".webp",), (b"RIFF",)),
)
BY_SUFFIX = {suffix: each for each in COMMON for suffix in each.suffixes}
BY_NAME = {each.name: each for each in COMMON}


def named_by(suffix: str) -> str | None:
    """Return Pillow's name of the format that a suffix stands for; None if there is none."""
    if suffix == ".kmq":
        return KMQ
    if suffix in BY_SUFFIX:
        return BY_SUFFIX[suffix].name
    return Image.registered_extensions().get(suffix) if suffix else None


def is_readable(suffix: str) -> bool:
    """Tell whether Pillow reads the format that a suffix stands for."""
    name = named_by(suffix)
    if suffix in BY_SUFFIX or name is None:
        return name is not None
    from PIL import ImageFile

    reader, _ = Image.OPEN.get(name, (None, None))
    # Pillow recognises these but can't read them.
    is_stub = isinstance(reader, type) and issubclass(reader, ImageFile.StubImageFile)
    return reader is not None and not is_stub and name != "MPEG"


def is_writable(suffix: str) -> bool:
    """Tell whether Pillow writes the format that a suffix stands for; .kmq is left to kmq encode."""
    return suffix in BY_SUFFIX or (suffix != ".kmq" and named_by(suffix) in Image.SAVE)


def opened(data: bytes, limit: int | None) -> Image.Image:
    """Return what `Image.open` does for bytes, and load no other plugin for a common format.

    Raises LimitError for a picture of more than `limit` pixels (None: any number), and what that does.
    """
    for common in COMMON:
        if data.startswith(common.beginnings):
            importlib.import_module(f"PIL.{common.plugin}")
            factory, _ = Image.OPEN[common.name]
            try:
                image = factory(io.BytesIO(data), "")
            except (SyntaxError, IndexError, TypeError, struct.error):
                break  # it only begins like one
            if limit is not None and image.width * image.height > limit:
                raise LimitError(f"the picture has more than {limit:,} pixels")
            return image
    return Image.open(io.BytesIO(data))


def written(image: Image.Image, name: str, **options: Any) -> bytes:  # noqa: ANN401  its writer's
    """Return what `image.save` writes in a format."""
    out = _Named()
    if name in BY_NAME:  # a name says the same as a format, and loads no other plugin
        out.name = f"picture{BY_NAME[name].suffixes[0]}"
        image.save(out, **options)
    else:
        image.save(out, name, **options)
    return out.getvalue()


class _Named(io.BytesIO):
    """Bytes with the name of a file."""

    name: str | None = None
