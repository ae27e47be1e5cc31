"""Annex D of the spec, D.3 to D.5: the neighbourhood, the pixels, and which rows a pixel chooses."""

from typing import NamedTuple

from .annex_d_order import COLOURS, FEW, MANY, RAMP
from .annex_d_symbols import MOST_COUNT, MOST_COUNT_OF_A_RAMP, Level, Mixture

# D.3. The neighbourhood

NEIGHBOURS = {
    "w": (-1, 0), "n": (0, -1), "ne": (1, -1), "nee": (2, -1), "nw": (-1, -1), "ww": (-2, 0), "nn": (0, -2),
    "www": (-3, 0), "nww": (-2, -1),
}  # fmt: skip
GUESSED_FROM = ("w", "n", "ne", "nee", "nw", "ww", "nn")
CANDIDATES = ("w", "n", "nw", "ne")


class Near(NamedTuple):
    """The places of a pixel's neighbours."""

    w: int
    n: int
    ne: int
    nee: int
    nw: int
    ww: int
    nn: int
    www: int
    nww: int


class Chosen(NamedTuple):
    """What chooses the rows of a busy pixel."""

    guess: int | None  # P
    base: int  # what is taken from a place to make v, modulo k: P - M in a RAMP
    keys: list  # of the contexts without hash
    hashes: list  # of those with hash


def flat_rate(n):
    return 1092 if n == 31 else 65_536 // (n + 2)


BOUNDS = (1, 3, 6, 11, 19, 32, 60)


def q(place, guess):
    """The class of a neighbour's difference from P."""
    d = place - guess
    c = sum(bound <= abs(d) for bound in BOUNDS)
    return 8 - c if d < 0 else 8 + c


CONTEXTS = {FEW: (2, 2), COLOURS: (3, 2), RAMP: (3, 3), MANY: (0, 5)}
"""Contexts of a kind, without hash and with it."""


