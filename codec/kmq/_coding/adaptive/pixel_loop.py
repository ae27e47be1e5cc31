# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The loop of the adaptive coding (spec annex D), in Cython's pure Python mode.

It reads a tile's cells, the palette and fresh tables, all checked by `payload`, and writes symbols, or cells.
Every position is a value below its table's size: an index below k, a class, or a hash cut to the table. One
function codes and decodes, so that the two can't differ. All numbers fit in 32 bits, except four 16-bit lanes in 64.
"""

import cython

if not cython.compiled:
    FEW, COLOURS, RAMP, MANY = range(4)
    MARGIN_LEFT, MARGIN_TOP = 4, 3
    TOP, CANDIDATE_TOP, WHOLE = 32640, 32400, 32768
    WEIGHT_ROW, WEIGHTS, PATTERNS, EARLY = 64, 512, 4096, 20000


def _blend(out, rows, at, rest, steps, a, b, c, d, p, q, r, s):
    """A row scaled by `rest`, and p, q, r, s more from each candidate's symbol on."""
    j: cython.int
    t: cython.ushort
    for j in range(16):
        t = (cython.cast(cython.uint, rows[at + j]) * rest) >> 16
        out[j] = (
            t
            + (steps[16 * a + j] & p)
            + (steps[16 * b + j] & q)
            + (steps[16 * c + j] & r)
            + (steps[16 * d + j] & s)
        )
    return 0


def _mix_first(mix, blend, share, rows, a, share_a):
    """Begin a mixture: 1 for every symbol, the candidates and a row."""
    j: cython.int
    t: cython.ushort
    u: cython.ushort
    for j in range(16):
        t = (cython.cast(cython.uint, blend[j]) * share) >> 16
        u = (cython.cast(cython.uint, rows[a + j]) * share_a) >> 16
        mix[j] = t + u + (j + 1)
    return 0


def _mix_one(mix, rows, a, share):
    """Add a row to a mixture."""
    j: cython.int
    t: cython.ushort
    for j in range(16):
        t = (cython.cast(cython.uint, rows[a + j]) * share) >> 16
        mix[j] = mix[j] + t
    return 0


def _mix_two(mix, rows, a, share_a, b, share_b):
    """Add two rows to a mixture."""
    j: cython.int
    t: cython.ushort
    u: cython.ushort
    for j in range(16):
        t = (cython.cast(cython.uint, rows[a + j]) * share_a) >> 16
        u = (cython.cast(cython.uint, rows[b + j]) * share_b) >> 16
        mix[j] = mix[j] + t + u
    return 0


def _find(mix, target):
    """How many lanes are at most the target."""
    j: cython.int
    n: cython.short = 0
    t: cython.short = target
    for j in range(16):
        n += cython.cast(cython.short, mix[j]) <= t
    return n


def _learn(rows, at, steps, symbol, goal, rate):
    """Move a row towards its goal: 0 below the symbol, a little above the top from it on."""
    j: cython.int
    d: cython.short
    for j in range(16):
        d = (steps[16 * symbol + j] & goal) - rows[at + j]
        d = (cython.cast(cython.int, d) * rate) >> 16
        rows[at + j] = rows[at + j] + d
    return 0


def _begin(rows, at, mix, steps, symbol):
    """Start a row as a quarter of the mixture and three quarters of the symbol, in two halvings."""
    j: cython.int
    goal: cython.short
    value: cython.short
    for j in range(16):
        goal = steps[16 * symbol + j] & 32640
        value = mix[j]
        value = value + (cython.cast(cython.short, goal - value) >> 1)
        rows[at + j] = value + (cython.cast(cython.short, goal - value) >> 1)
    return 0


