# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The coded palette (spec annexes A and B): a compiled loop.

In: entries, or a stream of bytes. Out: the other. One function codes and decodes, so that both do the same.
Bounds:

- The arrays' sizes are checked first, and every place in them is made of bytes.
- The stream's end is looked at before each of its bytes.
- A kernel's parts are at most 2^14, shares at most 2^12, of 32 neighbours: with a floor of 2^18, below 2^32.
- Counts times 64 are at most 2^22, all of a channel together.
- Marks are below 2^24: 65,536 entries of 4 channels, 32 neighbours.
- Weights and chances stay below 2^16.

Run uncompiled, pass memoryviews: they yield Python integers, where NumPy's scalars would overflow.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from palette_loop.pxd
    from kmq._coding.structures import structure

    KERNELS, PRIORS, VALUES, STEPS, EXPERTS = 3, 2, 5, 6, 7
    WIDTHS, ROW, CLASSES, MARKS, FIRST_PRIOR, WEIGHT, CLIP = 13, 512, 9, 4608, 6, 4680, 32
    SHARE, NEAR, COUNT, NEIGHBOURS = 4096, 4, 64, 32
    Coder = structure()
    Neighbours = structure(
        far=[0] * NEIGHBOURS, centres=[0] * NEIGHBOURS, shares=[0] * NEIGHBOURS, rows=[0] * NEIGHBOURS
    )
    Value = structure(starts=[0] * EXPERTS, middles=[0] * EXPERTS, ends=[0] * EXPERTS)


