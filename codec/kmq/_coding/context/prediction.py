"""The linear predictions of the context coding, of a pixel from its neighbours (spec C.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients (7, 18) int32 fitted to a tile.

    `error` is about the sum of the squared errors of the predictions that they make, and `default_error` that
    of the default ones, in the same unit.
    """

    coefficients: NDArray[np.int32]
    error: int
    default_error: int


def default_coefficients() -> NDArray[np.int32]:
    """Return the coefficients (7, 18) int32 of a tile that sends none."""
    return np.tile(DEFAULT, (1 + TEXTURES, 1))


def fitted_coefficients(indices: Indices, points: NDArray[np.int16]) -> Fit:
    """Fit coefficients to a tile's pixels, by least squares.

    The first row is for all pixels, the others are for each texture. `points` (k, 8) are those of the
    palette's tree. All sums are of integers and stay below 2^53, so their order doesn't matter.
    """
    height, width = indices.shape
    if height <= 3 or width <= 8:
        return Fit(default_coefficients(), 0, 0)
    by_rows, by_columns = max(1, -(-(height - 3) * width // SAMPLES)), max(1, -(-(width - 8) // SAMPLES))
    own, *near = (
        indices[3 + y : height + y : by_rows, 4 + x : width - 4 + x : by_columns].reshape(-1)
        for x, y in ((0, 0), *TAPS)
    )
    at = np.stack(near)
    texture = _textures(*(points[at[i], 0].astype(np.int32) for i in range(4)))
    counts = np.bincount(texture, minlength=TEXTURES)
    fitted = np.flatnonzero(counts > ENOUGH)
    # The pixels of all other textures are one part, which only the coefficients for all pixels are fitted to.
    part = np.full(TEXTURES, len(fitted))
    part[fitted] = np.arange(len(fitted))
    parts = part[texture]
    squares = np.zeros((len(fitted) + 1, len(TAPS), len(TAPS)))
    products = np.zeros((len(fitted) + 1, len(TAPS)))
    targets = np.zeros(len(fitted) + 1)
    for axis in range(AXES):
        values = points[:, axis].astype(np.float64)
        if not values.any():
            continue
        taps = values[at]
        base = taps[0] + taps[1]
        taps = 2 * taps - base
        target = 2 * values[own] - base
        for number in range(len(fitted) + 1):
            chosen = parts == number
            near_chosen, target_chosen = taps[:, chosen], target[chosen]
            # Not by BLAS, whose threads would wait for each other.
            squares[number] += np.einsum("ip,jp->ij", near_chosen, near_chosen)
            products[number] += np.einsum("ip,p->i", near_chosen, target_chosen)
            targets[number] += np.einsum("p,p->", target_chosen, target_chosen)
    sums = [*zip(squares.astype(np.int64), products.tolist(), targets.tolist(), strict=True)]
    squares[-1], products[-1] = squares.sum(axis=0), products.sum(axis=0)
    found = _solved(squares, products, np.append(counts[fitted], len(own)))
    coefficients = np.tile(found[-1], (1 + TEXTURES, 1))
    coefficients[1 + fitted] = found[:-1]
    error = sum(_squared_error(each, *part) for each, part in zip(found, sums, strict=True))
    return Fit(coefficients, error, sum(_squared_error(DEFAULT, *part) for part in sums))


def _squared_error(
    coefficients: NDArray[np.int32], squares: NDArray[np.int64], products: list[float], target: float
) -> int:
    """Return the squared error of coefficients, as if their sum were 1: it is within a hundredth."""
    taken: list[int] = coefficients.tolist()
    rows: list[int] = (squares @ coefficients).tolist()
    quadratic = sum(c * row for c, row in zip(taken, rows, strict=True))
    linear = sum(c * int(p) for c, p in zip(taken, products, strict=True))
    return quadratic - 2 * UNIT * linear + UNIT * UNIT * int(target)


def _textures(
    w: NDArray[np.int32], n: NDArray[np.int32], nw: NDArray[np.int32], ne: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the texture, 0 to 5, of each neighbourhood from its lightness (spec C.5)."""
    down, across, on = np.abs(w - nw), np.abs(n - nw), np.abs(n - ne)
    total = down + across + on
    kinds = [total < 37, total < 150, down > 2 * across, across > 2 * down, on > 2 * down]
    found: NDArray[np.int64] = np.select(kinds, [0, 1, 2, 3, 4], 5)
    return found


def _solved(
    squares: NDArray[np.float64], products: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return coefficients in 128ths, (n, 18), for n sums. Those of W and N make each sum about 1."""
    ridge = 2.0 * np.maximum(counts, 1)[:, None, None] * np.eye(len(TAPS))
    found = _solutions(squares + ridge, products)
    for each in found:
        rest = (1 - math.fsum(each)) / 2
        each[:2] = each[0] + rest, each[1] + rest
    rounded: NDArray[np.int32] = np.clip(np.rint(UNIT * np.array(found)), -MOST, MOST).astype(np.int32)
    return rounded


def _solutions(matrices: NDArray[np.float64], products: NDArray[np.float64]) -> list[list[float]]:
    """Solve symmetric positive definite systems by elimination, which needs no pivots then.

    Step by step, because NumPy's solver rounds differently on different processors.
    """
    rows = np.concatenate([matrices, products[:, :, None]], axis=2)
    size = rows.shape[1]
    for at in range(size - 1):
        shares = rows[:, at + 1 :, at] / rows[:, at, None, at]
        rows[:, at + 1 :, at:] -= shares[:, :, None] * rows[:, None, at, at:]
    return [_back_substituted(system) for system in rows.tolist()]


def _back_substituted(rows: list[list[float]]) -> list[float]:
    size = len(rows)
    found = [0.0] * size
    for at in range(size - 1, -1, -1):
        known = math.fsum(rows[at][i] * found[i] for i in range(at + 1, size))
        found[at] = (rows[at][size] - known) / rows[at][at]
    return found
