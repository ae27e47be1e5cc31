"""Annex B of the spec: the coded palette."""

from functools import cache
from itertools import permutations
from operator import itemgetter, mul

from .conventions import require

ORDER_BITS = {1: 0, 3: 3, 4: 5}


def read_coded_palette(decoder, k, channels, at):
    """K entries, each a tuple of values."""
    kept = decoder.bit(32_768)
    number = 0
    for _ in range(ORDER_BITS[channels]):
        number = 2 * number + decoder.bit(32_768)
    orders = list(permutations(range(channels)))
    # M28: Channel_Order is below 1, 6 or 24.
    require(number < len(orders), "M28", at, f"Channel_Order is {number}")
    entries = []
    columns = [Column() for _ in range(channels)]
    for _ in range(k):
        entry = []
        for t, column in enumerate(columns):
            m = 0
            if entries and not kept and entry == entries[-1][:t]:
                m = min(255, entries[-1][t] + 1) if t == channels - 1 else entries[-1][t]
            entry.append(column.value(decoder, m, entries, entry, k, kept))
        entries.append(entry)
    # M29: of the stream's length L and the bytes shifted in S, S - 4 <= L <= S.
    require(decoder.ends_well(), "M29", at, "the coded palette has too few or too many bytes")
    return [tuple(entry[orders[number].index(c)] for c in range(channels)) for entry in entries]


class Column:
    """What is learnt of one channel: the experts' weights, its values' and steps' counts."""

    def __init__(self):
        self.weights = [4680] * 7
        self.values, self.steps = [0] * 256, [0] * 511  # step s is at 255 + s
        self.last = None  # the value of the entry before

    def value(self, decoder, m, entries, entry, k, kept):
        """B.1: the value, from bit 7 down, and what it teaches."""
        masses = self.masses(entries, entry, k, kept)
        a, below_l, below_u = 0, masses(m), masses(256)
        for b in range(7, -1, -1):
            z = a + 2**b
            if z <= m:
                a = z
                continue
            below_z = masses(z)
            chances = []
            for low, middle, high in zip(below_l, below_z, below_u, strict=True):
                part, whole = high - middle, high - low
                while whole >= 2**16:
                    part, whole = part >> 1, whole >> 1
                chances.append(min(65_504, max(32, (part << 16) // whole)))
            hits = [w * p >> 16 for w, p in zip(self.weights, chances, strict=True)]
            if decoder.bit((sum(hits) << 16) // sum(self.weights)):
                a, below_l, self.weights = z, below_z, hits
            else:
                below_u, self.weights = below_z, [w - h for w, h in zip(self.weights, hits, strict=True)]
            while sum(self.weights) < 2**15:
                self.weights = [2 * w for w in self.weights]
        self.weights = [w - (w >> 6) + 73 for w in self.weights]
        self.values[a] += 1
        if self.last is not None:
            self.steps[255 + a - self.last] += 1
        self.last = a
        return a

    def masses(self, entries, entry, k, kept):
        """B.2: a function from x to the seven experts' masses of all values below x."""
        around = neighbours(entries, entry, k, kept)
        before = entry[-1] if entry else 128
        last = self.last or 0

        shares = [share for share, _, _ in around]
        kernels = [[bell(g + 2 * e, y) for _, g, y in around] for e in range(3)]
        grey = [bell(g, before) for g in (6, 8)]

        def below(x):
            return [
                *(2**10 * x + sum(map(mul, shares, map(itemgetter(x), bells))) for bells in kernels),
                *(2**12 * kernel[x] + 2**10 * x for kernel in grey),
                64 * sum(self.values[:x]) + x,
                64 * sum(self.steps[255 - last : 255 - last + x]) + x,
            ]

        return below


@cache
def bell(g, y):
    """B(g, y, x) for x from 0 to 256: the masses below x of a kernel of width 2^g around y."""

    def tail(n):
        r = 2 ** (g + 13) // (2**g + 2 * n + 1)
        return r * r >> 13

    return [tail(y - x) if x <= y else 2**14 - tail(x - y - 1) for x in range(257)]


def neighbours(entries, entry, k, kept):
    """The share, class and centre of each neighbour of the entry that begins with `entry`."""
    t, i = len(entry), len(entries)
    if t == 0 and not kept:
        spacing = max((q for q in range(9) if 2**q * k <= 256), default=0)
        return [(2**12, spacing, entries[-1][0])] if entries else []
    found = []
    for j in range(min(i, 32, max(4, 2**18 // k))):
        other = entries[i - 1 - j]
        if t == 0:
            found.append((16 + 2 * j, other[0]))
        else:
            hues = sum(abs((entry[s] - entry[s - 1]) - (other[s] - other[s - 1])) for s in range(1, t))
            centre = min(255, max(0, other[t] - other[t - 1] + entry[-1]))
            found.append(((abs(entry[0] - other[0]) + 8 * hues) >> 3, centre))
    least = min((distance + 4 for distance, _ in found), default=0)
    around = []
    for distance, centre in found:
        f = (least << 12) // (distance + 4)
        share = (f * f >> 12) ** 2 >> 12
        if share:  # most are too far away
            around.append((share, min(8, (distance // 4 + 1).bit_length() - 1), centre))
    return around
