"""How a picture is turned upright, and its Exif and XMP metadata without an orientation.

To turn a picture takes one number of its metadata; what else is damaged there doesn't matter.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, cast

from PIL import ExifTags, Image

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its orientation. 1 is upright."""

XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
"""Where Pillow has an XMP packet. Older PNG files have the second."""

IN_XMP = (r'tiff:Orientation="([0-9])"', r"<tiff:Orientation>([0-9])</tiff:Orientation>")

WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""Types of TIFF 6.0 that can hold an orientation, as `struct` names them."""


def orientation_of(image: Image.Image) -> int:
    """Return the orientation of a loaded image, 1 to 8; 1 if it has none or it can't be read."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(found) if found in METHODS else 1
    except Exception:  # noqa: BLE001  Pillow fails in many ways on a damaged tag, which need not be this one
        return next((number for _, _, number in _entries(image.info.get("exif"))), 1)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return an upright copy of an image. Its XMP packet has no orientation any more; its Exif has."""
    upright = image.transpose(METHODS[orientation])
    for key in XMP_KEYS:
        packet = upright.info.get(key)
        for pattern in IN_XMP:
            if isinstance(packet, str):
                packet = re.sub(pattern, "", packet)
            elif isinstance(packet, bytes):
                packet = re.sub(pattern.encode(), b"", packet)
        if packet is not None:
            upright.info[key] = packet
    dpi = upright.info.get("dpi")
    if orientation >= 5 and isinstance(dpi, tuple):
        upright.info["dpi"] = dpi[::-1]
    return upright


def in_place(exif: bytes) -> bytes:
    """Return Exif metadata with its orientation, if any, made 1, and nothing else changed."""
    changed = bytearray(exif)
    for place, form, _ in _entries(exif):
        struct.pack_into(form, changed, place, 1)
    return bytes(changed)


def _entries(exif: object) -> Iterator[tuple[int, str, int]]:
    """Yield the offset, the form and the value of each orientation in the first table of Exif metadata."""
    if not isinstance(exif, bytes):
        return
    base = 6 if exif.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[base : base + 2])
    if order is None:
        return
    # TIFF 6.0: a byte order, 42, where the first table is; that has a count, then entries of tag, type, ...
    try:
        (table,) = struct.unpack_from(f"{order}I", exif, base + 4)
        (count,) = struct.unpack_from(f"{order}H", exif, base + table)
        for entry in range(base + table + 2, base + table + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(f"{order}HHI", exif, entry)
            if tag == ExifTags.Base.Orientation and kind in WHOLE_NUMBERS and number:
                form = order + WHOLE_NUMBERS[kind]
                value = cast("int", struct.unpack_from(form, exif, entry + 8)[0])
                yield entry + 8, form, value if value in METHODS else 1
    except struct.error:  # it ends here
        return
