"""The coded palette: entries predicted from earlier entries, arithmetic-coded (spec annexes A and B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.arithmetic import CODER_BYTES, last_bytes
from kmq._coding.palette_loop import EXPERTS, MARKS, ROW, WIDTHS, code_entries
from kmq._ground.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.palette import Palette

ORDER_BITS = {1: 0, 3: 3, 4: 5}
"""Bits of `Channel_Order`, by bytes per entry (spec annex B)."""

LIKELY_ORDERS: dict[int, list[tuple[int, ...]]] = {
    1: [(0,)],
    3: [(2, 1, 0), (0, 1, 2), (2, 0, 1), (0, 2, 1), (1, 0, 2), (1, 2, 0)],
    4: [
        *((2, 1, 0, 3), (3, 0, 1, 2), (0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 1, 3), (3, 2, 0, 1)),
        *((2, 3, 1, 0), (3, 0, 2, 1), (1, 0, 2, 3), (1, 2, 0, 3), (3, 1, 0, 2), (2, 3, 0, 1)),
    ],
}
"""Orders of channels to try, each the one that saves most after those before it.

On 670 palettes of photographs, icons and other pictures, the first two orders take 0.5 % (RGB) and 1.0 %
(RGBA) more bytes than the best of all orders, the first three 0.2 % and 0.7 %.
"""

ENTRIES_TRIED = 128
"""Most entries to code in all while trying more than `FEWEST_ORDERS`: some tenths of a millisecond.

