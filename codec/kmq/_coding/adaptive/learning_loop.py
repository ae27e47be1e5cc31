# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the adaptive coding learns from a symbol (spec D.7): a compiled loop.

In: a mixture, and the symbol that came. Out: changed rows, weights and masses. Places and numbers have the
bounds of `expectation_loop`.
"""

import cython

if not cython.compiled:  # compiled, these are of C, from learning_loop.pxd
    from kmq._coding.adaptive.expectation_loop import (
        BLEND,
        CANDIDATE_RATES,
        COLOURS,
        FEW,
        GOALS,
        HITS,
        RAMP,
        RATES,
        SHIFTS,
        STEPS,
        SUMS,
        TOP,
        WEIGHTS,
        Mixture,
        Tables,
        apart_t,
        inlined_t,
        lanes_t,
        wide_t,
    )


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
    of.masses[n] = ((tables.learnt[BLEND + symbol + 16] | top) & 32767) - tables.learnt[BLEND + symbol + 15]
    if frequency < 128:
        shift = 7 + tables.fixed[SHIFTS + frequency]
    else:
        shift = tables.fixed[SHIFTS + (frequency >> 7)]
    frequency <<= shift
    mass = 32767 if frequency > 32767 else frequency  # noqa: FURB136
    learn_weights(weights, of.shares, of.masses, shift, mass)
    for i in range(n + 1):
        tables.learnt[WEIGHTS + of.weights_at[i]] = weights[i]


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
    """Move n rows towards their goals, 0 below the symbol and the top from it on.

    All rows are in the same table, and no two are the same, because each context has a part of its own. So
    each pointer is the only one to its row, though gcc's -Wrestrict warns of them.
    """
    j: cython.Py_ssize_t
    a: cython.Py_ssize_t = of.rows[0]
    b: cython.Py_ssize_t = of.rows[1]
    c: cython.Py_ssize_t = of.rows[2]
    d: cython.Py_ssize_t = of.rows[3]
    e: cython.Py_ssize_t = of.rows[4]
    f: cython.Py_ssize_t = of.rows[5]
    rate_a: cython.short = tables.fixed[RATES + of.counts[0]]
    rate_b: cython.short = tables.fixed[RATES + of.counts[1]]
    rate_c: cython.short = tables.fixed[RATES + of.counts[2]]
    rate_d: cython.short = tables.fixed[RATES + of.counts[3]]
    rate_e: cython.short = tables.fixed[RATES + of.counts[4]] if n > 4 else 0
    rate_f: cython.short = tables.fixed[RATES + of.counts[5]] if n > 5 else 0
    goal_a: cython.ushort = tables.fixed[GOALS + of.counts[0]]
    goal_b: cython.ushort = tables.fixed[GOALS + of.counts[1]]
    goal_c: cython.ushort = tables.fixed[GOALS + of.counts[2]]
    goal_d: cython.ushort = tables.fixed[GOALS + of.counts[3]]
    goal_e: cython.ushort = tables.fixed[GOALS + of.counts[4]] if n > 4 else 0
    goal_f: cython.ushort = tables.fixed[GOALS + of.counts[5]] if n > 5 else 0
    step: cython.ushort
    t: cython.short
    for j in range(16):
        step = tables.fixed[STEPS + first + j]
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
def begin_row(
    row: lanes_t,
    at: cython.Py_ssize_t,
    sums: cython.p_ushort,
    fixed: cython.pointer(cython.const[cython.ushort]),
    first: cython.Py_ssize_t,
) -> inlined_t:
    """Start a row as a quarter of the mixture and three quarters of the symbol, in two halvings."""
    j: cython.Py_ssize_t
    goal: cython.short
    t: cython.short
    for j in range(16):
        goal = fixed[STEPS + first + j] & TOP
        t = sums[SUMS + 16 + j]
        t = t + (cython.cast(cython.short, goal - t) >> 1)
        row[at + j] = t + (cython.cast(cython.short, goal - t) >> 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def learn_candidates(
    candidates: lanes_t,
    at: cython.Py_ssize_t,
    fixed: cython.pointer(cython.const[cython.ushort]),
    hit: cython.Py_ssize_t,
    rate: cython.short,
) -> inlined_t:
    """Move a quadruple's four masses towards their goals, 0 for all but one at most."""
    j: cython.Py_ssize_t
    t: cython.short
    for j in range(4):
        t = fixed[HITS + 4 * hit + j] - candidates[at + j]
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
            begin_row(tables.rows, at, tables.learnt, tables.fixed, 16 * symbol)
        if i < direct:
            tables.rows[at + 15] = count + (count < tables.most)
        else:
            tables.rows[at + 15] = of.checks[i] + count + (count < 31)
    hit = (of.values[0] == symbol) | (of.values[1] == symbol) << 1
    hit = (hit | (of.values[2] == symbol) << 2 | (of.values[3] == symbol) << 3) & of.counting
    count = tables.candidate_counts[of.quadruple]
    learn_candidates(
        tables.candidates, of.quadruple * 4, tables.fixed, hit, tables.fixed[CANDIDATE_RATES + count]
    )
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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def learn(
    kind: cython.int,
    tables: cython.pointer(cython.const[Tables]),
    of: cython.pointer(Mixture),
    symbol: cython.int,
    last: cython.bint,
    frequency: cython.uint,
    trains: cython.bint,
) -> cython.void:
    """Let rows, weights and candidates learn a symbol that had a frequency in the mixture."""
    # A call of its own: to other loops, gcc can't declare a function that is compiled twice (`wide_t`).
    learn_kind(kind, tables, of, symbol, last, frequency, trains)
