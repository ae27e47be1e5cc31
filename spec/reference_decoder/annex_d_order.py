"""Annex D of the spec, D.3: the entries' points, their order, and the guess."""

from functools import cache, lru_cache
from itertools import pairwise

FEW, RAMP, COLOURS, MANY = "few", "ramp", "colours", "many"


def point(entry):
    """(r, g, b, a) of an entry."""
    if len(entry) == 1:
        return (*entry * 3, 255)
    if len(entry) == 3:
        return (*entry, 255)
    r, g, b, a = entry
    return (*((value * a + 127) // 255 for value in (r, g, b)), a)


class Order:
    """What follows from a palette alone: the tile's kind, and the entries by their places.

    `entries` are the indices by place, `places` the places by index, `points` are by place.
    """

    def __init__(self, palette):
        points = [point(entry) for entry in palette]
        self.k = len(points)
        by_sum = sorted(range(self.k), key=lambda index: sum(points[index]))
        if self.k <= 16:
            self.kind, self.entries = FEW, list(range(self.k))
        elif self.k <= 256 and rises([points[index] for index in by_sum]):
            self.kind, self.entries = RAMP, by_sum
        else:
            self.kind = COLOURS if self.k <= 256 else MANY
            self.entries = split(list(range(self.k)), axes(points))
        self.points = [points[index] for index in self.entries]
        self.places = [0] * self.k
        for place, index in enumerate(self.entries):
            self.places[index] = place
        self.opaque = all(a == 255 for _, _, _, a in points)
        self.nearest = cache(self.nearest)

    def cell(self, guess):
        """The cell of a guess, four coordinates in units of 1/16."""
        r, g, b, a = (min(255, max(0, value >> 4)) >> 3 for value in guess)
        return (((0 if self.opaque else a) * 32 + r) * 32 + g) * 32 + b

    def nearest(self, cell):
        """The place of the first point that is nearest to a cell's middle."""
        a, r, g, b = (8 * (cell >> shift & 31) + 4 for shift in (15, 10, 5, 0))

        def distance(place):
            point = self.points[place]
            alpha = 0 if self.opaque else 3 * (point[3] - a) ** 2
            return 2 * (point[0] - r) ** 2 + 4 * (point[1] - g) ** 2 + (point[2] - b) ** 2 + alpha

        return min(range(self.k), key=distance)


@lru_cache(maxsize=2)
def order_of(palette):
    """The order of a palette, a tuple of entries: the same for every tile."""
    return Order(palette)


def rises(points):
    """Whether no coordinate falls from a point to the next."""
    return all(
        one <= other for before, after in pairwise(points) for one, other in zip(before, after, strict=True)
    )


def axes(points):
    """The four axes: along each, a value for every point."""
    return [
        [3 * r + 4 * g + 3 * b for r, g, b, _ in points],
        [4 * r - 4 * b for r, _, b, _ in points],
        [-2 * r + 5 * g - 2 * b for r, g, b, _ in points],
        [6 * a for _, _, _, a in points],
    ]


def split(listed, along):
    """A list of entries in the order that splitting gives it."""
    n = len(listed)
    if n == 1:
        return listed
    deviations = []
    for values in along:
        m = sum(values[index] for index in listed) // n
        deviations.append(sum(abs(values[index] - m) for index in listed))
    widest = along[deviations.index(max(deviations))]
    listed = sorted(listed, key=lambda index: widest[index])
    first = 16 * (-(-n // 16) // 2) if n > 16 else n // 2
    return split(listed[:first], along) + split(listed[first:], along)
