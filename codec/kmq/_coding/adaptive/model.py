"""The tables of the adaptive coding, as they are before the first pixel (spec D.3 to D.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

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
from kmq._coding.adaptive.order import SYMBOL
from kmq._coding.adaptive.pixel_loop import CANDIDATE_COUNTS, CANDIDATES, ERRORS, NEAREST, ROWS, STARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._coding.adaptive.order import Order

ROW_BITS = range(4, 17)
"""Allowed sizes of a hashed table: it has 2 to this many rows."""

COUNT, RAMP_COUNT = 31, 95
"""The largest count of a row, and of a ramp's row that is found without a hash."""

CELLS = 1 << 15
"""Cells of the colour space; with alpha there are 32 times as many."""

COUNT_BOUNDS = (1, 2, 3, 4, 5, 7, 10, 16, 24, 32, 64)
"""Bounds between the classes of counts. Each class has its own weights."""

DIFFERENCE_BOUNDS = (1, 3, 6, 11, 19, 32, 60)
"""Bounds between the classes of differences from the guess on a ramp."""

FIRST_MASS, FIRST_CHANCE = 5500, 60000
"""Where the mass of a candidate and the chance of a flat pixel start."""

LANES = 16
"""Lanes of a row: 15 sums and a count."""

RUN = 256 * LANES
"""Lanes that are copied at a time to fill a table."""

LINE = 32
"""16-bit numbers in a cache line. A pair of rows fits into one."""

CONTEXTS = {FEW: (4, 2), COLOURS: (5, 3), RAMP: (6, 3), MANY: (5, 0)}
"""How many contexts each kind of tile has, and how many of these, the first ones, need no hash."""


@cache
def fixed_tables() -> NDArray[np.uint16]:
    """Return the tables that never change, (FIXED,). `expectation_loop.pxd` says where each begins."""
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
    # each time the activity doubles, there are two more classes
    squares = ((a + 4) ** 2 >> 4 for a in range(SHADES - ACTIVITIES))
    fixed[ACTIVITIES:SHADES] = [min(15, square.bit_length() - 1) for square in squares]
    fixed[SHADES:] = np.clip(np.arange(FIXED - SHADES) - 1024, 0, 255) >> 3
    fixed.flags.writeable = False
    return fixed


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the loops need to know about a tile, and the tables that they change.

    - `numbers` (NUMBERS,): the tile's kind, k and other small numbers.
    - `starts` (STARTS,): where the rows of each level and context begin, and where each table begins in
      `learnt`.
    - `learnt`: all tables.
    """

    numbers: NDArray[np.int32]
    starts: NDArray[np.intp]
    learnt: NDArray[np.uint16]


def _aligned(size: int) -> NDArray[np.uint16]:
    """Return zeros that begin where a cache line begins, so that no row needs two lines."""
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
    """Return the state of a tile before its first pixel. `cells` counts its margins too."""
    k = len(order.points)
    kind = kind_of(order)
    levels = max(1, -(-(k - 1).bit_length() // 4))
    contexts, direct = CONTEXTS[kind]
    keys = {FEW: (256, 256), COLOURS: (k, k, k), RAMP: (256, k, 256), MANY: ()}[kind]
    starts = np.zeros(STARTS, np.intp)
    rows = 0
    begun = []
    for level in range(levels):
        begun.append(rows)
        for i in range(contexts):
            starts[level * 8 + i] = LANES * rows
            rows += keys[i] << 4 * level if i < direct else 1 << row_bits
            rows += rows & 1  # a pair of hashed rows begins at an even number
    sizes = {
        ROWS: LANES * rows,
        CANDIDATES: 4 * PATTERNS * levels,
        CANDIDATE_COUNTS: PATTERNS * levels,
        NEAREST: CELLS * (32 if order.has_alpha else 1) if kind in (FEW, COLOURS) else 1,
        ERRORS: cells if kind == RAMP else 1,
    }
    starts[ROWS:] = LEARNT + np.cumsum([0, *sizes.values()])[:-1]
    learnt = _aligned(LEARNT + sum(sizes.values()))
    tables = {name: learnt[starts[name] : starts[name] + size] for name, size in sizes.items()}
    first_level = LANES * (begun[1] if levels > 1 else rows)
    _fill(tables[ROWS][:first_level], _even_rows(((k - 1) >> 4 * (levels - 1)) + 1))
    _fill(tables[ROWS][first_level:], _even_rows(SYMBOL))
    learnt[WEIGHTS : WEIGHTS + levels * LEVEL_WEIGHTS] = np.tile(_weights(contexts), levels)
    learnt[FLATS:LEARNT:2] = FIRST_CHANCE
    tables[CANDIDATES][:] = FIRST_MASS
    most = RAMP_COUNT if kind == RAMP else COUNT
    middle = k // 32 * 16 + 8 if kind == RAMP else 0
    return State(
        numbers=np.array([kind, k, levels, row_bits, most, middle, order.has_alpha], np.int32),
        starts=starts,
        learnt=learnt,
    )


@cache
def _even_rows(m: int) -> NDArray[np.uint16]:
    """Return a run of rows, (RUN,), in each of which m symbols have the same chance."""
    lanes = np.arange(1, SYMBOL + 1)
    row = np.where(lanes >= m, TOP, TOP * lanes // m).astype(np.uint16)
    row[-1] = 0
    run = np.tile(row, RUN // LANES)
    run.flags.writeable = False
    return run


def _fill(table: NDArray[np.uint16], run: NDArray[np.uint16]) -> None:
    """Fill a table with a run, again and again. Row by row it takes ten times as long."""
    whole = len(table) // len(run) * len(run)
    table[:whole].reshape(-1, len(run))[:] = run
    table[whole:] = run[: len(table) - whole]


@cache
def _weights(contexts: int) -> NDArray[np.uint16]:
    """Return a level's weights: each context's by the class of its count, then the candidates'."""
    weights = np.zeros((LEVEL_WEIGHTS // CONTEXT_WEIGHTS, CONTEXT_WEIGHTS), np.uint16)
    for i in range(contexts):
        weights[i, 0] = 16
        for step in range(1, 16):
            weights[i, step] = min(8000, isqrt(230400 * step * 9**i >> 2 * i))
    weights[contexts] = 1200
    return weights.reshape(-1)
