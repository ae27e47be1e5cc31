# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Compiled loop of the coded palette (spec annexes A and B), in Cython's pure Python mode.

What comes in: a table of entries and a stream of bytes. What goes out: encoding, the stream
is filled from the entries; decoding, the entries from the stream. It is the same code, so
the two can't disagree. What can't happen: a read or write outside a buffer, as sizes are
checked first, every place is made of bytes, and the stream's end is looked at before each
of its bytes; or a number of more than 32 bits: a kernel's parts are at most 2^14, shares
at most 2^12, of 32 neighbours, and a floor of 2^18 makes less than 2^32; counts times 64
are at most 2^22, and there are 256 of them whose sum is no more; weights and chances stay
below 2^16. Run uncompiled, pass memoryviews: they yield Python integers, where NumPy's
scalars would overflow.
"""

import cython

EXPERTS = cython.declare(cython.int, 7)  # what predicts a value: the spec's experts 0 to 6
KERNELS = cython.declare(cython.int, 3)  # experts 0 to 2: kernels around the neighbours
PRIORS = cython.declare(cython.int, 2)  # experts 3 and 4: kernels around the channel before
VALUES = cython.declare(cython.int, 5)  # expert 5: how often this channel had each value
STEPS = cython.declare(cython.int, 6)  # expert 6: how often it rose by each step from the entry before
WIDTHS = cython.declare(cython.int, 13)  # widths of kernels: 2^0 to 2^12 half units
FIRST_PRIOR = cython.declare(cython.int, 6)  # expert 3 has width 2^6, expert 4 2^8
WEIGHT = cython.declare(cython.uint, 4680)  # of each expert at first; all seven together just below 2^15
CLIP = cython.declare(cython.uint, 32)  # no expert gives a bit a chance below CLIP / 2^16
SHARE = cython.declare(cython.uint, 4096)  # of the nearest neighbour
NEAR = cython.declare(cython.uint, 4)  # added to distances, so that equal colours aren't everything
COUNT = cython.declare(cython.uint, 64)  # what a value seen once weighs against one never seen
X1 = cython.declare(cython.int, 0)  # in `coder`: the interval's first number,
X2 = cython.declare(cython.int, 1)  # its last,
CODE = cython.declare(cython.int, 2)  # the decoder's number within it,
AT = cython.declare(cython.int, 3)  # and how many bytes have been moved


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
    coder: cython.uint[::1],
    head: cython.int,
    head_bits: cython.int,
    most: cython.uint,
    decoding: cython.bint,
) -> int:
    """Code the head, a number of `head_bits` bits, then `entries` (k, c), their channels as they lie.

    The head's top bit says that the entries keep their order; else they rise, none twice.
    `tails` is what `tail_table` makes; `counts` (c, 2, 511), all zero, and `weights` (c, 7)
    are room to work in. Decoding fills `entries`, encoding `stream` as far as it goes.
    Once more than `most` bytes have been moved, no more entries are coded. `coder` (4,)
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
    if coder.shape[0] != 4 or not 1 <= head_bits <= 8:
        raise ValueError("coder must have four numbers, and head_bits be 1 to 8")
    # Fewer neighbours for more entries: the work stays below 2^18 neighbours a channel.
    window: cython.Py_ssize_t = min(32, max(4, (1 << 18) // k))
    centres = cython.declare(cython.int[32])
    shares = cython.declare(cython.uint[32])
    classes = cython.declare(cython.int[32])
    starts = cython.declare(cython.uint[7])
    middles = cython.declare(cython.uint[7])
    ends = cython.declare(cython.uint[7])
    highs = cython.declare(cython.uint[7])
    kept: cython.bint
    tied: cython.bint
    spacing: cython.int = 0  # class of the mean gap between k sorted values
    i: cython.Py_ssize_t
    t: cython.Py_ssize_t
    near: cython.Py_ssize_t
    e: cython.int
    n: cython.int
    x: cython.int
    bit: cython.int
    value: cython.int
    known: cython.int
    _: cython.int
    before: cython.int
    previous: cython.int
    start: cython.int
    middle: cython.int
    half: cython.int
    total: cython.uint
    high: cython.uint
    with cython.nogil:
        while spacing < 8 and (k << (spacing + 1)) <= 256:
            spacing += 1
        coder[X1] = 0
        coder[X2] = 0xFFFFFFFF
        coder[CODE] = 0
        coder[AT] = 0
        if decoding:
            for _ in range(4):
                take(coder, stream)
        known = 0
        for n in range(head_bits - 1, -1, -1):
            known = (known << 1) | decide(coder, stream, 32_768, (head >> n) & 1, decoding)
        head = known
        kept = (head >> (head_bits - 1)) & 1
        for t in range(channels):
            for e in range(EXPERTS):
                weights[t, e] = WEIGHT
        for i in range(k):
            tied = i > 0 and not kept  # as long as this entry equals the one before
            for t in range(channels):
                value = 0 if decoding else entries[i, t]
                before = entries[i, t - 1] if t > 0 else 128
                previous = entries[i - 1, t] if i > 0 else 0
                near = min(i, window)
                if t == 0 and not kept:  # what rises is near to the one before
                    near = min(i, 1)
                    centres[0] = previous
                    classes[0] = spacing
                    shares[0] = SHARE
                else:
                    meet(entries, i, t, near, before, centres, shares, classes)
                start = 0
                if tied:
                    start = min(255, previous + 1) if t == channels - 1 else previous
                for e in range(KERNELS):
                    starts[e] = around(tails, centres, shares, classes, near, 2 * e, start)
                    ends[e] = around(tails, centres, shares, classes, near, 2 * e, 256)
                for e in range(PRIORS):
                    starts[KERNELS + e] = one(tails, FIRST_PRIOR + 2 * e, before, start)
                    ends[KERNELS + e] = one(tails, FIRST_PRIOR + 2 * e, before, 256)
                starts[VALUES] = 0
                starts[STEPS] = 0
                ends[VALUES] = 256 - start
                ends[STEPS] = 256 - start
                for x in range(start, 256):
                    ends[VALUES] += COUNT * counts[t, 0, x]
                    ends[STEPS] += COUNT * counts[t, 1, 255 + x - previous]
                known = 0
                half = 128
                while half > 0:
                    middle = known + half
                    if middle <= start:  # no value below `middle` is possible
                        known = middle
                        half >>= 1
                        continue
                    for e in range(KERNELS):
                        middles[e] = around(tails, centres, shares, classes, near, 2 * e, middle)
                    for e in range(PRIORS):
                        middles[KERNELS + e] = one(tails, FIRST_PRIOR + 2 * e, before, middle)
                    middles[VALUES] = starts[VALUES] + (middle - start)
                    middles[STEPS] = starts[STEPS] + (middle - start)
                    for x in range(start, middle):
                        middles[VALUES] += COUNT * counts[t, 0, x]
                        middles[STEPS] += COUNT * counts[t, 1, 255 + x - previous]
                    total = 0
                    high = 0
                    for e in range(EXPERTS):
                        highs[e] = (weights[t, e] * chance(ends[e] - middles[e], ends[e] - starts[e])) >> 16
                        total += weights[t, e]
                        high += highs[e]
                    bit = decide(coder, stream, (high << 16) // total, 1 if value & half else 0, decoding)
                    # What each expert gave this bit is its new weight; doubled until the sum is 2^15 again.
                    total = high if bit else total - high
                    n = 0
                    while (total << n) < 32_768:
                        n += 1
                    for e in range(EXPERTS):
                        if bit:
                            weights[t, e] = highs[e] << n
                            starts[e] = middles[e]
                        else:
                            weights[t, e] = (weights[t, e] - highs[e]) << n
                            ends[e] = middles[e]
                    if bit:
                        known = middle
                        start = middle
                    half >>= 1
                if decoding:
                    entries[i, t] = known
                for e in range(EXPERTS):  # 1/64 is dealt out anew: experts that failed can come back
                    weights[t, e] = weights[t, e] - (weights[t, e] >> 6) + (WEIGHT >> 6)
                counts[t, 0, known] += 1
                if i > 0:
                    counts[t, 1, 255 + known - previous] += 1
                tied = tied and known == previous
            if coder[AT] > most:
                break
    return head


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def meet(
    entries: cython.uchar[:, ::1],
    i: cython.Py_ssize_t,
    t: cython.Py_ssize_t,
    near: cython.Py_ssize_t,
    before: cython.int,
    centres: cython.p_int,
    shares: cython.p_uint,
    classes: cython.p_int,
) -> cython.void:
    """Find where each of `near` entries before entry i puts its channel t, and how near to that."""
    j: cython.Py_ssize_t
    s: cython.Py_ssize_t
    other: cython.Py_ssize_t
    x: cython.int
    y: cython.int
    far: cython.uint
    nearest: cython.uint = 1 << 16
    for j in range(near):
        other = i - 1 - j
        if t == 0:
            centres[j] = entries[other, 0]
            far = 16 + 2 * cython.cast(cython.uint, j)
        else:
            x = entries[other, t]
            x += before - entries[other, t - 1]
            centres[j] = min(255, max(0, x))
            far = 0
            for s in range(1, t):
                x = entries[i, s]
                y = entries[other, s]
                x -= entries[i, s - 1]
                y -= entries[other, s - 1]
                far += magnitude(x - y)
            x = entries[i, 0]
            y = entries[other, 0]
            far = (8 * far + magnitude(x - y)) >> 3
        shares[j] = far + NEAR
        nearest = min(nearest, far + NEAR)
        classes[j] = 0
        far = (far >> 2) + 1
        while far > 1 and classes[j] < 8:
            far >>= 1
            classes[j] += 1
    for j in range(near):  # the fourth power of how much nearer the nearest is
        far = (nearest << 12) // shares[j]
        far = (far * far) >> 12
        shares[j] = (far * far) >> 12


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def magnitude(value: cython.int) -> cython.uint:
    """Return `value` without its sign."""
    return value if value >= 0 else -value


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
    centres: cython.p_int,
    shares: cython.p_uint,
    classes: cython.p_int,
    near: cython.Py_ssize_t,
    wider: cython.int,
    x: cython.int,
) -> cython.uint:
    """Return what of all neighbours' kernels, `wider` classes wider, and the floor lies below value `x`."""
    j: cython.Py_ssize_t
    part: cython.uint = x << 10
    for j in range(near):
        part += shares[j] * below(tails, classes[j] + wider, x - centres[j])
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
def decide(
    coder: cython.uint[::1],
    stream: cython.uchar[::1],
    p: cython.uint,
    bit: cython.int,
    decoding: cython.bint,
) -> cython.int:
    """Code one bit, which is 1 with a chance of p / 2^16, 1 <= p <= 65,535; return it."""
    size: cython.uint = coder[X2] - coder[X1]
    middle: cython.uint = coder[X1] + (size >> 16) * p + (((size & 0xFFFF) * p) >> 16)
    if decoding:
        bit = 1 if coder[CODE] <= middle else 0
    if bit:
        coder[X2] = middle
    else:
        coder[X1] = middle + 1
    while (coder[X1] ^ coder[X2]) < 1 << 24:
        if decoding:
            take(coder, stream)
        else:
            if coder[AT] < cython.cast(cython.uint, stream.shape[0]):
                stream[coder[AT]] = coder[X2] >> 24
            coder[AT] += 1
        coder[X1] = (coder[X1] & 0xFFFFFF) << 8
        coder[X2] = ((coder[X2] & 0xFFFFFF) << 8) | 0xFF
    return bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def take(coder: cython.uint[::1], stream: cython.uchar[::1]) -> cython.void:
    """Shift the next byte, zero after the stream's end, into the decoder's number."""
    coder[CODE] = (coder[CODE] & 0xFFFFFF) << 8
    if coder[AT] < cython.cast(cython.uint, stream.shape[0]):
        coder[CODE] |= stream[coder[AT]]
    coder[AT] += 1
