"""The context coding of a tile: each index is a path down a tree, predicted from its neighbours (annex C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.arithmetic import last_bytes
from kmq._coding.context.model import MODELS, Model, fresh_state, tables
from kmq._coding.context.neighbourhood_loop import FRESH, MARGIN_LEFT, MARGIN_TOP
from kmq._coding.context.numbers_loop import NUMBER_SLOTS, code_numbers
from kmq._coding.context.options import (
    COEFFICIENTS,
    COUNTS,
    FLAT,
    MATCH,
    MODEL,
    RESERVED,
    fit_pays,
    flat_share,
    likely_options,
    options_tried,
)
from kmq._coding.context.pixel_loop import code_cells
from kmq._coding.context.prediction import DEFAULT, MOST, TAPS, default_coefficients, fitted_coefficients
from kmq._coding.context.tree import MOST_EXPONENT, PaletteTree, palette_tree, plain_tree, rough_counts
from kmq._coding.packed import packed_size
from kmq._ground.errors import FormatError, LimitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.context.prediction import Fit
    from kmq._indexed.index_plane import IndexPlane, Indices
    from kmq._indexed.palette import Palette

MODEL_OF = {"fast": "fast", "default": "default", "thorough": "max"}
"""The name of the model, by effort."""

SLACK = 1024
"""Bytes of room, beyond the packed size, in the first attempt to encode a payload."""

MOST_CELLS = 2**31 - 1
"""Most cells of a tile with its margins, because places in it are 32-bit numbers."""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What an encoder chooses for a tile: `Options`, rough counts (k,), their tree, coefficients (7, 18)."""

    options: int
    exponents: NDArray[np.int32]
    tree: PaletteTree
    coefficients: NDArray[np.int32]

    @property
    def model(self) -> Model:
        return MODELS[self.options & MODEL]


def context_tile(plane: IndexPlane, palette: Palette, effort: str) -> bytes:
    """Return the payload of a tile.

    The options are chosen by measures of the tile. Those that may be better the other way round are tried.

    Raises ValueError if the tile has too many pixels.
    """
    if plane.k == 1:
        return b""
    if (plane.height + MARGIN_TOP) * (plane.width + 2 * MARGIN_LEFT) > MOST_CELLS:
        raise ValueError(
            f"tile is None; the context coding takes tiles of fewer than 2^31 pixels, margins included; "
            f"the picture has {plane.width} x {plane.height}: cut it into tiles"
        )
    flat, size, thorough = flat_share(plane.indices), plane.indices.size, effort == "thorough"
    code = next(code for code, model in MODELS.items() if model.name == MODEL_OF[effort])
    options = code | likely_options(size, plane.k, flat)
    best = _encoded(plane, palette, options)
    for option in options_tried(size, flat, len(best), thorough=thorough):
        fit = None
        if option & COEFFICIENTS & ~options:
            fit = fitted_coefficients(plane.indices, plain_tree(palette).points)
            if not thorough and not fit_pays(fit, len(best)):
                continue
        tried = _encoded(plane, palette, options ^ option, fit)
        if len(tried) < len(best):
            best, options = tried, options ^ option
    return best


