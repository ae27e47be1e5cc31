# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Dithering by error diffusion: a compiled loop.

In: each pixel's row in a table of colours, and the lights of the colours and of the entries. Out: an
entry for each pixel. A light is linear: half of what the colour shows over black and over white, less
HALF, and half its alpha. A place is where a light lies in Oklab, a and b times 0.8. Bounds:

- Lights are clipped to ±BOX with their errors, so a sum of red, green or blue with half the alpha is
  below 2^18, and its root below 2^16. Squared distances of places are below 2^40.
- Every number that is used as a place in an array is checked first.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from dithering_loop.pxd
    FIRST, PAST = range(2)
    RED, GREEN, BLUE, ALPHA = range(4)
    WHITE, HALF, BOX = 65536, 32768, 98304
    FINE, COARSE, ROOTS = 1024, 4, 17408
    LONG_RED, LONG_GREEN, LONG_BLUE = 13508, 17574, 1686
    MEDIUM_RED, MEDIUM_GREEN, MEDIUM_BLUE = 6944, 22305, 3519
    SHORT_RED, SHORT_GREEN, SHORT_BLUE = 2893, 9232, 20643
    L_LONG, L_MEDIUM, L_SHORT = 862, 3251, -17
    A_LONG, A_MEDIUM, A_SHORT = 6482, -7959, 1477
    B_LONG, B_MEDIUM, B_SHORT = 85, 2565, -2650


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def root_of(light: cython.longlong, roots: cython.const[cython.int][::1]) -> cython.longlong:
    """Return the cube root of a light below 2^18 either way, in units of 2^-14."""
    size: cython.longlong = light if light >= 0 else -light
    root: cython.longlong = roots[FINE + (size >> COARSE)] if size >= FINE else roots[size]
    return root if light >= 0 else -root


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def place_light(
    light: cython.p_int, place: cython.p_longlong, roots: cython.const[cython.int][::1]
) -> cython.void:
    """Find the place of a light.

    Oklab of premultiplied light p of alpha a is that of the colour times the cube root of a, so times the
    square of that root it is the colour's own times a. As with a light, half of alpha's share is taken off.
    """
    red: cython.longlong = light[RED] + light[ALPHA]
    green: cython.longlong = light[GREEN] + light[ALPHA]
    blue: cython.longlong = light[BLUE] + light[ALPHA]
    long: cython.longlong = root_of((LONG_RED * red + LONG_GREEN * green + LONG_BLUE * blue) >> 15, roots)
    medium: cython.longlong = root_of(
        (MEDIUM_RED * red + MEDIUM_GREEN * green + MEDIUM_BLUE * blue) >> 15, roots
    )
    short: cython.longlong = root_of((SHORT_RED * red + SHORT_GREEN * green + SHORT_BLUE * blue) >> 15, roots)
    place[0] = (L_LONG * long + L_MEDIUM * medium + L_SHORT * short) >> 12
    place[1] = (A_LONG * long + A_MEDIUM * medium + A_SHORT * short) >> 12
    place[2] = (B_LONG * long + B_MEDIUM * medium + B_SHORT * short) >> 12
    place[3] = 1 << 13
    alpha: cython.longlong = light[ALPHA]
    if alpha != HALF:
        alpha = max(min(alpha, HALF), 0)
        red = root_of(2 * alpha, roots)
        red *= red
        place[0] = (place[0] * red) >> 28
        place[1] = (place[1] * red) >> 28
        place[2] = (place[2] * red) >> 28
        place[3] = alpha >> 2
    place[0] -= place[3]


def place_lights(
    lights: cython.const[cython.int][:, ::1],
    roots: cython.const[cython.int][::1],
    places: cython.int[:, ::1],
) -> None:
    """Fill `places` (n, 4) with those of `lights` (n, 4).

    Raises ValueError if the arrays' sizes disagree or a light lies outside of ±BOX.
    """
    count: cython.Py_ssize_t = lights.shape[0]
    check_lights(lights, roots)
    if places.shape[0] != count or places.shape[1] != 4:
        raise ValueError("places must match lights")
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    light = cython.declare(cython.int[4])
    place = cython.declare(cython.longlong[4])
    if not cython.compiled:
        light, place = [0] * 4, [0] * 4
    with cython.nogil:
        for i in range(count):
            for axis in range(4):
                light[axis] = lights[i, axis]
            place_light(light, place, roots)
            for axis in range(4):
                places[i, axis] = cython.cast(cython.int, place[axis])


