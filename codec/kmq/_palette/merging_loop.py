# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The costs of merging clusters: a compiled loop.

In: means, masses and kinds. Out: a cost for each pair. Integers only, so the result is the same on every
machine. Masses are less than 2^28 in all, so a b / (a + b) of two masses is at most 2^26. Coordinates are
within 2^19 of 0, so squared distances are below 2^42. They are cut off at 2^36, which keeps the product
below 2^62. All of it is checked first.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from merging_loop.pxd
    from kmq._palette.cutting_loop import error_between

    MOST_MASS, MOST_BITS, NEVER_BITS = 1 << 28, 36, 62


def merging_costs(
    means: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    kinds: cython.const[cython.int][::1],
    costs: cython.longlong[::1],
) -> None:
    """Fill `costs` with what merging clusters i and j < i adds to the squared error.

    It has k (k - 1) / 2 places, for the pairs (1, 0), (2, 0), (2, 1), (3, 0) and so on. `means`
    (k, 4), `masses` (k,) and `kinds` (k,) are those of the clusters. Only clusters of one kind merge: for
    others, the cost is 2^62, more than any other.

    Raises ValueError if sizes disagree or numbers are outside the module's bounds.
    """
    k: cython.Py_ssize_t = means.shape[0]
    check(means, masses, kinds, costs)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    pair: cython.Py_ssize_t = -1
    gap: cython.longlong
    square: cython.longlong
    farthest: cython.longlong = cython.cast(cython.longlong, 1) << MOST_BITS
    never: cython.longlong = cython.cast(cython.longlong, 1) << NEVER_BITS
    with cython.nogil:
        for i in range(k):
            for j in range(i):
                pair += 1
                costs[pair] = never
                if kinds[j] != kinds[i]:
                    continue
                gap = means[i, 0] - means[j, 0]
                square = gap * gap
                gap = means[i, 1] - means[j, 1]
                square += gap * gap
                gap = means[i, 2] - means[j, 2]
                square += gap * gap
                gap = means[i, 3] - means[j, 3]
                square += gap * gap
                square = min(square, farthest)
                costs[pair] = error_between(masses[i], masses[j], square)


@cython.cfunc
def check(
    means: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    kinds: cython.const[cython.int][::1],
    costs: cython.longlong[::1],
) -> None:
    """Raise ValueError unless the arrays match and their numbers are in range."""
    k: cython.Py_ssize_t = means.shape[0]
    if means.shape[1] != 4 or masses.shape[0] != k or kinds.shape[0] != k:
        raise ValueError("masses and kinds must match means, of four coordinates each")
    if k >= 1 << 16 or costs.shape[0] != k * (k - 1) // 2:
        raise ValueError("costs must have a place for each pair of fewer than 2^16 clusters")
    mass: cython.longlong = 0
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    for i in range(k):
        if not 0 <= masses[i] < MOST_MASS:
            raise ValueError("masses must be 0 or more, and less than 2^28 in all")
        mass += masses[i]
        if mass >= MOST_MASS:
            raise ValueError("masses must be 0 or more, and less than 2^28 in all")
        for axis in range(4):
            if not -(1 << 19) <= means[i, axis] < 1 << 19:
                raise ValueError("coordinates must be within 2^19 of 0")
