"""Formats of pictures: the common ones are known from a table, the others from all of Pillow's plugins.

To load all plugins takes as long as to decode a small picture, to load one a tenth of that. A test holds the
table to Pillow.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from PIL import Image

KMQ = "KMQ"
"""What Pillow calls the format of .kmq files."""


class Format(NamedTuple):
    """A format that Pillow reads and writes: its name and suffixes."""

    name: str
    suffixes: tuple[str, ...]


COMMON = (
    Format("PNG", (".png", ".apng")),
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif")),
    Format("GIF", (".gif",)),
    Format("BMP", (".bmp",)),
    Format("TIFF", (".tif", ".tiff")),
    Format("WEBP", (".webp",)),
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
