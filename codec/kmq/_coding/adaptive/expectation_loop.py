# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the adaptive coding expects of a symbol (spec D.5, D.6): a compiled loop.

In: the keys of the symbol's contexts, and its candidates. Out: the mixture of their distributions. Bounds:

- `model` makes a row for every key; hashes are cut to their table. Symbols are below 16, counts below 128.
- Every value fits in 16 bits, as does every product after its shift (spec D.8).

Loops over 16 lanes are short because gcc makes packed operations of them (CONTRIBUTING). It fails to if a
type in them is wider, even an index of 32 bits.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from expectation_loop.pxd
    from kmq._coding.structures import structure

    FEW, COLOURS, RAMP, MANY = range(4)
    TOP, CANDIDATE_TOP, CONTEXT_WEIGHTS, LEVEL_WEIGHTS, PATTERNS = 32640, 32400, 64, 512, 4096
    RATES, GOALS, WEIGHT_STEPS, CANDIDATE_RATES, FLAT_RATES, STEPS = range(0, 768, 128)
    HITS, COUNTING, COUNTED, DIFFERENT, SHIFTS, DIFFERENCES = 912, 976, 1040, 1056, 1120, 1376
    ACTIVITIES, SHADES, FIXED = 1888, 5984, 8032
    SUMS, BLEND, WEIGHTS, FLATS, LEARNT = 0, 32, 64, 2112, 10304
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
    """Find the row of each context: by its key, or by a hash (spec D.5)."""
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
    fixed: cython.pointer(cython.const[cython.ushort]),
    first: cython.Py_ssize_t,
) -> inlined_t:
    """Take the masses of the candidates that count, and 0 for the others."""
    j: cython.Py_ssize_t
    for j in range(4):
        marks[j] = candidates[quadruple + j] & fixed[COUNTING + first + j]


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
    """Find the candidates' masses, and the shares of the rows and of the candidates (spec D.6)."""
    i: cython.int
    at: cython.Py_ssize_t = level * LEVEL_WEIGHTS
    quadruple: cython.Py_ssize_t = level * PATTERNS + of.pattern
    total: cython.uint = 0
    inverse: cython.uint = 0xFFF00000
    counting: cython.int = of.counting
    of.quadruple = quadruple
    mark(of.marks, tables.candidates, quadruple * 4, tables.fixed, counting * 4)
    for i in range(n):
        of.weights_at[i] = at + i * CONTEXT_WEIGHTS + tables.fixed[WEIGHT_STEPS + of.counts[i]]
    of.weights_at[n] = (
        at
        + n * CONTEXT_WEIGHTS
        + tables.fixed[COUNTED + counting]
        + (tables.candidate_counts[quadruple] >> 2)
    )
    for i in range(n + 1):
        of.weights[i] = tables.learnt[WEIGHTS + of.weights_at[i]]
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
    fixed: cython.pointer(cython.const[cython.ushort]),
    of: cython.pointer(Mixture),
    learnt: lanes_t,
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
        t = (
            t
            + (fixed[STEPS + w + j] & p)
            + (fixed[STEPS + north + j] & q)
            + (fixed[STEPS + nw + j] & r)
            + (fixed[STEPS + ne + j] & s)
        )
        learnt[BLEND + 16 + j] = t & 65535
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
        learnt[SUMS + 16 + j] = u & 65535
        found += cython.cast(cython.short, u) <= target
    found -= cython.cast(cython.short, learnt[SUMS + 31]) <= target  # lane 15 has the counts
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
    mix(n, tables.rows, tables.fixed, of, tables.learnt, target)


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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def expect(
    kind: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    level: cython.int,
    part: cython.uint,
    target: cython.int,
) -> cython.void:
    """Mix what the contexts of a symbol say; find how many lanes of the mixture are at most the target."""
    # A call of its own: to other loops, gcc can't declare a function that is compiled twice (`wide_t`).
    expect_kind(kind, tables, of, level, part, target)
