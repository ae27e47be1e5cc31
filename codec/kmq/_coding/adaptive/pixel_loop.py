# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The adaptive coding of a tile, pixel by pixel (spec D.2, D.4): a compiled loop.

In: a tile's cells, or the payload's words. Out: symbols, or cells. The same functions code and decode every
kind of tile, so that all do the same. They are compiled once for each kind and direction. Bounds:

- A decoded cell is below k, because a symbol has only the values that k leaves at its level.
- The neighbourhood reaches 3 cells to the sides and 2 up; the margins are as wide or wider.
- There is room for two symbols a pixel, or one more than it has levels. The words' end is looked at before
  each.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from pixel_loop.pxd
    from kmq._coding.adaptive.expectation_loop import (
        COLOURS,
        FEW,
        FLAT_RATES,
        FLATS,
        MANY,
        RAMP,
        SUMS,
        Mixture,
        Tables,
        expect,
        inlined_t,
    )
    from kmq._coding.adaptive.learning_loop import learn
    from kmq._coding.adaptive.neighbours_loop import Pixel, Tile, look_around, wrapped
    from kmq._coding.structures import structure

    MARGIN_LEFT, MARGIN_TOP = 4, 3
    WHOLE, EARLY, SAME, OTHER = 32768, 20000, 65500, 30
    KIND, ENTRIES, LEVELS, ROW_BITS, MOST, MIDDLE, HAS_ALPHA, NUMBERS = range(8)
    ROWS, CANDIDATES, CANDIDATE_COUNTS, NEAREST, ERRORS, STARTS = range(32, 38)
    Coder = structure()


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put(
    encoding: cython.bint, coder: cython.pointer(Coder), low: cython.uint, frequency: cython.uint
) -> inlined_t:
    """Note a symbol for `pack`, or take its interval out of the state (spec D.2)."""
    x: cython.uint
    at: cython.Py_ssize_t = coder.at
    if encoding:
        coder.symbols[at] = low << 16 | frequency
        coder.at = at + 1
    else:
        x = coder.x
        x = frequency * (x >> 15) + (x & 32767) - low
        if x < 65536:
            x = x << 16 | (coder.words[at] if at < coder.end else 0)
            coder.at = at + 1
        coder.x = x


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_symbol(
    encoding: cython.bint,
    kind: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    coder: cython.pointer(Coder),
    of: cython.pointer(Mixture),
    px: cython.pointer(Pixel),
    level: cython.int,
    part: cython.uint,
    m: cython.int,
    trains: cython.bint,
) -> inlined_t:
    """Code the symbol `px.value`, which has 2 to 16 values: m (spec D.4)."""
    symbol: cython.int
    last: cython.bint
    low: cython.uint
    frequency: cython.uint
    expect(kind, tables, of, level, part, coder.x & 32767)
    symbol = px.value if encoding else of.found
    last = symbol >= m - 1
    if last:
        symbol = m - 1
    low = tables.learnt[SUMS + symbol + 15]
    frequency = (WHOLE if last else tables.learnt[SUMS + symbol + 16]) - low
    put(encoding, coder, low, frequency)
    learn(kind, tables, of, symbol, last, frequency, trains)
    px.value = symbol


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_value(
    encoding: cython.bint,
    kind: cython.int,
    levels: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    tables: cython.pointer(cython.const[Tables]),
    coder: cython.pointer(Coder),
    of: cython.pointer(Mixture),
    px: cython.pointer(Pixel),
    trains: cython.bint,
) -> inlined_t:
    """Code the number `px.value`, which is below k, in symbols of four bits (spec D.4)."""
    level: cython.int
    rest: cython.int
    fits: cython.int
    m: cython.int
    part: cython.int = 0
    value: cython.int = px.value
    pattern: cython.int = of.pattern
    for level in range(levels):
        rest = 4 * (levels - 1 - level)
        m = ((tile.k - 1 - ((part << 4) << rest)) >> rest) + 1
        if m == 1:
            part <<= 4
            continue
        of.values[0] = (px.near[0] >> rest) & 15
        of.values[1] = (px.near[1] >> rest) & 15
        of.values[2] = (px.near[2] >> rest) & 15
        of.values[3] = (px.near[3] >> rest) & 15
        if level:
            fits = (px.near[0] >> (rest + 4) == part) | (px.near[1] >> (rest + 4) == part) << 1
            fits |= (px.near[2] >> (rest + 4) == part) << 2 | (px.near[3] >> (rest + 4) == part) << 3
            of.counting &= fits
            of.pattern = pattern | of.counting << 8
        px.value = (value >> rest) & 15
        code_symbol(encoding, kind, tables, coder, of, px, level, part, min(m, 16), trains)
        part = part << 4 | px.value
    px.value = part


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_flat(
    encoding: cython.bint,
    tables: cython.pointer(cython.const[Tables]),
    around: cython.Py_ssize_t,
    coder: cython.pointer(Coder),
    px: cython.pointer(Pixel),
) -> inlined_t:
    """Code whether a pixel is the same as its neighbours, which are all equal (spec D.4)."""
    at: cython.Py_ssize_t = FLATS + 2 * around
    chance: cython.int = tables.learnt[at]
    count: cython.int = tables.learnt[at + 1]
    rate: cython.longlong = tables.fixed[FLAT_RATES + count]
    low: cython.uint = chance >> 1
    if not encoding:
        px.same = (coder.x & 32767) < low
    if px.same:
        put(encoding, coder, 0, low)
        chance += (SAME - chance) * rate >> 16
    else:
        put(encoding, coder, low, WHOLE - low)
        chance += (OTHER - chance) * rate >> 16
    tables.learnt[at] = chance
    tables.learnt[at + 1] = count + (count < 31)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_busy(
    encoding: cython.bint,
    kind: cython.int,
    levels: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    tables: cython.pointer(cython.const[Tables]),
    coder: cython.pointer(Coder),
    of: cython.pointer(Mixture),
    px: cython.pointer(Pixel),
    at: cython.Py_ssize_t,
    trains: cython.bint,
) -> inlined_t:
    """Code a busy pixel. On a ramp, its distance from the guess is coded."""
    pitch: cython.Py_ssize_t = tile.width + 2 * MARGIN_LEFT
    error: cython.int
    if kind == RAMP:
        px.errors = 2 * (tile.errors[at - 1] + tile.errors[at - pitch])
        px.errors += tile.errors[at - pitch - 1] + tile.errors[at - pitch + 1]
    look_around(kind, tile, of, px)
    if kind == RAMP:
        px.value = wrapped(px.value - px.rank + tile.middle, tile.k)
    code_value(encoding, kind, levels, tile, tables, coder, of, px, trains)
    if kind == RAMP:
        px.value = wrapped(px.value + px.rank - tile.middle, tile.k)
        error = px.value - px.rank
        tile.errors[at] = -error if error < 0 else error


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_tile(
    encoding: cython.bint,
    kind: cython.int,
    levels: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    tables: cython.pointer(cython.const[Tables]),
    state: cython.pointer(Coder),
) -> inlined_t:
    """Code all pixels of a tile. Decoding stops soon after the payload's end."""
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t
    above: cython.Py_ssize_t
    pitch: cython.Py_ssize_t = tile.width + 2 * MARGIN_LEFT
    busy: cython.uint = 0
    around: cython.Py_ssize_t
    w: cython.int
    north: cython.int
    nw: cython.int
    ne: cython.int
    ww: cython.int
    nn: cython.int
    nee: cython.int
    nww: cython.int
    www: cython.int
    coder = cython.declare(Coder[1])
    of = cython.declare(Mixture[1])
    px = cython.declare(Pixel[1])
    if cython.compiled:
        cells: cython.p_ushort = tile.cells
    else:
        cells = tile.cells
        coder, of, px = Coder(), Mixture(), Pixel()
    coder.x, coder.at, coder.end = state.x, state.at, state.end
    coder.symbols, coder.words = state.symbols, state.words
    for i in range(8):  # all of these learn together, also the unused ones
        of.weights[i] = 0
        of.shares[i] = 0
        of.masses[i] = 0
    px.value = 0
    for y in range(tile.height):
        at = (y + MARGIN_TOP) * pitch + MARGIN_LEFT
        above = at - pitch
        w = ww = www = cells[above]
        for i in range(1, MARGIN_LEFT + 1):
            cells[at - i] = w
        north = w
        nw, nww, ne = cells[above - 1], cells[above - 2], cells[above + 1]
        x = 0
        while x < tile.width:
            nee, nn = cells[above + 2], cells[above - pitch]
            if encoding:
                px.value = cells[at]
            px.same = False
            if w == north and w == nw and w == ne:
                around = (w & 255) << 4 | (nee == w) | (ww == w) << 1 | (nn == w) << 2
                around |= ((www == w) | (nww == w)) << 3
                px.same = px.value == w
                code_flat(encoding, tables, around, coder, px)
                while (
                    px.same and around & 15 == 15 and cells[above + 3] == w and cells[above + 1 - pitch] == w
                ):
                    # On a page, most pixels have this neighbourhood, all of one index.
                    cells[at] = w
                    at += 1
                    above += 1
                    x += 1
                    if x == tile.width:
                        break
                    if encoding:
                        px.value = cells[at]
                        px.same = px.value == w
                    nww = w
                    code_flat(encoding, tables, around, coder, px)
                if x == tile.width:
                    break
            if not px.same:
                if not encoding and coder.at > coder.end:
                    break
                busy += 1
                px.near[0], px.near[1], px.near[2], px.near[3] = w, north, nw, ne
                px.ww, px.nn, px.nee, px.nww = ww, nn, nee, nww
                code_busy(encoding, kind, levels, tile, tables, coder, of, px, at, busy <= EARLY or busy & 1)
            else:
                px.value = w
            cells[at] = px.value
            at += 1
            above += 1
            x += 1
            www = ww
            ww = w
            w = px.value
            nww = nw
            nw = north
            north = ne
            ne = nee
        if not encoding and coder.at > coder.end:
            break
        for i in range(MARGIN_LEFT):
            cells[at + i] = w
    state.x, state.at = coder.x, coder.at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_kind(
    encoding: cython.bint,
    kind: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    tables: cython.pointer(cython.const[Tables]),
    coder: cython.pointer(Coder),
) -> inlined_t:
    """Code a tile of a kind. `code_tile` is compiled here once for each kind."""
    if kind == FEW:
        code_tile(encoding, FEW, 1, tile, tables, coder)
    elif kind == COLOURS:
        code_tile(encoding, COLOURS, 2, tile, tables, coder)
    elif kind == RAMP:
        code_tile(encoding, RAMP, 2, tile, tables, coder)
    else:
        code_tile(encoding, MANY, tile.levels, tile, tables, coder)