def _train(weights, shares, masses, shift, mass):
    """Raise the weight of what gave the symbol more than the mixture did, and lower the others."""
    j: cython.int
    given: cython.ushort
    due: cython.ushort
    d: cython.short
    value: cython.short
    for j in range(8):
        given = (cython.cast(cython.uint, shares[j]) * masses[j]) >> 16
        given = given << shift
        due = (cython.cast(cython.uint, shares[j]) * mass) >> 16
        d = given - due
        value = (cython.cast(cython.short, weights[j]) * d) >> 16
        value = cython.cast(cython.short, weights[j]) + ((value + 1) >> 1)
        value = 16 if value < 16 else value  # noqa: FURB136
        weights[j] = 8000 if value > 8000 else value  # noqa: FURB136
    return 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(
    encoding: cython.bint,
    coder: cython.uint[::1],
    symbols: cython.uint[::1],
    words: cython.const[cython.ushort][::1],
    low: cython.uint,
    frequency: cython.uint,
) -> cython.void:
    """Note a symbol for `pack`, or take it from the state, `coder[0]` (spec D.2)."""
    x: cython.uint
    at: cython.uint = coder[1]
    if encoding:
        symbols[at] = low << 16 | frequency
        coder[1] = at + 1
    else:
        x = coder[0]
        x = frequency * (x >> 15) + (x & 32767) - low
        if x < 65536:
            x = x << 16 | (words[at] if at < words.shape[0] else 0)
            coder[1] = at + 1
        coder[0] = x


