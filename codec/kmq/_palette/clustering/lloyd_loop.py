# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Lloyd's algorithm for up to some hundred centres: a compiled loop.

In: weighted points and centres. Out: moved centres, and the centre of each point. A point begins with
the centre it had in the last step, and only centres that can be nearer by the triangle inequality are tried
(Phillips, "Acceleration of k-means and related clustering algorithms", 2002). Integers only, so the result is
the same on every machine. Why nothing overflows 63 bits (all of it is checked before the loops):

- Coordinates are within 2^19 of 0, so squared distances are below 2^42.
- Masses are at least 1 and less than 2^28 in all, so sums stay below 2^47. In the error, squared distances
  count at most 2^34, so it stays below 2^62.
- A centre's way to its mean, times the mass, is below 2^48. Times the pace it is below 2^56, and less than
  2^57 is added to that.

Every place in an array is a count or the number of a centre, and both are checked.
"""

import cython

if not cython.compiled:  # compiled, they are constants of C, from lloyd_loop.pxd
    UNIT_PACE, MOST_PACE, BEYOND = 128, 256, 1 << 21
    MOST_MASS, MOST_BITS, MASS = 1 << 28, 34, 4


def move_centres(
    points: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    held: cython.const[cython.uchar][::1],
    limits: cython.int[:, ::1],
    centres: cython.int[:, ::1],
    numbers: cython.int[::1],
    gaps: cython.longlong[::1],
    sums: cython.longlong[:, ::1],
    others: cython.int[:, ::1],
    apart: cython.longlong[:, ::1],
    order: cython.int[::1],
    steps: cython.int,
    pace: cython.int,
    fill: cython.bint,
) -> int:
    """Move `centres` (k, 4) by at most `steps` of Lloyd's algorithm; return the squared error, times masses.

    A centre moves `pace` 128ths of the way to its mean, within the points' limits. The last step goes to the
    mean itself; it comes when nothing changes any more, or when there are no more steps. Centres marked in
    `held` (k,) stay. With `fill`, a centre without points moves to the point of the greatest weighted squared
    distance; otherwise it stays.

    `numbers` (n,) are the centres that the points begin with. They become the nearest before the last move;
    a tie goes to the first. `gaps` (n,) is filled with the squared distances to them, `sums` (k, 5) with
    each centre's weighted sums of coordinates and its mass. `limits` (2, 4), `others` (k, k), `apart` (k, k)
    and `order` (k,) are room to work in.

    Raises ValueError if sizes disagree or numbers are outside the module's bounds.
    """
    k: cython.Py_ssize_t = centres.shape[0]
    check_arrays(points, masses, held, limits, numbers, gaps, sums, others, apart, order, k)
    check_values(points, masses, limits, centres, numbers)
    if steps < 1 or not 0 <= pace <= MOST_PACE:
        raise ValueError("there must be a step, and pace must be 0 to 256")
    error: cython.longlong = 0
    last: cython.longlong = -1
    saved: cython.longlong = 0
    step: cython.int
    done: cython.bint
    with cython.nogil:
        for step in range(k):
            order[step] = step
        for step in range(steps):
            sort_by_first(centres, order)
            find_nearest(points, centres, numbers, gaps, others, apart, order)
            error = add_members(points, masses, numbers, gaps, sums)
            done = error == last or step == steps - 1
            saved = move_to_means(centres, sums, held, limits, UNIT_PACE if done else pace)
            if fill:
                fill_empty(points, masses, gaps, sums, held, centres)
            if done:
                break
            last = error
    return error - saved


@cython.cfunc
def check_arrays(
    points: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    held: cython.const[cython.uchar][::1],
    limits: cython.int[:, ::1],
    numbers: cython.int[::1],
    gaps: cython.longlong[::1],
    sums: cython.longlong[:, ::1],
    others: cython.int[:, ::1],
    apart: cython.longlong[:, ::1],
    order: cython.int[::1],
    k: cython.Py_ssize_t,
) -> None:
    """Raise ValueError unless the arrays match."""
    count: cython.Py_ssize_t = points.shape[0]
    if points.shape[1] != 4 or masses.shape[0] != count or numbers.shape[0] != count:
        raise ValueError("masses and numbers must match points, of four coordinates each")
    if gaps.shape[0] != count or limits.shape[0] != 2 or limits.shape[1] != 4:
        raise ValueError("gaps must match points, and limits must be (2, 4)")
    if k < 1 or held.shape[0] != k or sums.shape[0] != k or sums.shape[1] != 5:
        raise ValueError("held must match centres, and sums must be (k, 5)")
    if others.shape[0] != k or others.shape[1] != k or apart.shape[0] != k or apart.shape[1] != k:
        raise ValueError("others and apart must be (k, k)")
    if order.shape[0] != k:
        raise ValueError("order must match centres")


@cython.cfunc
def check_values(
    points: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    limits: cython.int[:, ::1],
    centres: cython.int[:, ::1],
    numbers: cython.int[::1],
) -> None:
    """Set the points' limits. Raise ValueError if a coordinate, a mass or a number is out of range."""
    k: cython.Py_ssize_t = centres.shape[0]
    wrong: cython.bint = centres.shape[1] != 4
    mass: cython.longlong = 0
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    for axis in range(4):
        limits[0, axis] = 1 << 19
        limits[1, axis] = -(1 << 19)
    for i in range(0 if wrong else points.shape[0]):
        if not (0 <= numbers[i] < k and 1 <= masses[i] < MOST_MASS and mass < MOST_MASS):
            wrong = True
            break
        mass += masses[i]
        for axis in range(4):
            limits[0, axis] = min(limits[0, axis], points[i, axis])
            limits[1, axis] = max(limits[1, axis], points[i, axis])
    for axis in range(4):
        if limits[0, axis] < -(1 << 19) or limits[1, axis] >= 1 << 19:
            wrong = True
        for i in range(0 if wrong else k):
            if not -(1 << 19) <= centres[i, axis] < 1 << 19:
                wrong = True
    if wrong or mass >= MOST_MASS:
        raise ValueError(
            "coordinates must be within 2^19 of 0, masses 1 or more and less than 2^28 in all, "
            "and numbers less than k"
        )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def squared(
    points: cython.const[cython.int][:, ::1],
    i: cython.Py_ssize_t,
    centres: cython.int[:, ::1],
    j: cython.Py_ssize_t,
) -> cython.longlong:
    gap: cython.longlong = points[i, 0] - centres[j, 0]
    square: cython.longlong = gap * gap
    gap = points[i, 1] - centres[j, 1]
    square += gap * gap
    gap = points[i, 2] - centres[j, 2]
    square += gap * gap
    gap = points[i, 3] - centres[j, 3]
    square += gap * gap
    return square


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_nearest(
    points: cython.const[cython.int][:, ::1],
    centres: cython.int[:, ::1],
    numbers: cython.int[::1],
    gaps: cython.longlong[::1],
    others: cython.int[:, ::1],
    apart: cython.longlong[:, ::1],
    order: cython.int[::1],
) -> cython.void:
    """Set the numbers to those of the nearest centres, and the gaps. A tie goes to the first.

    Let d be a point's distance from the centre it begins with, and m that from the nearest so far. Any
    centre that is as near is within d + m of the first centre, and (d + m)² is at most 2 (d² + m²).
    """
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    begin: cython.Py_ssize_t
    number: cython.int
    gap: cython.longlong
    least: cython.longlong
    square: cython.longlong
    k: cython.Py_ssize_t = centres.shape[0]
    for j in range(k):
        apart[j, 0] = 0  # the farthest point's gap, for now
    for i in range(points.shape[0]):
        gaps[i] = squared(points, i, centres, numbers[i])
        apart[numbers[i], 0] = max(apart[numbers[i], 0], gaps[i])
    for j in range(k):
        list_others(centres, order, j, 4 * apart[order[j], 0], others, apart)
    for i in range(points.shape[0]):
        gap = gaps[i]
        least = gap
        begin = numbers[i]
        number = numbers[i]
        for j in range(k):
            if apart[begin, j] > 2 * (gap + least):
                break
            square = squared(points, i, centres, others[begin, j])
            if square < least or (square == least and others[begin, j] < number):
                least = square
                number = others[begin, j]
        numbers[i] = number
        gaps[i] = least


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sort_by_first(centres: cython.int[:, ::1], order: cython.int[::1]) -> cython.void:
    """Sort the numbers in `order` by the centres' first coordinate; after a step, few have to move."""
    i: cython.Py_ssize_t
    place: cython.Py_ssize_t
    number: cython.int
    for i in range(1, order.shape[0]):
        number = order[i]
        place = i
        while place > 0 and centres[order[place - 1], 0] > centres[number, 0]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = number


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def list_others(
    centres: cython.int[:, ::1],
    order: cython.int[::1],
    place: cython.Py_ssize_t,
    most: cython.longlong,
    others: cython.int[:, ::1],
    apart: cython.longlong[:, ::1],
) -> cython.void:
    """List the neighbours of the centre at `place` up to a squared distance, nearest first, then a stop."""
    centre: cython.Py_ssize_t = order[place]
    count: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    gap: cython.longlong
    for i in range(place + 1, order.shape[0]):
        gap = centres[order[i], 0] - centres[centre, 0]
        if gap * gap > most:
            break
        count = insert(centres, centre, order[i], most, others, apart, count)
    for i in range(place - 1, -1, -1):
        gap = centres[order[i], 0] - centres[centre, 0]
        if gap * gap > most:
            break
        count = insert(centres, centre, order[i], most, others, apart, count)
    apart[centre, count] = 0x7FFFFFFFFFFFFFFF  # there is room: a centre doesn't list itself


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def insert(
    centres: cython.int[:, ::1],
    centre: cython.Py_ssize_t,
    other: cython.int,
    most: cython.longlong,
    others: cython.int[:, ::1],
    apart: cython.longlong[:, ::1],
    count: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Insert a neighbour into a list of `count`, unless it is too far; return how many there are then."""
    square: cython.longlong = squared(centres, other, centres, centre)
    if square > most:
        return count
    place: cython.Py_ssize_t = count
    while place > 0 and apart[centre, place - 1] > square:
        apart[centre, place] = apart[centre, place - 1]
        others[centre, place] = others[centre, place - 1]
        place -= 1
    apart[centre, place] = square
    others[centre, place] = other
    return count + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def add_members(
    points: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    numbers: cython.int[::1],
    gaps: cython.longlong[::1],
    sums: cython.longlong[:, ::1],
) -> cython.longlong:
    """Fill `sums`, and return the error about the centres."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    error: cython.longlong = 0
    most: cython.longlong = cython.cast(cython.longlong, 1) << MOST_BITS
    for j in range(sums.shape[0]):
        for i in range(5):
            sums[j, i] = 0
    for i in range(points.shape[0]):
        j = numbers[i]
        sums[j, 0] += masses[i] * points[i, 0]
        sums[j, 1] += masses[i] * points[i, 1]
        sums[j, 2] += masses[i] * points[i, 2]
        sums[j, 3] += masses[i] * points[i, 3]
        sums[j, MASS] += masses[i]
        error += masses[i] * min(gaps[i], most)
    return error


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def move_to_means(
    centres: cython.int[:, ::1],
    sums: cython.longlong[:, ::1],
    held: cython.const[cython.uchar][::1],
    limits: cython.int[:, ::1],
    pace: cython.int,
) -> cython.longlong:
    """Move the centres that are not held towards their means; return how much less the error is there."""
    j: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    mass: cython.longlong
    way: cython.longlong
    place: cython.longlong
    saved: cython.longlong = 0
    square: cython.longlong
    most: cython.longlong = cython.cast(cython.longlong, 1) << MOST_BITS
    for j in range(centres.shape[0]):
        mass = sums[j, MASS]
        if mass == 0 or held[j]:
            continue
        square = 0
        for axis in range(4):
            way = sums[j, axis] - mass * centres[j, axis]  # to the mean, times the mass
            place = (way * pace + (UNIT_PACE // 2) * mass) + mass * UNIT_PACE * BEYOND
            place = centres[j, axis] + place // (UNIT_PACE * mass) - BEYOND
            centres[j, axis] = min(max(place, limits[0, axis]), limits[1, axis])
            way = (abs(way) << 4) // mass  # in 16ths
            square += (way * way) >> 8
        saved += mass * min(square, most)
    return saved


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_empty(
    points: cython.const[cython.int][:, ::1],
    masses: cython.const[cython.longlong][::1],
    gaps: cython.longlong[::1],
    sums: cython.longlong[:, ::1],
    held: cython.const[cython.uchar][::1],
    centres: cython.int[:, ::1],
) -> cython.void:
    """Put centres without points on the points that are served worst, each on another."""
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    worst: cython.Py_ssize_t
    loss: cython.longlong
    largest: cython.longlong
    most: cython.longlong = cython.cast(cython.longlong, 1) << MOST_BITS
    for j in range(centres.shape[0]):
        if sums[j, MASS] > 0 or held[j]:
            continue
        largest = 0
        worst = -1
        for i in range(points.shape[0]):
            loss = masses[i] * min(gaps[i], most)
            if loss > largest:
                largest = loss
                worst = i
        if worst < 0:
            break
        for axis in range(4):
            centres[j, axis] = points[worst, axis]
        gaps[worst] = 0
