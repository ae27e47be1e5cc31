# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The search for the nearest palette entry: a compiled loop.

In: points in the Z-order of their colours, four integer coordinates each, and entries likewise. Out: for
each point the number of the nearest entry. Points that agree in the high bits of their codes lie in one cell.
For a cell, only the entries that can be nearest to a point in it are kept. For the smaller cells within, only
some of those are. So each point is compared with few. Bounds:

- Coordinates lie within ±2^19, as the caller ensures: squared distances between doubled ones are below
  4 · 2^42 = 2^44, and no shift exceeds 2^62.
- The arrays' sizes are checked first, and every count is at most the number of entries.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from nearest_loop.pxd
    NUMBER = WEIGHT = 4


def nearest_entries(
    points: cython.const[cython.int][:, ::1],
    codes: cython.const[cython.uint][::1],
    shifts: cython.const[cython.int][::1],
    candidates: cython.int[:, :, ::1],
    sizes: cython.longlong[::1],
    sources: cython.longlong[::1],
    squares: cython.longlong[::1],
    nearest: cython.int[::1],
) -> None:
    """Fill `nearest[i]` with the number of the entry closest to `points[i]`.

    `codes` (n,) are the points' Z-order codes, and `shifts` (levels,) the bits to drop for
    the number of a cell at each level, largest cells first. `candidates` (levels + 1, k, 5)
    has the entries at level 0: four coordinates, then the number; of entries equally near
    the first in that list wins. The other levels of it, `sizes` and `sources` (levels + 1,)
    and `squares` (k,) are room to work in. The result doesn't depend on `codes`; only
    the time does.

    Raises ValueError if the arrays' sizes disagree or there is no entry.
    """
    count: cython.Py_ssize_t = points.shape[0]
    levels: cython.Py_ssize_t = shifts.shape[0]
    k: cython.Py_ssize_t = candidates.shape[1]
    if points.shape[1] != 4 or candidates.shape[2] != NUMBER + 1:
        raise ValueError("points must have four coordinates each, and candidates a number beside them")
    if codes.shape[0] != count or nearest.shape[0] != count:
        raise ValueError("codes and nearest must match points")
    if k < 1 or squares.shape[0] != k or candidates.shape[0] != levels + 1:
        raise ValueError("squares must match entries, and candidates must match shifts")
    if sizes.shape[0] != levels + 1 or sources.shape[0] != levels + 1:
        raise ValueError("sizes and sources must match shifts")
    level: cython.Py_ssize_t
    for level in range(levels):
        if not 0 <= shifts[level] < 32:
            raise ValueError("shifts must be 0 to 31")
    i: cython.Py_ssize_t = 0
    j: cython.Py_ssize_t
    end: cython.Py_ssize_t = 0
    few: cython.Py_ssize_t
    source: cython.Py_ssize_t
    number: cython.int
    last: cython.uint = 0
    best: cython.longlong
    distance: cython.longlong
    gap: cython.longlong
    p0: cython.longlong
    p1: cython.longlong
    p2: cython.longlong
    p3: cython.longlong
    sizes[0] = k
    sources[0] = 0
    with cython.nogil:
        while i < count:
            for level in range(levels):
                if i == 0 or (codes[i] >> shifts[level]) != (last >> shifts[level]):
                    end = i + 1
                    while end < count and (codes[end] >> shifts[level]) == (codes[i] >> shifts[level]):
                        end += 1
                    if sizes[level] <= 4 or end - i < 3:  # not worth the trouble
                        sizes[level + 1] = sizes[level]
                        sources[level + 1] = sources[level]
                    else:
                        sizes[level + 1] = narrow(
                            points, i, end, candidates, sources[level], sizes[level], level + 1, squares
                        )
                        sources[level + 1] = level + 1
            if levels == 0:
                end = count
            last = codes[i]
            few = sizes[levels]
            source = sources[levels]
            while i < end:
                p0 = points[i, 0]
                p1 = points[i, 1]
                p2 = points[i, 2]
                p3 = points[i, 3]
                best = 0x7FFFFFFFFFFFFFFF
                number = 0
                for j in range(few):
                    gap = p0 - candidates[source, j, 0]
                    distance = gap * gap
                    gap = p1 - candidates[source, j, 1]
                    distance += gap * gap
                    gap = p2 - candidates[source, j, 2]
                    distance += gap * gap
                    gap = p3 - candidates[source, j, 3]
                    distance += gap * gap
                    if distance < best:
                        best = distance
                        number = candidates[source, j, NUMBER]
                nearest[i] = number
                i += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def narrow(
    points: cython.const[cython.int][:, ::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    candidates: cython.int[:, :, ::1],
    source: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    target: cython.Py_ssize_t,
    squares: cython.longlong[::1],
) -> cython.Py_ssize_t:
    """Keep of the candidates at `source` those that can be nearest to a point of the cell; return how many.

    Of a box around the points let m be the distance of the nearest candidate from its
    middle and r half its diagonal. No point of it is farther than m + r from that candidate,
    so one that is farther than m + 2r from the middle is nearest to none.
    """
    i: cython.Py_ssize_t
    kept: cython.Py_ssize_t = 0
    low0: cython.longlong = points[first, 0]
    low1: cython.longlong = points[first, 1]
    low2: cython.longlong = points[first, 2]
    low3: cython.longlong = points[first, 3]
    high0: cython.longlong = low0
    high1: cython.longlong = low1
    high2: cython.longlong = low2
    high3: cython.longlong = low3
    value: cython.longlong
    for i in range(first + 1, end):
        value = points[i, 0]
        low0 = min(low0, value)
        high0 = max(high0, value)
        value = points[i, 1]
        low1 = min(low1, value)
        high1 = max(high1, value)
        value = points[i, 2]
        low2 = min(low2, value)
        high2 = max(high2, value)
        value = points[i, 3]
        low3 = min(low3, value)
        high3 = max(high3, value)
    # Everything is doubled, so that the middle is an integer: the diagonal is then twice the half.
    radius: cython.longlong = (high0 - low0) * (high0 - low0) + (high1 - low1) * (high1 - low1)
    radius += (high2 - low2) * (high2 - low2) + (high3 - low3) * (high3 - low3)
    middle0: cython.longlong = low0 + high0
    middle1: cython.longlong = low1 + high1
    middle2: cython.longlong = low2 + high2
    middle3: cython.longlong = low3 + high3
    best: cython.longlong = 0x7FFFFFFFFFFFFFFF
    square: cython.longlong
    for i in range(count):
        value = 2 * cython.cast(cython.longlong, candidates[source, i, 0]) - middle0
        square = value * value
        value = 2 * cython.cast(cython.longlong, candidates[source, i, 1]) - middle1
        square += value * value
        value = 2 * cython.cast(cython.longlong, candidates[source, i, 2]) - middle2
        square += value * value
        value = 2 * cython.cast(cython.longlong, candidates[source, i, 3]) - middle3
        square += value * value
        squares[i] = square
        best = min(best, square)
    # (m + 2r)² = m² + 4r² + 4mr, and 2mr ≤ t m² + r² / t for any t: with t = 2^±s near r / m
    # this bound is at most 1.07 times too large, and needs no root.
    s: cython.int = 0
    if best < radius:
        while s < 10 and (best << (2 * s + 1)) < radius:
            s += 1
        best = best + 4 * radius + 2 * ((best << s) + (radius >> s) + 1)
    else:
        while s < 10 and (radius << (2 * s + 1)) < best:
            s += 1
        best = best + 4 * radius + 2 * ((best >> s) + 1 + (radius << s))
    for i in range(count):
        if squares[i] <= best:
            candidates[target, kept, 0] = candidates[source, i, 0]
            candidates[target, kept, 1] = candidates[source, i, 1]
            candidates[target, kept, 2] = candidates[source, i, 2]
            candidates[target, kept, 3] = candidates[source, i, 3]
            candidates[target, kept, NUMBER] = candidates[source, i, NUMBER]
            kept += 1
    return kept


def sum_by_entry(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    nearest: cython.const[cython.int][::1],
    sums: cython.longlong[:, ::1],
) -> None:
    """Add `weights[i]` times the coordinates of `points[i]`, and the weight, to the row of its entry.

    `sums` is (k, 5). Exact, so the order of the points doesn't matter; coordinates within
    ±2^19 and less than 2^43 pixels can't overflow.

    Raises ValueError if the arrays' sizes disagree or a number is none of an entry.
    """
    count: cython.Py_ssize_t = points.shape[0]
    if points.shape[1] != 4 or weights.shape[0] != count or nearest.shape[0] != count:
        raise ValueError("weights and nearest must match points, of four coordinates each")
    if sums.shape[1] != WEIGHT + 1:
        raise ValueError("sums must have five columns")
    k: cython.Py_ssize_t = sums.shape[0]
    wrong: cython.bint = False
    i: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    weight: cython.longlong
    with cython.nogil:
        for i in range(count):
            entry = nearest[i]
            if entry < 0 or entry >= k:
                wrong = True
                break
            weight = weights[i]
            sums[entry, 0] += weight * points[i, 0]
            sums[entry, 1] += weight * points[i, 1]
            sums[entry, 2] += weight * points[i, 2]
            sums[entry, 3] += weight * points[i, 3]
            sums[entry, WEIGHT] += weight
    if wrong:
        raise ValueError(f"nearest must be 0 to {k - 1}")
