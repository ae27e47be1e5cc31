# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the context coding knows of a pixel before its first decision (spec C.6, C.9): a compiled loop.

In: a tile's cells. Out: a pixel's neighbours, its match, and the buckets of its contexts. Bounds:

- An index is below k: what was decoded is a leaf of the tree.
- A neighbour lies within the cells' margins; a match is a cell that was coded before.
- A hash is cut to the size of its table.
- A path ends at the root, and no tree is deeper than PATH.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from neighbourhood_loop.pxd
    from kmq._coding.context.tree_loop import AXIS, LINK, THRESHOLD
    from kmq._coding.structures import structure

    W, N, NW, NE, WW, NN, NEE, NNE, WEIGHED, GRADIENT, FITTED, TEXTURED, DISTANCES = range(13)
    PREDICTIONS, POINT, MOST_CONTEXTS, MARGIN_LEFT, MARGIN_TOP = 4, 8, 16, 4, 3
    PATH, FRESH, BUCKET, LEVELS, LONGEST_MATCH = 128, 0x8000, 16, 4, 31
    Match = structure(path=[0] * PATH)
    Pixel = structure(
        near=[0] * WEIGHED,
        colours=[[0] * POINT for _ in range(DISTANCES)],
        scale=[0] * PREDICTIONS,
        per_scale=[0] * PREDICTIONS,
        starts=[0] * PREDICTIONS,
        hashes=[0] * MOST_CONTEXTS,
        buckets=[0] * MOST_CONTEXTS,
    )


