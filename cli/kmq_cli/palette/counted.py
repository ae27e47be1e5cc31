"""The palette of a .kmq file, a picture or a palette file, with how many pixels have each entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import kmq
from kmq_cli.pictures.source import open_image
from kmq_cli.terminal.failures import UsageError, complain
from kmq_cli.terminal.streams import read_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from kmq import IndexPlane, Palette

PALETTE_SUFFIXES = (".gpl", ".hex", ".pal", ".act")
"""Files of palettes that `kmq.load_palette` and `kmq.save_palette` know by their suffix."""

MOST_ENTRIES = 65_536

LEAST_PERCENT = 0.005
"""Smaller shares would print as 0.00 %."""


@dataclass(frozen=True, slots=True, eq=False)
class CountedPalette:
    """A palette, and how many pixels have each entry, (k,); None if there is no picture."""

    palette: Palette
    counts: NDArray[np.int64] | None

    @classmethod
    def of(cls, palette: Palette, plane: IndexPlane) -> CountedPalette:
        """Return the palette with how often the plane names each entry."""
        return cls(palette, plane.counts())

    @property
    def pixels(self) -> int | None:
        """Pixels of the picture; None if there is none."""
        return None if self.counts is None else int(self.counts.sum())

    @property
    def colours(self) -> NDArray[np.uint8]:
        """The entries in RGB, (k, 3), or RGBA, (k, 4)."""
        entries = self.palette.entries
        return np.repeat(entries, 3, axis=1) if self.palette.channels == 1 else entries

    @property
    def codes(self) -> list[str]:
        """The entries in hexadecimal digits, #RRGGBB or #RRGGBBAA."""
        return [f"#{bytes(colour).hex().upper()}" for colour in self.colours.tolist()]

    def over(self, grey: int) -> NDArray[np.uint8]:
        """Return the entries as they look over a grey of 0 to 255, in RGB, (k, 3)."""
        colours = self.colours
        if colours.shape[1] == 3:
            return colours
        alpha = colours[:, 3:].astype(np.int64)
        return ((colours[:, :3] * alpha + grey * (255 - alpha) + 127) // 255).astype(np.uint8)

    def share(self, index: int) -> str:
        """Return the share of the pixels that have an entry, in percent, for people; "" without a picture."""
        if self.counts is None:
            return ""
        percent = 100 * int(self.counts[index]) / int(self.counts.sum())
        if percent == 0:
            return "unused"
        return f"{percent:.2f} %" if percent >= LEAST_PERCENT else "<0.01 %"


def counted_palette(source: str, k: int | None, max_pixels: int | None) -> CountedPalette:
    """Read the palette of `source` and count its pixels; `k` chooses at most so many colours of a picture.

    Raises UsageError if `k` is given for a source with its own palette, ValueError if a picture has
    more colours than a palette can, and what reading a palette, a picture or a .kmq file raises.
    """
    suffix = Path(source).suffix.lower()
    if source in kmq.PALETTES or suffix in PALETTE_SUFFIXES:
        _refuse(k, source)
        try:
            return CountedPalette(kmq.load_palette(source), None)
        except kmq.FormatError as error:  # `failures` names the file
            raise kmq.FormatError(str(error).removeprefix(f"{source}: ")) from None
    data = read_bytes(source, max_pixels)
    if suffix == ".kmq" or data.startswith(b"KMQ"):
        _refuse(k, source)
        return _of_file(data, kmq.MAX_PIXELS if max_pixels is None else max_pixels)
    image, frames = open_image(data, max_pixels)
    with image:
        if frames > 1:
            complain(source, f"note: has {frames} frames; the colours are those of the first")
        if k is not None:
            return _of_file(kmq.encode(image, k, coding="packed"), None)
        return _of_picture(image)


def _refuse(k: int | None, source: str) -> None:
    if k is not None:
        raise UsageError(f"{source} has its own palette: leave -k out")


def _of_file(data: bytes, max_pixels: int | None) -> CountedPalette:
    with kmq.KmqFile(data, max_pixels=max_pixels) as file:
        return CountedPalette.of(file.palette, file.indices())


def _of_picture(image: Image.Image) -> CountedPalette:
    """Return the palette of an indexed picture, or the colours of another one in order of appearance."""
    canonical = kmq.canonical(image)
    if canonical.indexed is not None:
        return CountedPalette.of(*canonical.indexed)
    counted = kmq.histogram(canonical)
    if len(counted) > MOST_ENTRIES:
        raise ValueError(
            f"has {len(counted):,} colours, and a palette at most {MOST_ENTRIES:,}; choose fewer, as by -k 16"
        )
    palette = kmq.load_palette(image)
    counts = np.empty(palette.k, np.int64)
    counts[_order(palette.entries)] = counted.counts[_order(counted.colours)]  # the same colours, once each
    return CountedPalette(palette, counts)


def _order(colours: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return what sorts colours (n, c), shape (n,)."""
    return np.lexsort(colours.T)
