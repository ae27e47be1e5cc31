"""Annex C of the spec, C.5 to C.9: a pixel's neighbourhood, its contexts and maps, mixing and matches."""

from bisect import bisect_right
from operator import mul

from .annex_c_tree import FRESH, STRETCH, Node, clip, learnt, squash

# C.5. Neighbourhood and predictions

W, N, NW, NE, WW, NN, NEE, NNE = (-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (1, -2)
NWW, NNW, WWW, NNN, WWWW = (-2, -1), (-1, -2), (-3, 0), (0, -3), (-4, 0)
TAPS = [
    *(W, N, NW, NE, WW, NN, NEE, NWW, NNW, NNE, (-2, -2), (2, -2)),
    *(WWW, NNN, (-3, -1), (3, -1), (-1, -3), (1, -3)),
]  # fmt: skip
"""The 18 neighbours of the linear predictions, as (x, y) from the pixel."""


class Near:
    """The neighbours of a pixel by their places, and the predictions made from them."""

    def __init__(self, tile, at):
        cells, pitch = tile.cells, tile.pitch
        self.cells, self.at, self.pitch = cells, at, pitch
        self.w, self.n, self.nw, self.ne, self.ww, self.nn, self.nee, self.nne = (
            cells[at + x + y * pitch] for x, y in (W, N, NW, NE, WW, NN, NEE, NNE)
        )

    def __call__(self, offset):
        return self.cells[self.at + offset[0] + offset[1] * self.pitch]

    def predictions(self, tree, coefficients):
        """v0 to v11, each along every axis in use."""
        p = tree.points
        w, n, nw, ne = p[self.w], p[self.n], p[self.nw], p[self.ne]
        ww, nn, nee, nne = p[self.ww], p[self.nn], p[self.nee], p[self.nne]
        down, across, on = abs(w[0] - nw[0]), abs(n[0] - nw[0]), abs(n[0] - ne[0])
        if down + across + on < 150:
            texture = 0 if down + across + on < 37 else 1
        else:
            texture = 2 if down > 2 * across else 3 if across > 2 * down else 4 if on > 2 * down else 5
        taps = [p[self(offset)] for offset in TAPS]
        axes = range(tree.axes)

        def linear(row):
            sums = (sum(c * tap[j] for c, tap in zip(row, taps, strict=True)) for j in axes)
            return [clip(total >> 7, 3000) for total in sums]

        v8 = [
            (10 * w[j] + 8 * n[j] - 4 * nw[j] + 4 * ne[j] - 2 * ww[j] - 2 * nn[j] + 2 * nee[j]) >> 4
            for j in axes
        ]
        v9 = [w[j] + n[j] - nw[j] for j in axes]
        return [
            *(w, n, nw, ne, ww, nn, nee, nne, v8, v9),
            *(linear(coefficients[0]), linear(coefficients[1 + texture])),
        ]


# C.6. Contexts


def mix(h):
    g = h * 2_654_435_761 % 2**32
    return g ^ g >> 15


def hashed(first, *others):
    """[first others ...] of the table of contexts."""
    h = mix(first + 1)
    for value in others:
        h = mix((h + value + 1) % 2**32)
    return h


def context_hashes(near, classes, nearest, thirteen, x):
    """The hashes of contexts 0 to 15."""
    w, n, nw, ne, ww, nn, nee = near.w, near.n, near.nw, near.ne, near.ww, near.nn, near.nee
    cw, cn, cnw, cne, cww, cnn, cnee = (classes[index] for index in (w, n, nw, ne, ww, nn, nee))
    eleven = thirteen
    for offset in (NNN, WWWW, (-3, -1), (3, -1)):
        eleven = mix((eleven + near(offset) + 1) % 2**32)
    return [
        hashed(w),
        hashed(cw, cn, cnw, cne, cww, cnn, cnee),
        hashed(n, ne),
        mix(x),
        hashed(n, nn),
        hashed(w, ww, near(WWW)),
        hashed(cw, cn, cnw, cne),
        hashed(w, n, nw, ne, ww, nn, nee),
        hashed(w, nee),
        hashed(w, n, nw, ne),
        hashed(nearest),
        eleven,
        hashed(w, n, nearest),
        thirteen,
        hashed(w, cn, cnw, cne),
        hashed(n, cw, cnw, cne),
    ]


def look_up(table, bits, h):
    """A bucket: a list of its check and slots 1 to 15. `table` has those that were looked up before."""
    check, place = h & 65_535, h >> (32 - bits)
    both = [table.setdefault(i, [32_768] + [FRESH] * 15) for i in (place, place ^ 1)]
    for bucket in both:
        if bucket[0] == check:
            return bucket
    first, other = both
    taken = other if other[1][1] < first[1][1] else first
    taken[:] = [check] + [FRESH] * 15
    return taken


# C.7. Maps

COARSE = [12, 32, 64, 100, 180, 320, 600]
FINE = [4, 10, 20, 36, 60, 96, 152, 240, 380, 600, 960]
SPREADS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 300, 500]
STEPS = [1, 4, 8, 13, 20, 28, 38, 50, 64, 80, 100, 128, 170, 230, 320]
"""Table C.b, and the bounds of class, fine and step."""


