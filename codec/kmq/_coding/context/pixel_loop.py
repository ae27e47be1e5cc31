# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The context coding of a tile, pixel by pixel, down the tree (spec C.4 to C.9): a compiled loop.

In: a tile's cells, or the payload. Out: the other. One function codes and decodes, so that both do the same.
Bounds:

- Indices and neighbours are those of `neighbourhood_loop`. A slot's place is that of a bucket, a class, or a
  node below NODE_ROWS, in a table made for it; a row of weights is below WEIGHT_ROWS.
- Colours are within ±5,100, and twice a colour less a threshold within ±15,300: 16 bits, as is an input.
- Inputs are within ±2,047 and weights within ±16,383: the sum of 64 products is below 2^31.
- The payload's end is looked at before each of its bytes.
"""

import cython

if not cython.compiled:  # compiled, all these are of C, from pixel_loop.pxd
    from kmq._coding.context.learning_loop import MOST_INPUTS, Decision, learn
    from kmq._coding.context.neighbourhood_loop import (
        DISTANCES,
        LEVELS,
        MARGIN_LEFT,
        MARGIN_TOP,
        NE,
        NEE,
        NN,
        NW,
        PATH,
        PREDICTIONS,
        TEXTURED,
        WEIGHED,
        WW,
        Match,
        N,
        Pixel,
        Tile,
        W,
        come_to,
        find_buckets,
        look_around,
        way_to,
    )
    from kmq._coding.context.prediction_loop import keep_errors, predict
    from kmq._coding.context.tree_loop import AXIS, SPREAD_INVERSE, STEEPNESS, THRESHOLD
    from kmq._coding.structures import structure

    NODE_ROWS, NEIGHBOUR_SET, MATCH_SET, TEXTURE_SET, WEIGHT_ROWS = 1024, 1024, 2048, 2304, 2560
    Coder = structure()


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code(
    coder: cython.pointer(Coder), data: cython.uchar[::1], bit: cython.bint, p: cython.uint
) -> cython.bint:
    """Write a bit, or read one; p / 65,536 is the probability that it is 1 (spec annex A)."""
    low: cython.uint = coder.low
    high: cython.uint = coder.high
    size: cython.uint = high - low
    middle: cython.uint = low + (size >> 16) * p + (((size & 0xFFFF) * p) >> 16)
    if not coder.encoding:
        bit = coder.number <= middle
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) < 0x1000000:
        move(coder, data, high)
        low = (low & 0xFFFFFF) << 8
        high = ((high & 0xFFFFFF) << 8) | 0xFF
    coder.low = low
    coder.high = high
    return bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def move(coder: cython.pointer(Coder), data: cython.uchar[::1], high: cython.uint) -> cython.void:
    """Write the interval's first byte, or read the next one; after the end of `data` come zeros."""
    at: cython.uint = coder.at
    coder.at = at + 1
    if coder.encoding:
        if at < data.shape[0]:
            data[at] = high >> 24
    else:
        coder.number = ((coder.number & 0xFFFFFF) << 8) | (data[at] if at < data.shape[0] else 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def clipped(value: cython.int, most: cython.int) -> cython.int:
    """Return the number from -most to most that is nearest to a value."""
    return most if value > most else -most if value < -most else value  # noqa: FURB136 - max() is of C longs


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ask_colours(
    tile: Tile, px: cython.pointer(Pixel), to: cython.pointer(Decision), node: cython.int
) -> cython.void:
    """Find how far from the node's threshold each neighbour and prediction lies (spec C.5)."""
    j: cython.int
    axis: cython.int = tile.tree[node, AXIS]
    threshold: cython.int = tile.tree[node, THRESHOLD]
    steepness: cython.short = tile.tree[node, STEEPNESS]
    distance: cython.short
    value: cython.short
    for j in range(DISTANCES):
        distance = 2 * px.colours[j][axis] - threshold
        to.distances[j] = distance
        value = (distance * steepness) >> 14
        value = 2047 if value > 2047 else value  # noqa: FURB136 - 16 bits, so that eight are clipped at a time
        to.inputs[j] = -2047 if value < -2047 else value  # noqa: FURB136


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ask_contexts(
    tile: Tile, px: cython.pointer(Pixel), to: cython.pointer(Decision), local: cython.int
) -> cython.void:
    """Ask the contexts' slots, and how these are refined (spec C.6)."""
    i: cython.int
    slot: cython.int
    count: cython.int = tile.n_contexts
    filled: cython.int = DISTANCES
    for i in range(count):
        to.places[i] = px.buckets[i] + local
        slot = tile.slots[to.places[i]]
        to.inputs[filled] = tile.stretch[slot >> 4] if slot & 15 else 0
        filled += 1
        if tile.refines:
            to.refinements[i] = i * 512 + ((slot & 15) << 5 | slot >> 11)
    if tile.refines:
        for i in range(count):
            to.inputs[filled] = tile.stretch[tile.refined[to.refinements[i]] >> 4]
            filled += 1
    to.filled = filled
    to.n_places = count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ask_node_maps(tile: Tile, to: cython.pointer(Decision), node: cython.int) -> cython.void:
    """Ask the node's maps, each by the classes of two inputs (spec C.7)."""
    i: cython.int
    count: cython.int = tile.n_node_maps
    filled: cython.int = to.filled
    at: cython.int = to.n_places
    first: cython.Py_ssize_t = tile.node_base + (node & (NODE_ROWS - 1)) * count * 256
    w: cython.int = to.inputs[W]
    n: cython.int = to.inputs[N]
    nw: cython.int = to.inputs[NW]
    contrast: cython.int = (abs(w - nw) + abs(n - nw) + abs(n - to.inputs[NE])) >> 1
    to.contrast = tile.spread_classes[min(contrast, 1023)] >> 1
    to.places[at] = first + coarse(tile, to.inputs[NW], to.inputs[NE])
    to.places[at + 1] = first + 256 + coarse(tile, to.inputs[TEXTURED], to.inputs[NEE])
    if count > 2:
        to.places[at + 2] = first + 512 + coarse(tile, to.inputs[W], to.inputs[WW])
        to.places[at + 3] = first + 768 + tile.fine_classes[to.inputs[TEXTURED] + 2048] * 8 + to.contrast
    if count > 4:
        to.places[at + 4] = first + 1024 + coarse(tile, to.inputs[N], to.inputs[NN])
        to.places[at + 5] = first + 1280 + coarse(tile, to.inputs[W], to.inputs[N])
    for i in range(count):
        to.inputs[filled + i] = tile.stretch[tile.slots[to.places[at + i]] >> 4]
    to.filled = filled + count
    to.n_places = at + count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def coarse(tile: Tile, a: cython.short, b: cython.short) -> cython.int:
    """Return the class of two inputs together."""
    return tile.coarse_classes[a + 2048] * 16 + tile.coarse_classes[b + 2048]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ask_distance_maps(
    tile: Tile, px: cython.pointer(Pixel), to: cython.pointer(Decision), spread_inverse: cython.int
) -> cython.void:
    """Ask the distance maps, the fitted predictions' first (spec C.7)."""
    i: cython.int
    j: cython.int
    spread: cython.int
    step: cython.int
    count: cython.int = tile.n_distance_maps
    filled: cython.int = to.filled
    at: cython.int = to.n_places
    for j in range(count):
        i = 2 if j == 0 else 3 if j == 1 else j - 2
        step = clipped((clipped(to.distances[WEIGHED + i], 2047) * px.per_scale[i]) >> 11, 511)
        spread = (px.scale[i] * spread_inverse) >> 12
        spread = min(spread, 1023)
        to.places[at + j] = px.starts[i] + (
            (tile.spread_classes[spread] * 32 + tile.step_classes[step + 512]) << 2
        )
    for j in range(count):
        to.inputs[filled + j] = tile.stretch[tile.slots[to.places[at + j]] >> 4]
    to.filled = filled + count
    to.n_places = at + count


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def ask_match(
    tile: Tile, match: cython.pointer(Match), to: cython.pointer(Decision), depth: cython.int
) -> cython.void:
    """Ask the match (spec C.9), and add the last input, which is always the same."""
    chance: cython.int
    to.expected = -1
    to.side = 0
    to.inputs[to.filled] = 0
    if match.left > 0:
        to.expected = match.path[match.left - 1]
        to.side = 1 + (match.length > 5) + (match.length > 15) + (match.length > 30)
        to.match_place = tile.match_base + match.length * 2 + (depth > 2)
        chance = tile.stretch[tile.slots[to.match_place] >> 4]
        to.inputs[to.filled] = chance if to.expected else -chance
    to.inputs[to.filled + 1] = 256


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def mix(
    tile: Tile,
    px: cython.pointer(Pixel),
    to: cython.pointer(Decision),
    node: cython.int,
    depth: cython.int,
    spread_inverse: cython.int,
) -> cython.int:
    """Mix the inputs by the weights of each set, and the sets' outputs by the final ones (spec C.8)."""
    level: cython.int = min(depth, 15)
    spread: cython.int = (px.scale[2] * spread_inverse) >> 13
    total: cython.int = 0
    dot: cython.int
    j: cython.int
    count: cython.int = tile.n_inputs
    i: cython.int
    to.rows[0] = node & (NODE_ROWS - 1)
    to.rows[1] = NEIGHBOUR_SET + px.equal * 16 + level
    to.rows[2] = MATCH_SET + (to.side * 2 + (to.expected > 0)) * 16 + level
    to.rows[3] = TEXTURE_SET + to.contrast * 32 + min(spread, 31)
    to.final_row = (level + 16 * (to.expected >= 0)) * 4
    for i in range(tile.n_sets):
        to.rows[i] *= count
        dot = 0
        for j in range(count):
            dot += to.inputs[j] * tile.weights[to.rows[i] + j]
        to.outputs[i] = clipped(dot >> 13, 2047)
        total += to.outputs[i] * tile.final_weights[to.final_row + i]
    return tile.squash[clipped(total >> 14, 2047) + 2048]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code_flat(
    tile: Tile,
    px: cython.pointer(Pixel),
    row: cython.int,
    coder: cython.pointer(Coder),
    data: cython.uchar[::1],
) -> cython.bint:
    """Code whether a pixel is as flat as what is around it, and set it if so (spec C.9)."""
    w: cython.int = px.near[W]
    slot: cython.uint = tile.flat_slots[row]
    p: cython.int = slot >> 6
    j: cython.int
    p = 65535 if p > 65535 else max(p, 1)
    if not code(coder, data, tile.cells[px.at] == w, p):
        tile.flat_slots[row] = slot - (slot >> 7)
        return False
    tile.flat_slots[row] = slot + ((4194303 - slot) >> 7)
    tile.cells[px.at] = w
    for j in range(PREDICTIONS):
        tile.errors[j, px.row, px.column] = 0
    return True


def code_cells(
    encoding: cython.bint,
    cells,
    tree,
    coefficients,
    taps,
    shared,
    state,
    coder_state: cython.uint[::1],
    data: cython.uchar[::1],
) -> None:
    """Code a tile's cells, or decode into them (spec C.4 to C.9).

    `cells` is the tile with its margins, (height + 3, width + 8), zero in the three rows on top.
    `coefficients` (7, 18, 8) has each eight times, so that eight are multiplied at a time. `tree` is a
    PaletteTree, `shared` are Tables, and `state` is a State, which changes. Decoding stops soon after the
    payload's end.
    """
    height: cython.Py_ssize_t = cells.shape[0] - MARGIN_TOP
    width: cython.Py_ssize_t = cells.shape[1] - 2 * MARGIN_LEFT
    tile: Tile = Tile(cells, tree, coefficients, taps, shared, state)
    # Encoding goes on beyond the end of `data`, to say how long it has to be.
    past: cython.uint = 0xFFFFFFFF if encoding else cython.cast(cython.uint, data.shape[0]) + 4
    coder = cython.declare(Coder[1])
    px = cython.declare(Pixel[1])
    match = cython.declare(Match[1])
    to = cython.declare(Decision[1])
    path = cython.declare(cython.int[128])  # PATH
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    i: cython.int
    row: cython.int
    left: cython.int
    node: cython.int
    depth: cython.int
    local: cython.int = 1
    spread_inverse: cython.int
    p: cython.int
    step: cython.int
    bit: cython.bint
    decisions: cython.uint = 0
    if not cython.compiled:
        coder, px, match, to, path = Coder(), Pixel(), Match(), Decision(), [0] * PATH
    coder.encoding, coder.low, coder.high = encoding, coder_state[0], coder_state[1]
    coder.number, coder.at = coder_state[2], coder_state[3]
    match.at = match.length = 0
    with cython.nogil:
        for i in range(MOST_INPUTS):
            to.inputs[i] = 0
        for y in range(height):
            px.at = (y + MARGIN_TOP) * tile.pitch + MARGIN_LEFT
            px.row = y % 3
            for i in range(1, MARGIN_LEFT + 1):
                tile.cells[px.at - i] = tile.cells[px.at - tile.pitch]
            for x in range(width):
                if coder.at > past:
                    break  # within a row, which can be all of the picture
                px.column = x + MARGIN_LEFT
                row = come_to(tile, px, match)
                if row >= 0 and code_flat(tile, px, row, coder, data):
                    px.at += 1
                    continue
                predict(tile, px)
                look_around(tile, px, match)
                step = 20 + cython.cast(cython.int, 70000 // (1000 + (decisions >> 3)))
                left = way_to(tile, path, tile.cells[px.at]) if coder.encoding else 0
                match.left = way_to(tile, match.path, match.guess) if match.guess >= 0 else 0
                node = depth = 0
                while node >= 0:
                    if depth % LEVELS == 0:
                        local = 1
                        find_buckets(tile, px, node)
                    spread_inverse = tile.tree[node, SPREAD_INVERSE]
                    ask_colours(tile, px, to, node)
                    ask_contexts(tile, px, to, local)
                    ask_node_maps(tile, to, node)
                    ask_distance_maps(tile, px, to, spread_inverse)
                    ask_match(tile, match, to, depth)
                    p = mix(tile, px, to, node, depth, spread_inverse)
                    left -= 1
                    bit = code(coder, data, path[left] if coder.encoding else False, p)
                    learn(tile, match, to, bit, p, step)
                    local = 2 * local + bit
                    depth += 1
                    node = tile.tree[node, bit]
                decisions = min(0x40000000, decisions + cython.cast(cython.uint, depth))
                tile.cells[px.at] = ~node
                keep_errors(tile, px, ~node)
                px.at += 1
            for i in range(MARGIN_LEFT):
                tile.cells[px.at + i] = tile.cells[px.at - 1]
            if coder.at > past:
                break
    coder_state[0], coder_state[1] = coder.low, coder.high
    coder_state[2], coder_state[3] = coder.number, coder.at
