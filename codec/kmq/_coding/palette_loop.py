# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The coded palette (spec annexes A and B): a compiled loop.

In: entries, or a stream of bytes. Out: the other. One function codes and decodes, so that both do the same.
Bounds:

- The arrays' sizes are checked first, and every place in them is made of bytes.
- The stream's end is looked at before each of its bytes.
- A kernel's parts are at most 2^14, shares at most 2^12, of 32 neighbours: with a floor of 2^18, below 2^32.
- Counts times 64 are at most 2^22; there are 256 of them, and their sum is no more.
- Weights and chances stay below 2^16.

Run uncompiled, pass memoryviews: they yield Python integers, where NumPy's scalars would overflow.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from palette_loop.pxd
    from kmq._coding.structures import structure

    KERNELS, PRIORS, VALUES, STEPS, EXPERTS = 3, 2, 5, 6, 7
    WIDTHS, FIRST_PRIOR, WEIGHT, CLIP = 13, 6, 4680, 32
    SHARE, NEAR, COUNT, NEIGHBOURS = 4096, 4, 64, 32
    Coder = structure()
    Neighbours = structure(centres=[0] * NEIGHBOURS, shares=[0] * NEIGHBOURS, classes=[0] * NEIGHBOURS)
    Value = structure(starts=[0] * EXPERTS, middles=[0] * EXPERTS, ends=[0] * EXPERTS)


def tail_table(tails: cython.ushort[:, ::1]) -> None:
    """Fill `tails[g, n]`, (13, 256): of 2^14, what of a kernel of width 2^g lies beyond 2n + 1 half units.

    Raises ValueError if the table has another shape.
    """
    if tails.shape[0] != WIDTHS or tails.shape[1] != 256:
        raise ValueError("tails must be 13 x 256")
    g: cython.int
    n: cython.int
    part: cython.uint
    for g in range(WIDTHS):
        for n in range(256):
            part = (1 << (g + 13)) // ((1 << g) + 2 * n + 1)
            tails[g, n] = (part * part) >> 13