def pack(symbols: cython.const[cython.uint][::1], words: cython.ushort[::1]) -> int:
    """Write symbols, each a first value << 16 | a frequency, from the last to the first (spec D.2).

    The words fill the end of `words`, which has room for one a symbol and two more; returns where they begin.
    """
    x: cython.uint = 65536
    low: cython.uint
    frequency: cython.uint
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t = words.shape[0]
    with cython.nogil:
        for i in range(symbols.shape[0] - 1, -1, -1):
            low = symbols[i] >> 16
            frequency = symbols[i] & 0xFFFF
            if (x >> 17) >= frequency:
                at -= 1
                words[at] = x & 0xFFFF
                x >>= 16
            x = ((x // frequency) << 15) + x % frequency + low
        at -= 1
        words[at] = x & 0xFFFF
        at -= 1
        words[at] = x >> 16
    return at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _symbol(
    encoding: cython.bint,
    level: cython.int,
    n: cython.int,
    symbol: cython.int,
    m: cython.int,
    most: cython.int,
    trains: cython.bint,
    places: cython.p_Py_ssize_t,
    checks: cython.p_int,
    values: cython.p_int,
    masks: cython.p_int,
    pattern: cython.Py_ssize_t,
    rates: cython.const[cython.int][:, ::1],
    steps: cython.ushort[::1],
    rows: cython.ushort[::1],
    weights: cython.ushort[::1],
    candidates: cython.ushort[::1],
    candidate_counts: cython.uchar[::1],
    coder: cython.uint[::1],
    symbols: cython.uint[::1],
    words: cython.const[cython.ushort][::1],
) -> cython.int:
    """Code one symbol of m values, 2 to 16, with n contexts and the candidates, and learn it (spec D.5 to D.7).

    The first rows have a count in their last lane, up to `most`; those with a check have it above 5 bits of count.
    """
    i: cython.int
    j: cython.int
    place: cython.Py_ssize_t
    other: cython.Py_ssize_t
    at: cython.Py_ssize_t
    count: cython.int
    check: cython.int
    found: cython.int
    total: cython.uint = 0
    largest: cython.uint = 0xFFF00000
    inverse: cython.uint
    low: cython.uint
    frequency: cython.uint
    last: cython.bint
    shift: cython.int
    below: cython.uint
    goal: cython.int
    p: cython.int
    q: cython.int
    r: cython.int
    s: cython.int
    row = cython.declare(cython.Py_ssize_t[8])
    counts = cython.declare(cython.int[8])
    weight_at = cython.declare(cython.Py_ssize_t[8])
    weight = cython.declare(cython.ushort[8])
    share = cython.declare(cython.ushort[8])
    mass = cython.declare(cython.ushort[8])
    mix = cython.declare(cython.ushort[16])
    blend = cython.declare(cython.ushort[16])
    if cython.compiled:
        lanes: lanes_t = cython.address(rows[0])
        step: lanes_t = cython.address(steps[0])
    else:
        lanes, step = rows, steps
        row, counts, weight_at, weight = [0] * 8, [0] * 8, [0] * 8, [0] * 8
        share, mass, mix, blend = [0] * 8, [0] * 8, [0] * 16, [0] * 16
    for i in range(8):
        weight[i] = 0
        share[i] = 0
        mass[i] = 0
    for i in range(n):
        place = places[i] * 16
        found = rows[place + 15]
        check = checks[i]
        if check:
            if found >> 5 != check:
                other = place ^ 16
                count = rows[other + 15]
                if count >> 5 == check or (count & 31) < (found & 31):
                    place = other
                    found = count
            count = found & 31 if found >> 5 == check else 0
        else:
            count = found
        row[i] = place
        counts[i] = count
        at = (level * 8 + i) * WEIGHT_ROW + rates[2, count]
        weight_at[i] = at
        weight[i] = weights[at]
        total += weights[at]
    at = level * PATTERNS + pattern
    found = candidate_counts[at]
    place = at * 4
    p = candidates[place] & masks[0]
    q = candidates[place + 1] & masks[1]
    r = candidates[place + 2] & masks[2]
    s = candidates[place + 3] & masks[3]
    weight_at[n] = (
        (level * 8 + n) * WEIGHT_ROW - (masks[0] + masks[1] + masks[2] + masks[3]) * 8 + (found >> 2)
    )
    weight[n] = weights[weight_at[n]]
    total += weight[n]
    inverse = largest // total
    for i in range(n + 1):
        share[i] = (cython.cast(cython.ulonglong, weight[i]) * inverse) >> 16
    _blend(
        blend,
        lanes,
        row[0],
        65000 - 2 * (p + q + r + s),
        step,
        values[0],
        values[1],
        values[2],
        values[3],
        p,
        q,
        r,
        s,
    )
    _mix_first(mix, blend, share[n], lanes, row[0], share[0])
    i = 1
    while i + 1 < n:
        _mix_two(mix, lanes, row[i], share[i], row[i + 1], share[i + 1])
        i += 2
    if i < n:
        _mix_one(mix, lanes, row[i], share[i])
    mix[15] = 32767
    if not encoding:
        symbol = _find(mix, coder[0] & 32767)
        if symbol > m - 1:
            symbol = m - 1
    last = symbol == m - 1
    low = mix[symbol - 1] if symbol else 0
    frequency = (WHOLE if last else mix[symbol]) - low
    _put(encoding, coder, symbols, words, low, frequency)
    if trains:
        for i in range(n):
            below = rows[row[i] + symbol - 1] if symbol else 0
            mass[i] = (32767 if last else rows[row[i] + symbol]) - below
        below = blend[symbol - 1] if symbol else 0
        mass[n] = (32767 if last else blend[symbol]) - below
        shift = 0
        below = frequency
        while below < 16384:
            below <<= 1
            shift += 1
        _train(weight, share, mass, shift, 32767 if below > 32767 else below)
        for i in range(n + 1):
            weights[weight_at[i]] = weight[i]
    for i in range(n):
        count = counts[i]
        check = checks[i]
        if count:
            _learn(lanes, row[i], step, symbol, rates[1, count], rates[0, count])
        else:
            _begin(lanes, row[i], mix, step, symbol)
        if check:
            rows[row[i] + 15] = (check << 5) + count + (count < 31)
        else:
            rows[row[i] + 15] = count + (count < most)
    goal = 4
    for i in range(3, -1, -1):
        if masks[i] and values[i] == symbol:
            goal = i
    for i in range(4):
        p = candidates[place + i]
        candidates[place + i] = p + ((((CANDIDATE_TOP if i == goal else 0) - p) * rates[3, found]) >> 16)
    candidate_counts[at] = found + (found < 31)
    return symbol


def code_cells(
    encoding: cython.bint,
    cells: cython.ushort[::1],
    width: cython.Py_ssize_t,
    height: cython.Py_ssize_t,
    layout: cython.const[cython.int][::1],
    starts: cython.const[cython.Py_ssize_t][::1],
    coefficients: cython.const[cython.int][::1],
    colours: cython.const[cython.ulonglong][::1],
    points: cython.const[cython.int][:, ::1],
    rates: cython.const[cython.int][:, ::1],
    steps: cython.ushort[::1],
    classes: cython.const[cython.uchar][:, ::1],
    rows: cython.ushort[::1],
    weights: cython.ushort[::1],
    candidates: cython.ushort[::1],
    candidate_counts: cython.uchar[::1],
    flats: cython.ushort[::1],
    flat_counts: cython.uchar[::1],
    nearest: cython.ushort[::1],
    errors: cython.uchar[::1],
    coder: cython.uint[::1],
    symbols: cython.uint[::1],
    words: cython.const[cython.ushort][::1],
) -> None:
    """Code a tile's cells, or decode into them (spec D.3 to D.8).

    `cells` is the tile with its margins, (height + 3) x (width + 8), zero in the three rows on top. `layout`,
    `starts` and the tables are those of `model.State`. Decoding stops early where the payload has ended.
    """
    kind: cython.int = layout[0]
    k: cython.int = layout[1]
    levels: cython.int = layout[2]
    row_bits: cython.int = layout[3]
    n: cython.int = layout[4]
    n_direct: cython.int = layout[5]
    most: cython.int = layout[6]
    middle: cython.int = layout[7]
    has_alpha: cython.bint = layout[8]
    left: cython.int = MARGIN_LEFT
    top: cython.int = MARGIN_TOP
    pitch: cython.Py_ssize_t = width + 2 * MARGIN_LEFT
    # Encoding goes on beyond the end of `words`, which has none.
    past: cython.uint = 0xFFFFFFFF if encoding else cython.cast(cython.uint, words.shape[0])
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    at: cython.Py_ssize_t
    i: cython.int
    level: cython.int
    w: cython.int
    north: cython.int
    nw: cython.int
    ne: cython.int
    ww: cython.int
    nn: cython.int
    nee: cython.int
    nww: cython.int
    value: cython.int = 0
    part: cython.int
    p: cython.int
    q: cython.int
    m: cython.int
    rest: cython.int
    rank: cython.int = 0
    distance: cython.int
    best: cython.int
    same: cython.bint
    e1: cython.int
    e2: cython.int
    e3: cython.int
    e4: cython.int
    e5: cython.int
    e6: cython.int
    flat: cython.Py_ssize_t
    pattern: cython.Py_ssize_t
    a: cython.int
    qw: cython.int
    qn: cython.int
    h: cython.uint
    f: cython.uint
    cell: cython.uint
    busy: cython.uint = 0
    guess: cython.ulonglong
    word: cython.uint = 0xFFFFFFFF
    salt_w: cython.uint = 0x9E3779B1
    salt_n: cython.uint = 0x85EBCA6B
    salt_nw: cython.uint = 0xC2B2AE35
    salt_ne: cython.uint = 0x27D4EB2F
    salt_ww: cython.uint = 0x165667B1
    salt_nn: cython.uint = 0xD3A2646D
    salt_nee: cython.uint = 0xFD7046C5
    salt_nww: cython.uint = 0xB55A4F09
    salt_part: cython.uint = 0x2545F491
    bias: cython.ulonglong = 0x4000400040004000
    keys = cython.declare(cython.int[8])
    hashes = cython.declare(cython.uint[8])
    near = cython.declare(cython.int[4])
    masks = cython.declare(cython.int[4])
    values = cython.declare(cython.int[4])
    places = cython.declare(cython.Py_ssize_t[8])
    checks = cython.declare(cython.int[8])
    if not cython.compiled:
        keys, hashes, near, masks, values = [0] * 8, [0] * 8, [0] * 4, [0] * 4, [0] * 4
        places, checks = [0] * 8, [0] * 8
    with cython.nogil:
        for i in range(8):
            checks[i] = 0
        for y in range(height):
            at = (y + top) * pitch + left
            for i in range(1, left + 1):
                cells[at - i] = cells[at - pitch]
            for x in range(width):
                if coder[1] > past:
                    break
                w = cells[at - 1]
                north = cells[at - pitch]
                nw = cells[at - pitch - 1]
                ne = cells[at - pitch + 1]
                ww = cells[at - 2]
                nn = cells[at - 2 * pitch]
                nee = cells[at - pitch + 2]
                nww = cells[at - pitch - 2]
                if encoding:
                    value = cells[at]
                # D.4: where all is flat, one decision says that the pixel is too.
                if ((w ^ north) | (w ^ nw) | (w ^ ne)) == 0:
                    flat = (
                        ((w & 255) << 4)
                        + (nee == w)
                        + ((ww == w) << 1)
                        + ((nn == w) << 2)
                        + (((cells[at - 3] == w) | (nww == w)) << 3)
                    )
                    f = flats[flat] >> 1
                    same = value == w if encoding else (coder[0] & 32767) < f
                    if same:
                        _put(encoding, coder, symbols, words, 0, f)
                    else:
                        _put(encoding, coder, symbols, words, f, WHOLE - f)
                    i = flats[flat]
                    p = flat_counts[flat]
                    flats[flat] = i + (
                        (((65500 if same else 30) - i) * cython.cast(cython.longlong, rates[4, p])) >> 16
                    )
                    flat_counts[flat] = p + (p < 31)
                    if same:
                        cells[at] = w
                        at += 1
                        continue
                busy += 1
                e1 = w == north
                e2 = north == ne
                e3 = w == nw
                e4 = north == nw
                e5 = w == ne
                e6 = nw == ne
                masks[0] = -1
                masks[1] = e1 - 1
                masks[2] = (e3 | e4) - 1
                masks[3] = (e5 | e2 | e6) - 1
                pattern = (
                    e1
                    + 2 * e2
                    + 4 * e3
                    + 8 * e4
                    + 16 * e5
                    + 32 * e6
                    + ((w == ww) << 6)
                    + ((north == nn) << 7)
                )
                near[0] = w
                near[1] = north
                near[2] = nw
                near[3] = ne
                # D.3: the guess, and the contexts.
                h = cython.cast(cython.uint, w) * salt_w + cython.cast(cython.uint, north) * salt_n
                h = (
                    h + cython.cast(cython.uint, nw) * salt_nw + cython.cast(cython.uint, ne) * salt_ne
                ) & word
                hashes[n - 2] = h
                h = h + cython.cast(cython.uint, ww) * salt_ww + cython.cast(cython.uint, nn) * salt_nn
                h = (
                    h + cython.cast(cython.uint, nee) * salt_nee + cython.cast(cython.uint, nww) * salt_nww
                ) & word
                hashes[n - 1] = h
                if kind == RAMP:
                    p = (
                        coefficients[0] * w
                        + coefficients[1] * north
                        + coefficients[2] * ne
                        + coefficients[3] * nee
                    )
                    p = (p + coefficients[4] * nw + coefficients[5] * ww + coefficients[6] * nn + 8) >> 4
                    rank = 0 if p < 0 else k - 1 if p >= k else p
                    a = w - nw if w > nw else nw - w
                    a += north - nw if north > nw else nw - north
                    a += north - ne if north > ne else ne - north
                    a += (
                        2 * errors[at - 1]
                        + 2 * errors[at - pitch]
                        + errors[at - pitch - 1]
                        + errors[at - pitch + 1]
                    )
                    a = classes[1, a]
                    qw = classes[0, 256 + w - rank]
                    qn = classes[0, 256 + north - rank]
                    p = classes[0, 256 + nw - rank] >> 1
                    q = classes[0, 256 + ne - rank] >> 1
                    keys[0] = a * 16 + qw
                    keys[1] = rank
                    keys[2] = qn * 16 + qw
                    hashes[3] = (
                        (((((qw >> 1) << 3 | qn >> 1) << 3 | p) << 3 | q) << 3 | a >> 1) * salt_n + 5
                    ) & word
                    hashes[4] = ((((rank << 4 | qw) << 4 | qn) << 4 | a) * salt_n) & word
                    for i in range(4):
                        p = near[i] - rank + middle
                        near[i] = p + k if p < 0 else p - k if p >= k else p
                    if encoding:
                        p = value - rank + middle
                        value = p + k if p < 0 else p - k if p >= k else p
                else:
                    guess = (
                        cython.cast(cython.ulonglong, coefficients[0]) * colours[w]
                        + cython.cast(cython.ulonglong, coefficients[1]) * colours[north]
                        + cython.cast(cython.ulonglong, coefficients[2]) * colours[ne]
                        + cython.cast(cython.ulonglong, coefficients[3]) * colours[nee]
                        + cython.cast(cython.ulonglong, coefficients[4]) * colours[nw]
                        + cython.cast(cython.ulonglong, coefficients[5]) * colours[ww]
                        + cython.cast(cython.ulonglong, coefficients[6]) * colours[nn]
                        + bias
                    )
                    cell = classes[2, (guess >> 4) & 2047]
                    cell = cell << 5 | classes[2, (guess >> 20) & 2047]
                    cell = cell << 5 | classes[2, (guess >> 36) & 2047]
                    if has_alpha:
                        cell |= cython.cast(cython.uint, classes[2, (guess >> 52) & 2047]) << 15
                    if kind == MANY:
                        hashes[0] = (cython.cast(cython.uint, w) * salt_w + 1) & word
                        hashes[1] = (cython.cast(cython.uint, north) * salt_w + 2) & word
                        hashes[2] = (cell * salt_w + 3) & word
                    else:
                        p = nearest[cell]
                        if p == 0:
                            best = 0x7FFFFFFF
                            for i in range(k):
                                q = points[i, 0] - cython.cast(cython.int, (cell >> 10 & 31) * 8 + 4)
                                distance = 2 * q * q
                                q = points[i, 1] - cython.cast(cython.int, (cell >> 5 & 31) * 8 + 4)
                                distance += 4 * q * q
                                q = points[i, 2] - cython.cast(cython.int, (cell & 31) * 8 + 4)
                                distance += q * q
                                if has_alpha:
                                    q = points[i, 3] - cython.cast(cython.int, (cell >> 15) * 8 + 4)
                                    distance += 3 * q * q
                                if distance < best:
                                    best = distance
                                    p = i + 1
                            nearest[cell] = p
                        p -= 1
                        if kind == FEW:
                            keys[0] = p * 16 + w
                            keys[1] = p * 16 + north
                        else:
                            keys[0] = w
                            keys[1] = north
                            keys[2] = p
                # D.4: the symbols, four bits each.
                part = 0
                for level in range(levels):
                    rest = 4 * (levels - 1 - level)
                    m = ((k - 1 - ((part << 4) << rest)) >> rest) + 1
                    if m == 1:
                        part = part << 4
                        continue
                    for i in range(n_direct):
                        places[i] = starts[level * 8 + i] + (keys[i] << (4 * level)) + part
                    for i in range(n_direct, n):
                        h = hashes[i] + cython.cast(cython.uint, part + 1) * salt_part if level else hashes[i]
                        h = h & word
                        h = ((h ^ (h >> 15)) * salt_w) & word
                        places[i] = starts[level * 8 + i] + (h >> (32 - row_bits))
                        checks[i] = (h >> 2 & 2047) | 1
                    for i in range(4):
                        values[i] = (near[i] >> rest) & 15
                        if level and near[i] >> (rest + 4) != part:
                            masks[i] = 0
                    if level:
                        pattern = (
                            (pattern & 255)
                            - 256 * masks[0]
                            - 512 * masks[1]
                            - 1024 * masks[2]
                            - 2048 * masks[3]
                        )
                    q = _symbol(
                        encoding,
                        level,
                        n,
                        (value >> rest) & 15,
                        16 if m > 16 else m,
                        most,
                        busy <= EARLY or busy & 1,
                        places,
                        checks,
                        values,
                        masks,
                        pattern,
                        rates,
                        steps,
                        rows,
                        weights,
                        candidates,
                        candidate_counts,
                        coder,
                        symbols,
                        words,
                    )
                    part = part << 4 | q
                if kind == RAMP:
                    p = part + rank - middle
                    part = p + k if p < 0 else p - k if p >= k else p
                    p = part - rank
                    errors[at] = -p if p < 0 else p
                cells[at] = part
                at += 1
            for i in range(left):
                cells[at + i] = cells[at - 1]
