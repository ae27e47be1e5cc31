"""The measures of colours and pictures, slowly and independently, for comparison.

Nothing here imports kmq. Numbers are Python's, distances are computed for all pairs. For the format itself
that is spec/reference_decoder.
"""

import functools
import statistics


def over(colour, backdrop):
    """Composite a colour with alpha over grey; in sRGB, times 255."""
    return [v * colour[3] + backdrop * (255 - colour[3]) for v in colour[:3]]


def distance(one, other):
    """Squared distance between two colours; with alpha over black plus over white, times 255²."""
    if len(one) == 4:
        one, other = (over(colour, 0) + over(colour, 255) for colour in (one, other))
    return sum((int(a) - int(b)) ** 2 for a, b in zip(one, other, strict=True))


def allowed(colour, entries):
    """Return the indices that a colour may get: opaque ones for opaque, transparent for transparent."""
    if len(colour) == 4 and colour[3] in (0, 255):
        alike = [index for index, entry in enumerate(entries) if entry[3] == colour[3]]
        if alike:
            return alike
    return range(len(entries))


def nearest(colour, entries, measure=distance):
    """Return the lowest index of an entry that is the colour, or among those at the least distance."""
    same = [index for index, entry in enumerate(entries) if tuple(entry) == tuple(colour)]
    if same:
        return same[0]
    return min(allowed(colour, entries), key=lambda index: measure(colour, entries[index]))


def is_nearest(colour, index, entries, measure=distance):
    """Say whether an index is right; with alpha, points may be off by a 65,025th of the range."""
    if len(colour) != 4:
        return index == nearest(colour, entries, measure)
    best = nearest(colour, entries, measure)
    if tuple(entries[best]) == tuple(colour):
        return index == best
    taken, least = (measure(colour, entries[i]) ** 0.5 for i in (index, best))
    return index in allowed(colour, entries) and taken <= least + 6  # of 2^0.5 · 65,025


@functools.lru_cache(4096)
def oklab(colour):
    """Oklab of a colour with its alpha, premultiplied (bottosson.github.io/posts/oklab), in floats."""
    red, green, blue = (colour * 3)[:3] if len(colour) == 1 else colour[:3]
    alpha = colour[3] / 255 if len(colour) == 4 else 1
    linear = [
        v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4
        for v in (red, green, blue)
    ]
    cones = [
        sum(a * b for a, b in zip(row, linear, strict=True)) ** (1 / 3)
        for row in (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        )
    ]
    lab = [
        sum(a * b for a, b in zip(row, cones, strict=True))
        for row in (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        )
    ]
    return [*(alpha * value for value in lab), alpha]


def oklab_distance(one, other):
    """Squared distance in Oklab; with alpha the mean of those over black and over white."""
    (l1, a1, b1, alpha1), (l2, a2, b2, alpha2) = oklab(tuple(one)), oklab(tuple(other))
    over_black, over_white = l1 - l2, (l1 - alpha1) - (l2 - alpha2)
    return (over_black**2 + over_white**2) / 2 + (a1 - a2) ** 2 + (b1 - b2) ** 2


def z_code(colour):
    """Interleave the bits of a colour's channels."""
    bits = ["".join(digits) for digits in zip(*(f"{value:08b}" for value in colour), strict=True)]
    return int("".join(bits), 2)


def canonical(colour):
    """Make a fully transparent colour transparent black."""
    return (0, 0, 0, 0) if len(colour) == 4 and colour[3] == 0 else tuple(colour)


def colours_of(array):
    """Rows of colour tuples of an array (H, W) or (H, W, c)."""
    return [
        [canonical(pixel if isinstance(pixel, list) else (pixel,)) for pixel in row] for row in array.tolist()
    ]


def diffused(rows, entries, strength):
    """Floyd and Steinberg's error diffusion in sRGB times 255, every other row backwards.

    Of a pixel's error, strength / 256 is passed on; half of that where its two neighbours on
    a line differ by more than half the range in all. What arrives is rounded, and the sum
    kept in the range of the picture's colours and the entries. A pixel with four like
    neighbours (itself, at the border) and an entry of its own takes that, and nothing is
    passed on. Of entries equally near the first is taken, along the channel where they vary most.
    """
    height, width = len(rows), len(rows[0])
    points = [[[255 * v for v in colour] for colour in row] for row in rows]
    channels = range(len(points[0][0]))
    spread = [statistics.pvariance([entry[c] for entry in entries]) for c in channels]
    axis = spread.index(max(spread))
    entries = sorted(entries, key=lambda entry: entry[axis])
    places = [[255 * v for v in entry] for entry in entries]
    every = [*places, *(p for row in points for p in row)]
    low, high = ([most(p[c] for p in every) for c in channels] for most in (min, max))
    arrived = {}
    result = [[None] * width for _ in range(height)]
    for y in range(height):
        step = 1 if y % 2 == 0 else -1
        for x in range(width)[::step]:
            here = points[y][x]
            left, right = points[y][max(x - 1, 0)], points[y][min(x + 1, width - 1)]
            up, down = points[max(y - 1, 0)][x], points[min(y + 1, height - 1)][x]
            if here in places and here == left == right == up == down:
                result[y][x] = entries[places.index(here)]
                continue
            sixteenths = arrived.get((y, x), [0] * len(here))
            wanted = [min(max(here[c] + (sixteenths[c] + 8) // 16, low[c]), high[c]) for c in channels]
            chosen = min(places, key=lambda place: distance(wanted, place))
            result[y][x] = entries[places.index(chosen)]
            across = sum(abs(left[c] - right[c]) for c in channels)
            along = sum(abs(up[c] - down[c]) for c in channels)
            share = strength // 2 if max(across, along) > 65_025 // 2 else strength
            for c in channels:
                error = ((wanted[c] - chosen[c]) * share) // 256
                for dy, dx, part in ((0, step, 7), (1, -step, 3), (1, 0, 5), (1, step, 1)):
                    arrived.setdefault((y + dy, x + dx), [0] * len(here))[c] += part * error
    return result
