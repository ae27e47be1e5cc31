"""Annex C of the spec, C.2 to C.4: slots, parameters and the tree."""

from dataclasses import dataclass

from .conventions import require

# C.2. Slots

FRESH = (2048, 0)
RATES = [655_360 // (10 * n + 16) for n in range(16)]


def learnt(slot, bit):
    """A slot, its probability p and count n, after it has learnt a bit."""
    p, n = slot
    return p + (((4095 if bit else 0) - p) * RATES[n] + 32_768 >> 16), min(15, n + 1)


TABLE_A = [
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768),
    *(40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476),
    *(65500, 65514),
]  # fmt: skip
"""Table C.a: a(0) to a(32)."""


def clip(x, m):
    return -m if x < -m else min(x, m)


def squash(d):
    i, f = (d + 2048) >> 7, (d + 2048) & 127
    return (TABLE_A[i] * (128 - f) + TABLE_A[i + 1] * f) >> 7


def _stretch():
    table, d = [], -2048
    for p in range(4096):
        while d < 2047 and squash(d) >> 4 < p:
            d += 1
        table.append(clip(d, 2047))
    return table


STRETCH = _stretch()


# C.3. Parameters

DEFAULT = [80, 64, -32, 32, -16, -16, 16] + [0] * 11


def read_numbers(decoder, count, at):
    """A list of numbers, each of which stands for a step: the steps."""
    u = [FRESH] * 32

    def coded(i):
        p, n = u[i]
        bit = decoder.bit((16 * p + n) | 8)
        u[i] = learnt(u[i], bit)
        return bit

    steps = []
    for _ in range(count):
        length = 0
        while coded(length):
            length += 1
            # M31: l is at most 15.
            require(length <= 15, "M31", at, "a number of 65,535 or more")
        m = 1
        for place in range(length):
            m = 2 * m + (coded(16 + length - 1) if place == 0 else decoder.bit(32_768))
        m -= 1
        steps.append(m // 2 if m % 2 == 0 else -(m + 1) // 2)
    return steps


def read_parameters(decoder, options, k, at):
    """Rough counts, and the coefficients c(0, i), c(1, i) to c(6, i)."""
    counts, coefficients = [0] * k, [DEFAULT] * 7
    if options & 16:
        count = 0
        for i, step in enumerate(read_numbers(decoder, k, at)):
            count += step
            counts[i] = count
        # M31: every rough count is from 0 to 15.
        require(min(counts) >= 0 and max(counts) <= 15, "M31", at, "a rough count is not 0 to 15")
    if options & 32:
        steps = read_numbers(decoder, 7 * 18, at)
        first = [base + step for base, step in zip(DEFAULT, steps, strict=False)]
        coefficients = [first]
        for t in range(6):
            own = steps[18 * (1 + t) : 18 * (2 + t)]
            coefficients.append([base + step for base, step in zip(first, own, strict=True)])
        # M31: every coefficient is from -255 to 255.
        most = max(abs(value) for row in coefficients for value in row)
        require(most <= 255, "M31", at, f"a coefficient is {most} from 0")
    return counts, coefficients


# C.4. Tree


@dataclass
class Node:
    """A node. `children` are the left and the right one, each a node or the index of a leaf."""

    number: int
    level: int
    axis: int
    threshold: int  # H
    spread: int  # s
    children: list


def coordinates(entry):
    """P(0) to P(6) of an entry."""
    r, g, b, a = (*entry * 3, 0) if len(entry) == 1 else (*entry, 0) if len(entry) == 3 else entry
    if len(entry) == 4:
        r, g, b = r * a // 255, g * a // 255, b * a // 255
    return [3 * r + 4 * g + 3 * b, 4 * r - 4 * b, -2 * r + 5 * g - 2 * b, 6 * r, 6 * g, 6 * b, 6 * a]


class Tree:
    """The tree over a palette: of every entry its coordinates, its class and the path to its leaf."""

    def __init__(self, palette, counts):
        self.points = [coordinates(entry) for entry in palette]
        self.axes = {1: 1, 3: 6, 4: 7}[len(palette[0])]
        self.counts, self.k, self.nodes = counts, len(palette), 0
        self.paths, self.classes = [()] * self.k, list(range(self.k, 2 * self.k))
        self.root = self.split(range(self.k), 0, (), None)

    def split(self, entries, level, path, above):
        """The node that splits `entries`, or the only one; `above` is the number of the node of level 4."""
        if len(entries) == 1:
            self.paths[entries[0]] = path
            if above is not None:
                self.classes[entries[0]] = above
            return entries[0]
        number = self.nodes
        self.nodes += 1
        if level == 4:
            above = number
        heaviest = max(self.counts[e] for e in entries)
        weights = [2 ** max(0, self.counts[e] - heaviest + 7) if self.k <= 4096 else 1 for e in entries]
        deviation, axis, mean = -1, 0, 0
        for j in range(self.axes):
            values = [self.points[e][j] for e in entries]
            m = sum(w * p for w, p in zip(weights, values, strict=True)) // sum(weights)
            d = sum(w * abs(p - m) for w, p in zip(weights, values, strict=True))
            if d > deviation:
                deviation, axis, mean = d, j, m
        if deviation == 0 or level >= 64:
            left, right = entries[: len(entries) // 2], entries[len(entries) // 2 :]
        else:
            left = [e for e in entries if self.points[e][axis] <= mean]
            right = [e for e in entries if self.points[e][axis] > mean]
        low, high = ([self.points[e][axis] for e in side] for side in (left, right))
        spread = max(1, sum(high) // len(high) - sum(low) // len(low))
        below_left = self.split(left, level + 1, (*path, 0), above)
        below_right = self.split(right, level + 1, (*path, 1), above)
        return Node(number, level, axis, max(low) + min(high), spread, [below_left, below_right])
