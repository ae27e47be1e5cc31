"""Z-order: one number for each colour, mostly near for colours that are near."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@cache
def spread_table(channels: int) -> NDArray[np.uint32]:
    """Return the bits that each value of each channel sets in a colour's code: (c, 256), uint32.

    The code interleaves the channels' bits, the highest first (Morton, "A computer oriented
    geodetic data base", 1966). Colours that share the n high bits of every channel are
    therefore neighbours in the order of their codes.
    """
    values = np.arange(256, dtype=np.uint32)
    table = np.zeros((channels, 256), np.uint32)
    for channel in range(channels):
        for bit in range(8):
            place = np.uint32(bit * channels + channels - 1 - channel)
            table[channel] |= (values >> np.uint32(bit) & np.uint32(1)) << place
    table.flags.writeable = False
    return table


@cache
def _gather_table(channels: int) -> NDArray[np.uint32]:
    """Return, shape (c, 256), what each value of each byte of a code, the lowest first, adds to a colour.

    The colour is a number whose lowest byte is the first channel.
    """
    values = np.arange(256, dtype=np.uint32)
    table = np.zeros((channels, 256), np.uint32)
    for bit in range(8 * channels):
        height, below = divmod(bit, channels)  # of the bit that lies there in the code
        place = np.uint32(8 * (channels - 1 - below) + height)
        table[bit // 8] |= (values >> np.uint32(bit % 8) & np.uint32(1)) << place
    table.flags.writeable = False
    return table


def codes_of(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the codes of colours (n, c): (n,), uint32."""
    table = spread_table(colours.shape[1])
    codes: NDArray[np.uint32] = table[0][colours[:, 0]]
    for channel in range(1, colours.shape[1]):
        codes |= table[channel][colours[:, channel]]
    return codes


def colours_of(codes: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Return the colours, shape (n, channels), of codes (n,)."""
    table = _gather_table(channels)
    numbers = table[0][codes & np.uint32(255)]
    for byte in range(1, channels):
        numbers |= table[byte][codes >> np.uint32(8 * byte) & np.uint32(255)]
    return np.ascontiguousarray(numbers.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :channels])
