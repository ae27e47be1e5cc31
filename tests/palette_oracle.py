"""An independent, slow reading of the coded palette, for comparison: masses are lists, experts are summed up.

Nothing here imports kmq.
"""

from itertools import pairwise, permutations


class Decoder:
    """The arithmetic decoder: numbers in an interval, bytes shifted in from the right."""

    def __init__(self, stream):
        self.stream, self.shifted = list(stream), 0
        self.low, self.high, self.number = 0, 2**32 - 1, 0
        for _ in range(4):
            self.shift()

    def shift(self):
        byte = self.stream[self.shifted] if self.shifted < len(self.stream) else 0
        self.number = self.number * 256 % 2**32 + byte
        self.shifted += 1

    def bit(self, p):
        assert 1 <= p <= 65535
        size = self.high - self.low
        middle = self.low + size // 65536 * p + size % 65536 * p // 65536
        one = self.number <= middle
        if one:
            self.high = middle
        else:
            self.low = middle + 1
        while self.low // 2**24 == self.high // 2**24:
            self.shift()
            self.low, self.high = self.low * 256 % 2**32, self.high * 256 % 2**32 + 255
        assert self.low <= self.number <= self.high
        return int(one)

    def number_of(self, bits):
        value = 0
        for _ in range(bits):
            value = 2 * value + self.bit(32768)
        return value


def bell(g, centre):
    """Masses of the values 0 to 255 in a kernel of width 2^g, of 2^14 in all; some lie outside."""

    def tail(n):
        return (2 ** (g + 13) // (2**g + 2 * n + 1)) ** 2 // 2**13

    def below(x):
        return tail(centre - x) if x <= centre else 2**14 - tail(x - centre - 1)

    return [below(x + 1) - below(x) for x in range(256)]


def neighbours(entries, entry, k, *, kept):
    """(share, class, centre) of each neighbour of the channel after those in `entry`."""
    t = len(entry)
    if t == 0 and not kept:
        spacing = max([q for q in range(9) if 2**q * k <= 256], default=0)
        return [(4096, spacing, other[0]) for other in entries[-1:]]
    found = []
    for j, other in enumerate(entries[::-1][: min(32, max(4, 2**18 // k))]):
        if t == 0:
            found.append((16 + 2 * j, other[0]))
            continue
        hues = [abs((entry[s] - entry[s - 1]) - (other[s] - other[s - 1])) for s in range(1, t)]
        distance = (abs(entry[0] - other[0]) + 8 * sum(hues)) // 8
        found.append((distance, min(255, max(0, other[t] - other[t - 1] + entry[-1]))))
    nearest = min((distance + 4 for distance, _ in found), default=0)
    trusted = []
    for distance, centre in found:
        f = nearest * 4096 // (distance + 4)
        share = (f * f // 4096) ** 2 // 4096
        trusted.append((share, min(8, (distance // 4 + 1).bit_length() - 1), centre))
    return trusted


def masses(entries, entry, k, *, kept):
    """Each of the seven experts' masses of the 256 values that the next channel of `entry` can have."""
    t = len(entry)
    around = neighbours(entries, entry, k, kept=kept)
    experts = []
    for e in range(3):
        bells = [(share, bell(q + 2 * e, centre)) for share, q, centre in around]
        experts.append([2**10 + sum(share * b[x] for share, b in bells) for x in range(256)])
    before = entry[-1] if entry else 128
    experts += [[2**10 + 2**12 * mass for mass in bell(g, before)] for g in (6, 8)]
    column = [other[t] for other in entries]
    experts.append([64 * column.count(x) + 1 for x in range(256)])
    rises = [b - a for a, b in pairwise(column)]
    last = column[-1] if column else 0
    experts.append([64 * rises.count(x - last) + 1 for x in range(256)])
    assert all(sum(expert) < 2**32 for expert in experts)
    return experts


def chance(part, whole):
    while whole >= 65536:
        part, whole = part // 2, whole // 2
    return min(65504, max(32, part * 65536 // whole))


def value(decoder, weights, experts, least):
    """Decode a value of at least `least`, bit by bit; `weights` are changed."""
    known = 0
    for b in range(7, -1, -1):
        z, low, high = known + 2**b, max(known, least), known + 2 ** (b + 1)
        if z <= least:
            known = z
            continue
        hits = [
            weight * chance(sum(expert[z:high]), sum(expert[low:high])) // 65536
            for weight, expert in zip(weights, experts, strict=True)
        ]
        if decoder.bit(sum(hits) * 65536 // sum(weights)):
            known, weights[:] = z, hits
        else:
            weights[:] = [weight - hit for weight, hit in zip(weights, hits, strict=True)]
        while sum(weights) < 2**15:
            weights[:] = [2 * weight for weight in weights]
    weights[:] = [weight - weight // 64 + 73 for weight in weights]
    assert sum(weights) < 2**16
    return known


def read(stream, k, channels):
    """Entries of a coded palette as tuples; or the requirement that the stream breaks."""
    decoder = Decoder(stream)
    kept = decoder.bit(32768)
    number = decoder.number_of({1: 0, 3: 3, 4: 5}[channels])
    orders = list(permutations(range(channels)))
    if number >= len(orders):
        return "M28"
    weights = [[4680] * 7 for _ in range(channels)]
    entries = []
    for _ in range(k):
        entry = []
        for t in range(channels):
            least = 0
            if entries and not kept and entry == entries[-1][:t]:
                least = min(255, entries[-1][t] + 1) if t == channels - 1 else entries[-1][t]
            entry.append(value(decoder, weights[t], masses(entries, entry, k, kept=kept), least))
        entries.append(entry)
    if not decoder.shifted - 4 <= len(stream) <= decoder.shifted:
        return "M29"
    return [tuple(entry[orders[number].index(c)] for c in range(channels)) for entry in entries]