@cython.final
@cython.auto_pickle(False)
@cython.cclass
class Tile:
    """What the loops read, and what they learn in."""

    def __init__(self, cells, tree, coefficients, taps, shared, state) -> None:
        """Take the cells with their margins, and the arrays of a PaletteTree, of Tables and of a State."""
        model = state.model
        self.cells, self.pitch = cells.reshape(-1).data, cells.shape[1]
        self.points, self.tree, self.leaf_parents = tree.points.data, tree.nodes.data, tree.leaf_parents.data
        self.classes, self.coefficients, self.taps = tree.classes.data, coefficients.data, taps.data
        self.stretch, self.squash, self.rates = shared.stretch.data, shared.squash.data, shared.rates.data
        self.coarse_classes, self.fine_classes = shared.quantisers[0].data, shared.quantisers[1].data
        self.step_classes, self.spread_classes = shared.quantisers[2].data, shared.quantisers[3].data
        self.slots, self.refined = state.slots.data, state.refined.data
        self.weights, self.final_weights = state.weights.data, state.final_weights.data
        self.errors, self.flat_slots, self.matches = (
            state.errors.data,
            state.flat_slots.data,
            state.matches.data,
        )
        self.n_contexts, self.n_node_maps = model.contexts, model.node_maps
        self.n_distance_maps, self.n_sets = model.distance_maps, model.sets
        self.n_inputs, self.refines = model.inputs, model.refines
        self.has_flat, self.has_match = state.flat, state.match
        self.bucket_bits, self.match_bits = state.bucket_bits, state.match_bits
        self.node_base, self.distance_base = state.node_base, state.distance_base
        self.match_base = state.match_base
        self.first_prediction = PREDICTIONS - self.n_distance_maps


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def above(tile: Tile, px: cython.pointer(Pixel), rows: cython.int, columns: cython.int) -> cython.int:
    """Return the index that lies some rows up and columns to the right."""
    return tile.cells[px.at - rows * tile.pitch + columns]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def come_to(tile: Tile, px: cython.pointer(Pixel), match: cython.pointer(Match)) -> cython.int:
    """Look at the nearest neighbours, and follow the match; return a flat pixel's slot, or -1 (spec C.9)."""
    w: cython.int = above(tile, px, 0, -1)
    px.near[W] = w
    px.near[N] = above(tile, px, 1, 0)
    px.near[NW] = above(tile, px, 1, -1)
    px.near[NE] = above(tile, px, 1, 1)
    px.near[WW] = above(tile, px, 0, -2)
    px.near[NN] = above(tile, px, 2, 0)
    px.near[NEE] = above(tile, px, 1, 2)
    px.near[NNE] = above(tile, px, 2, 1)
    if match.length > 0:
        match.at += 1
        if tile.cells[match.at - 1] != w:
            match.length = 0
        elif match.length < LONGEST_MATCH:
            match.length += 1
    match.guess = tile.cells[match.at] if match.length > 0 else -1
    if (
        tile.has_flat
        and w == px.near[N]
        and w == px.near[NW]
        and w == px.near[NE]
        and w == px.near[WW]
        and w == px.near[NN]
        and w == px.near[NEE]
        and w == px.near[NNE]
        and w == above(tile, px, 1, -2)
        and w == above(tile, px, 2, -1)
        and w == above(tile, px, 0, -3)
        and (match.guess < 0 or match.guess == w)
    ):
        return flat_row(tile, px, match)
    return -1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def flat_row(tile: Tile, px: cython.pointer(Pixel), match: cython.pointer(Match)) -> cython.int:
    """Return a flat pixel's slot, by which of eight farther indices are alike, and by the match."""
    w: cython.int = px.near[W]
    return (
        (above(tile, px, 1, 3) == w)
        | (above(tile, px, 1, 4) == w) << 1
        | (above(tile, px, 3, 0) == w) << 2
        | (above(tile, px, 0, -4) == w) << 3
        | (above(tile, px, 2, 2) == w) << 4
        | (above(tile, px, 2, -2) == w) << 5
        | (above(tile, px, 1, -3) == w) << 6
        | (above(tile, px, 2, 3) == w) << 7
        | (match.length > 0) << 8
        | (match.length > 16) << 9
        | (w & 3) << 10
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mixed(value: cython.uint) -> cython.uint:
    """Return the hash of spec C.6."""
    golden: cython.uint = 0x9E3779B1
    word: cython.uint = 0xFFFFFFFF  # compiled, the product wraps; this is for Python's integers
    value = (value * golden) & word
    return value ^ (value >> 15)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hashed(value: cython.uint, index: cython.uint) -> cython.uint:
    """Return the hash of a hash and one more index."""
    return mixed(value + index + 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_of_four(a: cython.int, b: cython.int, c: cython.int, d: cython.int) -> cython.uint:
    """Return the hash of four indices or classes."""
    return hashed(hashed(hashed(mixed(a + 1), b), c), d)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def look_around(tile: Tile, px: cython.pointer(Pixel), match: cython.pointer(Match)) -> cython.void:
    """Find the match if there is none yet, which neighbours are equal, and the hash of each context."""
    wide: cython.uint = 0
    widest: cython.uint = 0
    if tile.has_match or tile.n_contexts > 7:
        wide = hash_of_four(px.near[W], px.near[N], px.near[NW], px.near[NE])
        wide = hashed(hashed(hashed(wide, px.near[WW]), px.near[NN]), px.near[NEE])
        widest = hashed(hashed(wide, px.near[NNE]), above(tile, px, 2, -1))
        widest = hashed(hashed(widest, above(tile, px, 1, -2)), above(tile, px, 0, -3))
    if tile.has_match:
        find_match(tile, px, match, widest)
    px.equal = (
        (px.near[W] == px.near[N])
        | (px.near[W] == px.near[NW]) << 1
        | (px.near[N] == px.near[NW]) << 2
        | (px.near[N] == px.near[NE]) << 3
        | (px.near[W] == px.near[WW]) << 4
        | (px.near[N] == px.near[NN]) << 5
    )
    hash_contexts(tile, px)
    if tile.n_contexts > 7:
        hash_more_contexts(tile, px, wide, widest)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def find_match(
    tile: Tile, px: cython.pointer(Pixel), match: cython.pointer(Match), widest: cython.uint
) -> cython.void:
    """Look for where this neighbourhood was before, and note that it is here."""
    row: cython.int = widest >> (32 - tile.match_bits)
    length: cython.int = 0
    if match.length == 0 and tile.matches[row] > 0:
        match.at = tile.matches[row]
        while length < 16 and tile.cells[match.at - 1 - length] == tile.cells[px.at - 1 - length]:
            length += 1
        if length >= 3:
            match.length = length
            match.guess = tile.cells[match.at]
    tile.matches[row] = px.at


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_contexts(tile: Tile, px: cython.pointer(Pixel)) -> cython.void:
    """Find the hashes of the contexts of the models `fast` and `default` (spec C.6)."""
    w: cython.int = px.near[W]
    n: cython.int = px.near[N]
    near: cython.uint = hash_of_four(
        tile.classes[w], tile.classes[n], tile.classes[px.near[NW]], tile.classes[px.near[NE]]
    )
    px.hashes[0] = mixed(w + 1)
    px.hashes[1] = hashed(hashed(near, tile.classes[px.near[WW]]), tile.classes[px.near[NN]])
    px.hashes[1] = hashed(px.hashes[1], tile.classes[px.near[NEE]])
    px.hashes[2] = hashed(mixed(n + 1), px.near[NE])
    if tile.n_contexts > 3:
        px.hashes[3] = mixed(cython.cast(cython.uint, px.column - MARGIN_LEFT))
        px.hashes[4] = hashed(mixed(n + 1), px.near[NN])
        px.hashes[5] = hashed(hashed(mixed(w + 1), px.near[WW]), above(tile, px, 0, -3))
        px.hashes[6] = near


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def hash_more_contexts(
    tile: Tile, px: cython.pointer(Pixel), wide: cython.uint, widest: cython.uint
) -> cython.void:
    """Find the hashes of the contexts that the model `max` alone has."""
    w: cython.int = px.near[W]
    n: cython.int = px.near[N]
    nw: cython.int = px.near[NW]
    ne: cython.int = px.near[NE]
    nearest: cython.int = nearest_leaf(tile, px)
    px.hashes[7] = wide
    px.hashes[8] = hashed(mixed(w + 1), px.near[NEE])
    px.hashes[9] = hash_of_four(w, n, nw, ne)
    px.hashes[10] = mixed(nearest + 1)
    px.hashes[11] = hashed(hashed(widest, above(tile, px, 3, 0)), above(tile, px, 0, -4))
    px.hashes[11] = hashed(hashed(px.hashes[11], above(tile, px, 1, -3)), above(tile, px, 1, 3))
    px.hashes[12] = hashed(hashed(mixed(w + 1), n), nearest)
    px.hashes[13] = widest
    px.hashes[14] = hash_of_four(w, tile.classes[n], tile.classes[nw], tile.classes[ne])
    px.hashes[15] = hash_of_four(n, tile.classes[w], tile.classes[nw], tile.classes[ne])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def nearest_leaf(tile: Tile, px: cython.pointer(Pixel)) -> cython.int:
    """Return the entry that the fitted prediction leads to, down the tree."""
    node: cython.int = 0
    while node >= 0:
        node = tile.tree[node, 2 * px.colours[FITTED][tile.tree[node, AXIS]] > tile.tree[node, THRESHOLD]]
    return ~node


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def find_buckets(tile: Tile, px: cython.pointer(Pixel), node: cython.int) -> cython.void:
    """Find each context's bucket for the levels from `node` down, taking one over if there is none."""
    i: cython.int
    j: cython.int
    check: cython.uint
    value: cython.uint
    first: cython.uint
    place: cython.Py_ssize_t
    other: cython.Py_ssize_t
    spread: cython.uint = 0x85EBCA6B
    for i in range(tile.n_contexts):
        value = mixed(px.hashes[i] + cython.cast(cython.uint, node) * spread)
        check = value & 0xFFFF
        first = cython.cast(cython.uint, i) << tile.bucket_bits
        place = cython.cast(cython.Py_ssize_t, first + (value >> (32 - tile.bucket_bits))) * BUCKET
        other = place ^ BUCKET
        if tile.slots[place] != check:
            if tile.slots[other] == check:
                place = other
            else:
                if (tile.slots[other + 1] & 15) < (tile.slots[place + 1] & 15):
                    place = other
                tile.slots[place] = check
                for j in range(1, BUCKET):
                    tile.slots[place + j] = FRESH
        px.buckets[i] = place


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def way_to(tile: Tile, path: cython.p_int, index: cython.int) -> cython.int:
    """Write the decisions that lead to an index, the last first; return how many there are."""
    link: cython.int = tile.leaf_parents[index]
    count: cython.int = 1
    path[0] = link & 1
    while link > 1:
        link = tile.tree[link >> 1, LINK]
        path[count] = link & 1
        count += 1
    return count
