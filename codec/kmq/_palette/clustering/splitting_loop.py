# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Cuts of groups of weighted points, the most profitable first: a compiled loop.

In: points of four coordinates, and groups of them. Out: the best cut of each group, or groups that were cut
until there are enough. Bounds are those of `cutting_loop`; all of them are checked here, before its loops.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from splitting_loop.pxd
    from kmq._palette.clustering.cutting_loop import (
        BINS,
        COLUMNS,
        CUT,
        END,
        FIRST,
        HALF,
        LOWER,
        SPAN,
        add_up,
        measure,
    )

    MOST_MASS = 1 << 28


def split_groups(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    bounds: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    gains: cython.longlong[::1],
    groups: cython.Py_ssize_t,
    room: cython.longlong[::1],
) -> int:
    """Cut groups until there are as many as `bounds` has rows, or none can be cut; return their number.

    Each step cuts the group whose cut saves the most squared error; a tie goes to the first. The arrays are
    those of `measure_groups`, of which only the first `groups` rows are filled.

    Raises ValueError if sizes disagree or numbers are outside the module's bounds.
    """
    count: cython.Py_ssize_t = points.shape[0]
    k: cython.Py_ssize_t = bounds.shape[0]
    measure_groups(points, weights, order, bounds, sums, gains, groups, room)
    along: cython.longlong[::1] = room[:count]
    bins: cython.longlong[::1] = room[count : count + 2 * BINS]
    heap: cython.longlong[::1] = room[count + 2 * BINS :]
    group: cython.Py_ssize_t
    with cython.nogil:
        for group in range(groups):
            heap[group] = group
            rise(heap, gains, group)
        while groups < k and gains[heap[0]] > 0:
            group = heap[0]
            part(bounds, sums, group, groups)
            gains[group] = measure(points, weights, order, bounds, sums, group, along, bins)
            sink(heap, gains, groups)
            gains[groups] = measure(points, weights, order, bounds, sums, groups, along, bins)
            heap[groups] = groups
            rise(heap, gains, groups)
            groups += 1
    return groups


def measure_groups(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    bounds: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    gains: cython.longlong[::1],
    groups: cython.Py_ssize_t,
    room: cython.longlong[::1],
) -> None:
    """Find the best cut of each group, and the squared error that it saves.

    `order` (n,) has the numbers of the points, group by group: group g is
    order[bounds[g, 0]:bounds[g, 1]], and the first `groups` groups share out all points. The order
    changes within groups: points below the best cut come first, up to bounds[g, 2]. `sums` (k, 10)
    is filled with each group's weighted sums of coordinates and its mass, and with those of its part
    below the cut; `gains` (k,) with the error saved, 0 for a group that can't be cut.
    `room` (n + k + 512,) is room to work in.

    Raises ValueError if sizes disagree or numbers are outside the module's bounds.
    """
    count: cython.Py_ssize_t = points.shape[0]
    check_groups(points, weights, order, bounds, sums, gains, groups, room)
    along: cython.longlong[::1] = room[:count]
    bins: cython.longlong[::1] = room[count : count + 2 * BINS]
    group: cython.Py_ssize_t
    for group in range(groups):
        check_spread(points, order, bounds, group)
    with cython.nogil:
        for group in range(groups):
            add_up(points, weights, order, bounds[group, FIRST], bounds[group, END], sums, group, 0)
            gains[group] = measure(points, weights, order, bounds, sums, group, along, bins)


@cython.cfunc
def check_groups(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    bounds: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    gains: cython.longlong[::1],
    groups: cython.Py_ssize_t,
    room: cython.longlong[::1],
) -> None:
    """Raise ValueError unless the arrays match, and the groups share out all points."""
    count: cython.Py_ssize_t = points.shape[0]
    k: cython.Py_ssize_t = bounds.shape[0]
    if points.shape[1] != 4 or weights.shape[0] != count or order.shape[0] != count or count >= 1 << 28:
        raise ValueError("weights and order must match points, of four coordinates each")
    if bounds.shape[1] != 3 or sums.shape[0] != k or sums.shape[1] != COLUMNS or gains.shape[0] != k:
        raise ValueError("bounds must be (k, 3), sums (k, 10), and gains (k,)")
    if not 1 <= groups <= k or room.shape[0] != count + k + 2 * BINS:
        raise ValueError("there must be 1 to k groups, and room for n + k + 512 numbers")
    group: cython.Py_ssize_t
    end: cython.Py_ssize_t = 0
    for group in range(groups):
        if bounds[group, FIRST] != end or bounds[group, END] <= end:
            raise ValueError("groups must not be empty, and follow one another")
        end = bounds[group, END]
    if end != count:
        raise ValueError("groups must share out all points")
    mass: cython.longlong = 0
    i: cython.Py_ssize_t
    for i in range(count):
        if not 0 <= order[i] < count:
            raise ValueError("order must be 0 to n - 1")
        if not 1 <= weights[i] < MOST_MASS or mass >= MOST_MASS:
            raise ValueError("weights must be at least 1, and less than 2^28 in all")
        mass += weights[i]
    if mass >= MOST_MASS:
        raise ValueError("weights must be at least 1, and less than 2^28 in all")


@cython.cfunc
def check_spread(
    points: cython.const[cython.int][:, ::1],
    order: cython.int[::1],
    bounds: cython.int[:, ::1],
    group: cython.Py_ssize_t,
) -> None:
    """Raise ValueError if points of the group are too far apart, or have coordinates out of range."""
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    low: cython.int
    high: cython.int
    value: cython.int
    for axis in range(4):
        low = high = points[order[bounds[group, FIRST]], axis]
        for i in range(bounds[group, FIRST], bounds[group, END]):
            value = points[order[i], axis]
            low = min(low, value)
            high = max(high, value)
        if low < -HALF or high >= HALF or high - low >= SPAN:
            raise ValueError("coordinates must be within 2^19 of 0, and within 2^17 of each other in a group")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def part(
    bounds: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    group: cython.Py_ssize_t,
    other: cython.Py_ssize_t,
) -> cython.void:
    """Cut a group: the points above the cut become the group `other`."""
    column: cython.Py_ssize_t
    bounds[other, FIRST] = bounds[group, CUT]
    bounds[other, END] = bounds[group, END]
    bounds[group, END] = bounds[group, CUT]
    for column in range(5):
        sums[other, column] = sums[group, column] - sums[group, LOWER + column]
        sums[group, column] = sums[group, LOWER + column]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def before(gains: cython.longlong[::1], group: cython.longlong, other: cython.longlong) -> cython.bint:
    return gains[group] > gains[other] or (gains[group] == gains[other] and group < other)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def rise(heap: cython.longlong[::1], gains: cython.longlong[::1], place: cython.Py_ssize_t) -> cython.void:
    """Move the group at `place` of the heap up to where none above it gains less."""
    group: cython.longlong = heap[place]
    while place > 0 and before(gains, group, heap[(place - 1) >> 1]):
        heap[place] = heap[(place - 1) >> 1]
        place = (place - 1) >> 1
    heap[place] = group


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sink(heap: cython.longlong[::1], gains: cython.longlong[::1], size: cython.Py_ssize_t) -> cython.void:
    """Move the first group of the heap down to where none below it gains more."""
    group: cython.longlong = heap[0]
    place: cython.Py_ssize_t = 0
    child: cython.Py_ssize_t = 1
    while child < size:
        if child + 1 < size and before(gains, heap[child + 1], heap[child]):
            child += 1
        if not before(gains, heap[child], group):
            break
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = group
