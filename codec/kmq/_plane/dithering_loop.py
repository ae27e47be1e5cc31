# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Dithering: a compiled loop.

In: each pixel's row in a table of colours, the colours' points and the entries' points, in the clustering's
own space. Out: an index for each pixel. Bounds:

- Points lie within ±2^18, as the caller ensures.
- A pixel receives at most the sum of four errors, clipped to the range of the points and entries.
- Every number that is used as a place is checked first.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from dithering_loop.pxd
    FIRST, PAST = LOW, HIGH = range(2)


def diffuse(
    inverse: cython.const[cython.uint][:, ::1],
    points: cython.const[cython.int][:, ::1],
    rows: cython.const[cython.int][::1],
    ranges: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    limits: cython.const[cython.int][:, ::1],
    strength: cython.int,
    edge: cython.longlong,
    errors: cython.int[:, :, ::1],
    chosen: cython.int[:, ::1],
) -> None:
    """Fill `chosen` (H, W) with rows of `entries` by serpentine error diffusion (Floyd and Steinberg, 1976).

    `points` (n, 4) are the colours' points, `rows` (n,) the row of the nearest entry, and
    `ranges` (n, 2) the first and last row plus one of the entries that a colour may take,
    which are sorted by their first coordinate. An empty range means the nearest entry and
    no error. `limits` (2, 4) is the least and largest of each coordinate that a point
    with its error may have. `strength` is 0 to 256. A pixel that differs from its neighbours
    to the left and right, or above and below, by more than `edge` in all passes on half of
    its error; a pixel that is like them and has an entry of its own takes that one and passes on
    nothing. `errors` (2, W + 2, 4) is room to work in. No array may overlap another.

    Raises ValueError if the arrays' sizes disagree or a number lies outside its table.
    """
    height: cython.Py_ssize_t = inverse.shape[0]
    width: cython.Py_ssize_t = inverse.shape[1]
    colours: cython.Py_ssize_t = points.shape[0]
    k: cython.Py_ssize_t = entries.shape[0]
    if points.shape[1] != 4 or entries.shape[1] != 4 or limits.shape[0] != 2 or limits.shape[1] != 4:
        raise ValueError("points, entries and limits must have four coordinates each")
    if rows.shape[0] != colours or ranges.shape[0] != colours or ranges.shape[1] != 2:
        raise ValueError("rows and ranges must match points")
    if errors.shape[0] != 2 or errors.shape[1] != width + 2 or errors.shape[2] != 4:
        raise ValueError("errors must be two rows of the picture, with a pixel on both sides")
    if chosen.shape[0] != height or chosen.shape[1] != width or not 0 <= strength <= 256:
        raise ValueError("chosen must match inverse, and strength be 0 to 256")
    i: cython.Py_ssize_t
    for i in range(colours):
        if not (0 <= rows[i] < k and 0 <= ranges[i, FIRST] <= ranges[i, PAST] <= k):
            raise ValueError(f"rows and ranges must lie in 0 to {k}")
    wrong: cython.bint = False
    y: cython.Py_ssize_t
    x: cython.Py_ssize_t
    _: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    now: cython.Py_ssize_t
    after: cython.Py_ssize_t
    forward: cython.Py_ssize_t
    colour: cython.Py_ssize_t
    left: cython.Py_ssize_t
    right: cython.Py_ssize_t
    above: cython.Py_ssize_t
    below: cython.Py_ssize_t
    row: cython.Py_ssize_t
    share: cython.longlong
    across: cython.longlong
    down: cython.longlong
    value: cython.longlong
    error: cython.int
    target = cython.declare(cython.longlong[4])
    if not cython.compiled:
        target = [0, 0, 0, 0]
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if inverse[y, x] >= colours:
                    wrong = True
    if wrong:
        raise ValueError(f"inverse must be 0 to {colours - 1}")
    with cython.nogil:
        for axis in range(4):
            for x in range(width + 2):
                errors[0, x, axis] = 0
        for y in range(height):
            now = y & 1
            after = 1 - now
            for x in range(width + 2):
                for axis in range(4):
                    errors[after, x, axis] = 0
            forward = 1 - 2 * now
            x = 0 if now == 0 else width - 1
            for _ in range(width):
                colour = inverse[y, x]
                row = rows[colour]
                left = inverse[y, x - 1] if x > 0 else colour
                right = inverse[y, x + 1] if x + 1 < width else colour
                above = inverse[y - 1, x] if y > 0 else colour
                below = inverse[y + 1, x] if y + 1 < height else colour
                across = 0
                down = 0
                value = 0
                for axis in range(4):
                    across += absolute(points[left, axis] - points[right, axis])
                    down += absolute(points[above, axis] - points[below, axis])
                    value += absolute(points[colour, axis] - entries[row, axis])
                if ranges[colour, FIRST] == ranges[colour, PAST] or (
                    value == 0 and left == colour and right == colour and above == colour and below == colour
                ):
                    chosen[y, x] = cython.cast(cython.int, row)
                    x += forward
                    continue
                for axis in range(4):
                    value = points[colour, axis] + ((errors[now, x + 1, axis] + 8) >> 4)
                    value = max(value, limits[LOW, axis])
                    value = min(value, limits[HIGH, axis])
                    target[axis] = value
                row = search(
                    target[0],
                    target[1],
                    target[2],
                    target[3],
                    entries,
                    ranges[colour, FIRST],
                    ranges[colour, PAST],
                    row,
                )
                chosen[y, x] = cython.cast(cython.int, row)
                share = strength
                if across > edge or down > edge:
                    share = strength // 2
                for axis in range(4):
                    error = cython.cast(cython.int, ((target[axis] - entries[row, axis]) * share) >> 8)
                    errors[now, x + 1 + forward, axis] += 7 * error
                    errors[after, x + 1 - forward, axis] += 3 * error
                    errors[after, x + 1, axis] += 5 * error
                    errors[after, x + 1 + forward, axis] += error
                x += forward


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def absolute(value: cython.longlong) -> cython.longlong:
    """Return the magnitude of `value`."""
    return value if value >= 0 else -value


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def search(
    t0: cython.longlong,
    t1: cython.longlong,
    t2: cython.longlong,
    t3: cython.longlong,
    entries: cython.const[cython.int][:, ::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    guess: cython.Py_ssize_t,
) -> cython.Py_ssize_t:
    """Return the row of the entry nearest to a point, of those in `first` to `end`, beginning with a guess.

    From the point's place on the sorted axis it walks outwards both ways, and stops where the
    distance on that axis alone is more than the least distance found. Of entries equally
    near the first row is taken.
    """
    d0: cython.longlong = t0 - entries[guess, 0]
    d1: cython.longlong = t1 - entries[guess, 1]
    d2: cython.longlong = t2 - entries[guess, 2]
    d3: cython.longlong = t3 - entries[guess, 3]
    best: cython.longlong = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
    found: cython.Py_ssize_t = guess
    low: cython.Py_ssize_t = first
    high: cython.Py_ssize_t = end
    middle: cython.Py_ssize_t
    distance: cython.longlong
    while low < high:
        middle = (low + high) // 2
        if entries[middle, 0] < t0:
            low = middle + 1
        else:
            high = middle
    high = low
    low -= 1
    while low >= first:
        d0 = t0 - entries[low, 0]
        if d0 * d0 > best:
            break
        d1 = t1 - entries[low, 1]
        d2 = t2 - entries[low, 2]
        d3 = t3 - entries[low, 3]
        distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
        if distance < best or (distance == best and low < found):
            best = distance
            found = low
        low -= 1
    while high < end:
        d0 = t0 - entries[high, 0]
        if d0 * d0 > best:
            break
        d1 = t1 - entries[high, 1]
        d2 = t2 - entries[high, 2]
        d3 = t3 - entries[high, 3]
        distance = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
        if distance < best or (distance == best and high < found):
            best = distance
            found = high
        high += 1
    return found


def mix_entries(
    points: cython.const[cython.int][:, ::1],
    rows: cython.const[cython.int][::1],
    ranges: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    strength: cython.int,
    partners: cython.int[::1],
    shares: cython.uchar[::1],
) -> None:
    """Find for each point the entry that gives it best when mixed with its nearest one.

    `partners[i]` becomes its row, and `shares[i]`, 0 to 32, how many of 64 pixels it takes.
    What counts is the squared distance of the mixture, and how far the two are apart: an
    eighth of the variance that mixing makes. `strength`, 0 to 256, scales the shares. The
    other arguments are as in `diffuse`.

    Raises ValueError if the arrays' sizes disagree or a number lies outside its table.
    """
    count: cython.Py_ssize_t = points.shape[0]
    k: cython.Py_ssize_t = entries.shape[0]
    if points.shape[1] != 4 or entries.shape[1] != 4 or not 0 <= strength <= 256:
        raise ValueError("points and entries must have four coordinates each, and strength be 0 to 256")
    if rows.shape[0] != count or ranges.shape[0] != count or ranges.shape[1] != 2:
        raise ValueError("rows and ranges must match points")
    if partners.shape[0] != count or shares.shape[0] != count:
        raise ValueError("partners and shares must match points")
    i: cython.Py_ssize_t
    for i in range(count):
        if not (0 <= rows[i] < k and 0 <= ranges[i, FIRST] <= ranges[i, PAST] <= k):
            raise ValueError(f"rows and ranges must lie in 0 to {k}")
    j: cython.Py_ssize_t
    side: cython.int
    row: cython.Py_ssize_t
    share: cython.longlong
    most: cython.longlong
    best: cython.longlong
    loss: cython.longlong
    along: cython.longlong
    square: cython.longlong
    q0: cython.longlong
    q1: cython.longlong
    q2: cython.longlong
    q3: cython.longlong
    v0: cython.longlong
    v1: cython.longlong
    v2: cython.longlong
    v3: cython.longlong
    with cython.nogil:
        for i in range(count):
            row = rows[i]
            q0 = points[i, 0] - entries[row, 0]
            q1 = points[i, 1] - entries[row, 1]
            q2 = points[i, 2] - entries[row, 2]
            q3 = points[i, 3] - entries[row, 3]
            best = 4096 * (q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
            most = 0
            partners[i] = cython.cast(cython.int, row)
            if best > 0:
                # A share is at least 1 of 64, and adds 63 / 8 of the squared distance to the loss: far
                # partners can't win. The entries are sorted, so on each side the walk can end.
                for side in range(2):
                    j = row + 1 if side == 0 else row - 1
                    while ranges[i, FIRST] <= j < ranges[i, PAST]:
                        v0 = entries[j, 0] - entries[row, 0]
                        if 63 * v0 * v0 >= 8 * best:
                            break
                        v1 = entries[j, 1] - entries[row, 1]
                        v2 = entries[j, 2] - entries[row, 2]
                        v3 = entries[j, 3] - entries[row, 3]
                        along = q0 * v0 + q1 * v1 + q2 * v2 + q3 * v3
                        square = v0 * v0 + v1 * v1 + v2 * v2 + v3 * v3
                        if along > 0 and square > 0:
                            share = (64 * along + square // 2) // square
                            share = min(share, 32)
                            loss = (share * (64 - share) * square) >> 3
                            loss += (64 * q0 - share * v0) * (64 * q0 - share * v0)
                            loss += (64 * q1 - share * v1) * (64 * q1 - share * v1)
                            loss += (64 * q2 - share * v2) * (64 * q2 - share * v2)
                            loss += (64 * q3 - share * v3) * (64 * q3 - share * v3)
                            if share > 0 and loss < best:
                                best = loss
                                most = share
                                partners[i] = cython.cast(cython.int, j)
                        j = j + 1 if side == 0 else j - 1
            shares[i] = cython.cast(cython.uchar, (most * strength) >> 8)