Four times as many save 0.1 % of a palette's bytes.
"""

FEWEST_ORDERS = 3
"""Orders to try however many entries there are, up to `MOST_ENTRIES_TRIED` in all: a tenth of a second."""

MOST_ENTRIES_TRIED = 1 << 13


@dataclass(frozen=True, slots=True, eq=False)
class CodedPalette:
    """A palette in coded form.

    `order` (k,) intp gives, for each place in the coded palette, the number of that entry in the
    original palette. Index planes must be renumbered by its inverse.
    """

    payload: bytes
    order: NDArray[np.intp]


def coded_palette(palette: Palette, *, keep_order: bool) -> CodedPalette | None:
    """Return the smallest coded form found, or None if it and its size field are no smaller than raw.

    With `keep_order`, `order` is 0, 1, ..., k - 1.
    """
    entries = palette.entries
    k, channels = entries.shape
    repeats = _repeats(entries)
    best: CodedPalette | None = None
    # The coded form must save a byte, and its size field takes another.
    most = entries.size - 2
    for channel_order in LIKELY_ORDERS[channels][: _orders_tried(k)]:
        reordered = np.take(entries, channel_order, axis=1)
        order = np.arange(k) if keep_order else np.argsort(_numbers_of(reordered), kind="stable")
        payload = _payload(reordered[order], channel_order, most, kept=keep_order or repeats)
        if payload is not None and len(payload) + _size_bytes(len(payload)) < entries.size:
            best = CodedPalette(payload, order)
            most = len(payload) - 1
    return best


def read_coded_palette(payload: memoryview, k: int, channels: int, offset: int) -> NDArray[np.uint8]:
    """Return the entries, (k, channels) uint8, from their coded form, which begins at `offset` of its file.

    Time and memory are proportional to k, not to the size of the payload: some hundred bytes can hold a
    ramp of 65,536 entries. k bounds the entries to 256 KiB.

    Raises FormatError if `Channel_Order` is out of range, or if the payload has too few or too many bytes.
    """
    entries = np.zeros((k, channels), np.uint8)
    orders = _numbered_orders(channels)
    # The loop also encodes, so its buffer must be writeable, and not empty. An added zero changes nothing.
    stream = np.zeros(max(1, len(payload)), np.uint8)
    stream[: len(payload)] = np.frombuffer(payload, np.uint8)
    head, coder = _run(entries, stream, 0, len(payload) + CODER_BYTES, decoding=True)
    number = head & ((1 << ORDER_BITS[channels]) - 1)
    if number >= len(orders):
        raise FormatError(
            f"Palette at offset {offset}: Channel_Order is {number}; with {channels} channels it must be "
            f"below {len(orders)} (spec M28)"
        )
    taken = int(coder[3])
    if not taken - CODER_BYTES <= len(payload) <= taken:
        fewest, largest = taken - CODER_BYTES, taken
        expected = f"more than {len(payload)}" if fewest > len(payload) else f"{fewest} to {largest}"
        raise FormatError(
            f"Palette at offset {offset} has {len(payload)} coded bytes; "
            f"its entries take {expected} (spec M29)"
        )
    decoded = np.empty_like(entries)
    decoded[:, list(orders[number])] = entries
    return decoded


def _payload(
    entries: NDArray[np.uint8], channel_order: tuple[int, ...], most: int, *, kept: bool
) -> bytes | None:
    """Return the coded form, or None if it takes more than `most` bytes.

    The channels of `entries` lie in `channel_order`.
    """
    channels = len(channel_order)
    head = _numbered_orders(channels).index(channel_order) | kept << ORDER_BITS[channels]
    stream = np.zeros(max(1, most), np.uint8)
    _, (first, last, _, written) = _run(entries, stream, head, max(0, most), decoding=False)
    if written > most:
        return None
    payload = stream[:written].tobytes() + last_bytes(int(first), int(last))
    return payload if len(payload) <= most else None


def _run(
    entries: NDArray[np.uint8], stream: NDArray[np.uint8], head: int, most: int, *, decoding: bool
) -> tuple[int, NDArray[np.uint32]]:
    """Allocate the loop's tables and run it. Return the head and the coder's state."""
    channels = entries.shape[1]
    counts = np.zeros((channels, 2, ROW), np.uint32)
    weights = np.zeros((channels, EXPERTS), np.uint32)
    marks = np.zeros(MARKS, np.uint32)
    coder = np.zeros(4, np.uint32)
    head = code_entries(
        entries.data,
        stream.data,
        kernel_masses().data,
        counts.data,
        weights.data,
        marks.data,
        coder.data,
        head,
        1 + ORDER_BITS[channels],
        most,
        decoding,
    )
    return head, coder


@cache
def kernel_masses() -> NDArray[np.uint16]:
    """Return, shape (13 x 512,), of 2^14, what of each kernel lies below its centre + d, d from -255 to 256.

    Computed at the first call (spec B.2).
    """
    widths = 1 << np.arange(WIDTHS)[:, np.newaxis]
    beyond = ((widths << 13) // (widths + 2 * np.arange(ROW // 2) + 1)) ** 2 >> 13
    masses = np.hstack([beyond[:, ::-1], (1 << 14) - beyond]).astype(np.uint16).reshape(-1)
    masses.flags.writeable = False
    return masses


@cache
def _numbered_orders(channels: int) -> tuple[tuple[int, ...], ...]:
    """Return every order of the channels, indexed by `Channel_Order`."""
    return tuple(permutations(range(channels)))


def _orders_tried(k: int) -> int:
    """Return how many orders of the channels to try for k entries."""
    return max(ENTRIES_TRIED // k, min(FEWEST_ORDERS, MOST_ENTRIES_TRIED // k), 1)


def _numbers_of(entries: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each entry as one number, its first channel the most significant."""
    padded = np.zeros((len(entries), 4), np.uint8)
    padded[:, : entries.shape[1]] = entries
    return padded.view(">u4")[:, 0].astype(np.uint32)


def _repeats(entries: NDArray[np.uint8]) -> bool:
    """Say whether an entry occurs twice."""
    numbers = np.sort(_numbers_of(entries))
    return bool((numbers[1:] == numbers[:-1]).any())


def _size_bytes(size: int) -> int:
    """Return the length of `size` as a `uleb`, in bytes."""
    return max(1, math.ceil(size.bit_length() / 7))
