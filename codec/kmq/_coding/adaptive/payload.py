"""Payloads of the adaptive coding: how a tile is written, and read with every check (spec annex D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.adaptive.guess import DEFAULT, MOST, TAPS, fitted_coefficients
from kmq._coding.adaptive.model import ROW_BITS, fixed_tables, fresh_state
from kmq._coding.adaptive.order import SYMBOL, entry_order
from kmq._coding.adaptive.pixel_loop import LEVELS, MARGIN_LEFT, MARGIN_TOP, code_cells
from kmq._coding.adaptive.stream_loop import pack
from kmq._ground.errors import FormatError, LimitError

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

BUSY_ROWS = ((13, 1.0), (14, 0.6), (15, 0.35))
"""`Rows` if a pixel has more symbols than this on average, flat pixels counting for none."""

LARGE = 1 << 19
"""Busy pixels of a tile from which rows may be twice as many."""

FITTED = 6_000
"""Busy pixels from which coefficients are worth the 7 bytes that they take."""

STATE = 1 << 16
"""What the decoder's state is after the last symbol, and the least that it can be (spec D.2)."""

MOST_CELLS = 2**31 - 1
"""Cells of a tile with its margins: places in it are 32-bit numbers."""


def adaptive_tile(plane: IndexPlane, palette: Palette) -> bytes:
    """Return the payload of a tile."""
    if plane.k == 1:
        return b""
    if (plane.height + MARGIN_TOP) * (plane.width + 2 * MARGIN_LEFT) > MOST_CELLS:
        raise ValueError(
            f"tile is None; the adaptive coding takes tiles of fewer than 2^31 pixels, margins included; "
            f"the picture has {plane.width} x {plane.height}: cut it into tiles"
        )
    order = entry_order(palette)
    places = order.places[plane.indices]
    busy = _busy(places)
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
    coder = np.zeros(2, np.uint32)
    _code(True, cells, order, coefficients, state, coder, symbols, np.zeros(0, np.uint16))
    count = int(coder[1])
    words = np.empty(count + 2, np.uint16)
    start = pack(symbols[:count].data, words.data)
    return head + words[start:].astype("<u2").tobytes()


def read_adaptive_tile(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    """Decode a tile's payload, which begins at `offset` of its file, into `indices`, (H, W).

    Raises FormatError if it isn't one. Every index is below k, whatever the payload says.
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
                f"Coefficients at offset {offset + 1} are {coefficients.tolist()}; there must be {len(TAPS)}, "
                f"whose absolute values add up to at most {MOST} (spec M34)"
            )
    size = len(payload) - start
    state_at_first = 0 if size < 4 else payload[start] << 16 | payload[start + 1] << 24
    if size < 4 or size % 2 or state_at_first < STATE:
        raise FormatError(
            f"the stream at offset {offset + start} has {size} bytes; it must have an even number of them, at least "
            "4, the first two not both zero (spec M35)"
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
    coder = np.array([int(words[0]) << 16 | int(words[1]), 2], np.uint32)
    _code(False, cells, order, coefficients, state, coder, np.zeros(0, np.uint32), words)
    if int(coder[1]) != len(words) or int(coder[0]) != STATE:
        raise FormatError(
            f"the stream at offset {offset + start} has {len(words)} words, of which its indices take "
            f"{int(coder[1])}, and leaves the state at {int(coder[0])}; it must take all and leave {STATE} (spec M36)"
        )
    np.take(
        order.order.astype(indices.dtype), _inner(cells), out=indices, mode="clip"
    )  # every cell is below k


def _row_bits(busy: int, pixels: int, order: Order) -> int:
    """Return `Rows`: as many rows as busy pixels can fill, but fewer where there are many of these.

    What lies beyond a processor's cache takes several times as long. Photographs, busy all over, gain little by it;
    drawings, which repeat themselves, are busy in few places. Ramps and large tiles gain more.
    """
    symbols = busy * (1 if len(order.points) <= SYMBOL else 2) / pixels
    most = next((bits for bits, share in BUSY_ROWS if symbols > share), ROW_BITS[-1])
    most = ROW_BITS[-1] if order.is_ramp else most + (busy >= LARGE)
    return min(max(busy.bit_length(), ROW_BITS[0]), most, _most_row_bits(pixels))


def _most_row_bits(pixels: int) -> int:
    """Return the most that `Rows` can be for a tile: rows are bounded by what the tile can fill."""
    return min(max(pixels.bit_length(), ROW_BITS[0]), ROW_BITS[-1])


def _busy(places: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return of a tile's inner pixels, those from row 2 and column 2 to 2 from the right, which are not flat."""
    if places.shape[0] < 3 or places.shape[1] < 5:
        return np.zeros((0, 0), np.bool_)
    west, north = places[2:, 1:-3], places[1:-1, 2:-2]
    flat = (west == north) & (west == places[1:-1, 1:-3]) & (west == places[1:-1, 3:-1])
    return ~flat


def _cells(places: NDArray[np.uint16] | Indices) -> NDArray[np.uint16]:
    """Return a tile with its margins: the loop need not ask where a tile ends."""
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
    coder: NDArray[np.uint32],
    symbols: NDArray[np.uint32],
    words: NDArray[np.uint16],
) -> None:
    """Encode or decode all cells: the one way through the loop for both."""
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
        state.colours.data,
        cells.reshape(-1).data,
        state.learnt.data,
        coder.data,
        symbols.data,
        words.data,
    )
