"""The adaptive coding of a tile: its payload, written, and read with every check (spec annex D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.adaptive.guess import DEFAULT, MOST, TAPS, fitted_coefficients
from kmq._coding.adaptive.model import ROW_BITS, fixed_tables, fresh_state
from kmq._coding.adaptive.order import SYMBOL, entry_order
from kmq._coding.adaptive.pixel_loop import LEVELS, MARGIN_LEFT, MARGIN_TOP, code_cells
from kmq._coding.adaptive.stream_loop import pack
from kmq._ground.errors import FormatError, LimitError
from kmq._indexed.tiles import busy_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.adaptive.model import State
    from kmq._coding.adaptive.order import Order
    from kmq._indexed.index_plane import IndexPlane, Indices
    from kmq._indexed.palette import Palette

ROWS = 0b1_1111
COEFFICIENTS = 1 << 5
RESERVED = 0b1100_0000
"""Bits of `Options`, the first byte of a payload (spec D.1)."""

FEW_ROWS = ((14, 0.6), (15, 0.35), (14, 0.0))
BUSY_ROWS = ((13, 0.4), (14, 0.175), (15, 0.15), (16, 0.0))
"""The largest `Rows`, and from which share of busy pixels on: up to k = 16, and above, with more tables."""

LARGE, REPEATING = 1 << 19, 0.4
"""A tile with this many busy pixels, and a smaller share of them, may have the largest `Rows`."""

FITTED = 6_000
"""From this many busy pixels on, coefficients save more than their 7 bytes."""

STATE = 1 << 16
"""The decoder's state after the last symbol, which is also its lower bound (spec D.2)."""

PART = 1 << 16
"""About how many places become entries at a time."""

MOST_CELLS = 2**31 - 1
"""Most cells of a tile with its margins, because places in it are 32-bit numbers."""


def adaptive_tile(plane: IndexPlane, palette: Palette) -> bytes:
    """Return the payload of a tile.

    Raises ValueError if the tile has too many pixels.
    """
    if plane.k == 1:
        return b""
    if (plane.height + MARGIN_TOP) * (plane.width + 2 * MARGIN_LEFT) > MOST_CELLS:
        raise ValueError(
            f"tile is None; the adaptive coding takes tiles of fewer than 2^31 pixels, margins included; "
            f"the picture has {plane.width} x {plane.height}: cut it into tiles"
        )
    order = entry_order(palette)
    places = order.places.take(plane.indices, mode="clip")  # nothing is clipped: indices are below k
    busy = _busy(plane.indices)
    count = int(busy.sum()) + 2 * (plane.width + plane.height)
    row_bits = _row_bits(count, places.size, order)
    coefficients = DEFAULT
    if count >= FITTED:
        coefficients = fitted_coefficients(places, busy, order)
    fitted = not np.array_equal(coefficients, DEFAULT)
    head = bytes([row_bits | COEFFICIENTS * fitted])
    if fitted:
        head += coefficients.astype(np.int8).tobytes()
    cells = _cells(places)
    state = fresh_state(order, row_bits, cells.size)
    levels = int(state.numbers[LEVELS])
    symbols = np.empty(places.size * (levels + 1), np.uint32)
    stream = np.zeros(2, np.uint64)
    _code(True, cells, order, coefficients, state, stream, symbols, np.zeros(0, np.uint16))
    count = int(stream[1])
    words = np.empty(count + 2, np.uint16)
    start = pack(symbols[:count].data, words.data)
    return head + words[start:].astype("<u2").tobytes()


