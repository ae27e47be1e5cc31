"""An independent, slow reading of the context coding, written from annex C of the spec alone.

Nothing here imports kmq. Pictures are dictionaries of pixels, tables are made as they are asked for.
"""

from collections import defaultdict

from palette_oracle import Decoder

MODELS = [(3, 2, 2, 1, False), (7, 4, 4, 2, False), (16, 6, 4, 4, True)]
"""Table C.c: contexts, node maps, distance maps, sets, refines."""

A = [
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793),
    *(
        47911,
        53581,
        57724,
        60565,
        62428,
        63615,
        64357,
        64816,
        65097,
        65269,
        65374,
        65438,
        65476,
        65500,
        65514,
    ),
]
"""Table C.a."""

CLASSES = [12, 32, 64, 100, 180, 320, 600]
FINE = [4, 10, 20, 36, 60, 96, 152, 240, 380, 600, 960]
SPREADS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 300, 500]
STEPS = [1, 4, 8, 13, 20, 28, 38, 50, 64, 80, 100, 128, 170, 230, 320]
"""Table C.b, and the bounds of the distance maps."""

TAPS = [
    *((-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (-2, -1), (-1, -2), (1, -2), (-2, -2)),
    *((2, -2), (-3, 0), (0, -3), (-3, -1), (3, -1), (-1, -3), (1, -3)),
]
W, N, NW, NE, WW, NN, NEE, NNE = (-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (1, -2)
NWW, NNW, WWW, NNN, WWWW = (-2, -1), (-1, -2), (-3, 0), (0, -3), (-4, 0)

DEFAULT = [80, 64, -32, 32, -16, -16, 16] + [0] * 11


def clip(x, m):
    return max(-m, min(m, x))


def squash(d):
    i, f = (d + 2048) // 128, (d + 2048) % 128
    return (A[i] * (128 - f) + A[i + 1] * f) // 128


STRETCH = [
    clip(next((d for d in range(-2048, 2048) if squash(d) // 16 >= p), 2047), 2047) for p in range(4096)
]


def below(bounds, x):
    return sum(bound <= x for bound in bounds)


def signed(bounds, x):
    return len(bounds) + 1 + below(bounds, x) if x >= 0 else len(bounds) - below(bounds, -x)


class Slot:
    """Section C.2: a probability of 12 bits and a count."""

    def __init__(self, p=2048):
        self.p, self.n = p, 0

    def learn(self, bit):
        rate = 655360 // (10 * self.n + 16)
        self.p += (((4095 if bit else 0) - self.p) * rate + 32768) // 65536
        self.n = min(15, self.n + 1)


def numbers(decoder, count):
    """Section C.3: a list of steps; None if a number is too long."""
    u = [Slot() for _ in range(32)]

    def coded(slot):
        bit = decoder.bit((16 * slot.p + slot.n) | 8)
        slot.learn(bit)
        return bit

    steps = []
    for _ in range(count):
        length = 0
        while coded(u[length]):
            length += 1
            if length == 16:
                return None
        m = 1
        for place in range(length):
            m = 2 * m + (coded(u[16 + length - 1]) if place == 0 else decoder.bit(32768))
        m -= 1
        steps.append(-(m + 1) // 2 if m % 2 else m // 2)
    return steps


class Node:
    """Section C.4: a node and what lies below it."""

    def __init__(self, number, level, axis, threshold, spread):
        self.number, self.level, self.axis, self.threshold, self.spread = (
            number,
            level,
            axis,
            threshold,
            spread,
        )
        self.children = []


def coordinates(entry):
    if len(entry) == 1:
        entry = entry * 3
    r, g, b, a = (*entry, 0) if len(entry) == 3 else entry
    if len(entry) == 4:
        r, g, b = (v * a // 255 for v in (r, g, b))
    return [3 * r + 4 * g + 3 * b, 4 * r - 4 * b, -2 * r + 5 * g - 2 * b, 6 * r, 6 * g, 6 * b, 6 * a]


class Tree:
    def __init__(self, palette, counts):
        self.points = [coordinates(entry) for entry in palette]
        self.axes = {1: 1, 3: 6, 4: 7}[len(palette[0])]
        self.counts, self.k, self.nodes, self.paths, self.classes = counts, len(palette), 0, {}, {}
        self.root = self.split(list(range(self.k)), 0, [], None)

    def split(self, entries, level, path, kind):
        if len(entries) == 1:
            self.paths[entries[0]] = path
            self.classes[entries[0]] = self.k + entries[0] if kind is None else kind
            return entries[0]
        number = self.nodes
        self.nodes += 1
        kind = number if level == 4 else kind
        heaviest = max(self.counts[e] for e in entries)
        weights = [2 ** max(0, self.counts[e] - heaviest + 7) if self.k <= 4096 else 1 for e in entries]
        best = None
        for axis in range(self.axes):
            values = [self.points[e][axis] for e in entries]
            m = sum(w * p for w, p in zip(weights, values, strict=True)) // sum(weights)
            deviation = sum(w * abs(p - m) for w, p in zip(weights, values, strict=True))
            if best is None or deviation > best[0]:
                best = deviation, axis, m
        deviation, axis, m = best
        if deviation == 0 or level >= 64:
            left, right = entries[: len(entries) // 2], entries[len(entries) // 2 :]
        else:
            left = [e for e in entries if self.points[e][axis] <= m]
            right = [e for e in entries if self.points[e][axis] > m]
        lower, upper = ([self.points[e][axis] for e in side] for side in (left, right))
        spread = max(1, sum(upper) // len(upper) - sum(lower) // len(lower))
        node = Node(number, level, axis, max(lower) + min(upper), spread)
        node.children = [self.split(left, level + 1, [*path, 0], kind)]
        node.children.append(self.split(right, level + 1, [*path, 1], kind))
        return node


def mix(h):
    g = h * 2654435761 % 2**32
    return g ^ g >> 15


def hashed(first, *others):
    h = mix((first + 1) % 2**32)
    for value in others:
        h = mix((h + value + 1) % 2**32)
    return h


class Table:
    """Section C.6: the buckets of a context."""

    def __init__(self, bits):
        self.bits, self.buckets = bits, {}

    def look_up(self, h):
        check, place = h % 65536, h >> (32 - self.bits)
        both = [self.buckets.setdefault(at, [32768, defaultdict(Slot)]) for at in (place, place ^ 1)]
        for bucket in both:
            if bucket[0] == check:
                return bucket[1]
        taken = both[1] if both[1][1][1].n < both[0][1][1].n else both[0]
        taken[0], taken[1] = check, defaultdict(Slot)
        return taken[1]


class Tile:
    """The state of section C.5 to C.9 while a tile is decoded."""

    def __init__(self, decoder, width, height, palette, options, counts, coefficients):
        self.decoder, self.width, self.height = decoder, width, height
        self.contexts, self.node_maps, self.distance_maps, self.sets, self.refines = MODELS[options & 3]
        self.flat, self.match = bool(options & 4), bool(options & 8)
        self.tree, self.coefficients = Tree(palette, counts), coefficients
        size = (width * height).bit_length()
        self.tables = [Table(min(16, max(8, size - 2))) for _ in range(self.contexts)]
        self.match_bits, self.matches = min(16, max(8, size)), {}
        self.place, self.length = 0, 0
        self.refined = defaultdict(dict)
        self.node_slots, self.distance_slots = defaultdict(Slot), defaultdict(Slot)
        self.match_slots = [Slot(2048 + 20 * i) for i in range(64)]
        self.flats = [4_000_000] * 4096
        kinds = self.contexts * (2 if self.refines else 1)
        maps = self.node_maps + self.distance_maps
        self.inputs = -(-(12 + kinds + maps + 2) // 8) * 8
        start = [100] * 12 + [9100 // kinds] * kinds + [4800 // maps] * maps
        self.start = start + [0] * (self.inputs - len(start))
        self.weights = {}
        self.final = defaultdict(lambda: [16384 // self.sets] * self.sets)
        self.decisions = 0
        self.errors = defaultdict(lambda: [0] * 4)
        self.pixels = {}

    def at(self, x, y):
        """Return a pixel, or what stands for it outside the tile."""
        if y < 0:
            return 0
        if x < 0:
            return self.at(0, y - 1)
        return self.pixels[min(x, self.width - 1), y]

    def at_place(self, place):
        y, x = divmod(place, self.width + 8)
        return self.at(x - 4, y - 3)

    def decode(self):
        for y in range(self.height):
            for x in range(self.width):
                self.pixels[x, y] = self.pixel(x, y)
        return [[self.pixels[x, y] for x in range(self.width)] for y in range(self.height)]

    def pixel(self, x, y):
        def near(offset):
            return self.at(x + offset[0], y + offset[1])

        here = (y + 3) * (self.width + 8) + x + 4
        if self.length:
            self.place += 1
            self.length = min(31, self.length + 1) if self.at_place(self.place - 1) == near(W) else 0
        guess = self.at_place(self.place) if self.length else None
        w = near(W)
        if self.flat and guess in (None, w):
            alike = all(near(o) == w for o in (N, NW, NE, WW, NN, NEE, NNE, NWW, NNW, WWW))
            if alike and self.flat_pixel(near, w):
                return w
        thirteen = hashed(*map(near, (W, N, NW, NE, WW, NN, NEE, NNE, NNW, NWW, WWW)))
        if self.match:
            top = thirteen >> (32 - self.match_bits)
            if not self.length and top in self.matches:
                self.place = self.matches[top]
                while self.length < 16 and self.at_place(self.place - 1 - self.length) == self.at_place(
                    here - 1 - self.length
                ):
                    self.length += 1
                if self.length < 3:
                    self.length = 0
                guess = self.at_place(self.place) if self.length else None
            self.matches[top] = here
        v = self.predictions(near)
        index = self.decide(x, y, near, v, guess, thirteen)
        own = self.tree.points[index][0]
        self.errors[x, y] = [2 * min(511, abs(own - v[8 + j][0])) for j in range(4)]
        return index

    def flat_pixel(self, near, w):
        around = ((3, -1), (4, -1), NNN, WWWW, (2, -2), (-2, -2), (-3, -1), (3, -2))
        bits = [*(near(offset) == w for offset in around), self.length > 0, self.length > 16]
        i = sum(2**place for place, bit in enumerate(bits) if bit) + 1024 * (w % 4)
        bit = self.decoder.bit(min(65535, max(1, self.flats[i] // 64)))
        self.flats[i] += (4194303 - self.flats[i]) // 128 if bit else -(self.flats[i] // 128)
        return bit

    def predictions(self, near):
        points = self.tree.points
        w, n, nw, ne, ww, nn, nee, nne = (points[near(o)] for o in (W, N, NW, NE, WW, NN, NEE, NNE))
        down, across, on = abs(w[0] - nw[0]), abs(n[0] - nw[0]), abs(n[0] - ne[0])
        if down + across + on < 150:
            texture = int(down + across + on >= 37)
        else:
            texture = 2 if down > 2 * across else 3 if across > 2 * down else 4 if on > 2 * down else 5
        taps = [points[near(offset)] for offset in TAPS]

        def linear(row, axis):
            total = sum(c * tap[axis] for c, tap in zip(self.coefficients[row], taps, strict=True))
            return clip(total >> 7, 3000)

        axes = range(7)
        v8 = [
            (10 * w[j] + 8 * n[j] - 4 * nw[j] + 4 * ne[j] - 2 * ww[j] - 2 * nn[j] + 2 * nee[j]) >> 4
            for j in axes
        ]
        v9 = [w[j] + n[j] - nw[j] for j in axes]
        v10, v11 = ([linear(row, j) for j in axes] for row in (0, 1 + texture))
        return [w, n, nw, ne, ww, nn, nee, nne, v8, v9, v10, v11]

    def hashes(self, x, near, nearest, thirteen):
        classes = self.tree.classes

        def of(*offsets):
            return hashed(*map(near, offsets))

        def k(offset):
            return classes[near(offset)]

        small = [k(o) for o in (W, N, NW, NE, WW, NN, NEE)]
        eleven = thirteen
        for offset in (NNN, WWWW, (-3, -1), (3, -1)):
            eleven = mix((eleven + near(offset) + 1) % 2**32)
        return [
            of(W), hashed(*small), of(N, NE), mix(x), of(N, NN), of(W, WW, WWW), hashed(*small[:4]),
            of(W, N, NW, NE, WW, NN, NEE), of(W, NEE), of(W, N, NW, NE), hashed(nearest), eleven,
            hashed(near(W), near(N), nearest), thirteen, hashed(near(W), k(N), k(NW), k(NE)),
            hashed(near(N), k(W), k(NW), k(NE)),
        ][: self.contexts]  # fmt: skip

    def decide(self, x, y, near, v, guess, thirteen):
        """Walk down the tree; return the leaf."""
        errors = [self.errors[x + dx, y + dy] for dx, dy in (W, N, NW, NE, WW, NN)]
        scales = []
        for around in zip(*errors, strict=True):
            e_w, e_n, *others = around
            scales.append(((2 * (e_w + e_n) + sum(others)) >> 2) + 4)
        nearest = self.tree.root
        while isinstance(nearest, Node):
            nearest = nearest.children[2 * v[10][nearest.axis] > nearest.threshold]
        hashes = self.hashes(x, near, nearest, thirteen)
        w, n, nw, ne, ww, nn = map(near, (W, N, NW, NE, WW, NN))
        pairs = [w == n, w == nw, n == nw, n == ne, w == ww, n == nn]
        equal = sum(2**i for i, same in enumerate(pairs) if same)
        path = list(self.tree.paths[guess]) if guess is not None else []
        step = 20 + 70000 // (1000 + (self.decisions >> 3))
        node, buckets, q = self.tree.root, None, 1
        while isinstance(node, Node):
            if node.level % 4 == 0:
                turned = node.number * 2246822507
                buckets = [
                    t.look_up(mix((h + turned) % 2**32)) for t, h in zip(self.tables, hashes, strict=True)
                ]
                q = 1
            expected = path[node.level] if len(path) > node.level else None
            bit = self.decision(node, v, scales, [b[q] for b in buckets], equal, expected, step)
            if expected is not None and bit != expected:
                path = []
            q = 2 * q + bit
            self.decisions += 1
            node = node.children[bit]
        self.decisions = min(self.decisions, 2**30 + 1000)
        return node

    def decision(self, node, v, scales, slots, equal, expected, step):
        distances = [2 * v[i][node.axis] - node.threshold for i in range(12)]
        inverse = min(32767, 2949120 // node.spread)
        x = [clip(d * inverse >> 14, 2047) for d in distances]
        inputs = x + [STRETCH[slot.p] if slot.n else 0 for slot in slots]
        refined = [(i, 32 * slot.n + (slot.p >> 7), slot.p >> 7) for i, slot in enumerate(slots)]
        if self.refines:
            for i, at, bin_ in refined:
                inputs.append(STRETCH[self.refined[i].setdefault(at, 2048 * bin_ + 1024) >> 4])
        contrast = (
            below(SPREADS, min(1023, (abs(x[0] - x[2]) + abs(x[1] - x[2]) + abs(x[1] - x[3])) >> 1)) >> 1
        )
        row = node.number % 1024

        def kind(value):
            return signed(CLASSES, value)

        chosen = [
            16 * kind(x[2]) + kind(x[3]), 16 * kind(x[11]) + kind(x[6]), 16 * kind(x[0]) + kind(x[4]),
            8 * signed(FINE, x[11]) + contrast, 16 * kind(x[1]) + kind(x[5]), 16 * kind(x[0]) + kind(x[1]),
        ]  # fmt: skip
        maps = [self.node_slots[row, i, chosen[i]] for i in range(self.node_maps)]
        for i in (10, 11, 8, 9)[: self.distance_maps]:
            scale = scales[i - 8]
            z = clip(clip(distances[i], 2047) * (65536 // scale) >> 11, 511)
            d = min(1023, scale * (65536 // node.spread) >> 12)
            place = (
                (32 * below(SPREADS, d) + signed(STEPS, z)) * 4
                + (scale >= 8)
                + (scale >= 40)
                + (scale >= 100)
            )
            maps.append(self.distance_slots[i, place])
        inputs += [STRETCH[slot.p] for slot in maps]
        match = None
        if expected is None:
            inputs.append(0)
        else:
            match = self.match_slots[2 * self.length + (node.level > 2)]
            inputs.append(STRETCH[match.p] if expected else -STRETCH[match.p])
        inputs.append(256)
        inputs += [0] * (self.inputs - len(inputs))
        level = min(15, node.level)
        quantity = 0
        if expected is not None:
            quantity = 1 + (self.length > 5) + (self.length > 15) + (self.length > 30)
        texture = 32 * contrast + min(31, scales[2] * (65536 // node.spread) >> 13)
        vectors = [row, 16 * equal + level, 16 * (2 * quantity + (expected == 1)) + level, texture]
        rows = [self.weights.setdefault((i, vectors[i]), list(self.start)) for i in range(self.sets)]
        outputs = [clip(sum(a * b for a, b in zip(inputs, r, strict=True)) >> 13, 2047) for r in rows]
        final = self.final[level, expected is not None]
        p = squash(clip(sum(o * f for o, f in zip(outputs, final, strict=True)) >> 14, 2047))
        bit = self.decoder.bit(p)
        whole = 65536 if bit else 0
        for i, (o, weights) in enumerate(zip(outputs, rows, strict=True)):
            e = clip((whole - squash(o)) * step >> 9, 32767)
            weights[:] = [
                clip(a + (b * e + 16384 >> 15), 16383) for a, b in zip(weights, inputs, strict=True)
            ]
            final[i] = clip(final[i] + (o * (whole - p >> 3) + 16384 >> 15), 32767)
        if self.refines:
            for i, at, _ in refined:
                r = self.refined[i][at]
                self.refined[i][at] = r + ((65535 if bit else 0) - r >> 6)
        for slot in [*slots, *maps]:
            slot.learn(bit)
        if match is not None:
            match.learn(bit == expected)
        return bit


def parameters(decoder, options, k):
    """Rough counts and coefficients (section C.3), or None if they break M31."""
    counts, coefficients = [0] * k, [DEFAULT] * 7
    if options & 16:
        steps = numbers(decoder, k)
        if steps is None:
            return None
        counts = [sum(steps[: i + 1]) for i in range(k)]
        if min(counts) < 0 or max(counts) > 15:
            return None
    if options & 32:
        steps = numbers(decoder, 7 * 18)
        if steps is None:
            return None
        first = [a + b for a, b in zip(DEFAULT, steps[:18], strict=True)]
        others = [[a + b for a, b in zip(first, steps[18 * t :], strict=False)] for t in range(1, 7)]
        coefficients = [first, *others]
    return (counts, coefficients) if max(abs(c) for row in coefficients for c in row) <= 255 else None


def read(payload, width, height, palette):
    """Rows of the indices of a tile; or the requirement that the payload breaks."""
    if len(palette) == 1:
        return "M30" if payload else [[0] * width for _ in range(height)]
    if not payload or payload[0] & 0xC0 or payload[0] & 3 == 3:
        return "M30"
    if payload[0] & 16 and width * height < len(palette):
        return "M31"
    decoder = Decoder(payload[1:])
    found = parameters(decoder, payload[0], len(palette))
    if found is None:
        return "M31"
    rows = Tile(decoder, width, height, palette, payload[0], *found).decode()
    return rows if decoder.shifted - 4 <= len(payload) - 1 <= decoder.shifted else "M32"
