"""How many pixels of a picture are printed on a metre: its density, as a section keeps it (spec section 7).

Pillow gives it in dots an inch, whatever unit a file has.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

METRES_PER_INCH = 0.0254


def density_of(image: Image.Image) -> bytes | None:
    """Return the data of a density section for an image; None if it has no density, or no possible one."""
    dpi: Any = image.info.get("dpi")
    try:
        return struct.pack("<2I", *(_pixels_per_metre(float(number)) for number in dpi))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, struct.error):
        return None


def dpi_of(density: bytes) -> tuple[float, float] | None:
    """Return the dots an inch, across and down, that the data of a section say; None if they say nothing."""
    if len(density) != 8:
        return None
    across, down = struct.unpack("<2I", density)
    return (across * METRES_PER_INCH, down * METRES_PER_INCH) if across and down else None


def _pixels_per_metre(dpi: float) -> int:
    number = round(dpi / METRES_PER_INCH)
    if number < 1:
        raise ValueError("too few")
    return number
