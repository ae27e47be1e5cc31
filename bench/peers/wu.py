"""Wu's quantiser, for comparison: boxes of the RGB cube, cut where the variance left is least.

Xiaolin Wu, "Efficient statistical computations for optimal color quantization", Graphics
Gems II, 1991: moments of a histogram of 32 x 32 x 32 cells, summed up so that those of any box
are eight look-ups; the box of largest variance is cut next.
"""

from __future__ import annotations

import itertools

import numpy as np

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def wu_centres(colours: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Return at most k centres, (k, 3) float64, for RGB colours (n, 3) with counts (n,)."""
    values = colours.astype(np.float64)
    columns = [counts, *(counts * values.T), counts * (values**2).sum(axis=1)]
    cells = tuple((colours >> 3).T + 1)
    moments = np.zeros((5, 33, 33, 33))
    for moment, column in zip(moments, columns, strict=True):
        np.add.at(moment, cells, column)
    for axis in (1, 2, 3):
        moments = moments.cumsum(axis=axis)

    def total(box: Box) -> np.ndarray:
        result = np.zeros(5)
        for corner in itertools.product((0, 1), repeat=3):
            sign = (-1) ** (3 - sum(corner))
            place = tuple(side[high] for side, high in zip(box, corner, strict=True))
            result += sign * moments[(slice(None), *place)]
        return result

    def variance(box: Box) -> float:
        count, *sums, squares = total(box)
        return squares - sum(s * s for s in sums) / count if count else 0.0

    def cut(box: Box) -> tuple[Box, Box] | None:
        whole = total(box)
        best = (0.0, None)
        for axis in range(3):
            low, high = box[axis]
            for place in range(low + 1, high):
                first: Box = tuple((low, place) if i == axis else side for i, side in enumerate(box))
                part = total(first)
                rest = whole - part
                if part[0] and rest[0]:
                    score = part[1:4] @ part[1:4] / part[0] + rest[1:4] @ rest[1:4] / rest[0]
                    if score > best[0]:
                        second: Box = tuple(
                            (place, high) if i == axis else side for i, side in enumerate(box)
                        )
                        best = (score, (first, second))
        return best[1]

    boxes: list[Box] = [((0, 32), (0, 32), (0, 32))]
    variances = [variance(boxes[0])]
    while len(boxes) < k and max(variances) > 0:
        widest = int(np.argmax(variances))
        halves = cut(boxes[widest])
        if halves is None:
            variances[widest] = 0.0
            continue
        boxes[widest : widest + 1] = halves
        variances[widest : widest + 1] = [variance(half) for half in halves]
    sums = np.array([total(box) for box in boxes])
    return sums[:, 1:4] / sums[:, :1]
