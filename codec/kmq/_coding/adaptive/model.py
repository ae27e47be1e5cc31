"""What the loop of the adaptive coding starts from (spec D.3 to D.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.adaptive.order import SYMBOL
from kmq._coding.adaptive.pixel_loop import COLOURS, FEW, MANY, PATTERNS, RAMP, TOP, WEIGHT_ROW, WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.adaptive.order import Order

ROW_BITS = range(4, 17)
"""Rows of a hashed table, as powers of two."""

COUNT, RAMP_COUNT = 31, 95
"""Most that a row's count comes to, and that of a ramp's rows without a check."""

CELLS = 1 << 15
"""Cells of the colours; 32 times as many with alpha."""

SIGNED_BOUNDS = (1, 3, 6, 11, 19, 32, 60)
"""Bounds between the classes of differences of ranks; spec table D.a."""

FLATS = 4096

CONTEXTS = {FEW: (4, 2), COLOURS: (5, 3), RAMP: (6, 3), MANY: (5, 0)}
"""Contexts of each kind of tile, and how many of them, the first, need no hash."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What all tiles share.

    `rates` (5, 128) int32: by count the rate of a row, its goal and its step of weights; rates of candidates and
    of flat pixels. `steps` (17 * 16,) uint16: for each symbol ones in the lanes from it on. `classes` (3, 4096)
    uint8: of differences of ranks, of activity, of guessed levels.
    """

    rates: NDArray[np.int32]
    steps: NDArray[np.uint16]
    classes: NDArray[np.uint8]


@cache
def tables() -> Tables:
    """Return the tables, which are made at the first call."""
    n = np.arange(128)
    rates = np.zeros((5, 128), np.int32)
    rates[0] = np.minimum(655360 // (10 * n + 13), 32767)
    rates[1] = TOP - 1 + -(-65536 // rates[0])
    rates[2] = np.searchsorted((1, 2, 3, 4, 5, 7, 10, 16, 24, 32, 64), n, side="right")
    rates[3] = np.where(n < COUNT, 327680 // (10 * n + 16), 65536 // 92)
    rates[4] = np.where(n < COUNT, 65536 // (n + 2), 65536 // 60)
    lanes = np.arange(SYMBOL)
    steps = np.where(lanes >= np.arange(SYMBOL + 1)[:, None], 65535, 0).astype(np.uint16).reshape(-1)
    classes = np.zeros((3, 4096), np.uint8)
    difference = np.arange(512) - 256
    size = np.searchsorted(SIGNED_BOUNDS, np.abs(difference), side="right")
    classes[0, :512] = np.minimum(np.where(difference < 0, 8 - size, 8 + size), 15)
    # Two classes to a doubling.
    classes[1] = [min(15, ((a + 4) ** 2 >> 4).bit_length() - 1) for a in range(4096)]
    classes[2, :2048] = np.clip(np.arange(2048) - 1024, 0, 255) >> 3
    made = Tables(rates, steps, classes)
    for table in (rates, classes):
        table.flags.writeable = False
    return made


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the loop learns in, as it is before the first pixel; `layout` and `starts` say where everything is."""

    layout: NDArray[np.int32]
    starts: NDArray[np.intp]
    colours: NDArray[np.uint64]
    rows: NDArray[np.uint16]
    weights: NDArray[np.uint16]
    candidates: NDArray[np.uint16]
    candidate_counts: NDArray[np.uint8]
    flats: NDArray[np.uint16]
    flat_counts: NDArray[np.uint8]
    nearest: NDArray[np.uint16]
    errors: NDArray[np.uint8]


def kind_of(order: Order) -> int:
    """Return the kind of tile that a palette makes."""
    k = len(order.points)
    if k <= SYMBOL:
        return FEW
    if order.is_ramp:
        return RAMP
    return COLOURS if k <= SYMBOL * SYMBOL else MANY


def fresh_state(order: Order, row_bits: int, cells: int) -> State:
    """Return the state for a tile of so many cells, margins included."""
    points = order.points
    k = len(points)
    kind = kind_of(order)
    levels = max(1, -(-(k - 1).bit_length() // 4))
    contexts, direct = CONTEXTS[kind]
    keys = [256, 256] if kind == FEW else [256, k, 256] if kind == RAMP else [k, k, k][:direct]
    starts = np.zeros((levels, 8), np.intp)
    first_values = ((k - 1) >> 4 * (levels - 1)) + 1
    blocks = []
    row = 0
    for level in range(levels):
        even = _even(first_values if level == 0 else SYMBOL)
        begun = row
        for i in range(contexts):
            starts[level, i] = row
            row += keys[i] << 4 * level if i < direct else 1 << row_bits
            row += row & 1  # pairs of hashed rows begin at even ones
        blocks.append(np.tile(even, (row - begun, 1)))
    has_alpha = bool((points[:, 3] < 255).any())
    most = RAMP_COUNT if kind == RAMP else COUNT
    middle = (k // 32 * 16 + 8) if kind == RAMP else 0
    packed = points[:, 0] | points[:, 1] << 16 | points[:, 2].astype(np.int64) << 32
    packed |= points[:, 3].astype(np.int64) << 48
    nearest = CELLS * (32 if has_alpha else 1) if kind in (FEW, COLOURS) else 1
    return State(
        layout=np.array([kind, k, levels, row_bits, contexts, direct, most, middle, has_alpha], np.int32),
        starts=starts.reshape(-1),
        colours=packed.astype(np.uint64),
        rows=np.concatenate(blocks).reshape(-1),
        weights=np.tile(_weights(contexts), levels),
        candidates=np.full(levels * PATTERNS * 4, 5500, np.uint16),
        candidate_counts=np.zeros(levels * PATTERNS, np.uint8),
        flats=np.full(FLATS, 60000, np.uint16),
        flat_counts=np.zeros(FLATS, np.uint8),
        nearest=np.zeros(nearest, np.uint16),
        errors=np.zeros(cells if kind == RAMP else 1, np.uint8),
    )


def _even(m: int) -> NDArray[np.uint16]:
    """Return a row that gives m symbols alike."""
    lanes = np.arange(1, SYMBOL + 1)
    row = np.where(lanes >= m, TOP, TOP * lanes // m).astype(np.uint16)
    row[-1] = 0
    return row


def _weights(contexts: int) -> NDArray[np.uint16]:
    """Return the weights of a level: of each context by its row's count, then of the candidates."""
    weights = np.zeros((WEIGHTS // WEIGHT_ROW, WEIGHT_ROW), np.uint16)
    for i in range(contexts):
        weights[i, 0] = 16
        for step in range(1, 16):
            weights[i, step] = min(8000, isqrt(230400 * step * 9**i >> 2 * i))
    weights[contexts] = 1200
    return weights.reshape(-1)
