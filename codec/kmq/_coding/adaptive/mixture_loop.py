# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the adaptive coding expects of a symbol, and learns from it (spec D.5 to D.7): a compiled loop.

In: the keys of a symbol's contexts, its candidates, then the symbol. Out: the mixture of their rows, then changed
rows, weights and masses. Bounds:

- Keys are below what `model` made rows for, hashes are cut to their table; symbols are below 16, counts below 128.
- Every value and every product shifted down fits in 16 bits (spec D.8). A loop over lanes has no wider type, not
  even an index of 32 bits: that would keep gcc from packing it.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from mixture_loop.pxd
    from kmq._coding.structures import structure

    FEW, COLOURS, RAMP, MANY = range(4)
    TOP, CANDIDATE_TOP, CONTEXT_WEIGHTS, LEVEL_WEIGHTS, PATTERNS = 32640, 32400, 64, 512, 4096
    lanes_t = inlined_t = apart_t = wide_t = None
    Tables = structure()
    Mixture = structure(
        keys=[0] * 8,
        hashes=[0] * 4,
        values=[0] * 4,
        rows=[0] * 8,
        counts=[0] * 8,
        checks=[0] * 8,
        weights_at=[0] * 8,
        weights=[0] * 8,
        shares=[0] * 8,
        masses=[0] * 8,
        marks=[0] * 4,
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def find_rows(
    n: cython.int,
    direct: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    level: cython.int,
    part: cython.uint,
) -> inlined_t:
    """Find the row of each context: the first ones by their key, the others by a hash (spec D.5)."""
    i: cython.int
    at: cython.Py_ssize_t
    other: cython.Py_ssize_t
    h: cython.uint
    check: cython.int
    found: cython.int
    beside: cython.int
    salt: cython.uint = 0x2545F491
    spread: cython.uint = 0x9E3779B1
    word: cython.uint = 0xFFFFFFFF
    for i in range(direct):
        at = tables.starts[level * 8 + i] + ((of.keys[i] << (4 * level)) + part) * 16
        of.rows[i] = at
        of.counts[i] = tables.rows[at + 15]
    for i in range(direct, n):
        h = of.ten if i == n - 1 else of.quad if i == n - 2 else of.hashes[i]
        if level:
            h = (h + (part + 1) * salt) & word
        h = ((h ^ (h >> 15)) * spread) & word
        at = tables.starts[level * 8 + i] + (h >> tables.row_shift) * 16
        check = (h >> 2 & 2047) | 1
        found = tables.rows[at + 15]
        if found >> 5 != check:
            other = at ^ 16
            beside = tables.rows[other + 15]
            if beside >> 5 == check or (beside & 31) < (found & 31):
                at = other
                found = beside
        of.rows[i] = at
        of.checks[i] = check << 5
        of.counts[i] = found & 31 if found >> 5 == check else 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mark(
    marks: lanes_t,
    candidates: cython.p_ushort,
    quadruple: cython.Py_ssize_t,
    counting: cython.pointer(cython.const[cython.ushort]),
    first: cython.Py_ssize_t,
) -> inlined_t:
    """Take the masses of the candidates that count, and 0 for others."""
    j: cython.Py_ssize_t
    for j in range(4):
        marks[j] = candidates[quadruple + j] & counting[first + j]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def weigh(
    n: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    level: cython.int,
) -> inlined_t:
    """Find the candidates' masses, and what share each row and the candidates have (spec D.6)."""
    i: cython.int
    at: cython.Py_ssize_t = level * LEVEL_WEIGHTS
    quadruple: cython.Py_ssize_t = level * PATTERNS + of.pattern
    total: cython.uint = 0
    inverse: cython.uint = 0xFFF00000
    counting: cython.int = of.counting
    of.quadruple = quadruple
    mark(of.marks, tables.candidates, quadruple * 4, tables.counting, counting * 4)
    for i in range(n):
        of.weights_at[i] = at + i * CONTEXT_WEIGHTS + tables.weight_steps[of.counts[i]]
    of.weights_at[n] = at + n * CONTEXT_WEIGHTS + tables.counted[counting] + (tables.candidate_counts[quadruple] >> 2)
    for i in range(n + 1):
        of.weights[i] = tables.weights[of.weights_at[i]]
        total += of.weights[i]
    inverse = inverse // total
    for i in range(n + 1):
        of.shares[i] = (cython.cast(cython.ulonglong, of.weights[i]) * inverse) >> 16


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mix(
    n: cython.int,
    rows: cython.p_ushort,
    steps: cython.pointer(cython.const[cython.ushort]),
    of: cython.pointer(Mixture),
    blend: lanes_t,
    sums: lanes_t,
    target: cython.short,
) -> inlined_t:
    """Mix n rows and the candidates, and count the lanes that are at most the target (spec D.6)."""
    j: cython.Py_ssize_t
    a: cython.Py_ssize_t = of.rows[0]
    b: cython.Py_ssize_t = of.rows[1]
    c: cython.Py_ssize_t = of.rows[2]
    d: cython.Py_ssize_t = of.rows[3]
    e: cython.Py_ssize_t = of.rows[4]
    f: cython.Py_ssize_t = of.rows[5]
    w: cython.Py_ssize_t = 16 * of.values[0]
    north: cython.Py_ssize_t = 16 * of.values[1]
    nw: cython.Py_ssize_t = 16 * of.values[2]
    ne: cython.Py_ssize_t = 16 * of.values[3]
    p: cython.ushort = of.marks[0]
    q: cython.ushort = of.marks[1]
    r: cython.ushort = of.marks[2]
    s: cython.ushort = of.marks[3]
    rest: cython.ushort = 65000 - 2 * (p + q + r + s)
    share_a: cython.ushort = of.shares[0]
    share_b: cython.ushort = of.shares[1]
    share_c: cython.ushort = of.shares[2]
    share_d: cython.ushort = of.shares[3]
    share_e: cython.ushort = of.shares[4]
    share_f: cython.ushort = of.shares[5]
    share: cython.ushort = of.shares[n]
    found: cython.short = 0
    t: cython.ushort
    u: cython.ushort
    v: cython.ushort
    for j in range(16):
        t = (cython.cast(cython.uint, rows[a + j]) * rest) >> 16
        t = t + (steps[w + j] & p) + (steps[north + j] & q) + (steps[nw + j] & r) + (steps[ne + j] & s)
        blend[16 + j] = t & 65535
        u = (cython.cast(cython.uint, t) * share) >> 16
        v = (cython.cast(cython.uint, rows[a + j]) * share_a) >> 16
        u = u + v + cython.cast(cython.ushort, j + 1)
        v = (cython.cast(cython.uint, rows[b + j]) * share_b) >> 16
        u = u + v
        v = (cython.cast(cython.uint, rows[c + j]) * share_c) >> 16
        u = u + v
        v = (cython.cast(cython.uint, rows[d + j]) * share_d) >> 16
        u = u + v
        if n > 4:
            v = (cython.cast(cython.uint, rows[e + j]) * share_e) >> 16
            u = u + v
        if n > 5:
            v = (cython.cast(cython.uint, rows[f + j]) * share_f) >> 16
            u = u + v
        sums[16 + j] = u & 65535
        found += cython.cast(cython.short, u) <= target
    found -= cython.cast(cython.short, sums[31]) <= target  # the rows' counts
    of.found = found


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def expect_of(
    n: cython.int,
    direct: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    level: cython.int,
    part: cython.uint,
    target: cython.int,
) -> inlined_t:
    """Do what `expect` does, with n contexts."""
    find_rows(n, direct, tables, of, level, part)
    weigh(n, tables, of, level)
    mix(n, tables.rows, tables.steps, of, tables.blend, tables.sums, target)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def expect_kind(
    kind: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    level: cython.int,
    part: cython.uint,
    target: cython.int,
) -> wide_t:
    """Do what `expect` does."""
    if kind == FEW:
        expect_of(4, 2, tables, of, 0, 0, target)
    elif kind == COLOURS:
        expect_of(5, 3, tables, of, level, part, target)
    elif kind == RAMP:
        expect_of(6, 3, tables, of, level, part, target)
    else:
        expect_of(5, 0, tables, of, level, part, target)


def expect(kind, tables, of, level, part, target):
    """Mix what the contexts of a symbol say; find how many lanes of the mixture are at most the target."""
    expect_kind(kind, tables, of, level, part, target)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def learn_weights(
    weights: lanes_t,
    shares: cython.p_ushort,
    masses: cython.p_ushort,
    shift: cython.int,
    mass: cython.ushort,
) -> apart_t:
    """Raise the weight of what gave the symbol more than the mixture did, and lower the others (spec D.7)."""
    j: cython.Py_ssize_t
    given: cython.ushort
    due: cython.ushort
    d: cython.short
    t: cython.short
    for j in range(8):
        given = (cython.cast(cython.uint, shares[j]) * masses[j]) >> 16
        given = given << shift
        due = (cython.cast(cython.uint, shares[j]) * mass) >> 16
        d = given - due
        t = (cython.cast(cython.short, weights[j]) * d) >> 16
        t = cython.cast(cython.short, weights[j]) + ((t + 1) >> 1)
        t = 16 if t < 16 else t  # noqa: FURB136
        weights[j] = 8000 if t > 8000 else t  # noqa: FURB136


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def train(
    n: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    weights: lanes_t,
    symbol: cython.int,
    last: cython.bint,
    frequency: cython.uint,
) -> inlined_t:
    """Let the weights learn a symbol."""
    i: cython.int
    below: cython.int = symbol - 1 if symbol else 0
    mask: cython.int = 32767 if symbol else 0
    top: cython.int = 32767 if last else 0
    above: cython.int
    shift: cython.int
    mass: cython.ushort
    for i in range(n):
        above = (tables.rows[of.rows[i] + symbol] | top) & 32767
        of.masses[i] = above - (tables.rows[of.rows[i] + below] & mask)
    of.masses[n] = ((tables.blend[symbol + 16] | top) & 32767) - tables.blend[symbol + 15]
    if frequency < 128:
        shift = 7 + tables.shifts[frequency]
    else:
        shift = tables.shifts[frequency >> 7]
    frequency <<= shift
    mass = 32767 if frequency > 32767 else frequency  # noqa: FURB136
    learn_weights(weights, of.shares, of.masses, shift, mass)
    for i in range(n + 1):
        tables.weights[of.weights_at[i]] = weights[i]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def begin_row(
    row: lanes_t, at: cython.Py_ssize_t, sums: cython.p_ushort, step: cython.pointer(cython.const[cython.ushort]), first: cython.Py_ssize_t
) -> inlined_t:
    """Start a row as a quarter of the mixture and three quarters of the symbol, in two halvings."""
    j: cython.Py_ssize_t
    goal: cython.short
    t: cython.short
    for j in range(16):
        goal = step[first + j] & TOP
        t = sums[16 + j]
        t = t + (cython.cast(cython.short, goal - t) >> 1)
        row[at + j] = t + (cython.cast(cython.short, goal - t) >> 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def learn_rows(
    n: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    rows_a: lanes_t,
    rows_b: lanes_t,
    rows_c: lanes_t,
    rows_d: lanes_t,
    rows_e: lanes_t,
    rows_f: lanes_t,
    first: cython.Py_ssize_t,
) -> inlined_t:
    """Move n rows, of one table but all different, towards their goals: 0 below the symbol, the top from it on."""
    j: cython.Py_ssize_t
    a: cython.Py_ssize_t = of.rows[0]
    b: cython.Py_ssize_t = of.rows[1]
    c: cython.Py_ssize_t = of.rows[2]
    d: cython.Py_ssize_t = of.rows[3]
    e: cython.Py_ssize_t = of.rows[4]
    f: cython.Py_ssize_t = of.rows[5]
    rate_a: cython.short = tables.rates[of.counts[0]]
    rate_b: cython.short = tables.rates[of.counts[1]]
    rate_c: cython.short = tables.rates[of.counts[2]]
    rate_d: cython.short = tables.rates[of.counts[3]]
    rate_e: cython.short = tables.rates[of.counts[4]] if n > 4 else 0
    rate_f: cython.short = tables.rates[of.counts[5]] if n > 5 else 0
    goal_a: cython.ushort = tables.goals[of.counts[0]]
    goal_b: cython.ushort = tables.goals[of.counts[1]]
    goal_c: cython.ushort = tables.goals[of.counts[2]]
    goal_d: cython.ushort = tables.goals[of.counts[3]]
    goal_e: cython.ushort = tables.goals[of.counts[4]] if n > 4 else 0
    goal_f: cython.ushort = tables.goals[of.counts[5]] if n > 5 else 0
    step: cython.ushort
    t: cython.short
    for j in range(16):
        step = tables.steps[first + j]
        t = (step & goal_a) - rows_a[a + j]
        t = (cython.cast(cython.int, t) * rate_a) >> 16
        rows_a[a + j] = rows_a[a + j] + t
        t = (step & goal_b) - rows_b[b + j]
        t = (cython.cast(cython.int, t) * rate_b) >> 16
        rows_b[b + j] = rows_b[b + j] + t
        t = (step & goal_c) - rows_c[c + j]
        t = (cython.cast(cython.int, t) * rate_c) >> 16
        rows_c[c + j] = rows_c[c + j] + t
        t = (step & goal_d) - rows_d[d + j]
        t = (cython.cast(cython.int, t) * rate_d) >> 16
        rows_d[d + j] = rows_d[d + j] + t
        if n > 4:
            t = (step & goal_e) - rows_e[e + j]
            t = (cython.cast(cython.int, t) * rate_e) >> 16
            rows_e[e + j] = rows_e[e + j] + t
        if n > 5:
            t = (step & goal_f) - rows_f[f + j]
            t = (cython.cast(cython.int, t) * rate_f) >> 16
            rows_f[f + j] = rows_f[f + j] + t


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def learn_candidates(
    candidates: lanes_t, at: cython.Py_ssize_t, hits: cython.pointer(cython.const[cython.ushort]), hit: cython.Py_ssize_t, rate: cython.short
) -> inlined_t:
    """Move a quadruple's four masses towards their goals, 0 for all but one at most."""
    j: cython.Py_ssize_t
    t: cython.short
    for j in range(4):
        t = hits[4 * hit + j] - candidates[at + j]
        t = (cython.cast(cython.int, t) * rate) >> 16
        candidates[at + j] = candidates[at + j] + t


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def learn_of(
    n: cython.int,
    direct: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    symbol: cython.int,
    last: cython.bint,
    frequency: cython.uint,
    trains: cython.bint,
) -> inlined_t:
    """Do what `learn` does, with n contexts."""
    i: cython.int
    count: cython.int
    at: cython.Py_ssize_t
    hit: cython.int
    if trains:
        train(n, tables, of, of.weights, symbol, last, frequency)
    learn_rows(
        n,
        tables,
        of,
        tables.rows,
        tables.rows,
        tables.rows,
        tables.rows,
        tables.rows,
        tables.rows,
        16 * symbol,
    )
    for i in range(n):
        count = of.counts[i]
        at = of.rows[i]
        if count == 0:
            begin_row(tables.rows, at, tables.sums, tables.steps, 16 * symbol)
        if i < direct:
            tables.rows[at + 15] = count + (count < tables.most)
        else:
            tables.rows[at + 15] = of.checks[i] + count + (count < 31)
    hit = (of.values[0] == symbol) | (of.values[1] == symbol) << 1
    hit = (hit | (of.values[2] == symbol) << 2 | (of.values[3] == symbol) << 3) & of.counting
    count = tables.candidate_counts[of.quadruple]
    learn_candidates(tables.candidates, of.quadruple * 4, tables.hits, hit, tables.candidate_rates[count])
    tables.candidate_counts[of.quadruple] = count + (count < 31)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def learn_kind(
    kind: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    symbol: cython.int,
    last: cython.bint,
    frequency: cython.uint,
    trains: cython.bint,
) -> wide_t:
    """Do what `learn` does."""
    if kind == FEW:
        learn_of(4, 2, tables, of, symbol, last, frequency, trains)
    elif kind == COLOURS:
        learn_of(5, 3, tables, of, symbol, last, frequency, trains)
    elif kind == RAMP:
        learn_of(6, 3, tables, of, symbol, last, frequency, trains)
    else:
        learn_of(5, 0, tables, of, symbol, last, frequency, trains)


def learn(kind, tables, of, symbol, last, frequency, trains):
    """Let rows, weights and candidates learn a symbol that had a frequency in the mixture."""
    learn_kind(kind, tables, of, symbol, last, frequency, trains)
