"""The measures of colours and pictures, slowly and independently, for comparison.

Nothing here imports kmq. Numbers are Python's, distances are computed for all pairs. For the format itself
that is spec/reference_decoder.
"""

import functools
import operator


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


def _cube_root(number):
    """Return the integer nearest to the cube root of an integer from 0."""
    root = round(number ** (1 / 3))
    return min(range(max(root - 2, 0), root + 3), key=lambda r: (abs(8 * number - (2 * r) ** 3), r))


@functools.cache
def _root(light):
    """Return the cube root of a light in units of 2^-14; from 1,024 of 65,536 on of the middle of 16."""
    if light < 0:
        return -_root(-light)
    return _cube_root((light if light < 1024 else light // 16 * 16 + 8) << 26)


def _light(value):
    """Return the linear light of an 8-bit sRGB value (IEC 61966-2-1), 65,536 for white."""
    share = value / 255
    return round(65536 * (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4))


CONES = ((13508, 17574, 1686), (6944, 22305, 3519), (2893, 9232, 20643))
OKLAB = ((862, 3251, -17), (6482, -7959, 1477), (85, 2565, -2650))
"""Ottosson's matrices times 32,768 and 4,096; the rows of a and b also times 0.8."""


def _place(light):
    cones = [_root(sum(m * v for m, v in zip(row, light, strict=True)) >> 15) for row in CONES]
    return [sum(m * v for m, v in zip(row, cones, strict=True)) >> 12 for row in OKLAB]


def check_diffused(rows, entries, strength, taken):
    """Check the entries `taken` at each pixel by Floyd and Steinberg's error diffusion of strength / 256.

    Every other row goes backwards. Errors are linear light, kept from -1 to 2 where they arrive; the entry
    taken is one of the nearest in Oklab with a and b times 0.8. A pixel with four like neighbours (itself,
    at the border) and an entry of its own takes that, and nothing is passed on.
    """
    height, width = len(rows), len(rows[0])
    lights = {
        c: [_light(v) for v in (tuple(c) * 3)[:3]]
        for c in [*map(tuple, entries), *functools.reduce(operator.iadd, rows, [])]
    }
    places = {tuple(entry): _place(lights[tuple(entry)]) for entry in entries}
    arrived = {}
    for y in range(height):
        step = 1 if y % 2 == 0 else -1
        for x in range(width)[::step]:
            colour, shown = rows[y][x], tuple(taken[y][x])
            beside = [rows[y][max(x - 1, 0)], rows[y][min(x + 1, width - 1)]]
            beside += [rows[max(y - 1, 0)][x], rows[min(y + 1, height - 1)][x]]
            if colour in places and all(other == colour for other in beside):
                assert shown == colour
                continue
            sixteenths = arrived.get((y, x), [0] * 3)
            wanted = [v + (e + 8) // 16 for v, e in zip(lights[colour], sixteenths, strict=True)]
            wanted = [min(max(v, -65536), 131072) for v in wanted]
            place = _place(wanted)
            gaps = {e: sum((a - b) ** 2 for a, b in zip(place, p, strict=True)) for e, p in places.items()}
            assert gaps[shown] == min(gaps.values())
            for channel in range(3):
                error = ((wanted[channel] - lights[shown][channel]) * strength) >> 8
                for dy, dx, part in ((0, step, 7), (1, -step, 3), (1, 0, 5), (1, step, 1)):
                    arrived.setdefault((y + dy, x + dx), [0] * 3)[channel] += part * error