@cython.cfunc
def check_lights(
    lights: cython.const[cython.int][:, ::1], roots: cython.const[cython.int][::1]
) -> cython.void:
    """Raise ValueError for lights outside of ±BOX, or too few roots."""
    if lights.shape[1] != 4 or roots.shape[0] != ROOTS:
        raise ValueError(f"lights must have four coordinates, and roots be {ROOTS}")
    i: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    for i in range(lights.shape[0]):
        for axis in range(4):
            if not -BOX <= lights[i, axis] <= BOX:
                raise ValueError(f"lights must lie within ±{BOX}")


def measure_reach(
    places: cython.const[cython.int][:, ::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    reach: cython.longlong[::1],
) -> None:
    """Fill `reach` from `first` to `end` with a fourth of the squared distance to the nearest other entry.

    A place nearer to an entry than that is nearest to it. `places` (k, 4) are sorted by the first coordinate
    from `first` to `end`.

    Raises ValueError if the arrays' sizes disagree or the range lies outside.
    """
    if places.shape[1] != 4 or reach.shape[0] != places.shape[0]:
        raise ValueError("places must have four coordinates, and reach must match them")
    if not 0 <= first <= end <= places.shape[0]:
        raise ValueError("first and end must lie in places")
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    step: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    gap: cython.longlong
    distance: cython.longlong
    best: cython.longlong
    with cython.nogil:
        for i in range(first, end):
            best = 1 << 42
            for step in range(-1, 2, 2):
                j = i + step
                while first <= j < end:
                    distance = 0
                    for axis in range(4):
                        gap = places[i, axis] - places[j, axis]
                        distance += gap * gap
                        if axis == 0 and distance >= best:
                            break
                    best = min(best, distance)
                    gap = places[i, 0] - places[j, 0]
                    if gap * gap >= best:
                        break
                    j += step
            reach[i] = best >> 2


def diffuse(
    inverse: cython.const[cython.uint][:, ::1],
    lights: cython.const[cython.int][:, ::1],
    rows: cython.const[cython.int][::1],
    ranges: cython.const[cython.int][:, ::1],
    entries: cython.const[cython.int][:, ::1],
    places: cython.const[cython.int][:, ::1],
    reach: cython.const[cython.longlong][::1],
    roots: cython.const[cython.int][::1],
    strength: cython.int,
    errors: cython.int[:, :, ::1],
    chosen: cython.int[:, ::1],
) -> None:
    """Fill `chosen` (H, W) with rows of `entries` by serpentine error diffusion.

    Half of an error goes to the next pixel and a quarter each to the two below (Sierra lite: Frankie Sierra,
    1990), as light. The nearest entry is found by places.

    `lights` (n, 4) are the colours' and `entries` (k, 4) the entries', `places` (k, 4) are the entries', and
    `reach` (k,) is from `measure_reach`. `rows` (n,) is a guess at the row of the entry nearest to a colour,
    which wins ties, and `ranges` (n, 2) the first and last row plus one of the entries that the colour may
    take, which are sorted by the first coordinate of their places. An empty range means the guess and no
    error. `strength` is 0 to 256. A pixel that is like its four neighbours and has an entry of its own takes
    that one and passes on nothing. Opaque pixels take no error of alpha. `errors` (2, W + 2, 4) is room to
    work in. No array may overlap another.

    Raises ValueError if the arrays' sizes disagree or a number lies outside its table.
    """
    height: cython.Py_ssize_t = inverse.shape[0]
    width: cython.Py_ssize_t = inverse.shape[1]
    colours: cython.Py_ssize_t = lights.shape[0]
    check_lights(lights, roots)
    check_lights(entries, roots)
    if places.shape[0] != entries.shape[0] or places.shape[1] != 4 or reach.shape[0] != entries.shape[0]:
        raise ValueError("places and reach must match entries")
    check_ranges(rows, ranges, colours, entries.shape[0])
    if errors.shape[0] != 2 or errors.shape[1] != width + 2 or errors.shape[2] != 4:
        raise ValueError("errors must be two rows of the picture, with a pixel on both sides")
    if chosen.shape[0] != height or chosen.shape[1] != width or not 0 <= strength <= 256:
        raise ValueError("chosen must match inverse, and strength be 0 to 256")
    wrong: cython.bint = False
    y: cython.Py_ssize_t
    x: cython.Py_ssize_t
    _: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    now: cython.Py_ssize_t
    after: cython.Py_ssize_t
    forward: cython.Py_ssize_t
    colour: cython.Py_ssize_t
    row: cython.Py_ssize_t
    gap: cython.longlong
    distance: cython.longlong
    value: cython.int
    error: cython.int
    wanted = cython.declare(cython.int[4])
    place = cython.declare(cython.longlong[4])
    if not cython.compiled:
        wanted, place = [0] * 4, [0] * 4
    with cython.nogil:
        for y in range(height):
            for x in range(width):
                if inverse[y, x] >= colours:
                    wrong = True
    if wrong:
        raise ValueError(f"inverse must be 0 to {colours - 1}")
    with cython.nogil:
        for x in range(width + 2):
            for axis in range(4):
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
                if ranges[colour, FIRST] == ranges[colour, PAST] or (
                    lights[colour, 0] == entries[row, 0]
                    and lights[colour, 1] == entries[row, 1]
                    and lights[colour, 2] == entries[row, 2]
                    and lights[colour, 3] == entries[row, 3]
                    and (x == 0 or inverse[y, x - 1] == colour)
                    and (x + 1 == width or inverse[y, x + 1] == colour)
                    and (y == 0 or inverse[y - 1, x] == colour)
                    and (y + 1 == height or inverse[y + 1, x] == colour)
                ):
                    chosen[y, x] = cython.cast(cython.int, row)
                    x += forward
                    continue
                for axis in range(4):
                    value = lights[colour, axis] + ((errors[now, x + 1, axis] + 8) >> 4)
                    wanted[axis] = max(min(value, BOX), -BOX)
                if lights[colour, ALPHA] == HALF:
                    wanted[ALPHA] = HALF
                place_light(wanted, place, roots)
                distance = 0
                for axis in range(4):
                    gap = place[axis] - places[row, axis]
                    distance += gap * gap
                if distance >= reach[row]:
                    row = search(place, places, ranges[colour, FIRST], ranges[colour, PAST], row, distance)
                chosen[y, x] = cython.cast(cython.int, row)
                for axis in range(4):
                    error = ((wanted[axis] - entries[row, axis]) * strength) >> 8
                    errors[now, x + 1 + forward, axis] += 7 * error
                    errors[after, x + 1 - forward, axis] += 3 * error
                    errors[after, x + 1, axis] += 5 * error
                    errors[after, x + 1 + forward, axis] += error
                x += forward


@cython.cfunc
def check_ranges(
    rows: cython.const[cython.int][::1],
    ranges: cython.const[cython.int][:, ::1],
    colours: cython.Py_ssize_t,
    k: cython.Py_ssize_t,
) -> cython.void:
    """Raise ValueError unless every colour has a row and a range of rows below k."""
    if rows.shape[0] != colours or ranges.shape[0] != colours or ranges.shape[1] != 2:
        raise ValueError("rows and ranges must match lights")
    i: cython.Py_ssize_t
    for i in range(colours):
        if not (0 <= rows[i] < k and 0 <= ranges[i, FIRST] <= ranges[i, PAST] <= k):
            raise ValueError(f"rows and ranges must lie in 0 to {k}")


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def search(
    place: cython.p_longlong,
    places: cython.const[cython.int][:, ::1],
    first: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    guess: cython.Py_ssize_t,
    best: cython.longlong,
) -> cython.Py_ssize_t:
    """Return the row of the entry nearest to a place, of those in `first` to `end`; `guess` is at `best`.

    From the point's place on the sorted axis it walks outwards both ways, and stops where the
    distance on that axis alone is more than the least distance found. Of entries equally near the
    guess is taken, or else the first row.
    """
    found: cython.Py_ssize_t = guess
    low: cython.Py_ssize_t = first
    high: cython.Py_ssize_t = end
    middle: cython.Py_ssize_t
    distance: cython.longlong
    p0: cython.longlong = place[0]
    p1: cython.longlong = place[1]
    p2: cython.longlong = place[2]
    p3: cython.longlong = place[3]
    gap: cython.longlong
    while low < high:
        middle = (low + high) // 2
        if places[middle, 0] < p0:
            low = middle + 1
        else:
            high = middle
    high = low
    low -= 1
    while low >= first:
        gap = p0 - places[low, 0]
        distance = gap * gap
        if distance > best:
            break
        gap = p1 - places[low, 1]
        distance += gap * gap
        gap = p2 - places[low, 2]
        distance += gap * gap
        gap = p3 - places[low, 3]
        distance += gap * gap
        if distance < best or (distance == best and found != guess):
            best = distance
            found = low
        low -= 1
    while high < end:
        gap = p0 - places[high, 0]
        distance = gap * gap
        if distance > best:
            break
        gap = p1 - places[high, 1]
        distance += gap * gap
        gap = p2 - places[high, 2]
        distance += gap * gap
        gap = p3 - places[high, 3]
        distance += gap * gap
        if distance < best:
            best = distance
            found = high
        high += 1
    return found
