# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The best cut of a group of weighted points, across its principal axis: a compiled loop.

In: points of four coordinates, and which of them are the group. Out: the place of the cut, both sides' sums,
and the squared error saved. Integers only, so the result is the same on every machine. Why nothing overflows
63 bits (`splitting_loop` checks all of it first):

- Coordinates are within 2^19 of 0, and points of one group differ by less than 2^17 in each.
- Masses are at least 1 and less than 2^28 in all: sums stay below 2^47, second moments below 2^62.
- The matrix of moments is scaled below 2^30 before it is squared: four products make at most 2^62.
- Parts of an axis are below 2^13, so places along it are below 2^32, and below 2^17 once they are scaled.
- For masses a and b, a b / (a + b) is at most 2^26, and the squared distance of two means is below 2^36.
  Where the quotient is below 2^16, its 8 more bits make a product below 2^60.

Every place in an array follows from bounds of groups that are checked first.
"""

import cython

if not cython.compiled:  # compiled, they are constants of C, from cutting_loop.pxd
    MASS, LOWER, LOWER_MASS, COLUMNS = 4, 5, 9, 10
    FIRST, END, CUT = range(3)
    SPAN, HALF = 1 << 17, 1 << 19
    PRECISION, SQUARINGS, AXIS_BITS = 30, 6, 13
    FEWEST_BINS, BINS = 16, 256


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def measure(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    bounds: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    group: cython.Py_ssize_t,
    along: cython.longlong[::1],
    bins: cython.longlong[::1],
) -> cython.longlong:
    """Find the group's best cut, sort its points to either side, and return the error saved, or 0 for no cut.

    The cut is across the axis of the largest variance.
    """
    first: cython.Py_ssize_t = bounds[group, FIRST]
    end: cython.Py_ssize_t = bounds[group, END]
    i: cython.Py_ssize_t
    weight: cython.longlong
    d0: cython.longlong
    d1: cython.longlong
    d2: cython.longlong
    d3: cython.longlong
    if end - first < 2:
        return 0
    mass: cython.longlong = sums[group, MASS]
    mean0: cython.longlong = mean_of(sums[group, 0], mass)
    mean1: cython.longlong = mean_of(sums[group, 1], mass)
    mean2: cython.longlong = mean_of(sums[group, 2], mass)
    mean3: cython.longlong = mean_of(sums[group, 3], mass)
    moments = cython.declare(cython.longlong[10])
    axis = cython.declare(cython.longlong[4])
    for i in range(10):
        moments[i] = 0
    for i in range(first, end):
        weight = weights[order[i]]
        d0 = points[order[i], 0] - mean0
        d1 = points[order[i], 1] - mean1
        d2 = points[order[i], 2] - mean2
        d3 = points[order[i], 3] - mean3
        moments[0] += weight * (d0 * d0)
        moments[1] += weight * (d0 * d1)
        moments[2] += weight * (d0 * d2)
        moments[3] += weight * (d0 * d3)
        moments[4] += weight * (d1 * d1)
        moments[5] += weight * (d1 * d2)
        moments[6] += weight * (d1 * d3)
        moments[7] += weight * (d2 * d2)
        moments[8] += weight * (d2 * d3)
        moments[9] += weight * (d3 * d3)
    principal_axis(moments, axis)
    low: cython.longlong = 0x7FFFFFFFFFFFFFFF
    high: cython.longlong = -0x7FFFFFFFFFFFFFFF
    for i in range(first, end):
        d0 = points[order[i], 0] - mean0
        d1 = points[order[i], 1] - mean1
        d2 = points[order[i], 2] - mean2
        d3 = points[order[i], 3] - mean3
        along[i] = axis[0] * d0 + axis[1] * d1 + axis[2] * d2 + axis[3] * d3
        low = min(low, along[i])
        high = max(high, along[i])
    if low == high:
        return 0
    used: cython.int = FEWEST_BINS  # bins, by the points
    while used < BINS and used < 8 * (end - first):
        used *= 2
    shift: cython.int = 0  # to a place along the axis below 2^17,
    while (high - low) >> shift >= SPAN:
        shift += 1
    coarse: cython.int = 0  # and from there to a bin
    while (high - low) >> (shift + coarse) >= used:
        coarse += 1
    last: cython.longlong = best_bin(weights, order, first, end, along, low, shift, coarse, bins, used)
    bounds[group, CUT] = sort_out(order, first, end, along, low, shift + coarse, last)
    add_up(points, weights, order, first, bounds[group, CUT], sums, group, LOWER)
    return saved(sums, group)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def principal_axis(
    moments: cython.pointer(cython.longlong), axis: cython.pointer(cython.longlong)
) -> cython.void:
    """Set `axis`, four parts below 2^13, to the direction in which second moments are largest.

    `moments` are the ten different ones, row by row. Repeated squaring of their matrix leaves what lies along
    the eigenvector of the largest eigenvalue (the power method).
    """
    a: cython.longlong = moments[0]
    b: cython.longlong = moments[1]
    c: cython.longlong = moments[2]
    d: cython.longlong = moments[3]
    e: cython.longlong = moments[4]
    f: cython.longlong = moments[5]
    g: cython.longlong = moments[6]
    h: cython.longlong = moments[7]
    p: cython.longlong = moments[8]
    q: cython.longlong = moments[9]
    top: cython.longlong = max(a, e, h, q)  # none is larger, as in every matrix of squares
    turn: cython.int
    size: cython.int
    left: cython.int
    right: cython.int
    scale: cython.longlong
    for turn in range(SQUARINGS + 1):
        size = bits_of(top)
        right = max(size - PRECISION, 0)
        left = PRECISION - size if 0 < size < PRECISION else 0
        scale = 1 << left
        a = (a * scale) >> right
        b = (b * scale) >> right
        c = (c * scale) >> right
        d = (d * scale) >> right
        e = (e * scale) >> right
        f = (f * scale) >> right
        g = (g * scale) >> right
        h = (h * scale) >> right
        p = (p * scale) >> right
        q = (q * scale) >> right
        if turn == SQUARINGS:
            break
        a, b, c, d, e, f, g, h, p, q = (
            a * a + b * b + c * c + d * d,
            a * b + b * e + c * f + d * g,
            a * c + b * f + c * h + d * p,
            a * d + b * g + c * p + d * q,
            b * b + e * e + f * f + g * g,
            b * c + e * f + f * h + g * p,
            b * d + e * g + f * p + g * q,
            c * c + f * f + h * h + p * p,
            c * d + f * g + h * p + p * q,
            d * d + g * g + p * p + q * q,
        )
        top = max(a, e, h, q)
    top = max(a, e, h, q)
    if a == top:
        axis[0], axis[1], axis[2], axis[3] = a, b, c, d
    elif e == top:
        axis[0], axis[1], axis[2], axis[3] = b, e, f, g
    elif h == top:
        axis[0], axis[1], axis[2], axis[3] = c, f, h, p
    else:
        axis[0], axis[1], axis[2], axis[3] = d, g, p, q
    for turn in range(4):
        axis[turn] = axis[turn] >> (PRECISION - AXIS_BITS)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def bits_of(number: cython.longlong) -> cython.int:
    """Return how many bits a number from 0 on has."""
    found: cython.int = 0
    step: cython.int = 32
    while step > 0:
        if number >> step > 0:
            number >>= step
            found += step
        step >>= 1
    return found + 1 if number > 0 else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def best_bin(
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    along: cython.longlong[::1],
    low: cython.longlong,
    shift: cython.int,
    coarse: cython.int,
    bins: cython.longlong[::1],
    used: cython.int,
) -> cython.longlong:
    """Return the last of the `used` bins below the best cut. The place is (along - low) >> shift."""
    i: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    place: cython.longlong
    weight: cython.longlong
    mass: cython.longlong = 0
    moment: cython.longlong = 0
    for slot in range(used):
        bins[slot] = 0
        bins[BINS + slot] = 0
    for i in range(first, end):
        place = (along[i] - low) >> shift
        weight = weights[order[i]]
        slot = place >> coarse
        bins[slot] += weight
        bins[BINS + slot] += weight * place
        mass += weight
        moment += weight * place
    below: cython.longlong = 0
    moment_below: cython.longlong = 0
    gap: cython.longlong
    gain: cython.longlong
    most: cython.longlong = -1
    best: cython.longlong = 0
    for slot in range(used):
        if bins[slot] == 0:
            continue
        below += bins[slot]
        moment_below += bins[BINS + slot]
        if below == mass:
            break
        gap = (moment - moment_below) // (mass - below) - moment_below // below
        gain = error_between(below, mass - below, gap * gap)
        if gain > most:
            most = gain
            best = slot
    return best


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_out(
    order: cython.int[::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    along: cython.longlong[::1],
    low: cython.longlong,
    shift: cython.int,
    last: cython.longlong,
) -> cython.Py_ssize_t:
    """Bring the points up to the bin `last` before the others; return where these begin."""
    left: cython.Py_ssize_t = first
    right: cython.Py_ssize_t = end
    other: cython.int
    while left < right:
        if (along[left] - low) >> shift <= last:
            left += 1
        else:
            right -= 1
            other = order[left]
            order[left] = order[right]
            order[right] = other
            along[left] = along[right]
    return left


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def saved(sums: cython.longlong[:, ::1], group: cython.Py_ssize_t) -> cython.longlong:
    """Return how much squared error cutting the group saves."""
    below: cython.longlong = sums[group, LOWER_MASS]
    above: cython.longlong = sums[group, MASS] - below
    square: cython.longlong = 0
    gap: cython.longlong
    axis: cython.Py_ssize_t
    for axis in range(4):
        gap = mean_of(sums[group, LOWER + axis], below)
        gap -= mean_of(sums[group, axis] - sums[group, LOWER + axis], above)
        square += gap * gap
    return error_between(below, above, square)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_up(
    points: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.longlong][::1],
    order: cython.int[::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    sums: cython.longlong[:, ::1],
    group: cython.Py_ssize_t,
    column: cython.Py_ssize_t,
) -> cython.void:
    """Set the five sums from `column` on to those of the points at `first` to `end` of the order."""
    i: cython.Py_ssize_t
    point: cython.Py_ssize_t
    weight: cython.longlong
    s0: cython.longlong = 0
    s1: cython.longlong = 0
    s2: cython.longlong = 0
    s3: cython.longlong = 0
    mass: cython.longlong = 0
    for i in range(first, end):
        point = order[i]
        weight = weights[point]
        s0 += weight * points[point, 0]
        s1 += weight * points[point, 1]
        s2 += weight * points[point, 2]
        s3 += weight * points[point, 3]
        mass += weight
    sums[group, column] = s0
    sums[group, column + 1] = s1
    sums[group, column + 2] = s2
    sums[group, column + 3] = s3
    sums[group, column + 4] = mass


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mean_of(total: cython.longlong, mass: cython.longlong) -> cython.longlong:
    """Return a mean coordinate, rounded down. Only positive numbers divide alike in C and Python."""
    return (total + mass * HALF) // mass - HALF


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def error_between(one: cython.longlong, other: cython.longlong, square: cython.longlong) -> cython.longlong:
    """Return what merging two masses adds to the squared error (Ward, 1963); `square` is between means."""
    product: cython.longlong = one * other
    both: cython.longlong = max(one + other, 1)
    if product >> 16 >= both:
        return product // both * square
    return ((product << 8) // both * square) >> 8  # a small quotient needs bits behind the point