class AdaptiveTile:
    """A tile while it is read. `coder.symbol(ends)` gives the next symbol."""

    def __init__(self, coder, width, height, order, coefficients, row_bits):
        self.coder, self.width, self.height = coder, width, height
        self.order, self.coefficients, self.row_bits = order, coefficients, row_bits
        self.k, self.count = order.k, 0
        self.symbols = 1  # L
        while 16**self.symbols < self.k:
            self.symbols += 1
        plain, hashed = CONTEXTS[order.kind]
        most = MOST_COUNT_OF_A_RAMP if order.kind == RAMP else MOST_COUNT
        self.most_counts = [most] * plain + [MOST_COUNT] * hashed
        first = (self.k - 1 >> 4 * (self.symbols - 1)) + 1
        self.levels = [Level(plain + hashed, first if level == 0 else 16) for level in range(self.symbols)]
        self.flats = [(60_000, 0)] * 4096
        self.places = {}
        self.errors = {}  # e, by pixel

    def read(self):
        """The indices, in raster order."""
        for y in range(self.height):
            for x in range(self.width):
                self.places[x, y] = self.pixel(x, y)
        return [self.order.entries[self.places[x, y]] for y in range(self.height) for x in range(self.width)]

    def place(self, x, y):
        """The place of a pixel that has been read, or lies outside."""
        if y < 0:
            return 0
        if x < 0:
            return self.place(0, y - 1)
        return self.places[min(x, self.width - 1), y]

    # D.4. Pixels

    def pixel(self, x, y):
        """The place of the next pixel."""
        near = Near(*(self.place(x + dx, y + dy) for dx, dy in NEIGHBOURS.values()))
        if near.w == near.n == near.nw == near.ne and self.flat_pixel(near):
            return near.w
        self.count += 1
        chosen = self.chosen(near, x, y)
        v = 0
        for level in range(self.symbols):
            v = 16 * v + self.symbol(near, chosen, level, v)
        place = (v + chosen.base) % self.k
        if self.order.kind == RAMP:
            self.errors[x, y] = abs(place - chosen.guess)
        return place

    def flat_pixel(self, near):
        """Whether the pixel is W as its neighbours are."""
        w = near.w
        at = 16 * (w & 255) + (near.nee == w) + 2 * (near.ww == w) + 4 * (near.nn == w)
        at += 8 * (w in (near.www, near.nww))
        chance, count = self.flats[at]
        is_flat = self.coder.symbol([chance >> 1, 32_768]) == 0
        chance += ((65_500 if is_flat else 30) - chance) * flat_rate(count) >> 16
        self.flats[at] = chance, min(31, count + 1)
        return is_flat

    def symbol(self, near, chosen, level, part):
        """The next symbol of v, `part` being those before it."""
        s = 4 * (self.symbols - 1 - level)
        m = min(16, (self.k - 1 - (part * 16 << s) >> s) + 1)
        if m == 1:
            return 0
        tables = self.levels[level].tables
        rows, checks = [], []
        for key, table in zip(chosen.keys, tables, strict=False):
            rows.append(table.row(key * 16**level + part))
            checks.append(0)
        for hashed, table in zip(chosen.hashes, tables[len(rows) :], strict=True):
            row, check = table.found((hashed + 625_341_585 * (part + 1) * (level > 0)) % 2**32, self.row_bits)
            rows.append(row)
            checks.append(check)
        candidates, pattern = self.candidates(near, chosen, level, part)
        quadruple = self.levels[level].quadruple(pattern)
        mixture = Mixture(self.levels[level], rows, candidates, quadruple, m)
        found = self.coder.symbol(mixture.ends())
        trains = self.count <= 20_000 or self.count % 2 == 1
        mixture.learn(found, weights=trains, most_counts=self.most_counts, checks=checks)
        return found

    # D.5. Rows

    def chosen(self, near, x, y):
        """The guess, and the keys and hashes of the contexts."""
        w, n, ne, nee, nw, ww, nn, _, nww = near
        quad = 2_654_435_761 * w + 2_246_822_507 * n + 3_266_489_909 * nw + 668_265_263 * ne
        ten = quad + 374_761_393 * ww + 3_550_635_117 * nn + 4_251_993_797 * nee + 3_042_594_569 * nww
        kind, order = self.order.kind, self.order
        if kind == RAMP:
            return self.chosen_of_a_ramp(near, ten, self.activity(near, x, y))
        cell = order.cell([self.guess([order.points[place][axis] for place in near]) for axis in range(4)])
        if kind == MANY:
            hashes = [2_654_435_761 * value + i + 1 for i, value in enumerate((w, n, cell))]
            return Chosen(None, 0, [], [*hashes, quad, ten])
        p = order.nearest(cell)
        keys = [16 * p + w, 16 * p + n] if kind == FEW else [w, n, p]
        return Chosen(p, 0, keys, [quad, ten])

    def guess(self, values):
        """The guess from the neighbours' values, in units of 1/16."""
        return sum(c * value for c, value in zip(self.coefficients, values, strict=False))

    def activity(self, near, x, y):
        """A, from the neighbours' differences and errors."""
        w_error, n_error, nw_error, ne_error = (
            self.errors.get((x + NEIGHBOURS[name][0], y + NEIGHBOURS[name][1]), 0) for name in CANDIDATES
        )
        a = abs(near.w - near.nw) + abs(near.n - near.nw) + abs(near.n - near.ne)
        a += 2 * w_error + 2 * n_error + nw_error + ne_error
        return min(15, ((a + 4) ** 2 >> 4).bit_length() - 1)

    def chosen_of_a_ramp(self, near, ten, a):
        p = min(self.k - 1, max(0, self.guess(near) + 8 >> 4))
        qw, qn, qnw, qne = (q(getattr(near, name), p) for name in CANDIDATES)
        halves = ((((qw >> 1) * 8 + (qn >> 1)) * 8 + (qnw >> 1)) * 8 + (qne >> 1)) * 8 + (a >> 1)
        rank = 2_246_822_507 * (((p * 16 + qw) * 16 + qn) * 16 + a)
        keys = [16 * a + qw, p, 16 * qn + qw]
        middle = 16 * (self.k // 32) + 8  # M
        return Chosen(p, p - middle, keys, [2_246_822_507 * halves + 5, rank, ten])

    # D.6. Mixture

    def candidates(self, near, chosen, level, part):
        """The symbols of W, N, NW and NE, None for those that count for nothing; and the pattern."""
        s = 4 * (self.symbols - 1 - level)
        w, n, ne, _, nw, ww, nn, _, _ = near
        pattern = (w == n) + 2 * (n == ne) + 4 * (w == nw) + 8 * (n == nw) + 16 * (w == ne) + 32 * (nw == ne)
        pattern += 64 * (w == ww) + 128 * (n == nn)
        candidates, seen = [], set()
        for i, place in enumerate((w, n, nw, ne)):
            v = (place - chosen.base) % self.k
            counts = place not in seen and v >> s + 4 == part
            seen.add(place)
            candidates.append(v >> s & 15 if counts else None)
            pattern += 256 << i if counts and level > 0 else 0
        return candidates, pattern
