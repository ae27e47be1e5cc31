"""Pictures of a palette alone, and of the original and the decoded picture side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from kmq_cli.palette.counted import CountedPalette

if TYPE_CHECKING:
    from kmq import KmqFile

MARGIN = 16
PAPER, INK, FADED = (255, 255, 255), (34, 34, 34), (110, 110, 110)
LABELLED = 32
"""Most swatches below a picture that show their hex code and share."""

SHEET_WIDTH, SHEET_LABELLED = 1280, 256
"""Width of a sheet of swatches alone, and most swatches on it that show their hex code and share."""

WIDEST = 160
"""Widest swatch on such a sheet, in pixels."""


def side_by_side(original: Image.Image, file: KmqFile, credit: str) -> Image.Image:
    """Return both pictures next to each other, with captions, swatches below, and a credit line."""
    plane = file.indices()
    decoded = Image.fromarray(file.palette.colours(plane)).convert("RGB")
    width = 2 * original.width + 3 * MARGIN
    caption, small = ImageFont.load_default(20), ImageFont.load_default(14)
    counted = CountedPalette.of(file.palette, plane)
    labelled = file.k <= LABELLED
    columns = 16 if labelled else 64
    height = 64 if labelled else max(8, (width - 2 * MARGIN) // min(file.k, columns))
    strip = _swatches(counted, width - 2 * MARGIN, columns, height, labelled=labelled)
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


def swatch_sheet(counted: CountedPalette) -> Image.Image:
    """Return the palette's swatches alone, in RGB: up to 256 with hex code and share, more without."""
    columns, height = (16 if counted.palette.channels < 4 else 12), 64
    labelled = counted.palette.k <= SHEET_LABELLED
    if not labelled:
        columns = 64 if counted.palette.k <= 64 * 64 else 256
        height = SHEET_WIDTH // columns
    width = min(SHEET_WIDTH, counted.palette.k * WIDEST)
    strip = _swatches(counted, width, columns, height, labelled=labelled)
    sheet = Image.new("RGB", (strip.width + 2 * MARGIN, strip.height + 2 * MARGIN), PAPER)
    sheet.paste(strip, (MARGIN, MARGIN))
    return sheet


def _swatches(
    counted: CountedPalette, width: int, columns: int, height: int, *, labelled: bool
) -> Image.Image:
    """Return the entries in their order, over white, with a band over black at the bottom of each.

    A row has `columns` of them; fewer entries make one row of wider swatches.
    """
    columns = min(columns, counted.palette.k)
    rows = -(-counted.palette.k // columns)
    strip = Image.new("RGB", (width, rows * height), PAPER)
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(14)
    over_black, over_white = (counted.over(grey).tolist() for grey in (0, 255))
    for index, code in enumerate(counted.codes):
        row, column = divmod(index, columns)
        left, right = column * width // columns, (column + 1) * width // columns - 1
        top, bottom = row * height, (row + 1) * height - 1
        draw.rectangle((left, top, right, bottom), tuple(over_white[index]))
        draw.rectangle((left, bottom - height // 5 + 1, right, bottom), tuple(over_black[index]))
        if labelled:
            red, green, blue = over_white[index]
            dark = 299 * red + 587 * green + 114 * blue < 128_000
            text = f"{code}\n{counted.share(index)}"
            draw.text((left + 6, top + 12), text, PAPER if dark else INK, font, spacing=6)
    return strip