def code_entries(
    entries: cython.uchar[:, ::1],
    stream: cython.uchar[::1],
    masses: cython.const[cython.ushort][::1],
    counts: cython.uint[:, :, ::1],
    weights: cython.uint[:, ::1],
    marks: cython.uint[::1],
    coder_state: cython.uint[::1],
    head: cython.int,
    head_bits: cython.int,
    most: cython.uint,
    decoding: cython.bint,
) -> int:
    """Code the head, a number of `head_bits` bits, then `entries` (k, c), their channels as they lie.

    The head's top bit says that the entries keep their order; else they rise, none twice. Decoding fills
    `entries`, encoding `stream` as far as it goes. `masses` (13 x 512,) are `kernel_masses`. Room to work in
    are `counts` (c, 2, 512) and `marks` (9 x 512,), all zero, and `weights` (c, 7). Once more than `most`
    bytes have been moved, no more entries are coded. `coder_state` (4,) ends with the interval, the decoder's
    number, and the bytes moved: out of the interval, or into it. After the stream's end come zeros.

    Returns the head. Raises ValueError if the arrays' sizes disagree.
    """
    k: cython.Py_ssize_t = entries.shape[0]
    channels: cython.Py_ssize_t = entries.shape[1]
    if not 1 <= k <= 65_536 or not 1 <= channels <= 4:
        raise ValueError("entries must be 1 to 65,536, of 1 to 4 bytes")
    if masses.shape[0] != WIDTHS * ROW or marks.shape[0] != MARKS:
        raise ValueError("masses must be 13 x 512, and marks 9 x 512")
    if counts.shape[0] != channels or counts.shape[1] != 2 or counts.shape[2] != ROW:
        raise ValueError("counts must be (c, 2, 512)")
    if weights.shape[0] != channels or weights.shape[1] != EXPERTS:
        raise ValueError("weights must be (c, 7)")
    if coder_state.shape[0] != 4 or not 1 <= head_bits <= 8:
        raise ValueError("coder must have four numbers, and head_bits be 1 to 8")
    # Fewer neighbours for more entries: the work stays below 2^18 neighbours a channel.
    window: cython.Py_ssize_t = min(NEIGHBOURS, max(4, (1 << 18) // k))
    coder = cython.declare(Coder[1])
    near = cython.declare(Neighbours[1])
    of = cython.declare(Value[1])
    kept: cython.bint
    tied: cython.bint
    spacing: cython.int = log2(max(1, 256 // k))  # class of the mean gap between k sorted values
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    n: cython.int
    _: cython.int
    value: cython.int = 0
    if not cython.compiled:
        coder, near, of = Coder(), Neighbours(), Value()
    coder.encoding, coder.low, coder.high, coder.number, coder.at = not decoding, 0, 0xFFFFFFFF, 0, 0
    with cython.nogil:
        for _ in range(4 if decoding else 0):
            move(coder, stream, 0)
        for n in range(head_bits - 1, -1, -1):
            value = (value << 1) | code(coder, stream, (head >> n) & 1, 32_768)
        head = value
        kept = (head >> (head_bits - 1)) & 1
        for t in range(channels):
            for n in range(EXPERTS):
                weights[t, n] = WEIGHT
        for i in range(k):
            tied = i > 0 and not kept  # as long as this entry equals the one before
            for t in range(channels):
                of.channel = t
                of.before = entries[i, t - 1] if t > 0 else 128
                of.previous = entries[i - 1, t] if i > 0 else 0
                of.start = 0
                if tied:
                    of.start = min(255, of.previous + 1) if t == channels - 1 else of.previous
                if t == 0 and not kept:  # what rises is near to the one before
                    near.asked = min(i, 1)
                    near.rows[0], near.shares[0] = ROW * spacing + 255 - of.previous, SHARE
                else:
                    meet(entries, i, of, near, min(i, window))
                    choose(marks, 4 * i + t + 1, near, min(i, window))
                value = 0 if decoding else entries[i, t]
                value = code_value(coder, stream, value, masses, counts, weights, near, of)
                if decoding:
                    entries[i, t] = value
                count(counts, t, 0, value)
                if i > 0:
                    count(counts, t, 1, 255 + value - of.previous)
                tied = tied and value == of.previous
            if coder.at > most:
                break
    coder_state[0], coder_state[1] = coder.low, coder.high
    coder_state[2], coder_state[3] = coder.number, coder.at
    return head


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_value(
    coder: cython.pointer(Coder),
    stream: cython.uchar[::1],
    value: cython.int,
    masses: cython.const[cython.ushort][::1],
    counts: cython.uint[:, :, ::1],
    weights: cython.uint[:, ::1],
    near: cython.pointer(Neighbours),
    of: cython.pointer(Value),
) -> cython.int:
    """Code a value bit by bit, and let the experts' weights learn; return it."""
    known: cython.int = 0
    half: cython.int = 128
    middle: cython.int
    bit: cython.bint
    e: cython.int
    t: cython.Py_ssize_t = of.channel
    measure(masses, counts, near, of, of.start, of.starts)
    measure(masses, counts, near, of, 256, of.ends)
    while half > 0:
        middle = known + half
        if middle <= of.start:  # no value below `middle` is possible
            known = middle
        else:
            measure(masses, counts, near, of, middle, of.middles)
            bit = code_bit(coder, stream, value & half, weights, of)
            if bit:
                known = middle
                of.start = middle
        half >>= 1
    for e in range(EXPERTS):  # 1/64 is dealt out anew: experts that failed can come back
        weights[t, e] = weights[t, e] - (weights[t, e] >> 6) + (WEIGHT >> 6)
    return known


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def measure(
    masses: cython.const[cython.ushort][::1],
    counts: cython.uint[:, :, ::1],
    near: cython.pointer(Neighbours),
    of: cython.pointer(Value),
    x: cython.int,
    sums: cython.p_uint,
) -> cython.void:
    """Find for each expert what lies below value `x`."""
    j: cython.Py_ssize_t
    e: cython.int
    row: cython.int
    narrow: cython.uint = x << 10  # the three kernels' sums, apart so that they stay in registers
    wider: cython.uint = x << 10
    widest: cython.uint = x << 10
    for j in range(near.asked):
        row = near.rows[j] + x
        narrow += near.shares[j] * masses[row]
        wider += near.shares[j] * masses[row + 2 * ROW]
        widest += near.shares[j] * masses[row + 4 * ROW]
    sums[0] = narrow
    sums[1] = wider
    sums[2] = widest
    for e in range(PRIORS):
        sums[KERNELS + e] = SHARE * masses[ROW * (FIRST_PRIOR + 2 * e) + 255 + x - of.before] + (x << 10)
    sums[VALUES] = x + COUNT * counted(counts, of.channel, 0, x)
    sums[STEPS] = x + COUNT * counted(counts, of.channel, 1, 255 + x - of.previous)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def counted(
    counts: cython.uint[:, :, ::1], t: cython.Py_ssize_t, kind: cython.Py_ssize_t, end: cython.int
) -> cython.uint:
    """Return the sum of the first `end` counts, 0 to 511 of them (Fenwick, 1994)."""
    total: cython.uint = 0
    while end > 0:
        total += counts[t, kind, end]
        end &= end - 1
    return total


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def count(
    counts: cython.uint[:, :, ::1], t: cython.Py_ssize_t, kind: cython.Py_ssize_t, place: cython.int
) -> cython.void:
    """Count one more at a place, 0 to 510. Number n of `counts` sums up as many as n's lowest bit says."""
    place += 1
    while place < ROW:
        counts[t, kind, place] += 1
        place += place & -place


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_bit(
    coder: cython.pointer(Coder),
    stream: cython.uchar[::1],
    bit: cython.bint,
    weights: cython.uint[:, ::1],
    of: cython.pointer(Value),
) -> cython.bint:
    """Code whether the value is not below the middle, by all experts; narrow the range; return the bit."""
    t: cython.Py_ssize_t = of.channel
    e: cython.int
    total: cython.uint = 0
    high: cython.uint = 0
    highs = cython.declare(cython.uint[7])
    for e in range(EXPERTS):
        highs[e] = (weights[t, e] * chance(of.ends[e] - of.middles[e], of.ends[e] - of.starts[e])) >> 16
        total += weights[t, e]
        high += highs[e]
    bit = code(coder, stream, bit, (high << 16) // total)
    # What each expert gave this bit is its new weight; doubled until the sum is 2^15 again.
    total = high if bit else total - high
    doublings: cython.int = max(0, 15 - log2(total))
    for e in range(EXPERTS):
        if bit:
            weights[t, e] = highs[e] << doublings
            of.starts[e] = of.middles[e]
        else:
            weights[t, e] = (weights[t, e] - highs[e]) << doublings
            of.ends[e] = of.middles[e]
    return bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def meet(
    entries: cython.uchar[:, ::1],
    i: cython.Py_ssize_t,
    of: cython.pointer(Value),
    near: cython.pointer(Neighbours),
    window: cython.Py_ssize_t,
) -> cython.void:
    """Find where each of the entries before entry i puts the value, and how far it is from entry i.

    Called for one channel after another: each adds to how far the entries were by those before it.
    """
    t: cython.Py_ssize_t = of.channel
    j: cython.Py_ssize_t
    x: cython.int
    y: cython.int
    rise: cython.int = of.before - entries[i, t - 2] if t > 1 else 0
    for j in range(window):
        x = entries[i - 1 - j, t]
        if t == 0:
            near.far[j] = 16 + 2 * cython.cast(cython.uint, j)
        else:
            y = entries[i - 1 - j, t - 1]
            x += of.before - y
            if t == 1:
                near.far[j] = abs(y - of.before) >> 3
            else:
                near.far[j] += abs(y - entries[i - 1 - j, t - 2] - rise)
        near.centres[j] = min(255, max(0, x))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def choose(
    marks: cython.uint[::1], stamp: cython.uint, near: cython.pointer(Neighbours), window: cython.Py_ssize_t
) -> cython.void:
    """Share out the value to kernels, to neighbours of one class and centre together.

    A mark is the stamp of a value and the number of the kernel that it has at that place.
    """
    j: cython.Py_ssize_t
    asked: cython.int = 0
    row: cython.int
    far: cython.uint
    share: cython.uint
    nearest: cython.uint = 1 << 16
    for j in range(window):
        nearest = min(nearest, near.far[j])
    for j in range(window):
        far = near.far[j]
        share = ((nearest + NEAR) << 12) // (far + NEAR)  # its fourth power is what a neighbour gets
        share = (share * share) >> 12
        share = (share * share) >> 12
        row = ROW * min(CLASSES - 1, log2((far >> 2) + 1)) + 255 - near.centres[j]
        if marks[row] >> 5 == stamp:
            near.shares[marks[row] & 31] += share
        elif share > 0:
            marks[row] = stamp << 5 | asked
            near.rows[asked], near.shares[asked] = row, share
            asked += 1
    near.asked = asked


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def chance(part: cython.uint, whole: cython.uint) -> cython.uint:
    """Return part / whole times 2^16, at least CLIP and at most 2^16 - CLIP. `whole` is at least 1."""
    halvings: cython.int
    if whole >= 65_536:
        halvings = log2(whole >> 16) + 1
        whole >>= halvings
        part >>= halvings
    return min(65_536 - CLIP, max(CLIP, (part << 16) // whole))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def log2(number: cython.uint) -> cython.int:
    """Return the place of the highest bit of a number from 1 to 65,535."""
    place: cython.int = 0
    if number >= 256:
        number >>= 8
        place = 8
    if number >= 16:
        number >>= 4
        place += 4
    if number >= 4:
        number >>= 2
        place += 2
    return place + (number >> 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code(
    coder: cython.pointer(Coder), data: cython.uchar[::1], bit: cython.bint, p: cython.uint
) -> cython.bint:
    """Write a bit, or read one; p / 65,536 is the probability that it is 1 (spec annex A)."""
    low: cython.uint = coder.low
    high: cython.uint = coder.high
    size: cython.uint = high - low
    middle: cython.uint = low + (size >> 16) * p + (((size & 0xFFFF) * p) >> 16)
    if not coder.encoding:
        bit = coder.number <= middle
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) < 0x1000000:
        move(coder, data, high)
        low = (low & 0xFFFFFF) << 8
        high = ((high & 0xFFFFFF) << 8) | 0xFF
    coder.low = low
    coder.high = high
    return bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def move(coder: cython.pointer(Coder), data: cython.uchar[::1], high: cython.uint) -> cython.void:
    """Write the interval's first byte, or read the next one; after the end of `data` come zeros."""
    at: cython.uint = coder.at
    coder.at = at + 1
    if coder.encoding:
        if at < data.shape[0]:
            data[at] = high >> 24
    else:
        coder.number = ((coder.number & 0xFFFFFF) << 8) | (data[at] if at < data.shape[0] else 0)
