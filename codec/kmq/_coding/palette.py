"""The coded palette: entries predicted from earlier entries, arithmetic-coded (spec annexes A and B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice, permutations
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.arithmetic import CODER_BYTES, last_bytes
from kmq._coding.palette_loop import code_entries, tail_table
from kmq._ground.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.palette import Palette

ORDER_BITS = {1: 0, 3: 3, 4: 5}
"""Bits of `Channel_Order`, by bytes per entry (spec annex B)."""

LIKELY_ORDERS: dict[int, list[tuple[int, ...]]] = {
    1: [(0,)],
    3: [(2, 1, 0), (0, 1, 2)],
    4: [(0, 1, 2, 3), (3, 0, 1, 2), (2, 1, 0, 3), (3, 2, 1, 0)],
}
"""Orders of channels to try first. For two thirds of 279 palettes of pictures, one of them is the best."""

ENTRIES_TRIED = 1 << 13
"""Most entries to code in the search for the best order of channels, a tenth of a second's work."""


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
    repeats = len(np.unique(entries, axis=0)) < k
    best: CodedPalette | None = None
    # The coded form must save a byte, and its size field takes another.
    most = entries.size - 2
    for channel_order in islice(_channel_orders(channels), max(1, ENTRIES_TRIED // k)):
        # lexsort wants the most important key last.
        order = np.arange(k) if keep_order else np.lexsort(entries.T[list(reversed(channel_order))])
        payload = _payload(entries[order], channel_order, most, kept=keep_order or repeats)
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
    """Return the coded form, or None if it takes more than `most` bytes."""
    channels = len(channel_order)
    head = _numbered_orders(channels).index(channel_order) | kept << ORDER_BITS[channels]
    stream = np.zeros(max(1, most), np.uint8)
    coded = np.ascontiguousarray(entries[:, list(channel_order)])
    _, (first, last, _, written) = _run(coded, stream, head, max(0, most), decoding=False)
    if written > most:
        return None
    payload = stream[:written].tobytes() + last_bytes(int(first), int(last))
    return payload if len(payload) <= most else None


def _run(
    entries: NDArray[np.uint8], stream: NDArray[np.uint8], head: int, most: int, *, decoding: bool
) -> tuple[int, NDArray[np.uint32]]:
    """Allocate the loop's tables and run it. Return the head and the coder's state."""
    channels = entries.shape[1]
    tails = np.empty((13, 256), np.uint16)
    counts = np.zeros((channels, 2, 511), np.uint32)
    weights = np.zeros((channels, 7), np.uint32)
    coder = np.zeros(4, np.uint32)
    tail_table(tails.data)
    head = code_entries(
        entries.data,
        stream.data,
        tails.data,
        counts.data,
        weights.data,
        coder.data,
        head,
        1 + ORDER_BITS[channels],
        most,
        decoding,
    )
    return head, coder


def _numbered_orders(channels: int) -> list[tuple[int, ...]]:
    """Return every order of the channels, indexed by `Channel_Order`."""
    return list(permutations(range(channels)))


def _channel_orders(channels: int) -> list[tuple[int, ...]]:
    """Return every order of the channels, the likely ones first."""
    likely = LIKELY_ORDERS[channels]
    return likely + [order for order in _numbered_orders(channels) if order not in likely]


def _size_bytes(size: int) -> int:
    """Return the length of `size` as a `uleb`, in bytes."""
    return max(1, math.ceil(size.bit_length() / 7))
