# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The pairs of clusters that cost the least to merge: a compiled loop.

In: means, masses and kinds of clusters. Out: the cheapest pairs. Integers only, so the result is the same on
every machine. Masses are less than 2^28 in all, so a b / (a + b) of two masses is at most 2^26. Coordinates
are within 2^19 of 0, so squared distances are below 2^42. They are cut off at 2^36, which keeps costs below
2^62. All of it is checked first.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from merging_loop.pxd
    from kmq._palette.clustering.cutting_loop import error_between

    MOST_MASS, MOST_BITS = 1 << 28, 36


def cheapest_merges(
    means: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    kinds: cython.const[cython.int][::1],
    pairs: cython.longlong[::1],
    costs: cython.longlong[::1],
) -> int:
    """Fill `pairs` and `costs` with those of the pairs that add the least squared error; return their number.

    A pair (i, j < i) has the number i (i - 1) / 2 + j. `means` (k, 4), `masses` (k,) and `kinds` (k,) are
    those of the clusters; only clusters of one kind merge. A tie goes to the lower number. The pairs are
    in no order.

    Raises ValueError if sizes disagree or numbers are outside the module's bounds.
    """
    k: cython.Py_ssize_t = means.shape[0]
    check(means, masses, kinds, pairs, costs)
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    found: cython.Py_ssize_t = 0
    pair: cython.longlong = -1
    gap: cython.longlong
    square: cython.longlong
    cost: cython.longlong
    half: cython.longlong
    farthest: cython.longlong = cython.cast(cython.longlong, 1) << MOST_BITS
    with cython.nogil:
        for i in range(k):
            for j in range(i):
                pair += 1
                if kinds[j] != kinds[i]:
                    continue
                # The cost is at least half the lighter mass times the square, which takes no division.
                half = min(masses[i], masses[j]) >> 1
                gap = means[i, 0] - means[j, 0]
                square = gap * gap
                if found == pairs.shape[0] and half * min(square, farthest) >= costs[0]:
                    continue
                for axis in range(1, 4):
                    gap = means[i, axis] - means[j, axis]
                    square += gap * gap
                square = min(square, farthest)
                if found == pairs.shape[0] and half * square >= costs[0]:
                    continue
                cost = error_between(masses[i], masses[j], square)
                if found < pairs.shape[0]:
                    found += 1
                    put_last(pairs, costs, found - 1, pair, cost)
                elif cost < costs[0]:
                    put_first(pairs, costs, pair, cost)
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_last(
    pairs: cython.longlong[::1],
    costs: cython.longlong[::1],
    place: cython.Py_ssize_t,
    pair: cython.longlong,
    cost: cython.longlong,
) -> cython.void:
    """Put a pair into the free `place` at the end of the heap, which has the dearest pair first.

    Pairs come by number, so of equal costs the last one is the dearest.
    """
    above: cython.Py_ssize_t
    while place > 0:
        above = (place - 1) >> 1
        if costs[above] > cost:
            break
        pairs[place] = pairs[above]
        costs[place] = costs[above]
        place = above
    pairs[place] = pair
    costs[place] = cost


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_first(
    pairs: cython.longlong[::1], costs: cython.longlong[::1], pair: cython.longlong, cost: cython.longlong
) -> cython.void:
    """Put a pair into the heap instead of the dearest."""
    place: cython.Py_ssize_t = 0
    below: cython.Py_ssize_t = 1
    while below < pairs.shape[0]:
        if below + 1 < pairs.shape[0] and (
            costs[below + 1] > costs[below]
            or (costs[below + 1] == costs[below] and pairs[below + 1] > pairs[below])
        ):
            below += 1
        if costs[below] < cost or (costs[below] == cost and pairs[below] < pair):
            break
        pairs[place] = pairs[below]
        costs[place] = costs[below]
        place = below
        below = 2 * place + 1
    pairs[place] = pair
    costs[place] = cost


@cython.cfunc
def check(
    means: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    kinds: cython.const[cython.int][::1],
    pairs: cython.longlong[::1],
    costs: cython.longlong[::1],
) -> None:
    """Raise ValueError unless the arrays match and their numbers are in range."""
    k: cython.Py_ssize_t = means.shape[0]
    if means.shape[1] != 4 or masses.shape[0] != k or kinds.shape[0] != k:
        raise ValueError("masses and kinds must match means, of four coordinates each")
    if k >= 1 << 16 or pairs.shape[0] < 1 or costs.shape[0] != pairs.shape[0]:
        raise ValueError("there must be fewer than 2^16 clusters, and a cost for each of at least one pair")
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