def code_cells(
    encoding: cython.bint,
    width: cython.Py_ssize_t,
    height: cython.Py_ssize_t,
    numbers: cython.const[cython.int][::1],
    starts: cython.const[cython.Py_ssize_t][::1],
    fixed: cython.const[cython.ushort][::1],
    coefficients: cython.const[cython.longlong][::1],
    points: cython.const[cython.int][::1],
    colours: cython.const[cython.ulonglong][::1],
    cells: cython.ushort[::1],
    learnt: cython.ushort[::1],
    stream: cython.ulonglong[::1],
    symbols: cython.uint[::1],
    words: cython.const[cython.ushort][::1],
) -> None:
    """Code a tile's cells, or decode into them (spec annex D).

    `cells` is the tile with its margins, (height + 3) x (width + 8), zero in the three rows on top. `fixed`
    are the tables of `model`; `numbers`, `starts` and `learnt` are those of a `State`, and `points` (4 k,)
    and `colours` those of an `Order`. `stream` is the decoder's state, and how many symbols are written, or
    words read.
    """
    kind: cython.int = numbers[KIND]
    tile = cython.declare(Tile[1])
    tables = cython.declare(Tables[1])
    coder = cython.declare(Coder[1])
    if cython.compiled:
        tables.fixed = tile.fixed = cython.address(fixed[0])
        tables.learnt = cython.address(learnt[0])
        tables.rows = cython.address(learnt[starts[ROWS]])
        tables.candidates = cython.address(learnt[starts[CANDIDATES]])
        tables.candidate_counts = cython.address(learnt[starts[CANDIDATE_COUNTS]])
        tables.starts = cython.address(starts[0])
        tile.nearest = cython.address(learnt[starts[NEAREST]])
        tile.errors = cython.address(learnt[starts[ERRORS]])
        tile.cells, tile.colours = cython.address(cells[0]), cython.address(colours[0])
        tile.coefficients, tile.points = cython.address(coefficients[0]), cython.address(points[0])
        coder.symbols, coder.words = cython.address(symbols[0]), cython.address(words[0])
    else:
        tile, tables, coder = Tile(), Tables(), Coder()
        tables.fixed = tile.fixed = fixed
        tables.learnt, tables.rows = learnt, learnt[starts[ROWS] :]
        tables.candidates = learnt[starts[CANDIDATES] :]
        tables.candidate_counts = learnt[starts[CANDIDATE_COUNTS] :]
        tables.starts, tile.nearest = starts, learnt[starts[NEAREST] :]
        tile.errors, tile.cells, tile.colours = learnt[starts[ERRORS] :], cells, colours
        tile.coefficients, tile.points = coefficients, points
        coder.symbols, coder.words = symbols, words
    tables.row_shift, tables.most = 32 - numbers[ROW_BITS], numbers[MOST]
    tile.k, tile.levels, tile.middle = numbers[ENTRIES], numbers[LEVELS], numbers[MIDDLE]
    tile.has_alpha, tile.width, tile.height = numbers[HAS_ALPHA], width, height
    coder.x, coder.at, coder.end = stream[0], stream[1], words.shape[0]
    with cython.nogil:
        if encoding:
            code_kind(True, kind, tile, tables, coder)
        else:
            code_kind(False, kind, tile, tables, coder)
    stream[0], stream[1] = coder.x, coder.at