def code_entries(
    entries: cython.uchar[:, ::1],
    stream: cython.uchar[::1],
    tails: cython.const[cython.ushort][:, ::1],
    counts: cython.uint[:, :, ::1],
    weights: cython.uint[:, ::1],
    coder_state: cython.uint[::1],
    head: cython.int,
    head_bits: cython.int,
    most: cython.uint,
    decoding: cython.bint,
) -> int:
    """Code the head, a number of `head_bits` bits, then `entries` (k, c), their channels as they lie.

    The head's top bit says that the entries keep their order; else they rise, none twice.
    `tails` is what `tail_table` makes; `counts` (c, 2, 511), all zero, and `weights` (c, 7)
    are room to work in. Decoding fills `entries`, encoding `stream` as far as it goes.
    Once more than `most` bytes have been moved, no more entries are coded. `coder_state` (4,)
    ends with the interval, the decoder's number, and the bytes moved: encoding, those
    shifted out; decoding, those shifted in, with zeros after the stream's end.

    Returns the head. Raises ValueError if the arrays' sizes disagree.
    """
    k: cython.Py_ssize_t = entries.shape[0]
    channels: cython.Py_ssize_t = entries.shape[1]
    if not 1 <= k <= 65_536 or not 1 <= channels <= 4:
        raise ValueError("entries must be 1 to 65,536, of 1 to 4 bytes")
    if tails.shape[0] != WIDTHS or tails.shape[1] != 256:
        raise ValueError("tails must be 13 x 256")
    if counts.shape[0] != channels or counts.shape[1] != 2 or counts.shape[2] != 511:
        raise ValueError("counts must be (c, 2, 511)")
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
    spacing: cython.int = 0  # class of the mean gap between k sorted values
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    e: cython.int
    n: cython.int
    _: cython.int
    value: cython.int
    bits: cython.int = 0
    if not cython.compiled:
        coder, near, of = Coder(), Neighbours(), Value()
    coder.encoding, coder.low, coder.high, coder.number, coder.at = not decoding, 0, 0xFFFFFFFF, 0, 0
    with cython.nogil:
        while spacing < 8 and (k << (spacing + 1)) <= 256:
            spacing += 1
        for _ in range(4 if decoding else 0):
            move(coder, stream, 0)
        for n in range(head_bits - 1, -1, -1):
            bits = (bits << 1) | code(coder, stream, (head >> n) & 1, 32_768)
        head = bits
        kept = (head >> (head_bits - 1)) & 1
        for t in range(channels):
            for e in range(EXPERTS):
                weights[t, e] = WEIGHT
        for i in range(k):
            tied = i > 0 and not kept  # as long as this entry equals the one before
            for t in range(channels):
                of.channel = t
                of.before = entries[i, t - 1] if t > 0 else 128
                of.previous = entries[i - 1, t] if i > 0 else 0
                of.start = 0
                if tied:
                    of.start = min(255, of.previous + 1) if t == channels - 1 else of.previous
                near.count = min(i, window)
                if t == 0 and not kept:  # what rises is near to the one before
                    near.count = min(i, 1)
                    near.centres[0], near.classes[0], near.shares[0] = of.previous, spacing, SHARE
                else:
                    meet(entries, i, of, near)
                value = code_value(
                    coder, stream, 0 if decoding else entries[i, t], tails, counts, weights, near, of
                )
                if decoding:
                    entries[i, t] = value
                counts[t, 0, value] += 1
                if i > 0:
                    counts[t, 1, 255 + value - of.previous] += 1
                tied = tied and value == of.previous
            if coder.at > most:
                break
    coder_state[0], coder_state[1], coder_state[2], coder_state[3] = (
        coder.low,
        coder.high,
        coder.number,
        coder.at,
    )
    return head


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_value(
    coder: cython.pointer(Coder),
    stream: cython.uchar[::1],
    value: cython.int,
    tails: cython.const[cython.ushort][:, ::1],
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
    first: cython.int = of.start
    of.starts[VALUES] = 0
    of.starts[STEPS] = 0
    measure(tails, counts, near, of, first, of.starts)
    measure(tails, counts, near, of, 256, of.ends)
    while half > 0:
        middle = known + half
        if middle <= of.start:  # no value below `middle` is possible
            known = middle
        else:
            measure(tails, counts, near, of, middle, of.middles)
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
    tails: cython.const[cython.ushort][:, ::1],
    counts: cython.uint[:, :, ::1],
    near: cython.pointer(Neighbours),
    of: cython.pointer(Value),
    x: cython.int,
    sums: cython.p_uint,
) -> cython.void:
    """Find for each expert what lies below value `x`, given what lies below `start` by the counts."""
    e: cython.int
    v: cython.int
    values: cython.uint = of.starts[VALUES] + (x - of.start)
    steps: cython.uint = of.starts[STEPS] + (x - of.start)
    for e in range(KERNELS):
        sums[e] = around(tails, near, 2 * e, x)
    for e in range(PRIORS):
        sums[KERNELS + e] = one(tails, FIRST_PRIOR + 2 * e, of.before, x)
    for v in range(of.start, x):
        values += COUNT * counts[of.channel, 0, v]
        steps += COUNT * counts[of.channel, 1, 255 + v - of.previous]
    sums[VALUES] = values
    sums[STEPS] = steps


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
    doublings: cython.int = 0
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
    while (total << doublings) < 32_768:
        doublings += 1
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
) -> cython.void:
    """Find where each of the entries before entry i puts the value, and how near it is to entry i."""
    t: cython.Py_ssize_t = of.channel
    j: cython.Py_ssize_t
    s: cython.Py_ssize_t
    other: cython.Py_ssize_t
    x: cython.int
    y: cython.int
    far: cython.uint
    nearest: cython.uint = 1 << 16
    for j in range(near.count):
        other = i - 1 - j
        if t == 0:
            near.centres[j] = entries[other, 0]
            far = 16 + 2 * cython.cast(cython.uint, j)
        else:
            x = entries[other, t]
            x += of.before - entries[other, t - 1]
            near.centres[j] = min(255, max(0, x))
            far = 0
            for s in range(1, t):
                x = entries[i, s]
                y = entries[other, s]
                x -= entries[i, s - 1]
                y -= entries[other, s - 1]
                far += abs(x - y)
            x = entries[i, 0]
            y = entries[other, 0]
            far = (8 * far + abs(x - y)) >> 3
        near.shares[j] = far + NEAR
        nearest = min(nearest, far + NEAR)
        near.classes[j] = 0
        far = (far >> 2) + 1
        while far > 1 and near.classes[j] < 8:
            far >>= 1
            near.classes[j] += 1
    for j in range(near.count):  # the fourth power of how much nearer the nearest is
        far = (nearest << 12) // near.shares[j]
        far = (far * far) >> 12
        near.shares[j] = (far * far) >> 12


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def below(tails: cython.const[cython.ushort][:, ::1], g: cython.int, x: cython.int) -> cython.uint:
    """Return, of 2^14, what of a kernel of width 2^g around value 0 lies below value `x`, -255 to 256."""
    return 16_384 - tails[g, x - 1] if x > 0 else tails[g, -x]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def one(
    tails: cython.const[cython.ushort][:, ::1], g: cython.int, centre: cython.int, x: cython.int
) -> cython.uint:
    """Return what of one kernel and its floor lies below value `x`."""
    return SHARE * below(tails, g, x - centre) + (x << 10)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def around(
    tails: cython.const[cython.ushort][:, ::1],
    near: cython.pointer(Neighbours),
    wider: cython.int,
    x: cython.int,
) -> cython.uint:
    """Return what of all neighbours' kernels, `wider` classes wider, and the floor lies below value `x`."""
    j: cython.Py_ssize_t
    part: cython.uint = x << 10
    for j in range(near.count):
        part += near.shares[j] * below(tails, near.classes[j] + wider, x - near.centres[j])
    return part


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def chance(part: cython.uint, whole: cython.uint) -> cython.uint:
    """Return part / whole times 2^16, at least CLIP and at most 2^16 - CLIP. `whole` is at least 1."""
    while whole >= 65_536:
        whole >>= 1
        part >>= 1
    return min(65_536 - CLIP, max(CLIP, (part << 16) // whole))


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
