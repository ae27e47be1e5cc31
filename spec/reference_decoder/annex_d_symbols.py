"""Annex D of the spec, D.5 to D.7: rows, the mixture that a symbol is coded with, and learning."""

from bisect import bisect_right
from math import isqrt

# D.5. Rows

LANES = range(15)
MOST_COUNT, MOST_COUNT_OF_A_RAMP = 31, 95


class Row:
    """T(0) to T(14), a count, and with hash the check of who has used it last."""

    def __init__(self, m):
        self.lanes = [32_640 if j >= m - 1 else 32_640 * (j + 1) // m for j in LANES]
        self.count = self.check = 0


class Table:
    """The rows of a context at a level, by number. A row is made when it is first asked for."""

    def __init__(self, m):
        self.m, self.rows = m, {}

    def row(self, number):
        return self.rows.setdefault(number, Row(self.m))

    def found(self, hashed, row_bits):
        """With hash: the row, and its check."""
        h = (hashed ^ hashed >> 15) * 2_654_435_761 % 2**32
        check, number = h >> 2 & 2047 | 1, h >> 32 - row_bits
        row, other = self.row(number), self.row(number ^ 1)
        if row.check != check and (other.check == check or other.count < row.count):
            row = other
        if row.check != check:
            row.count = 0
        return row, check


# D.6. Mixture

STEPS = (1, 2, 3, 4, 5, 7, 10, 16, 24, 32, 64)


def step(n):
    return bisect_right(STEPS, n)


def first_weights(context):
    """A context's weights at first, by step."""
    grown = (min(8000, isqrt(230_400 * s * 9**context // 4**context)) for s in range(1, 12))
    return [16, *grown]


class Quadruple:
    """The shares S of the candidates W, N, NW and NE, and their count."""

    def __init__(self):
        self.shares, self.count = [5500] * 4, 0


def less(goals, values, rate):
    """Values on their way to their goals."""
    return [value + ((goal - value) * rate >> 16) for goal, value in zip(goals, values, strict=True)]


class Level:
    """What one level has: a table for every context, weights, and quadruples by pattern."""

    def __init__(self, contexts, m):
        self.tables = [Table(m) for _ in range(contexts)]
        self.weights = [*(first_weights(context) for context in range(contexts)), [1200] * 40]
        self.quadruples = {}

    def quadruple(self, pattern):
        return self.quadruples.setdefault(pattern, Quadruple())


class Mixture:
    """The distribution of a symbol of m values, and what made it.

    `rows` are those of the contexts in order; `candidates` four symbols, or None for those that count for
    nothing.
    """

    def __init__(self, level, rows, candidates, quadruple, m):
        self.level, self.rows, self.m = level, rows, m
        self.candidates, self.quadruple = candidates, quadruple
        first = rows[0].lanes
        counted = [c for c in candidates if c is not None]
        shares = [0 if c is None else s for c, s in zip(candidates, quadruple.shares, strict=True)]
        rest = 65_000 - 2 * sum(shares)
        self.guessed = [
            (first[j] * rest >> 16) + sum(s for c, s in zip(candidates, shares, strict=True) if s and c <= j)
            for j in LANES
        ]
        self.steps = [*(step(row.count) for row in rows), 8 * len(counted) + quadruple.count // 4]
        used = [weights[at] for weights, at in zip(level.weights, self.steps, strict=True)]
        z = 4_293_918_720 // sum(used)
        self.shares = [w * z >> 16 for w in used]
        self.masses = [*(row.lanes for row in rows), self.guessed]
        self.lanes = [
            j + 1 + sum(lanes[j] * u >> 16 for lanes, u in zip(self.masses, self.shares, strict=True))
            for j in LANES
        ]

    def ends(self):
        """For each of the m symbols, low + freq."""
        return [*self.lanes[: self.m - 1], 32_768]

    # D.7. Learning

    def learn(self, s, *, weights, most_counts, checks):
        """Learn symbol s; its weights too if `weights`. `most_counts` and `checks` are the rows'."""
        if weights:
            self.learn_weights(s)
        for row, most, check in zip(self.rows, most_counts, checks, strict=True):
            self.learn_row(row, s)
            row.count, row.check = min(most, row.count + 1), check
        self.learn_candidates(s)

    def learn_weights(self, s):
        freq = self.ends()[s] - (self.lanes[s - 1] if s else 0)
        z = 0
        while freq << z < 16_384:
            z += 1
        g = min(32_767, freq << z)
        for weights, at, lanes, u in zip(
            self.level.weights, self.steps, self.masses, self.shares, strict=True
        ):
            q = (32_767 if s == self.m - 1 else lanes[s]) - (lanes[s - 1] if s else 0)
            d = ((u * q >> 16) << z) - (u * g >> 16)
            weights[at] = min(8000, max(16, weights[at] + ((weights[at] * d >> 16) + 1 >> 1)))

    def learn_row(self, row, s):
        if row.count:
            rate = 655_360 // (10 * row.count + 13)
            top = 32_639 + -(-65_536 // rate)
            row.lanes = less([0 if j < s else top for j in LANES], row.lanes, rate)
            return
        goals = [0 if j < s else 32_640 for j in LANES]
        row.lanes = less(goals, less(goals, self.lanes, 32_768), 32_768)

    def learn_candidates(self, s):
        n = self.quadruple.count
        right = self.candidates.index(s) if s in self.candidates else None
        goals = [32_400 if i == right else 0 for i in range(4)]
        rate = 712 if n == 31 else 327_680 // (10 * n + 16)
        self.quadruple.shares = less(goals, self.quadruple.shares, rate)
        self.quadruple.count = min(31, n + 1)
