"""A decoded picture as a file of any format that Pillow writes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer
from PIL import Image

if TYPE_CHECKING:
    from kmq import KmqFile, Palette

INDEXED_FORMATS = {"PNG", "GIF", "TIFF", "BMP", "PCX", "TGA"}
"""Formats that have palettes, so that a picture of up to 256 colours needs no other form."""


def format_for(output: str) -> str:
    """Return Pillow's name for the format of a suffix; PNG for standard output.

    Raises typer.BadParameter for a suffix that Pillow doesn't write.
    """
    suffix = Path(output).suffix.lower()
    if output == "-":
        return "PNG"
    name = Image.registered_extensions().get(suffix)
    if name is None or name not in Image.SAVE:
        known = sorted(ext for ext, name in Image.registered_extensions().items() if name in Image.SAVE)
        raise typer.BadParameter(
            f"{output}: can't write {suffix or 'a name without suffix'}; one of {' '.join(known)}"
        )
    return name


def export(file: KmqFile, name: str) -> bytes:
    """Return the picture in the format `name`, with the metadata the file kept.

    With at most 256 entries, and a format that has palettes, it stays indexed.
    Raises OSError or ValueError if the format can't hold it.
    """
    palette, plane = file.palette, file.indices()
    image = None
    if palette.k <= 256 and (name == "PNG" or (name in INDEXED_FORMATS and palette.channels != 4)):
        image = _indexed(plane.indices, palette)
    if image is None:
        image = Image.fromarray(palette.colours(plane))
    kept = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp"}
    options = {option: file.metadata[key] for option, key in kept.items() if key in file.metadata}
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def _indexed(indices: np.ndarray, palette: Palette) -> Image.Image:
    image = Image.fromarray(indices)
    colours = palette.entries
    image.putpalette((colours[:, :3] if palette.channels > 1 else np.repeat(colours, 3, axis=1)).tobytes())
    if palette.channels == 4:
        image.info["transparency"] = colours[:, 3].tobytes()
    return image
