"""The linear predictions of the context coding, of a pixel from its neighbours (spec C.5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices

TAPS = (
    *((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (-2, -1), (-1, -2)),
    *((1, -2), (-2, -2), (2, -2), (-3, 0), (0, -3), (-3, -1), (3, -1), (-1, -3), (1, -3)),
)
"""The neighbours, as (x, y) relative to the pixel."""

TEXTURES = 6
"""Kinds of neighbourhood, each with coefficients of its own."""

UNIT = 128
"""The integer for a coefficient of 1."""

MOST = 255
"""Largest absolute value of a coefficient."""

DEFAULT = np.array([80, 64, -32, 32, -16, -16, 16] + [0] * 11, np.int32)
"""The coefficients of a tile that sends none."""

SAMPLES = 1 << 15
"""Most pixels to fit the coefficients to, roughly."""

ENOUGH = 500
"""A texture of more pixels gets fitted coefficients."""

AXES = 3
"""Axes to fit: lightness and two of hue."""


def default_coefficients() -> NDArray[np.int32]:
    """Return the coefficients (7, 18) int32 of a tile that sends none."""
    return np.tile(DEFAULT, (1 + TEXTURES, 1))


def fitted_coefficients(indices: Indices, points: NDArray[np.int16]) -> NDArray[np.int32]:
    """Return the coefficients, (7, 18) int32, that predict a tile's pixels best, by least squares.

    The first row is for all pixels, the others are for each texture. `points` (k, 8) are those of the
    palette's tree. All sums are of integers and stay below 2^53, so their order doesn't matter.
    """
    height, width = indices.shape
    rows = np.arange(3, height)
    rows = rows[:: max(1, -(-len(rows) * width // SAMPLES))]
    columns = np.arange(4, width - 4)
    columns = columns[:: max(1, -(-len(columns) // SAMPLES))]
    coefficients = default_coefficients()
    if not len(rows) or not len(columns):
        return coefficients
    at = np.stack([indices[np.ix_(rows + y, columns + x)].reshape(-1) for x, y in TAPS])
    own = indices[np.ix_(rows, columns)].reshape(-1)
    texture = _textures(*(points[at[i], 0].astype(np.int32) for i in range(4)))
    squares = np.zeros((TEXTURES, len(TAPS), len(TAPS)))
    products = np.zeros((TEXTURES, len(TAPS)))
    for axis in range(AXES):
        values = points[:, axis].astype(np.float64)
        if not values.any():
            continue
        near = values[at]
        base = near[0] + near[1]
        near = 2 * near - base
        target = 2 * values[own] - base
        for kind in range(TEXTURES):
            chosen = texture == kind
            part = near[:, chosen]
            # Not by BLAS, whose threads would wait for each other.
            squares[kind] += np.einsum("ip,jp->ij", part, part)
            products[kind] += np.einsum("ip,p->i", part, target[chosen])
    counts = np.bincount(texture, minlength=TEXTURES)
    coefficients[0] = _solved(squares.sum(axis=0), products.sum(axis=0), len(own))
    for kind in range(TEXTURES):
        enough = counts[kind] > ENOUGH
        coefficients[1 + kind] = (
            _solved(squares[kind], products[kind], counts[kind]) if enough else coefficients[0]
        )
    return coefficients


def _textures(
    w: NDArray[np.int32], n: NDArray[np.int32], nw: NDArray[np.int32], ne: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the texture, 0 to 5, of each neighbourhood from its lightness (spec C.5)."""
    down, across, on = np.abs(w - nw), np.abs(n - nw), np.abs(n - ne)
    total = down + across + on
    kinds = [total < 37, total < 150, down > 2 * across, across > 2 * down, on > 2 * down]
    found: NDArray[np.int64] = np.select(kinds, [0, 1, 2, 3, 4], 5)
    return found


def _solved(squares: NDArray[np.float64], products: NDArray[np.float64], count: int) -> NDArray[np.int32]:
    """Return the coefficients in 128ths. Those of W and N, the base of all, make their sum 1."""
    found = _solution(squares + 2.0 * max(count, 1) * np.eye(len(TAPS)), products)
    rest = (1 - math.fsum(found)) / 2
    found[:2] = found[0] + rest, found[1] + rest
    return np.array([min(max(round(UNIT * each), -MOST), MOST) for each in found], np.int32)


def _solution(matrix: NDArray[np.float64], products: NDArray[np.float64]) -> list[float]:
    """Solve a symmetric positive definite system by elimination, which needs no pivots then.

    In plain Python, because NumPy's solver rounds differently on different processors.
    """
    rows = [[*row, product] for row, product in zip(matrix.tolist(), products.tolist(), strict=True)]
    size = len(rows)
    for at, pivot in enumerate(rows):
        for row in rows[at + 1 :]:
            share = row[at] / pivot[at]
            row[at:] = [each - share * other for each, other in zip(row[at:], pivot[at:], strict=True)]
    found = [0.0] * size
    for at in range(size - 1, -1, -1):
        known = math.fsum(rows[at][i] * found[i] for i in range(at + 1, size))
        found[at] = (rows[at][size] - known) / rows[at][at]
    return found
