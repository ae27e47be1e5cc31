"""A picture of a palette, and of the original beside the decoded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from kmq import KmqFile

MARGIN = 16
PAPER, INK, FADED = (255, 255, 255), (34, 34, 34), (110, 110, 110)
LABELLED = 32
"""Up to so many swatches are wide enough for their hex code and share."""


def side_by_side(original: Image.Image, file: KmqFile, credit: str) -> Image.Image:
    """Return both pictures next to each other, with captions, swatches below, and a credit line."""
    plane = file.indices()
    decoded = Image.fromarray(file.palette.colours(plane)).convert("RGB")
    width = 2 * original.width + 3 * MARGIN
    caption, small = ImageFont.load_default(20), ImageFont.load_default(14)
    strip = _swatches(file, np.bincount(plane.indices.ravel(), minlength=file.k), width - 2 * MARGIN)
    top = MARGIN + original.height + 40
    sheet = Image.new("RGB", (width, top + strip.height + 14 + MARGIN + 8), PAPER)
    draw = ImageDraw.Draw(sheet)
    bits = 8 * len(original.getbands())
    for place, picture, text in (
        (0, original.convert("RGB"), f"original: {bits} bits a pixel"),
        (1, decoded, f"{file.k} colour{'s' * (file.k > 1)}: {file.bit_depth} bits a pixel"),
    ):
        left = MARGIN + place * (original.width + MARGIN)
        sheet.paste(picture, (left, MARGIN))
        draw.text((left, MARGIN + original.height + 8), text, INK, caption)
    sheet.paste(strip, (MARGIN, top))
    draw.text((MARGIN, top + strip.height + 8), credit, FADED, small)
    return sheet


def _swatches(file: KmqFile, counts: np.ndarray, width: int) -> Image.Image:
    """Return the palette's entries in their order; a few ones with hex code and share of pixels."""
    entries = file.palette.entries[:, :3]
    if file.palette.channels == 1:
        entries = np.repeat(entries, 3, axis=1)
    labelled = file.k <= LABELLED
    columns = min(file.k, 16 if labelled else 64)
    rows = -(-file.k // columns)
    height = 64 if labelled else max(8, width // columns)
    strip = Image.new("RGB", (width, rows * height), PAPER)
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(14)
    for index, (red, green, blue) in enumerate(entries.tolist()):
        row, column = divmod(index, columns)
        left, right = column * width // columns, (column + 1) * width // columns - 1
        draw.rectangle((left, row * height, right, (row + 1) * height - 1), (red, green, blue))
        if labelled:
            dark = 299 * red + 587 * green + 114 * blue < 128_000
            share = 100 * counts[index] / counts.sum()
            text = f"#{red:02X}{green:02X}{blue:02X}\n{share:.1f} %"
            draw.text((left + 6, row * height + 12), text, PAPER if dark else INK, font, spacing=6)
    return strip
