# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the neighbours' colours predict, and how far off that was (spec C.5): a compiled loop.

In: a pixel's neighbours. Out: four predictions of its colour, along each axis of the tree. Bounds:

- Points are within ±2,550, so that a prediction from three neighbours or seven is within ±5,100.
- Coefficients have 16 bits: the sum of 18 products with points is below 2^31.
- Of the errors, three rows are kept in turns, with the cells' margins on both sides.
"""

import cython

if not cython.compiled:  # compiled, this is a constant of C, from prediction_loop.pxd
    from kmq._coding.context.neighbourhood_loop import (
        FITTED,
        GRADIENT,
        NE,
        NEE,
        NN,
        NW,
        POINT,
        PREDICTIONS,
        TEXTURED,
        WEIGHED,
        WW,
        N,
        Pixel,
        Tile,
        W,
    )

    TAPS = 18


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def clipped(value: cython.int, most: cython.int) -> cython.int:
    """Return the number from -most to most that is nearest to a value."""
    return most if value > most else -most if value < -most else value  # noqa: FURB136 - max() is of C longs


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def predict(tile: Tile, px: cython.pointer(Pixel)) -> cython.void:
    """Find the neighbours' colours, the four predictions, and how far off each was nearby."""
    a: cython.int
    j: cython.int
    index: cython.int
    for j in range(WEIGHED):
        index = px.near[j]
        for a in range(POINT):
            px.colours[j][a] = tile.points[index, a]
    for a in range(POINT):
        px.colours[WEIGHED][a] = (
            10 * px.colours[W][a]
            + 8 * px.colours[N][a]
            - 4 * px.colours[NW][a]
            + 4 * px.colours[NE][a]
            - 2 * px.colours[WW][a]
            - 2 * px.colours[NN][a]
            + 2 * px.colours[NEE][a]
        ) >> 4
        px.colours[GRADIENT][a] = px.colours[W][a] + px.colours[N][a] - px.colours[NW][a]
    predict_fitted(tile, px)
    judge(tile, px)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def texture_of(px: cython.pointer(Pixel)) -> cython.int:
    """Return the kind of neighbourhood, 0 to 5, by its lightness."""
    down: cython.int = abs(px.colours[W][0] - px.colours[NW][0])
    across: cython.int = abs(px.colours[N][0] - px.colours[NW][0])
    onwards: cython.int = abs(px.colours[N][0] - px.colours[NE][0])
    total: cython.int = down + across + onwards
    if total < 150:
        return total >= 37
    if down > 2 * across:
        return 2
    if across > 2 * down:
        return 3
    return 4 if onwards > 2 * down else 5


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def predict_fitted(tile: Tile, px: cython.pointer(Pixel)) -> cython.void:
    """Predict by the tile's coefficients: those for all pixels, and those for the texture."""
    a: cython.int
    i: cython.int
    index: cython.int
    texture: cython.int = 1 + texture_of(px)
    fitted = cython.declare(cython.int[8])  # POINT
    textured = cython.declare(cython.int[8])
    if not cython.compiled:
        fitted, textured = [0] * POINT, [0] * POINT
    for a in range(POINT):
        fitted[a] = 0
        textured[a] = 0
    for i in range(TAPS):
        index = tile.cells[px.at + tile.taps[i]]
        for a in range(POINT):
            fitted[a] += tile.points[index, a] * tile.coefficients[0, i, a]
        for a in range(POINT):
            textured[a] += tile.points[index, a] * tile.coefficients[texture, i, a]
    for a in range(POINT):
        px.colours[FITTED][a] = clipped(fitted[a] >> 7, 3000)
        px.colours[TEXTURED][a] = clipped(textured[a] >> 7, 3000)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def judge(tile: Tile, px: cython.pointer(Pixel)) -> cython.void:
    """Find how far off each prediction was nearby, and where the slots for that begin."""
    j: cython.int
    d: cython.int
    row: cython.int = px.row
    up: cython.int = row - 1 if row > 0 else 2
    up_twice: cython.int = row + 1 if row < 2 else 0
    column: cython.Py_ssize_t = px.column
    for j in range(tile.first_prediction, PREDICTIONS):
        d = (
            2 * (tile.errors[j, row, column - 1] + tile.errors[j, up, column])
            + tile.errors[j, up, column - 1]
            + tile.errors[j, up, column + 1]
            + tile.errors[j, row, column - 2]
            + tile.errors[j, up_twice, column]
        )
        d = (d >> 2) + 4
        px.scale[j] = d
        px.per_scale[j] = 65536 // d
        px.starts[j] = tile.distance_base + j * 2048 + (d >= 8) + (d >= 40) + (d >= 100)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def keep_errors(tile: Tile, px: cython.pointer(Pixel), index: cython.int) -> cython.void:
    """Note how far the predictions' lightness is from that of the index that came."""
    j: cython.int
    for j in range(tile.first_prediction, PREDICTIONS):
        tile.errors[j, px.row, px.column] = 2 * min(
            511, abs(tile.points[index, 0] - px.colours[WEIGHED + j][0])
        )