def counted(bounds, x):
    """How many bounds are at most x."""
    return bisect_right(bounds, x)


def signed(bounds, x):
    """Classes of x from 0 on for the least to twice as many as the bounds and one more for the largest."""
    c = counted(bounds, abs(x))
    return len(bounds) + 1 + c if x >= 0 else len(bounds) - c


# C.8. Mixing, and C.9. Matches and flat pixels

MODELS = [(3, 2, 2, 1, False), (7, 4, 4, 2, False), (16, 6, 4, 4, True)]
"""Table C.c: contexts, node maps, distance maps, sets, refines."""


class ContextTile:
    """Everything that adapts while a tile is decoded, pixel by pixel."""

    def __init__(self, decoder, width, height, tree, coefficients, options):
        self.decoder, self.width, self.height, self.tree = decoder, width, height, tree
        self.coefficients = coefficients
        self.n_contexts, self.n_node_maps, self.n_distance_maps, self.n_sets, self.refines = MODELS[
            options & 3
        ]
        self.flat, self.match = options & 4, options & 8
        # C.5: the tile with margins of 4 cells to each side and 3 above.
        self.pitch = width + 8
        self.cells = [0] * (self.pitch * (height + 3))
        self.errors = [[0] * len(self.cells) for _ in range(4)]
        # C.6: a table for each context.
        bits = (width * height).bit_length()
        self.bucket_bits = min(16, max(8, bits - 2))
        self.tables = [{} for _ in range(self.n_contexts)]
        self.refined = [[2048 * (i % 32) + 1024 for i in range(512)] for _ in range(self.n_contexts)]
        # C.7: slots of the maps, fresh until they are used.
        self.node_maps, self.distance_maps = {}, {}
        # C.8: vectors of weights, which all start alike.
        count = self.n_contexts * (2 if self.refines else 1)
        maps = self.n_node_maps + self.n_distance_maps
        self.start = [100] * 12 + [9100 // count] * count + [4800 // maps] * maps + [0, 0]
        self.weights, self.final = {}, {}
        self.decisions = 0
        # C.9: the match, and flat pixels.
        self.place, self.length = 0, 0
        self.match_bits, self.places = min(16, max(8, bits)), {}
        self.match_slots = [(2048 + 20 * i, 0) for i in range(64)]
        self.flats = [4_000_000] * 4096

    def read(self):
        """All indices in raster order."""
        indices = []
        for y in range(self.height):
            start = (y + 3) * self.pitch + 4
            self.cells[start - 4 : start] = [self.cells[start - self.pitch]] * 4
            for x in range(self.width):
                # M32: a decoder may give up as soon as S > L + 4.
                if self.decoder.shifted > len(self.decoder.stream) + 4:
                    return []
                index = self.pixel(start + x, x)
                self.cells[start + x] = index
                indices.append(index)
            self.cells[start + self.width : start + self.width + 4] = [indices[-1]] * 4
        return indices

    def pixel(self, at, x):
        """C.9, and then the decisions of a pixel at a place in `cells`."""
        near = Near(self, at)
        if self.length:
            self.place += 1
            self.length = min(31, self.length + 1) if self.cells[self.place - 1] == near.w else 0
        guess = self.cells[self.place] if self.length else None
        if self.flat and guess in (None, near.w):
            around = (N, NW, NE, WW, NN, NEE, NNE, NWW, NNW, WWW)
            if all(near(offset) == near.w for offset in around) and self.flat_pixel(near):
                return near.w
        thirteen = hashed(
            *(near.w, near.n, near.nw, near.ne, near.ww, near.nn, near.nee, near.nne),
            *(near(NNW), near(NWW), near(WWW)),
        )
        if self.match:
            item = thirteen >> (32 - self.match_bits)
            if not self.length and item in self.places:
                self.place = self.places[item]
                self.length = self.alike(self.place, at)
                guess = self.cells[self.place] if self.length else None
            self.places[item] = at
        v = near.predictions(self.tree, self.coefficients)
        index = self.decide(near, v, x, guess, thirteen)
        for j, errors in enumerate(self.errors):
            errors[at] = 2 * min(511, abs(self.tree.points[index][0] - v[8 + j][0]))
        return index

    def alike(self, place, at):
        """How many cells before a place hold what those before the pixel do, from 3 to 16; else 0."""
        length = 0
        while length < 16 and self.cells[place - 1 - length] == self.cells[at - 1 - length]:
            length += 1
        return length if length >= 3 else 0

    def flat_pixel(self, near):
        """The bit that says whether a pixel among equal ones is equal too."""
        offsets = ((3, -1), (4, -1), NNN, WWWW, (2, -2), (-2, -2), (-3, -1), (3, -2))
        i = sum((near(offset) == near.w) << place for place, offset in enumerate(offsets))
        i += 256 * (self.length > 0) + 512 * (self.length > 16) + 1024 * (near.w & 3)
        f = self.flats[i]
        bit = self.decoder.bit(f >> 6)
        self.flats[i] = f + (4_194_303 - f >> 7) if bit else f - (f >> 7)
        return bit

    def decide(self, near, v, x, guess, thirteen):
        """C.4: from the root to the pixel's leaf: its index."""
        scales = []
        for errors in self.errors:  # C.5: of v8 to v11
            w, n, nw, ne, ww, nn = (errors[near.at + a + b * self.pitch] for a, b in (W, N, NW, NE, WW, NN))
            scales.append((2 * w + 2 * n + nw + ne + ww + nn >> 2) + 4)
        nearest = self.tree.root
        while isinstance(nearest, Node):
            nearest = nearest.children[2 * v[10][nearest.axis] > nearest.threshold]
        hashes = context_hashes(near, self.tree.classes, nearest, thirteen, x)[: self.n_contexts]
        pairs = [
            *(near.w == near.n, near.w == near.nw, near.n == near.nw),
            *(near.n == near.ne, near.w == near.ww, near.n == near.nn),
        ]
        equal = sum(same << i for i, same in enumerate(pairs))
        path = () if guess is None else self.tree.paths[guess]
        step = 20 + 70_000 // (1000 + (self.decisions >> 3))
        node, q, buckets = self.tree.root, 1, []
        while isinstance(node, Node):
            if node.level % 4 == 0:
                turned = node.number * 2_246_822_507
                buckets = [
                    look_up(table, self.bucket_bits, mix((h + turned) % 2**32))
                    for table, h in zip(self.tables, hashes, strict=True)
                ]
                q = 1
            expected = path[node.level] if node.level < len(path) else None
            bit = self.decision(node, v, scales, buckets, q, equal, expected, step)
            if expected is not None and bit != expected:
                path = ()
            q = 2 * q + bit
            self.decisions += 1
            node = node.children[bit]
        return node

    def decision(self, node, v, scales, buckets, q, equal, expected, step):
        """C.5 to C.9: one bit, and what is learnt from it."""
        # C.5: distances.
        distances = [2 * prediction[node.axis] - node.threshold for prediction in v]
        inverse = min(32_767, 2_949_120 // node.spread)
        x = [clip(d * inverse >> 14, 2047) for d in distances]
        # C.6: slots of the contexts. One that has learnt nothing has p = 2048, whose stretch is 0.
        slots = [bucket[q] for bucket in buckets]
        inputs = x + [STRETCH[p] for p, _ in slots]
        if self.refines:
            chosen = [32 * n + (p >> 7) for p, n in slots]
            inputs += [STRETCH[row[i] >> 4] for row, i in zip(self.refined, chosen, strict=True)]
        # C.7: slots of the maps.
        contrast = counted(SPREADS, abs(x[0] - x[2]) + abs(x[1] - x[2]) + abs(x[1] - x[3]) >> 1) >> 1
        row = node.number % 1024
        node_keys = [(row, i, slot) for i, slot in enumerate(self.node_slots(x, contrast))]
        distance_keys = list(self.distance_keys(distances, scales, node.spread))
        node_slots = [self.node_maps.get(key, FRESH) for key in node_keys]
        distance_slots = [self.distance_maps.get(key, FRESH) for key in distance_keys]
        inputs += [STRETCH[p] for p, _ in node_slots + distance_slots]
        # C.9: the match.
        quality, match = 0, 2 * self.length + (node.level > 2)
        if expected is None:
            inputs.append(0)
        else:
            quality = 1 + (self.length > 5) + (self.length > 15) + (self.length > 30)
            stretched = STRETCH[self.match_slots[match][0]]
            inputs.append(stretched if expected else -stretched)
        inputs.append(256)
        # C.8: mixing.
        level = min(15, node.level)
        spread = min(31, scales[2] * (65_536 // node.spread) >> 13)
        vectors = [
            row,
            16 * equal + level,
            16 * (2 * quality + (expected == 1)) + level,
            32 * contrast + spread,
        ]
        bit = self.mixed_bit(inputs, vectors, (level, expected is not None), step)
        # Learning.
        for bucket, slot in zip(buckets, slots, strict=True):
            bucket[q] = learnt(slot, bit)
        self.node_maps.update((key, learnt(s, bit)) for key, s in zip(node_keys, node_slots, strict=True))
        self.distance_maps.update(
            (key, learnt(s, bit)) for key, s in zip(distance_keys, distance_slots, strict=True)
        )
        if self.refines:
            for refined, i in zip(self.refined, chosen, strict=True):
                refined[i] += (65_535 if bit else 0) - refined[i] >> 6
        if expected is not None:
            self.match_slots[match] = learnt(self.match_slots[match], bit == expected)
        return bit

    def mixed_bit(self, inputs, vectors, final_key, step):
        """C.8: the bit whose probability is mixed of the inputs, and what the weights learn from it."""
        keys = list(enumerate(vectors[: self.n_sets]))
        weights = [self.weights.get(key, self.start) for key in keys]
        outputs = [clip(sum(map(mul, inputs, w)) >> 13, 2047) for w in weights]
        final = self.final.get(final_key, [16_384 // self.n_sets] * self.n_sets)
        p = squash(clip(sum(o * f for o, f in zip(outputs, final, strict=True)) >> 14, 2047))
        bit = self.decoder.bit(p)
        for key, o, vector in zip(keys, outputs, weights, strict=True):
            e = ((bit << 16) - squash(o)) * step >> 9
            self.weights[key] = [
                clip(w + (a * e + 16_384 >> 15), 16_383) for w, a in zip(vector, inputs, strict=True)
            ]
        self.final[final_key] = [
            clip(f + (o * ((bit << 16) - p >> 3) + 16_384 >> 15), 32_767)
            for f, o in zip(final, outputs, strict=True)
        ]
        return bit

    def distance_keys(self, distances, scales, spread):
        """C.7: for each distance map its number and the slot in it."""
        for i in (2, 3, 0, 1)[: self.n_distance_maps]:  # v10, v11, v8, v9
            scale = scales[i]
            z = clip(distances[8 + i], 2047) * (65_536 // scale) >> 11
            d = scale * (65_536 // spread) >> 12
            large = (scale >= 8) + (scale >= 40) + (scale >= 100)
            yield i, 4 * (32 * counted(SPREADS, d) + signed(STEPS, z)) + large

    def node_slots(self, x, contrast):
        """C.7: the slot in each node map."""

        def pair(i, j):
            return 16 * signed(COARSE, x[i]) + signed(COARSE, x[j])

        slots = [pair(2, 3), pair(11, 6)]
        if self.n_node_maps > 2:
            slots += [pair(0, 4), 8 * signed(FINE, x[11]) + contrast]
        if self.n_node_maps > 4:
            slots += [pair(1, 5), pair(0, 1)]
        return slots
