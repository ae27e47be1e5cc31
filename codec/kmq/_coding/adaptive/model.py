"""What the loop of the adaptive coding starts from (spec D.3 to D.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.adaptive.order import SYMBOL
from kmq._coding.adaptive.expectation_loop import (
    ACTIVITIES,
    CANDIDATE_RATES,
    CANDIDATE_TOP,
    COLOURS,
    CONTEXT_WEIGHTS,
    COUNTED,
    COUNTING,
    DIFFERENCES,
    DIFFERENT,
    FEW,
    FIXED,
    FLAT_RATES,
    FLATS,
    GOALS,
    HITS,
    LEARNT,
    LEVEL_WEIGHTS,
    MANY,
    PATTERNS,
    RAMP,
    RATES,
    SHADES,
    SHIFTS,
    STEPS,
    TOP,
    WEIGHT_STEPS,
    WEIGHTS,
)
from kmq._coding.adaptive.pixel_loop import CANDIDATE_COUNTS, CANDIDATES, ERRORS, NEAREST, ROWS, STARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.adaptive.order import Order

ROW_BITS = range(4, 17)
"""Rows of a hashed table, as powers of two."""

COUNT, RAMP_COUNT = 31, 95
"""Most that a row's count comes to, and that of a ramp's rows without a check."""

CELLS = 1 << 15
"""Cells of the colours; 32 times as many with alpha."""

COUNT_BOUNDS = (1, 2, 3, 4, 5, 7, 10, 16, 24, 32, 64)
"""Bounds between the steps of counts, each with weights of its own."""

DIFFERENCE_BOUNDS = (1, 3, 6, 11, 19, 32, 60)
"""Bounds between the classes of differences from the guess on a ramp."""

FIRST_MASS, FIRST_CHANCE = 5500, 60000
"""Of each candidate, and of flat pixels."""

LANES = 16
"""Of a row."""

LINE = 32
"""Lanes of a line of the cache: a pair of rows lies in one."""

CONTEXTS = {FEW: (4, 2), COLOURS: (5, 3), RAMP: (6, 3), MANY: (5, 0)}
"""Contexts of each kind of tile, and how many of them, the first, need no hash."""


@cache
def fixed_tables() -> NDArray[np.uint16]:
    """Return what all tiles share, (FIXED,) from the places that `pixel_loop.pxd` names; made at the first call."""
    n = np.arange(128)
    fixed = _aligned(FIXED)
    rates = np.minimum(655360 // (10 * n + 13), 32767)
    fixed[RATES:GOALS] = rates
    fixed[GOALS:WEIGHT_STEPS] = TOP - 1 + -(-65536 // rates)
    fixed[WEIGHT_STEPS:CANDIDATE_RATES] = np.searchsorted(COUNT_BOUNDS, n, side="right")
    fixed[CANDIDATE_RATES:FLAT_RATES] = np.where(n < COUNT, 327680 // (10 * n + 16), 65536 // 92)
    fixed[FLAT_RATES:STEPS] = np.where(n < COUNT, 65536 // (n + 2), 65536 // 60)
    steps = np.arange(SYMBOL) >= np.arange(SYMBOL + 1)[:, None]
    fixed[STEPS:HITS] = np.where(steps, 65535, 0).reshape(-1)
    for hits in range(1, 16):
        first = (hits & -hits).bit_length() - 1
        fixed[HITS + 4 * hits + first] = CANDIDATE_TOP
    sets = np.arange(16)[:, None] >> np.arange(4) & 1
    fixed[COUNTING:COUNTED] = 65535 * sets.reshape(-1)
    fixed[COUNTED:DIFFERENT] = 8 * sets.sum(axis=1)
    e1, e2, e3, e4, e5, e6 = (np.arange(64) >> bit & 1 for bit in range(6))
    fixed[DIFFERENT:SHIFTS] = 1 | (1 - e1) << 1 | (1 - (e3 | e4)) << 2 | (1 - (e5 | e2 | e6)) << 3
    fixed[SHIFTS:DIFFERENCES] = [8 - max(1, v).bit_length() for v in range(DIFFERENCES - SHIFTS)]
    difference = np.arange(DIFFERENCES, ACTIVITIES) - DIFFERENCES - 256
    size = np.searchsorted(DIFFERENCE_BOUNDS, np.abs(difference), side="right")
    fixed[DIFFERENCES:ACTIVITIES] = np.minimum(np.where(difference < 0, 8 - size, 8 + size), 15)
    # Two classes to a doubling.
    squares = ((a + 4) ** 2 >> 4 for a in range(SHADES - ACTIVITIES))
    fixed[ACTIVITIES:SHADES] = [min(15, square.bit_length() - 1) for square in squares]
    fixed[SHADES:] = np.clip(np.arange(FIXED - SHADES) - 1024, 0, 255) >> 3
    fixed.flags.writeable = False
    return fixed


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the loop learns in, as it is before the first pixel; `numbers` and `starts` say what is where.

    `numbers` (NUMBERS,) int32, `starts` (STARTS,), `colours` (k,) uint64, each a point of four times 16 bits.
    """

    numbers: NDArray[np.int32]
    starts: NDArray[np.intp]
    colours: NDArray[np.uint64]
    learnt: NDArray[np.uint16]


