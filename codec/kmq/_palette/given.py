"""Given palettes: by name, from a file or a picture, or as a table of colours."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, UnidentifiedImageError

from kmq._colours.channels import in_channels
from kmq._container.header import read_container
from kmq._ground.errors import FormatError, KmqError
from kmq._ground.reading import MAX_PIXELS, read_bounded
from kmq._ground.sources import Beginning, FileBytes
from kmq._indexed.index_plane import MAX_ENTRIES
from kmq._indexed.palette import Palette
from kmq._palette.files import MOST_BYTES, PALETTE_READERS, read_palette_file
from kmq._picture.canonical import canonical_image
from kmq._picture.histogram import Histogram, histogram
from kmq._picture.source.opening import identified

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PaletteLike: TypeAlias = "Palette | ArrayLike | Image.Image | str | os.PathLike[str]"
"""A Palette, a table of colours, a Pillow image, a name, or the path of a file."""


def _hex(text: str) -> Palette:
    return Palette([tuple(bytes.fromhex(word)) for word in text.split()])


PALETTES = MappingProxyType(
    {
        "black-and-white": Palette([[0], [255]]),
        # The four greens in which the first Game Boy's screen is usually drawn, darkest first.
        "game-boy": _hex("0f380f 306230 8bac0f 9bbc0f"),
        # Lexaloffle's PICO-8, in the order of its colour numbers.
        "pico-8": _hex(
            "000000 1d2b53 7e2553 008751 ab5236 5f574f c2c3c7 fff1e8 "
            "ff004d ffa300 ffec27 00e436 29adff 83769c ff77a8 ffccaa"
        ),
        # Seven-colour electronic paper, in the order of its controller's colour numbers.
        "e-paper-7": _hex("000000 ffffff 00ff00 0000ff ff0000 ffff00 ff8000"),
        # Each channel 00, 33, 66, 99, cc or ff: the 216 colours that browsers once agreed on.
        "web-safe": Palette(list(itertools.product(range(0, 256, 51), repeat=3))),
    }
)
"""Well-known palettes by name."""


def load_palette(source: PaletteLike) -> Palette:
    """Return the palette that `source` names or holds, with its entries in their order: `encode`'s `palette`.

    `source` is a name in `PALETTES`, the path of a file, a Pillow image, a Palette or a table of colours. The
    suffix of a file says its kind: .gpl, .hex, .pal, .act or .kmq; any other file is opened as a picture. An
    indexed picture gives its palette. Any other picture gives its distinct colours in the order of their
    first pixels, row by row.

    Raises ValueError for an unknown name, or a table or picture that can't be a palette; OSError for a file
    that can't be read; and a KmqError for a file that isn't what its suffix says.
    """
    if isinstance(source, Palette):
        return source
    if isinstance(source, Image.Image):
        return _of_picture(source)
    if isinstance(source, (str, os.PathLike)):
        if not os.fspath(source):
            raise ValueError("palette is an empty string")
        if isinstance(source, str) and source in PALETTES:
            return PALETTES[source]
        return _of_file(Path(source))
    try:
        return Palette(source)
    except (TypeError, ValueError) as error:
        raise ValueError(f"palette: {error}") from None


def _of_file(path: Path) -> Palette:
    name = str(path) if str(path).isprintable() else ascii(str(path))
    suffix = path.suffix.lower()
    if "\0" in str(path) or (not suffix and not path.exists()):
        names = ", ".join(PALETTES)
        raise ValueError(f"palette is {str(path)!r}; it must be a file, or one of {names}")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FormatError(f"{name}: a device or pipe; a palette must be in a regular file")
    if suffix in PALETTE_READERS:
        with path.open("rb") as file:
            return read_palette_file(file.read(MOST_BYTES + 1), suffix, name)
    try:
        if suffix == ".kmq":
            with path.open("rb") as file:
                return read_container(Beginning(FileBytes(file), MAX_PIXELS)).palette
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with path.open("rb") as file:
                data = read_bounded(file, MAX_PIXELS)
            with identified(data) as image:
                return _of_picture(image)
    except UnidentifiedImageError:
        raise FormatError(f"{name}: neither a palette nor a picture that Pillow reads") from None
    except MemoryError:
        raise
    except KmqError as error:
        raise type(error)(f"{name}: {error}") from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        # Each of Pillow's readers fails in its own way.
        raise FormatError(f"{name}: {error or type(error).__name__}") from None


def _of_picture(image: Image.Image) -> Palette:
    canonical = canonical_image(image)
    if canonical.indexed is not None:
        return canonical.indexed[0]
    counted = histogram(canonical)
    if len(counted) > MAX_ENTRIES:
        raise ValueError(f"palette is a picture of {len(counted)} colours; it can have up to {MAX_ENTRIES:,}")
    assert counted.inverse is not None  # noqa: S101  histogram() makes it
    order: list[int] = []
    seen = np.zeros(len(counted), np.bool)
    for row in counted.inverse:
        if len(order) < len(counted) and not seen[row].all():
            new, firsts = np.unique(row[~seen[row]], return_index=True)
            order += new[np.argsort(firsts)].tolist()
            seen[new] = True
    return Palette(counted.colours[order])


def matched(counted: Histogram, palette: Palette) -> tuple[Histogram, Palette]:
    """Return the histogram and the palette in the same channels, as mapping needs them.

    Entries keep their order. If the picture has fully transparent pixels and the palette has no fully
    transparent entry, one is added at the end.

    Raises ValueError if there is no room for that entry.
    """
    channels = max(counted.channels, palette.channels)
    colours, entries = (in_channels(table, channels) for table in (counted.colours, palette.entries))
    if channels == 4 and not colours.any(axis=1).all() and not (entries[:, 3] == 0).any():
        if palette.k == MAX_ENTRIES:
            raise ValueError("palette has no transparent entry for this picture, and no room for one")
        entries = np.concatenate([entries, np.zeros((1, 4), np.uint8)])
    return Histogram(colours, counted.counts, counted.inverse), Palette(entries)
