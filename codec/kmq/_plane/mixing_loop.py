# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Mixtures of palette entries that show a light: a compiled loop.

Steps move a share from the entry that helps least to the one that helps most, as far as it helps (Mitchell,
Dem'yanov and Malozemov, "Finding the point of a polyhedron closest to the origin", 1974). Bounds:

- Lights lie within ±2^17, so squared distances are below 2^38, a mixture's distance times SHARES below
  2^32, and its product with a light below 2^51.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from mixing_loop.pxd
    SHARES, STEPS, NEARNESS, LISTED, LEVELS, NEAREST = 1 << 14, 96, 8, 8, 64, 24
    CLOSE = 4 << 14


@cython.cfunc
def check_mixing(
    lights: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    shares: cython.longlong[::1],
    costs: cython.longlong[::1],
    few: cython.int[::1],
) -> cython.void:
    """Raise ValueError unless the arrays' sizes agree and the lights lie within ±2^17."""
    if lights.shape[1] != 4 or entries.shape[1] != 4 or entries.shape[0] < 1:
        raise ValueError("lights and entries must have four coordinates, and there must be an entry")
    k: cython.Py_ssize_t = entries.shape[0]
    if shares.shape[0] != k or costs.shape[0] != k or few.shape[0] != k:
        raise ValueError("shares, costs and few must match entries")
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    for i in range(lights.shape[0]):
        for axis in range(4):
            if not -(1 << 17) <= lights[i, axis] <= 1 << 17:
                raise ValueError("lights must lie within ±2^17")
    for i in range(entries.shape[0]):
        for axis in range(4):
            if not -(1 << 17) <= entries[i, axis] <= 1 << 17:
                raise ValueError("entries must lie within ±2^17")


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step_on(
    rest: cython.p_longlong,
    entries: cython.const[cython.int][:, ::1],
    shares: cython.longlong[::1],
    costs: cython.const[cython.longlong][::1],
    few: cython.const[cython.int][::1],
    count: cython.Py_ssize_t,
    near: cython.bint,
    among: cython.bint,
) -> cython.void:
    """Move shares of the first `count` of `few` entries until `rest` is least.

    That is the mixture less the light, times SHARES. If `near`, the costs of the entries, by their shares,
    count too. If `among`, no entry is added.
    """
    _: cython.int
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    least: cython.Py_ssize_t
    most: cython.Py_ssize_t
    slope: cython.longlong
    low: cython.longlong
    high: cython.longlong
    gap: cython.longlong
    square: cython.longlong
    for _ in range(STEPS):
        if (
            not near
            and max(rest[0], rest[1], rest[2], rest[3]) <= CLOSE
            and min(rest[0], rest[1], rest[2], rest[3]) >= -CLOSE
        ):
            return
        least = -1
        most = -1
        low = 0
        high = 0
        for n in range(count):
            i = few[n]
            if among and shares[i] == 0:
                continue
            slope = rest[0] * entries[i, 0] + rest[1] * entries[i, 1]
            slope += rest[2] * entries[i, 2] + rest[3] * entries[i, 3]
            if near:
                slope += costs[i] << NEARNESS
            if least < 0 or slope < low:
                low = slope
                least = i
            if shares[i] > 0 and (most < 0 or slope > high):
                high = slope
                most = i
        square = 0
        for axis in range(4):
            gap = entries[least, axis] - entries[most, axis]
            square += gap * gap
        if square == 0:
            return
        slope = (high - low + square // 2) // square
        slope = min(slope, shares[most])
        if slope == 0:
            return
        shares[most] -= slope
        shares[least] += slope
        for axis in range(4):
            rest[axis] += slope * (entries[least, axis] - entries[most, axis])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def start_at(
    lights: cython.const[cython.int][:, ::1],
    row: cython.Py_ssize_t,
    entries: cython.const[cython.int][:, ::1],
    shares: cython.longlong[::1],
    costs: cython.longlong[::1],
    few: cython.int[::1],
    most: cython.Py_ssize_t,
    rest: cython.p_longlong,
) -> cython.longlong:
    """Give all shares to the entry nearest to a light; return its squared distance.

    `costs` (k,) become the squared distances, and the first `most` of `few` the nearest entries.
    """
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    nearest: cython.Py_ssize_t = 0
    axis: cython.Py_ssize_t
    gap: cython.longlong
    for i in range(entries.shape[0]):
        shares[i] = 0
        costs[i] = 0
        for axis in range(4):
            gap = entries[i, axis] - lights[row, axis]
            costs[i] += gap * gap
        if costs[i] < costs[nearest]:
            nearest = i
        if most == entries.shape[0]:
            few[i] = cython.cast(cython.int, i)
        elif count < most or costs[i] < costs[few[most - 1]]:
            n = count if count < most else most - 1
            count = n + 1
            while n > 0 and costs[few[n - 1]] > costs[i]:
                few[n] = few[n - 1]
                n -= 1
            few[n] = cython.cast(cython.int, i)
    shares[nearest] = SHARES
    for axis in range(4):
        gap = entries[nearest, axis] - lights[row, axis]
        rest[axis] = gap * SHARES
    return costs[nearest]


def project(
    lights: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    shares: cython.longlong[::1],
    costs: cython.longlong[::1],
    few: cython.int[::1],
    mixed: cython.int[:, ::1],
) -> None:
    """Fill `mixed` (n, 4) with the mixture of `entries` (k, 4) nearest to each of `lights` (n, 4).

    `shares`, `costs` and `few` (k,) are room to work in.

    Raises ValueError if the arrays' sizes disagree or a light is too far out.
    """
    check_mixing(lights, entries, shares, costs, few)
    if mixed.shape[0] != lights.shape[0] or mixed.shape[1] != 4:
        raise ValueError("mixed must match lights")
    k: cython.Py_ssize_t = entries.shape[0]
    row: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    rest = cython.declare(cython.longlong[4])
    if not cython.compiled:
        rest = [0] * 4
    with cython.nogil:
        for row in range(lights.shape[0]):
            if start_at(lights, row, entries, shares, costs, few, k, rest) > 0:
                step_on(rest, entries, shares, costs, few, k, False, False)
            for axis in range(4):
                mixed[row, axis] = cython.cast(
                    cython.int, lights[row, axis] + ((rest[axis] + SHARES // 2) >> 14)
                )


def list_mixtures(
    lights: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    strength: cython.int,
    shares: cython.longlong[::1],
    costs: cython.longlong[::1],
    few: cython.int[::1],
    numbers: cython.int[:, ::1],
    bounds: cython.uchar[:, ::1],
) -> None:
    """List for each of `lights` (n, 4) entries that mix to it and are near to it.

    `numbers` (n, LISTED) become entries, in their order, and `bounds` (n, LISTED) how many of LEVELS
    pixels take one listed so far: the last is LEVELS, and so are those after it. `strength`, 0 to 256,
    scales the shares of all but the nearest. `shares`, `costs` and `few` (k,) are room to work in.

    Raises ValueError if the arrays' sizes disagree or a light is too far out.
    """
    check_mixing(lights, entries, shares, costs, few)
    k: cython.Py_ssize_t = entries.shape[0]
    if numbers.shape[0] != lights.shape[0] or numbers.shape[1] != LISTED or not 0 <= strength <= 256:
        raise ValueError("numbers must match lights, and strength be 0 to 256")
    if bounds.shape[0] != lights.shape[0] or bounds.shape[1] != LISTED:
        raise ValueError("bounds must match lights")
    count: cython.Py_ssize_t = min(k, NEAREST)
    row: cython.Py_ssize_t
    i: cython.Py_ssize_t
    most: cython.Py_ssize_t
    listed: cython.Py_ssize_t
    nearest: cython.Py_ssize_t
    left: cython.longlong
    rest = cython.declare(cython.longlong[4])
    if not cython.compiled:
        rest = [0] * 4
    with cython.nogil:
        for row in range(lights.shape[0]):
            if start_at(lights, row, entries, shares, costs, few, count, rest) > 0:
                step_on(rest, entries, shares, costs, few, count, True, False)
                step_on(rest, entries, shares, costs, few, count, False, True)
            nearest = 0
            for i in range(k):
                if costs[i] < costs[nearest]:
                    nearest = i
            # Of more than can be listed, those with the least shares are left out; the nearest stays.
            listed = 0
            for i in range(k):
                if i != nearest and shares[i] > 0:
                    shares[i] = (shares[i] * strength) >> 8
                    if shares[i] * LEVELS < SHARES // 2:
                        shares[i] = 0
                    if shares[i] > 0:
                        listed += 1
            while listed > LISTED - 1:
                most = -1
                for i in range(k):
                    if i != nearest and shares[i] > 0 and (most < 0 or shares[i] < shares[most]):
                        most = i
                shares[most] = 0
                listed -= 1
            left = SHARES
            for i in range(k):
                if i != nearest:
                    left -= shares[i]
            shares[nearest] = left
            listed = 0
            left = 0
            for i in range(k):
                if shares[i] > 0:
                    left += shares[i]
                    numbers[row, listed] = cython.cast(cython.int, i)
                    bounds[row, listed] = cython.cast(cython.uchar, (left * LEVELS + SHARES // 2) >> 14)
                    listed += 1
            while listed < LISTED:
                numbers[row, listed] = numbers[row, listed - 1]
                bounds[row, listed] = LEVELS
                listed += 1
