"""The ledger: where every byte of a file goes, and what was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.loss import mean_error, psnr
from kmq._container.header import packed_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._container.header import Container
    from kmq._indexed.index_plane import IndexPlane
    from kmq._picture.canonical import ImageLike


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the bytes of a file go.

    Five parts, in bytes, sum to the size of the file:

    - `palette_bytes`: the entries, raw or coded.
    - `index_bytes`: the payloads of the tiles.
    - `checksum_bytes`: all checksums.
    - `metadata_bytes`: the sections without their checksums.
    - `header_bytes`: everything else.

    `packed_bytes` is the size of the same file with packed indices. `k_used` is the number of entries
    that occur. `index_entropy` is the order-0 entropy of the indices, in bits a pixel.

    `squared_error` is the squared distance from the original, summed over R, G and B (or over grey),
    on the scale of 0 to 255, and averaged over the pixels. With alpha, it is the mean of the errors
    over black and over white. It is None without an original.
    """

    width: int
    height: int
    channels: int
    k: int
    k_used: int
    bit_depth: int
    coding: str
    tile: int | None
    header_bytes: int
    palette_bytes: int
    index_bytes: int
    checksum_bytes: int
    metadata_bytes: int
    packed_bytes: int
    index_entropy: float
    squared_error: float | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @property
    def total_bytes(self) -> int:
        """Size of the file in bytes: the sum of the five parts."""
        return (
            self.header_bytes
            + self.palette_bytes
            + self.index_bytes
            + self.checksum_bytes
            + self.metadata_bytes
        )

    @property
    def raw_bits_per_pixel(self) -> int:
        """Bits of a pixel without a palette: 8 (grey), 24 (RGB) or 32 (RGBA)."""
        return 8 * self.channels

    @property
    def raw_bytes(self) -> int:
        """Bytes of the picture without a palette."""
        return self.pixels * self.channels

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the file per pixel."""
        return 8 * self.total_bytes / self.pixels

    @property
    def ratio(self) -> float:
        """The ratio obtained: `raw_bytes` / `total_bytes`."""
        return self.raw_bytes / self.total_bytes

    @property
    def promised_ratio(self) -> float:
        """The ratio that packing would reach if only the indices took bytes: raw bits / bit depth."""
        return self.raw_bits_per_pixel / self.bit_depth if self.bit_depth else math.inf

    @property
    def psnr(self) -> float | None:
        """Peak signal-to-noise ratio in dB, 10 log10(c · 255² / squared_error); inf if nothing was lost.

        c is 1 for grey, else 3. None without an original.
        """
        return None if self.squared_error is None else psnr(self.squared_error, self.channels)


def make_ledger(container: Container, plane: IndexPlane, original: NDArray[np.uint8] | None = None) -> Ledger:
    """Return the ledger of a parsed file and its decoded index plane.

    `original` is the picture before encoding, (H, W, c) uint8. Raises ValueError if it has another
    size, or needs channels that the file lacks.
    """
    error = None if original is None else mean_error(container.palette, plane, original)
    return ledger_of(container, plane.counts(), error)


def ledger_of(container: Container, counts: NDArray[np.int64], squared_error: float | None) -> Ledger:
    """Return the ledger of a parsed file in which each index occurs `counts` (k,) times."""
    grid, palette = container.grid, container.palette
    index_bytes = int(container.tile_starts[-1] - container.tile_starts[0])
    total_bytes = container.header_size + container.sections_size + index_bytes
    raw_palette = palette.k * palette.channels
    shares = counts[counts > 0] / (grid.width * grid.height)
    return Ledger(
        width=grid.width,
        height=grid.height,
        channels=palette.channels,
        k=palette.k,
        k_used=len(shares),
        bit_depth=palette.bit_depth,
        coding=container.coding.name,
        tile=grid.side,
        header_bytes=container.header_size
        - container.palette_size
        - (container.crc_bytes - container.section_crc_bytes),
        palette_bytes=container.palette_size,
        index_bytes=index_bytes,
        checksum_bytes=container.crc_bytes,
        metadata_bytes=container.sections_size - container.section_crc_bytes,
        packed_bytes=total_bytes
        - (container.length_bytes + index_bytes + container.palette_size)
        + (packed_bytes(grid, palette.k) + raw_palette),
        index_entropy=abs(float(shares @ np.log2(shares))),
        squared_error=squared_error,
    )


def original_pixels(container: Container, original: ImageLike | None) -> NDArray[np.uint8] | None:
    """Return the original's pixels, in the file's own colours if it keeps a profile."""
    if original is None:
        return None
    from kmq._picture.canonical import canonical_image

    return canonical_image(original, ["icc"] if "icc" in container.metadata else []).pixels