def read_adaptive_tile(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    """Decode a tile's payload, which begins at `offset` of its file, into `indices` (H, W).

    Every index is below k, whatever the payload says. Raises FormatError if the payload is invalid, and
    LimitError if the tile has too many pixels for this decoder.
    """
    if palette.k == 1:
        if len(payload):
            raise FormatError(
                f"the payload at offset {offset} has {len(payload)} bytes; with k = 1 it has none (spec M33)"
            )
        return
    height, width = indices.shape
    if not len(payload):
        raise FormatError(f"Options at offset {offset} are missing: the payload is empty (spec M33)")
    options = payload[0]
    row_bits = options & ROWS
    if options & RESERVED or not ROW_BITS[0] <= row_bits <= _most_row_bits(indices.size):
        raise FormatError(
            f"Options at offset {offset} are 0x{options:02X}: Rows must be {ROW_BITS[0]} to "
            f"{_most_row_bits(indices.size)} for {width} x {height} pixels, bits 6 and 7 zero (spec M33)"
        )
    coefficients, start = DEFAULT, 1
    if options & COEFFICIENTS:
        start += len(TAPS)
        coefficients = np.frombuffer(payload[1:start], np.int8).astype(np.int32)
        if len(coefficients) < len(TAPS) or np.abs(coefficients).sum() > MOST:
            raise FormatError(
                f"Coefficients at offset {offset + 1} are {coefficients.tolist()}; there must be "
                f"{len(TAPS)}, and their absolute values must add up to at most {MOST} (spec M34)"
            )
    size = len(payload) - start
    state_at_first = 0 if size < 4 else payload[start] << 16 | payload[start + 1] << 24
    if size < 4 or size % 2 or state_at_first < STATE:
        raise FormatError(
            f"the stream at offset {offset + start} has {size} bytes; it must have an even number, "
            "at least 4, and the first two must not both be zero (spec M35)"
        )
    if (height + MARGIN_TOP) * (width + 2 * MARGIN_LEFT) > MOST_CELLS:
        raise LimitError(
            f"the tile at offset {offset} has {width} x {height} pixels; this decoder takes fewer than "
            "2^31, margins included"
        )
    words = np.frombuffer(payload[start:], "<u2").astype(np.uint16)
    order = entry_order(palette)
    cells = _cells(indices)
    state = fresh_state(order, row_bits, cells.size)
    stream = np.array([int(words[0]) << 16 | int(words[1]), 2], np.uint64)
    _code(False, cells, order, coefficients, state, stream, np.zeros(0, np.uint32), words)
    end_state, taken = (int(number) for number in stream)
    if taken != len(words) or end_state != STATE:
        raise FormatError(
            f"the stream at offset {offset + start} has {len(words)} words; its indices take {taken} and "
            f"leave the state at {end_state}; they must take all words and leave {STATE} (spec M36)"
        )
    _to_entries(_inner(cells), order, indices)


def _to_entries(places: NDArray[np.uint16], order: Order, indices: Indices) -> None:
    """Write the entries at some places (H, W) into `indices` (H, W)."""
    if len(order.points) <= SYMBOL:  # places are indices
        indices[...] = places
        return
    entries = order.order.astype(indices.dtype)
    rows = max(1, PART // places.shape[1])
    for y in range(0, len(places), rows):  # in parts: take() widens every place to 8 bytes
        # nothing is clipped: places are below k
        np.take(entries, places[y : y + rows], out=indices[y : y + rows], mode="clip")


def _row_bits(busy: int, pixels: int, order: Order) -> int:
    """Return `Rows` for a tile: as many rows as its busy pixels can fill, or fewer if it is busy all over.

    Tables larger than a processor's cache make a busy tile several times slower. Photographs are busy all
    over and gain little by large tables. Drawings repeat themselves and gain much, but few of their pixels
    are busy. Large drawings gain more, and so do ramps.
    """
    share = busy / pixels
    if order.is_ramp or (busy >= LARGE and share < REPEATING):
        most = ROW_BITS[-1]
    else:
        rows = FEW_ROWS if len(order.points) <= SYMBOL else BUSY_ROWS
        most = next(bits for bits, least in rows if share >= least)
    return min(max(busy.bit_length(), ROW_BITS[0]), most, _most_row_bits(pixels))


def _most_row_bits(pixels: int) -> int:
    """Return the largest `Rows` that a tile may have. Its pixels could not fill larger tables."""
    return min(max(pixels.bit_length(), ROW_BITS[0]), ROW_BITS[-1])


def _busy(indices: Indices) -> NDArray[np.bool_]:
    """Return which of a tile's inner pixels are busy.

    The result (H - 2, W - 4) leaves out the first two rows, the first two columns and the last two.
    """
    if indices.shape[0] < 3 or indices.shape[1] < 5:
        return np.zeros((0, 0), np.bool_)
    return busy_pixels(indices[1:-1, 1:-1], indices[2:, 1:-1])


def _cells(places: NDArray[np.uint16] | Indices) -> NDArray[np.uint16]:
    """Return a tile with margins around it, so that the loops need no tests at its edges."""
    height, width = places.shape
    cells = np.zeros((height + MARGIN_TOP, width + 2 * MARGIN_LEFT), np.uint16)
    _inner(cells)[...] = places
    return cells


def _inner(cells: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return cells[MARGIN_TOP:, MARGIN_LEFT:-MARGIN_LEFT]


def _code(
    encoding: bool,  # noqa: FBT001 - as the loop has it
    cells: NDArray[np.uint16],
    order: Order,
    coefficients: NDArray[np.int32],
    state: State,
    stream: NDArray[np.uint64],
    symbols: NDArray[np.uint32],
    words: NDArray[np.uint16],
) -> None:
    """Encode or decode all cells, in one loop for both."""
    height, width = _inner(cells).shape
    code_cells(
        encoding,
        width,
        height,
        state.numbers.data,
        state.starts.data,
        fixed_tables().data,
        coefficients.astype(np.int64).data,
        order.points.reshape(-1).data,
        order.colours.data,
        cells.reshape(-1).data,
        state.learnt.data,
        stream.data,
        symbols.data,
        words.data,
    )
