"""Large TIFF files read part by part with tifffile, if it is installed and nothing must be converted."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kmq_cli.pictures.source import pillow_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE_PIXELS = 1 << 25
"""Pixels from which on a TIFF file is read part by part: 32 megapixels take Pillow 100 MB and more."""

SUFFIXES = frozenset({".tif", ".tiff", ".btf", ".tf8"})

ORIENTATION, PROFILE, XMP = 274, 34675, 700
"""Tags of TIFF 6.0, ICC.1 and XMP that say how to turn or convert the picture; Pillow does that."""

GREY, RGB, SEPARATE_ALPHA = 1, 2, 2
"""Values of PhotometricInterpretation, and of ExtraSamples for alpha that isn't premultiplied."""

MOST_SEGMENT = 1 << 26
"""Most bytes of a strip or a tile of the file, which is decoded as a whole."""


@dataclass(frozen=True, slots=True)
class TiffPicture:
    """The first picture of an open TIFF file of `frames` pictures, as a source of `kmq.encode_tiles`."""

    page: Any
    frames: int
    mapped: NDArray[np.uint8] | None = None
    """The picture, mapped into memory, if the file has its values as they are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, (H, W) or (H, W, c)."""
        return tuple(self.page.shape)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Kind of its values."""
        return np.dtype(np.uint8)

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Dots an inch, across and down; None if the file doesn't say."""
        with contextlib.suppress(Exception):  # damaged tags
            across, down = self.page.get_resolution(unit="inch")
            return (float(across), float(down)) if int(self.page.resolutionunit) > 1 else None
        return None

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[np.uint8]:
        """Return `[y0:y1, x0:x1]`. Raises ValueError if a segment of the file there can't be read."""
        rows, columns = key
        if self.mapped is not None:
            return self.mapped[rows, columns]
        part = np.zeros((rows.stop - rows.start, columns.stop - columns.start, *self.shape[2:]), np.uint8)
        high, wide = self.page.chunks[:2]
        for row in range(rows.start // high, (rows.stop - 1) // high + 1):
            for column in range(columns.start // wide, (columns.stop - 1) // wide + 1):
                segment = self._segment(row * self.page.chunked[1] + column)
                if segment is None:  # a hole, which is black
                    continue
                top, left = row * high - rows.start, column * wide - columns.start
                seen = segment[max(-top, 0) : len(part) - top, max(-left, 0) : part.shape[1] - left]
                top, left = max(top, 0), max(left, 0)
                part[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
        return part

    def _segment(self, number: int) -> NDArray[np.uint8] | None:
        """Read a strip or a tile of the file, (H, W) or (H, W, c); None if the file leaves it out."""
        try:
            file, page = self.page.parent.filehandle, self.page
            file.seek(page.dataoffsets[number])
            data = file.read(page.databytecounts[number])
            decoded, _, shape = page.decode(data or None, number)
            return (
                None
                if decoded is None
                else decoded.reshape(decoded.shape[1:])[: shape[1], : shape[2]].reshape(
                    (shape[1], shape[2], *self.shape[2:])
                )
            )
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  each compression has its own ways to fail
            raise ValueError(f"tifffile can't read it: {error or type(error).__name__}") from None


@contextlib.contextmanager
def large_tiff(path: str) -> Iterator[TiffPicture | None]:
    """Yield the first picture of a large TIFF file; None for all that Pillow should read."""
    with contextlib.ExitStack() as stack:
        picture = None
        if Path(path).suffix.lower() in SUFFIXES and _has_many_pixels(path):
            # Pillow will say what is wrong with the file.
            with contextlib.suppress(Exception):
                picture = _opened(path, stack)
        yield picture


def _has_many_pixels(path: str) -> bool:
    with pillow_limit(None), contextlib.suppress(Exception), Image.open(path) as image:
        return image.width * image.height >= LARGE_PIXELS
    return False


def _opened(path: str, stack: contextlib.ExitStack) -> TiffPicture | None:
    """Return the first picture of a file, or None. Raises ImportError, and what tifffile does."""
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # or it prints what Pillow reports too
    file = stack.enter_context(tifffile.TiffFile(path))
    page: Any = file.pages.first
    if not _is_plain(page, tifffile.TIFF):
        return None
    if page.is_memmappable:
        mapped = np.memmap(path, np.uint8, "r", page.dataoffsets[0], page.shape)
        return TiffPicture(page, len(file.pages), mapped)
    return TiffPicture(page, len(file.pages)) if math.prod(page.chunks) <= MOST_SEGMENT else None


def _is_plain(page: Any, known: Any) -> bool:  # noqa: ANN401  tifffile's
    """Tell whether the values of a page are its pixels, with nothing to turn or convert."""
    samples = page.shape[2] if len(page.shape) == 3 else 1
    alpha = tuple(page.extrasamples)
    tags = page.tags
    return bool(
        page.axes in ("YX", "YXS")
        and page.dtype == np.uint8
        and page.bitspersample == 8
        and (samples, int(page.photometric), alpha)
        in {(1, GREY, ()), (3, RGB, ()), (4, RGB, (SEPARATE_ALPHA,))}
        and page.compression in known.DECOMPRESSORS
        and page.predictor in known.UNPREDICTORS
        and PROFILE not in tags
        and not (XMP in tags and b"Orientation" in _bytes_of(tags[XMP].value))
        and (ORIENTATION not in tags or tags[ORIENTATION].value == 1)
    )


def _bytes_of(value: Any) -> bytes:  # noqa: ANN401  a tag's: bytes, a text, or numbers
    return value.encode() if isinstance(value, str) else bytes(value)
