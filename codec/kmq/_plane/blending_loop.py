# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What entries show together, from afar: compiled loops.

In: which entry each pixel takes, and the light that it wants. Out: how much each two entries lie near each
other, what is wanted near each of them, and the entries that show it best. Bounds:

- Lights lie within ±2^17, weights sum to at most 2^11 to both sides, and there are at most 2^22 pixels
  around which entries are counted. So pairs are below 2^44, and sums of theirs times lights below 2^62.
- Every number that is used as a place in an array is checked first.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from blending_loop.pxd
    ROWS_APART, COLUMNS_APART = 3, 3


def count_pairs(
    chosen: cython.const[cython.int][:, ::1],
    inverse: cython.const[cython.uint][:, ::1],
    lights: cython.const[cython.int][:, ::1],
    weights: cython.const[cython.int][::1],
    room: cython.longlong[:, ::1],
    pairs: cython.longlong[:, ::1],
    sums: cython.longlong[:, ::1],
) -> None:
    """Add up what lies around the pixels of each entry, by weights of the distance.

    `chosen` (H, W) are entries below k, `inverse` (H, W) rows of `lights` (n, 4), and `weights` (r + 1,)
    those of 0 to r pixels' distance along an axis. `pairs` (k, k) gets the weights of entries around an
    entry, `sums` (k, 4) the lights wanted there times the weights. One pixel in nine has its surroundings
    counted. `room` (W, 4) is room to work in.

    Raises ValueError if the arrays' sizes disagree or a number lies outside its table.
    """
    height: cython.Py_ssize_t = chosen.shape[0]
    width: cython.Py_ssize_t = chosen.shape[1]
    k: cython.Py_ssize_t = pairs.shape[0]
    colours: cython.Py_ssize_t = lights.shape[0]
    far: cython.Py_ssize_t = weights.shape[0] - 1
    if inverse.shape[0] != height or inverse.shape[1] != width or room.shape[0] != width:
        raise ValueError("inverse and room must match chosen")
    if room.shape[1] != 4 or lights.shape[1] != 4 or sums.shape[1] != 4 or far < 0:
        raise ValueError("room, lights and sums must have four columns, and there must be a weight")
    if pairs.shape[1] != k or sums.shape[0] != k:
        raise ValueError("pairs must be square, and sums match it")
    wrong: cython.bint = False
    y: cython.Py_ssize_t
    x: cython.Py_ssize_t
    v: cython.Py_ssize_t
    u: cython.Py_ssize_t
    entry: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    weight: cython.longlong
    other: cython.longlong
    for y in range(height):
        for x in range(width):
            if not 0 <= chosen[y, x] < k or inverse[y, x] >= colours:
                wrong = True
    if wrong:
        raise ValueError(f"chosen must be 0 to {k - 1}, and inverse 0 to {colours - 1}")
    with cython.nogil:
        y = 0
        while y < height:
            for x in range(width):
                for axis in range(4):
                    room[x, axis] = 0
            for v in range(max(y - far, 0), min(y + far + 1, height)):
                weight = weights[v - y if v > y else y - v]
                for x in range(width):
                    entry = inverse[v, x]
                    for axis in range(4):
                        room[x, axis] += weight * lights[entry, axis]
            x = (y // ROWS_APART) % COLUMNS_APART
            while x < width:
                entry = chosen[y, x]
                for u in range(max(x - far, 0), min(x + far + 1, width)):
                    weight = weights[u - x if u > x else x - u]
                    for axis in range(4):
                        sums[entry, axis] += weight * room[u, axis]
                for v in range(max(y - far, 0), min(y + far + 1, height)):
                    other = weights[v - y if v > y else y - v]
                    for u in range(max(x - far, 0), min(x + far + 1, width)):
                        weight = weights[u - x if u > x else x - u]
                        pairs[entry, chosen[v, u]] += other * weight
                x += COLUMNS_APART
            y += ROWS_APART


def solve(
    pairs: cython.const[cython.longlong][:, ::1],
    sums: cython.const[cython.longlong][:, ::1],
    ridges: cython.const[cython.longlong][::1],
    before: cython.const[cython.int][:, ::1],
    free: cython.const[cython.uchar][:, ::1],
    limits: cython.const[cython.int][:, ::1],
    sweeps: cython.int,
    entries: cython.int[:, ::1],
) -> None:
    """Move `entries` (k, 4) to where pairs times entries are sums, by the method of Gauss and Seidel.

    To leave `before` (k, 4), an entry's lights so far, costs `ridges` (k,) times the squared distance. Only
    the coordinates that are `free` (k, 4) change. `limits` (k, 2) are the least and greatest last coordinate;
    the others go no further than that, which keeps premultiplied light below alpha.

    Raises ValueError if the arrays' sizes disagree.
    """
    k: cython.Py_ssize_t = pairs.shape[0]
    if pairs.shape[1] != k or sums.shape[0] != k or ridges.shape[0] != k or before.shape[0] != k:
        raise ValueError("pairs must be square, and sums, ridges and before match it")
    if free.shape[0] != k or limits.shape[0] != k or entries.shape[0] != k or limits.shape[1] != 2:
        raise ValueError("free, limits and entries must match pairs")
    if sums.shape[1] != 4 or before.shape[1] != 4 or free.shape[1] != 4 or entries.shape[1] != 4:
        raise ValueError("sums, before, free and entries must have four columns")
    _: cython.int
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    axis: cython.Py_ssize_t
    rest: cython.longlong
    total: cython.longlong
    value: cython.longlong
    with cython.nogil:
        for _ in range(sweeps):
            for i in range(k):
                total = pairs[i, i] + ridges[i]
                if total <= 0:
                    continue
                for axis in range(3, -1, -1):  # alpha first: it limits the others
                    if not free[i, axis]:
                        continue
                    rest = sums[i, axis] + ridges[i] * before[i, axis] + pairs[i, i] * entries[i, axis]
                    for j in range(k):
                        rest -= pairs[i, j] * entries[j, axis]
                    rest += total // 2
                    value = rest // total if rest >= 0 else -((total - 1 - rest) // total)  # rounded down
                    if axis == 3:
                        value = max(min(value, limits[i, 1]), limits[i, 0])
                    else:
                        value = max(min(value, entries[i, 3]), -entries[i, 3])
                    entries[i, axis] = cython.cast(cython.int, value)