def _aligned(size: int) -> NDArray[np.uint16]:
    """Return zeros that begin with a line of the cache, so that no row lies across two."""
    room = np.zeros(size + LINE, np.uint16)
    first = -room.ctypes.data // room.itemsize % LINE
    return room[first : first + size]


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
    has_alpha = bool((points[:, 3] < 255).any())
    keys = {FEW: (256, 256), COLOURS: (k, k, k), RAMP: (256, k, 256), MANY: ()}[kind]
    starts = np.zeros(STARTS, np.intp)
    rows = 0
    begun = []
    for level in range(levels):
        begun.append(rows)
        for i in range(contexts):
            starts[level * 8 + i] = LANES * rows
            rows += keys[i] << 4 * level if i < direct else 1 << row_bits
            rows += rows & 1  # pairs of hashed rows begin at even ones
    sizes = {
        ROWS: LANES * rows,
        CANDIDATES: 4 * PATTERNS * levels,
        CANDIDATE_COUNTS: PATTERNS * levels,
        NEAREST: (CELLS * (32 if has_alpha else 1) if kind in (FEW, COLOURS) else 1),
        ERRORS: cells if kind == RAMP else 1,
    }
    starts[ROWS:] = LEARNT + np.cumsum([0, *sizes.values()])[:-1]
    learnt = _aligned(LEARNT + sum(sizes.values()))
    tables = {name: learnt[starts[name] : starts[name] + size] for name, size in sizes.items()}
    lanes = tables[ROWS].reshape(rows, LANES)
    lanes[:] = _even(SYMBOL)
    lanes[: begun[1] if levels > 1 else rows] = _even(((k - 1) >> 4 * (levels - 1)) + 1)
    learnt[WEIGHTS : WEIGHTS + levels * LEVEL_WEIGHTS] = np.tile(_weights(contexts), levels)
    learnt[FLATS:LEARNT:2] = FIRST_CHANCE
    tables[CANDIDATES][:] = FIRST_MASS
    packed = points.astype(np.uint64) << np.array([0, 16, 32, 48], np.uint64)
    most = RAMP_COUNT if kind == RAMP else COUNT
    middle = k // 32 * 16 + 8 if kind == RAMP else 0
    return State(
        numbers=np.array([kind, k, levels, row_bits, most, middle, has_alpha], np.int32),
        starts=starts,
        colours=packed.sum(axis=1, dtype=np.uint64),
        learnt=learnt,
    )


def _even(m: int) -> NDArray[np.uint16]:
    """Return a row that gives m symbols alike."""
    lanes = np.arange(1, SYMBOL + 1)
    row = np.where(lanes >= m, TOP, TOP * lanes // m).astype(np.uint16)
    row[-1] = 0
    return row


@cache
def _weights(contexts: int) -> NDArray[np.uint16]:
    """Return the weights of a level: of each context by its row's count, then of the candidates."""
    weights = np.zeros((LEVEL_WEIGHTS // CONTEXT_WEIGHTS, CONTEXT_WEIGHTS), np.uint16)
    for i in range(contexts):
        weights[i, 0] = 16
        for step in range(1, 16):
            weights[i, step] = min(8000, isqrt(230400 * step * 9**i >> 2 * i))
    weights[contexts] = 1200
    return weights.reshape(-1)