def read_context_tile(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    """Decode a tile's payload, which begins at `offset` of its file, into `indices` (H, W).

    Every index is below k, whatever the payload says. Raises FormatError if the payload is invalid, and
    LimitError if the tile has too many pixels for this decoder.
    """
    if palette.k == 1:
        if len(payload):
            raise FormatError(
                f"the payload at offset {offset} has {len(payload)} bytes; with k = 1 it has none (spec M30)"
            )
        return
    if not len(payload):
        raise FormatError(f"Options at offset {offset} are missing: the payload is empty (spec M30)")
    options = payload[0]
    if options & RESERVED or options & MODEL not in MODELS:
        raise FormatError(
            f"Options at offset {offset} are 0x{options:02X}: Model must be 0 to {max(MODELS)}, bits 6 and 7 "
            "zero (spec M30)"
        )
    height, width = indices.shape
    if options & COUNTS and height * width < palette.k:
        raise FormatError(
            f"Options at offset {offset} are 0x{options:02X}: no Rough_Counts of {palette.k} entries for "
            f"{width} x {height} pixels (spec M31)"
        )
    if (height + MARGIN_TOP) * (width + 2 * MARGIN_LEFT) > MOST_CELLS:
        raise LimitError(
            f"the tile at offset {offset} has {width} x {height} pixels; this decoder takes fewer than "
            "2^31, margins included"
        )
    data = np.array(payload[1:], np.uint8)  # a copy: the loop reads and writes the same buffer type
    start = int.from_bytes(bytes(payload[1:5]).ljust(4, b"\0"), "big")
    coder = np.array([0, 0xFFFFFFFF, start, 4], np.uint32)
    cells = _cells(indices)
    parameters = _read_parameters(options, palette, coder, data, offset)
    _code(False, cells, palette, parameters, coder, data)
    used = int(coder[3])
    if not used - 4 <= len(data) <= used:
        expected = f"more than {len(payload)}" if used - 4 > len(data) else f"{used - 3} to {used + 1}"
        raise FormatError(
            f"the payload at offset {offset} has {len(payload)} bytes; its indices take {expected} (spec M32)"
        )
    indices[...] = _inner(cells)


def _encoded(plane: IndexPlane, palette: Palette, options: int, fit: Fit | None = None) -> bytes:
    """Return the payload of a tile with some options; `fit` is that of its coefficients, if it is known."""
    k = palette.k
    if plane.indices.size < k:
        options &= ~COUNTS  # small tiles may not have them (M31)
    exponents = rough_counts(plane.indices, k) if options & COUNTS else np.zeros(k, np.int32)
    tree = palette_tree(palette, exponents) if options & COUNTS else plain_tree(palette)
    coefficients = default_coefficients()
    if options & COEFFICIENTS:
        coefficients = (fit or fitted_coefficients(plane.indices, tree.points)).coefficients
    parameters = _Parameters(options, exponents, tree, coefficients)
    room = packed_size(plane.indices.size, k) + SLACK
    while True:
        data = np.zeros(room, np.uint8)
        coder = np.array([0, 0xFFFFFFFF, 0, 0], np.uint32)
        cells = _cells(plane.indices)
        _write_parameters(parameters, coder, data)
        _code(True, cells, palette, parameters, coder, data)
        room = int(coder[3])
        if room <= len(data):
            return bytes([options]) + data[:room].tobytes() + last_bytes(int(coder[0]), int(coder[1]))


def _cells(indices: Indices) -> NDArray[np.uint16]:
    """Return a tile with margins around it, so that the loops need no tests at its edges."""
    height, width = indices.shape
    cells = np.zeros((height + MARGIN_TOP, width + 2 * MARGIN_LEFT), np.uint16)
    _inner(cells)[...] = indices
    return cells


def _inner(cells: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return cells[MARGIN_TOP:, MARGIN_LEFT:-MARGIN_LEFT]


def _write_parameters(parameters: _Parameters, coder: NDArray[np.uint32], data: NDArray[np.uint8]) -> None:
    if parameters.options & COUNTS:
        steps = _folded(np.diff(parameters.exponents, prepend=0))
        _code_numbers(True, steps, coder, data)
    if parameters.options & COEFFICIENTS:
        first, others = parameters.coefficients[:1], parameters.coefficients[1:]
        steps = _folded(np.concatenate([first - DEFAULT, others - first]).reshape(-1))
        _code_numbers(True, steps, coder, data)


def _read_parameters(
    options: int, palette: Palette, coder: NDArray[np.uint32], data: NDArray[np.uint8], offset: int
) -> _Parameters:
    def numbers(count: int, name: str) -> NDArray[np.int32]:
        found = np.zeros(count, np.int32)
        if not _code_numbers(False, found, coder, data):
            raise FormatError(
                f"{name} in the payload at offset {offset} have a number of 65,535 or more (spec M31)"
            )
        return _unfolded(found)

    exponents = np.zeros(palette.k, np.int32)
    coefficients = default_coefficients()
    if options & COUNTS:
        exponents = np.cumsum(numbers(palette.k, "Rough_Counts"), dtype=np.int64)
        least, most = int(exponents.min()), int(exponents.max())
        if least < 0 or most > MOST_EXPONENT:
            raise FormatError(
                f"Rough_Counts in the payload at offset {offset} go from {least} to {most}; they must be "
                f"0 to {MOST_EXPONENT} (spec M31)"
            )
        exponents = exponents.astype(np.int32)
    if options & COEFFICIENTS:
        steps = numbers(coefficients.size, "Coefficients").reshape(coefficients.shape)
        coefficients[0] += steps[0]
        coefficients[1:] = coefficients[0] + steps[1:]
        least, most = int(coefficients.min()), int(coefficients.max())
        if least < -MOST or most > MOST:
            raise FormatError(
                f"Coefficients in the payload at offset {offset} go from {least} to {most}; they must be "
                f"{-MOST} to {MOST} (spec M31)"
            )
    tree = palette_tree(palette, exponents) if options & COUNTS else plain_tree(palette)
    return _Parameters(options, exponents, tree, coefficients)


def _code_numbers(
    encoding: bool,  # noqa: FBT001 - as the loop has it
    numbers: NDArray[np.int32],
    coder: NDArray[np.uint32],
    data: NDArray[np.uint8],
) -> bool:
    """Write or read `numbers`. Return False if a number read is too large."""
    slots = np.full(NUMBER_SLOTS, FRESH, np.uint16)
    return code_numbers(encoding, numbers.data, slots.data, tables().rates.data, coder.data, data.data)


def _folded(steps: NDArray[np.int32]) -> NDArray[np.int32]:
    """Map 0, -1, 1, -2, 2 and so on to 0, 1, 2, 3, 4 and so on."""
    return np.where(steps >= 0, 2 * steps, -2 * steps - 1).astype(np.int32)


def _unfolded(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.where(numbers & 1, -(numbers >> 1) - 1, numbers >> 1).astype(np.int32)


def _code(
    encoding: bool,  # noqa: FBT001 - as the loop has it
    cells: NDArray[np.uint16],
    palette: Palette,
    parameters: _Parameters,
    coder: NDArray[np.uint32],
    data: NDArray[np.uint8],
) -> None:
    """Encode or decode all cells, in one loop for both."""
    height, width = _inner(cells).shape
    options = parameters.options
    flat, match = bool(options & FLAT), bool(options & MATCH)
    state = fresh_state(parameters.model, height * width, width, palette.k, flat=flat, match=match)
    coefficients = np.repeat(parameters.coefficients.astype(np.int16)[:, :, None], 8, axis=2)
    taps = np.array([x + y * cells.shape[1] for x, y in TAPS], np.intp)
    code_cells(encoding, cells, parameters.tree, coefficients, taps, tables(), state, coder.data, data.data)
