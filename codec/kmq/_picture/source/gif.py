"""GIF files: what a first frame leaves free of the screen is transparent, in later frames too (GIF89a)."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image

from kmq._picture.source.deep import redrawn

CONTROL = b"\x21\xf9\x04"
"""How a graphic control extension begins: then flags, a delay, the transparent index, and 0."""

UNUSED = 255
"""An index that no frame with a smaller palette has."""


def with_clear_surround(image: Image.Image) -> Image.Image:
    """Return the loaded first frame of a GIF with what it leaves free of the screen transparent."""
    place = getattr(image, "dispose_extent", None)
    first = getattr(image, "tell", int)() == 0
    if not place or tuple(place) == (0, 0, *image.size) or not first or "transparency" in image.info:
        return image
    left, top, right, bottom = place
    clear = np.ones(image.size[::-1], np.bool)
    clear[top:bottom, left:right] = False
    colours = bytes(image.getpalette("RGB") or ()) if image.mode == "P" else b""
    entries = len(colours) // 3
    if not colours or entries > UNUSED:
        alpha = Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
        made = image.convert("RGBA" if colours else "LA")
        made.putalpha(alpha)
        return redrawn(image, made)
    indices = np.where(clear, entries, np.asarray(image)).astype(np.uint8)
    made = Image.fromarray(indices)
    made.putpalette(colours + bytes(3))
    redrawn(image, made)
    made.info["transparency"] = entries
    return made


def with_clear_screen(data: bytes) -> bytes:
    """Return a GIF whose first frame says that an index which it doesn't have is transparent.

    Pillow then begins with a transparent screen. A file in which the first frame covers the screen, has a
    transparent index, or could have any index is returned as it is.
    """
    try:
        wide, high, flags = struct.unpack_from("<HHB", data, 6)
        at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        control = 0
        while data[at] == 0x21:
            control = at if data[at : at + 3] == CONTROL else control
            at += 2
            while data[at]:
                at += data[at] + 1
            at += 1
        left, top, width, height, own = struct.unpack_from("<HHHHB", data, at + 1)
        bits = (own if own & 0x80 else flags) & 7
        covers = (left, top) == (0, 0) and width >= wide and height >= high
        if data[at] != 0x2C or covers or bits == 7 or (control and data[control + 3] & 1):
            return data
        if not control:
            return data[:at] + CONTROL + bytes([1, 0, 0, UNUSED, 0]) + data[at:]
        changed = bytearray(data)
        changed[control + 3] |= 1
        changed[control + 6] = UNUSED
        return bytes(changed)
    except (IndexError, struct.error):  # it ends here
        return data
