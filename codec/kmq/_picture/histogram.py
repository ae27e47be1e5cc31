"""The histogram: how often each distinct colour occurs in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kmq._colours.z_order import codes_of, colours_of, spread_table
from kmq._ground.arguments import checked_type
from kmq._indexed.palette import CHANNELS
from kmq._picture.canonical import CanonicalImage, canonical_image
from kmq._picture.histogram_loop import enter_blocks, find_blocks, list_codes, rank_and_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._picture.canonical import ImageLike

T = TypeVar("T", bound=np.generic)

MOST_PIXELS = 1 << 43
"""Counts stay below this in all, so that clustering can sum as many coordinates below 2^19 in 63 bits."""

FIRST_TABLE = 1 << 13
"""First size of the table of blocks in slots, 64 KiB: enough for most pictures other than photographs."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """The distinct colours of one or more pictures, with their exact counts.

    - `colours` (n, c) uint8: `histogram` lists them in Z-order, the order of their interleaved bits.
    - `counts` (n,) int64: each is at least 1, and their sum is below 2^43.
    - `inverse` (H, W) uint32: each pixel's row in `colours`; or None.

    Arrays of these dtypes are kept, not copied, and are read-only through the histogram. Raises
    ValueError or TypeError for any other arrays.

    `a + b` is the histogram of both pictures, without an inverse. The order of addition doesn't
    matter, and `sum` works too. Adding raises ValueError if the channels differ.
    """

    colours: NDArray[np.uint8]
    counts: NDArray[np.int64]
    inverse: NDArray[np.uint32] | None = None

    def __post_init__(self) -> None:
        kinds = {"colours": (np.uint8, 2), "counts": (np.int64, 1), "inverse": (np.uint32, 2)}
        for name, (dtype, dimensions) in kinds.items():
            array = getattr(self, name)
            if array is None and name == "inverse":
                continue
            checked_type(name, array, np.ndarray, f"an array of {dtype.__name__}")
            if array.dtype != dtype or array.ndim != dimensions or array.size == 0:
                given = f"{array.dtype}, shape {array.shape}"
                raise ValueError(
                    f"{name} are {given}; they must be {dtype.__name__}, {dimensions}-D, not empty"
                )
            array = np.ascontiguousarray(array).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.channels not in CHANNELS or len(self.counts) != len(self.colours):
            shapes = f"{self.colours.shape} and {self.counts.shape}"
            raise ValueError(f"colours and counts have shapes {shapes}; they must be (n, 1 | 3 | 4) and (n,)")
        if self.counts.min() < 1 or self.counts.sum(dtype=np.float64) >= MOST_PIXELS:
            raise ValueError("counts must be at least 1, and less than 2^43 in all")
        if self.inverse is not None and self.inverse.max() >= len(self.colours):
            raise ValueError(f"inverse goes to {self.inverse.max()}; there are {len(self.colours)} colours")

    @property
    def channels(self) -> int:
        """Bytes per colour: 1 (grey), 3 (RGB) or 4 (RGBA)."""
        return int(self.colours.shape[1])

    def __len__(self) -> int:
        return len(self.colours)

    def __add__(self, other: object) -> Histogram:
        if not isinstance(other, Histogram):
            return NotImplemented
        if self.channels != other.channels:
            raise ValueError(f"histograms of {self.channels} and {other.channels} channels can't be added")
        codes = np.concatenate([codes_of(self.colours), codes_of(other.colours)])
        counts = np.concatenate([self.counts, other.counts])
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        starts = np.flatnonzero(np.diff(codes, prepend=~codes[:1]))
        return Histogram(colours_of(codes[starts], self.channels), np.add.reduceat(counts[order], starts))

    def __radd__(self, other: object) -> Histogram:
        return self if other == 0 else NotImplemented  # sum() starts with 0

    def __repr__(self) -> str:
        return f"Histogram({len(self)} colours, {int(self.counts.sum())} pixels)"


def histogram(image: ImageLike | CanonicalImage) -> Histogram:
    """Count the distinct colours of a picture, exactly.

    `image` is anything that `encode` takes. It is first made canonical: 8 bits, sRGB, upright,
    and black where it is fully transparent. Time is proportional to the pixels. The inverse takes
    4 bytes a pixel.

    Raises ValueError if `image` is no such picture.
    """
    pixels = (image if isinstance(image, CanonicalImage) else canonical_image(image)).pixels
    codes, counts, inverse = counted_codes(pixels)
    return Histogram(colours_of(codes, pixels.shape[2]), counts, inverse)


def counted_codes(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]]:
    """Count the colours of canonical pixels (H, W, c): return Z-order codes, counts and inverse.

    Codes (n,) uint32 ascend; counts (n,) int64; inverse (H, W) uint32.
    """
    height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(-1, channels)
    places = np.empty(height * width, np.uint32)
    blocks, bitmaps = _blocks_of(flat, places)
    # Order the blocks by their codes: code and number in one integer sort several times faster than argsort.
    # In place, because noise has as many blocks as pixels.
    numbered = blocks.astype(np.uint64)
    numbered <<= np.uint64(32)
    numbered |= np.arange(len(blocks), dtype=np.uint32)
    numbered.sort()
    numbered &= np.uint64(0xFFFFFFFF)
    order = numbered.view(np.int64)
    firsts = np.empty(len(blocks), np.uint32)
    codes = np.empty(int(np.bitwise_count(bitmaps).sum(dtype=np.int64)), np.uint32)
    list_codes(bitmaps.data, blocks.data, order.data, firsts.data, codes.data)
    counts = np.zeros(len(codes), np.int64)
    rank_and_count(places.data, bitmaps.data, firsts.data, counts.data)
    return codes, counts, places.reshape(height, width)


def _blocks_of(
    pixels: NDArray[np.uint8], places: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Return the blocks of codes that occur, and their bitmaps; write each pixel's place into `places`."""
    spread = spread_table(pixels.shape[1])
    table = np.zeros(FIRST_TABLE, np.uint64)
    blocks, bitmaps = np.empty(FIRST_TABLE // 2, np.uint32), np.empty(FIRST_TABLE // 2, np.uint64)
    done = known = 0
    while True:
        done, known = find_blocks(
            pixels.data, spread.data, table.data, blocks.data, bitmaps.data, places.data, done, known
        )
        if done == len(pixels):
            blocks.resize(known, refcheck=False)  # in place, without a copy
            bitmaps.resize(known, refcheck=False)
            return blocks, bitmaps
        table = np.zeros(2 * len(table), np.uint64)
        blocks, bitmaps = _grown(blocks, len(table) // 2), _grown(bitmaps, len(table) // 2)
        enter_blocks(table.data, blocks.data, known)


def _grown(array: NDArray[T], size: int) -> NDArray[T]:
    grown = np.empty(size, array.dtype)
    grown[: len(array)] = array
    return grown
