# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The neighbourhood of a pixel (spec D.3, D.5, D.6): a compiled loop.

In: the places of neighbours. Out: the keys and hashes of the contexts, and the candidates. Bounds:

- Places are below k. Sums of colours have 15 bits a channel (spec M34), shades are cut to 11 bits.
- Keys are made of places, guesses below k and classes below 16: `model` makes a row for each.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from neighbours_loop.pxd
    from kmq._coding.adaptive.expectation_loop import (
        ACTIVITIES,
        COLOURS,
        DIFFERENCES,
        DIFFERENT,
        FEW,
        MANY,
        RAMP,
        SHADES,
        Mixture,
        inlined_t,
    )
    from kmq._coding.structures import structure

    Tile = structure()
    Pixel = structure(near=[0] * 4)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def compare(
    tile: cython.pointer(cython.const[Tile]), of: cython.pointer(Mixture), px: cython.pointer(Pixel)
) -> inlined_t:
    """Find which neighbours are equal, and which count as candidates (spec D.6)."""
    w: cython.int = px.near[0]
    north: cython.int = px.near[1]
    nw: cython.int = px.near[2]
    ne: cython.int = px.near[3]
    of.pattern = (
        (w == north)
        | (north == ne) << 1
        | (w == nw) << 2
        | (north == nw) << 3
        | (w == ne) << 4
        | (nw == ne) << 5
        | (w == px.ww) << 6
        | (north == px.nn) << 7
    )
    of.counting = tile.fixed[DIFFERENT + (of.pattern & 63)]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_around(of: cython.pointer(Mixture), px: cython.pointer(Pixel)) -> inlined_t:
    """Make the last two contexts' hashes: of four neighbours, and of ten (spec D.5)."""
    w: cython.uint = 0x9E3779B1
    north: cython.uint = 0x85EBCA6B
    nw: cython.uint = 0xC2B2AE35
    ne: cython.uint = 0x27D4EB2F
    ww: cython.uint = 0x165667B1
    nn: cython.uint = 0xD3A2646D
    nee: cython.uint = 0xFD7046C5
    nww: cython.uint = 0xB55A4F09
    word: cython.uint = 0xFFFFFFFF
    h: cython.uint = (w * px.near[0] + north * px.near[1] + nw * px.near[2] + ne * px.near[3]) & word
    of.quad = h
    of.ten = (h + ww * px.ww + nn * px.nn + nee * px.nee + nww * px.nww) & word


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def guess_colour(
    kind: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    of: cython.pointer(Mixture),
    px: cython.pointer(Pixel),
) -> inlined_t:
    """Guess the colour, all channels at once, and make the other contexts (spec D.3, D.5)."""
    place: cython.int
    cell: cython.uint
    spread: cython.uint = 0x9E3779B1
    word: cython.uint = 0xFFFFFFFF
    sums: cython.ulonglong = 0x4000400040004000
    sums += cython.cast(cython.ulonglong, tile.coefficients[0]) * tile.colours[px.near[0]]
    sums += cython.cast(cython.ulonglong, tile.coefficients[1]) * tile.colours[px.near[1]]
    sums += cython.cast(cython.ulonglong, tile.coefficients[2]) * tile.colours[px.near[3]]
    sums += cython.cast(cython.ulonglong, tile.coefficients[3]) * tile.colours[px.nee]
    sums += cython.cast(cython.ulonglong, tile.coefficients[4]) * tile.colours[px.near[2]]
    sums += cython.cast(cython.ulonglong, tile.coefficients[5]) * tile.colours[px.ww]
    sums += cython.cast(cython.ulonglong, tile.coefficients[6]) * tile.colours[px.nn]
    cell = tile.fixed[SHADES + (sums >> 4 & 2047)] << 10
    cell |= tile.fixed[SHADES + (sums >> 20 & 2047)] << 5
    cell |= tile.fixed[SHADES + (sums >> 36 & 2047)]
    if tile.has_alpha:
        cell |= tile.fixed[SHADES + (sums >> 52 & 2047)] << 15
    if kind == MANY:
        of.hashes[0] = (px.near[0] * spread + 1) & word
        of.hashes[1] = (px.near[1] * spread + 2) & word
        of.hashes[2] = (cell * spread + 3) & word
    else:
        place = tile.nearest[cell]
        if place == 0:
            place = nearest_place(tile, cell) + 1
            tile.nearest[cell] = place
        place -= 1
        if kind == FEW:
            of.keys[0] = place * 16 + px.near[0]
            of.keys[1] = place * 16 + px.near[1]
        else:
            of.keys[0] = px.near[0]
            of.keys[1] = px.near[1]
            of.keys[2] = place


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def nearest_place(tile: cython.pointer(cython.const[Tile]), cell: cython.int) -> cython.int:
    """Return the place of the first entry that is nearest to a cell's middle (spec D.3)."""
    i: cython.int
    q: cython.int
    distance: cython.int
    found: cython.int = 0
    least: cython.int = 0x7FFFFFFF
    red: cython.int = (cell >> 10 & 31) * 8 + 4
    green: cython.int = (cell >> 5 & 31) * 8 + 4
    blue: cython.int = (cell & 31) * 8 + 4
    alpha: cython.int = (cell >> 15) * 8 + 4
    for i in range(tile.k):
        q = tile.points[4 * i] - red
        distance = 2 * q * q
        q = tile.points[4 * i + 1] - green
        distance += 4 * q * q
        q = tile.points[4 * i + 2] - blue
        distance += q * q
        if tile.has_alpha:
            q = tile.points[4 * i + 3] - alpha
            distance += 3 * q * q
        if distance < least:
            least = distance
            found = i
    return found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def guess_rank(
    tile: cython.pointer(cython.const[Tile]), of: cython.pointer(Mixture), px: cython.pointer(Pixel)
) -> inlined_t:
    """Guess the place on a ramp, and make the other contexts of a ramp (spec D.3, D.5)."""
    i: cython.int
    qw: cython.uint
    qn: cython.uint
    qnw: cython.uint
    qne: cython.uint
    activity: cython.uint
    spread: cython.uint = 0x85EBCA6B
    word: cython.uint = 0xFFFFFFFF
    rank: cython.int = (
        tile.coefficients[0] * px.near[0]
        + tile.coefficients[1] * px.near[1]
        + tile.coefficients[2] * px.near[3]
    )
    rank += tile.coefficients[3] * px.nee + tile.coefficients[4] * px.near[2] + tile.coefficients[5] * px.ww
    rank = (rank + tile.coefficients[6] * px.nn + 8) >> 4
    rank = max(0, min(rank, tile.k - 1))
    activity = abs(px.near[0] - px.near[2]) + abs(px.near[1] - px.near[2]) + abs(px.near[1] - px.near[3])
    activity = tile.fixed[ACTIVITIES + activity + px.errors]
    qw = tile.fixed[DIFFERENCES + 256 + px.near[0] - rank]
    qn = tile.fixed[DIFFERENCES + 256 + px.near[1] - rank]
    qnw = tile.fixed[DIFFERENCES + 256 + px.near[2] - rank]
    qne = tile.fixed[DIFFERENCES + 256 + px.near[3] - rank]
    of.keys[0] = activity * 16 + qw
    of.keys[1] = rank
    of.keys[2] = qn * 16 + qw
    # In place of the hash of four neighbours.
    of.quad = (((((rank << 4 | qw) << 4 | qn) << 4) | activity) * spread) & word
    qw = ((qw >> 1) << 3 | qn >> 1) << 6 | (qnw >> 1) << 3 | qne >> 1
    of.hashes[3] = ((qw << 3 | activity >> 1) * spread + 5) & word
    for i in range(4):
        px.near[i] = wrapped(px.near[i] - rank + tile.middle, tile.k)
    px.rank = rank


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def wrapped(value: cython.int, k: cython.int) -> cython.int:
    """Return a value, which is from -k to 2k - 1, modulo k."""
    return value + k if value < 0 else value - k if value >= k else value


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def look_around(
    kind: cython.int,
    tile: cython.pointer(cython.const[Tile]),
    of: cython.pointer(Mixture),
    px: cython.pointer(Pixel),
) -> cython.void:
    """Find the candidates of a pixel that isn't flat, and the keys and hashes of its contexts."""
    compare(tile, of, px)
    hash_around(of, px)
    if kind == FEW:
        guess_colour(FEW, tile, of, px)
    elif kind == COLOURS:
        guess_colour(COLOURS, tile, of, px)
    elif kind == RAMP:
        guess_rank(tile, of, px)
    else:
        guess_colour(MANY, tile, of, px)
