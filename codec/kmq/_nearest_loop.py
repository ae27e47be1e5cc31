# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Compiled search for the nearest palette entry, in Cython's pure Python mode.

What comes in: points and entries as integer coordinates, four to a row (unused ones
zero), the entries sorted by the first coordinate. What goes out: for each point the
nearest entry's number. What can't happen: an overflow, as coordinates are at most
65,025 = 255² apart on each axis and 4 · 255⁴ < 2^63; or a read outside the arrays, as
both walks stop at the ends.
"""

import cython


def nearest_entries(
    points: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    numbers: cython.const[cython.int][::1],
    nearest: cython.int[::1],
) -> None:
    """Fill `nearest[i]` with the number of the entry closest to `points[i]`.

    `entries` (k, 4) is sorted by its first column; `numbers` (k,) is the number that
    each of its rows has in the palette. Among entries equally near, the lowest number
    wins. From the place of the point on the sorted axis the search walks outwards both
    ways and stops where the distance on that axis alone exceeds the best distance found:
    no entry beyond can be nearer, or as near.

    Raises ValueError if the arrays' sizes disagree or there is no entry.
    """
    count: cython.Py_ssize_t = points.shape[0]
    k: cython.Py_ssize_t = entries.shape[0]
    if points.shape[1] != 4 or entries.shape[1] != 4:
        raise ValueError("points and entries must have four coordinates each")
    if k < 1 or numbers.shape[0] != k or nearest.shape[0] != count:
        raise ValueError("numbers must match entries, and nearest must match points")
    i: cython.Py_ssize_t
    low: cython.Py_ssize_t
    high: cython.Py_ssize_t
    middle: cython.Py_ssize_t
    below: cython.Py_ssize_t
    above: cython.Py_ssize_t
    row: cython.Py_ssize_t
    best_number: cython.int
    best: cython.longlong
    distance: cython.longlong
    gap_below: cython.longlong
    gap_above: cython.longlong
    d0: cython.longlong
    d1: cython.longlong
    d2: cython.longlong
    d3: cython.longlong
    with cython.nogil:
        for i in range(count):
            low = 0
            high = k
            while low < high:
                middle = (low + high) // 2
                if entries[middle, 0] < points[i, 0]:
                    low = middle + 1
                else:
                    high = middle
            below = low - 1
            above = low
            best = 0x7FFFFFFFFFFFFFFF
            best_number = 0
            while True:
                gap_below = best
                gap_above = best
                if below >= 0:
                    d0 = points[i, 0] - entries[below, 0]
                    gap_below = d0 * d0
                if above < k:
                    d0 = entries[above, 0] - points[i, 0]
                    gap_above = d0 * d0
                if below >= 0 and gap_below <= best and (above >= k or gap_below <= gap_above):
                    row = below
                    below -= 1
                elif above < k and gap_above <= best:
                    row = above
                    above += 1
                else:
                    break
                d0 = points[i, 0] - entries[row, 0]
                d1 = points[i, 1] - entries[row, 1]
                d2 = points[i, 2] - entries[row, 2]
                d3 = points[i, 3] - entries[row, 3]
                distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                if distance < best or (distance == best and numbers[row] < best_number):
                    best = distance
                    best_number = numbers[row]
            nearest[i] = best_number
