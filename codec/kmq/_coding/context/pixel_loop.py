# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Compiled loops of the context coding (spec annex C), in Cython's pure Python mode.

What comes in: a tile's cells, the tree over the palette, the tables of the model, all checked
by `_context`. What goes out: the payload, or the cells. What can't happen: a read or
write outside an array, for every position is an index below k, a place in the causal
neighbourhood (within the cells' margins), or a hash cut to its table. One function codes and decodes,
so that the two can't differ. All numbers fit in 32 bits; where C would wrap around, it is written out.
"""

import cython

MARGIN_LEFT = 4
MARGIN_TOP = 3
"""Cells around a tile: the neighbourhood reaches 4 to the sides and 3 up."""

TAPS = 18
"""Neighbours of the linear predictions (spec C.5)."""

NODE_ROWS = 1024
"""Rows of what is kept for each node; with more nodes, some share a row (spec C.7)."""

NEIGHBOUR_SET, MATCH_SET, TEXTURE_SET, WEIGHT_ROWS = 1024, 2048, 2304, 2560
"""First rows of the sets of weights after that of the nodes, and their number (spec C.8)."""

PATH = 128
"""Longest way from the root of the tree to a leaf: 64 splits by colour, then 17 in halves, with room."""

FRESH = 0x8000
"""A slot that has seen nothing: probability 2048 of 4096, count 0."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _clipped(value: cython.int, most: cython.int) -> cython.int:
    return most if value > most else -most if value < -most else value  # noqa: FURB136 - max() is of C longs


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _mixed(value: cython.uint) -> cython.uint:
    """Return the hash of spec C.6."""
    golden: cython.uint = 0x9E3779B1
    word: cython.uint = 0xFFFFFFFF  # compiled, the product wraps; this is for Python's integers
    value = (value * golden) & word
    return value ^ (value >> 15)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hashed(value: cython.uint, index: cython.uint) -> cython.uint:
    """Return the hash of a hash and one more index."""
    word: cython.uint = 0xFFFFFFFF
    return _mixed((value + index + 1) & word)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _difference(a: cython.int, b: cython.int) -> cython.int:
    return a - b if a > b else b - a


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _bucket(
    slots: cython.ushort[::1], first: cython.uint, bits: cython.int, value: cython.uint
) -> cython.Py_ssize_t:
    """Return the place of a hash's bucket in `slots`, taking one over if there is none (spec C.6)."""
    check: cython.uint = value & 0xFFFF
    place: cython.Py_ssize_t = cython.cast(cython.Py_ssize_t, first + (value >> (32 - bits))) * 16
    other: cython.Py_ssize_t = place ^ 16
    j: cython.int
    if slots[place] == check:
        return place
    if slots[other] == check:
        return other
    if (slots[other + 1] & 15) < (slots[place + 1] & 15):
        place = other
    slots[place] = check
    for j in range(1, 16):
        slots[place + j] = 0x8000  # FRESH
    return place


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _learn(
    slots: cython.ushort[::1],
    place: cython.Py_ssize_t,
    bit: cython.bint,
    rates: cython.const[cython.int][::1],
) -> cython.void:
    """Move a slot's probability towards the bit, the less the more it has seen (spec C.2)."""
    slot: cython.int = slots[place]
    count: cython.int = slot & 15
    p: cython.int = slot >> 4
    p += (((4095 if bit else 0) - p) * rates[count] + 32768) >> 16
    slots[place] = (p << 4) | (count + (count < 15))


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _dot(
    inputs: cython.p_short, weights: cython.short[::1], row: cython.Py_ssize_t, count: cython.int
) -> cython.int:
    """Return the sum of products: below 2^31, for 64 x 2047 x 16383 is."""
    total: cython.int = 0
    i: cython.int
    for i in range(count):
        total += inputs[i] * weights[row + i]
    return total


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _train(
    inputs: cython.p_short,
    weights: cython.short[::1],
    row: cython.Py_ssize_t,
    count: cython.int,
    error: cython.int,
) -> cython.void:
    """Move the weights along the inputs by the error, 16 bits signed (spec C.8)."""
    i: cython.int
    weight: cython.short
    for i in range(count):
        weight = weights[row + i] + cython.cast(cython.short, (inputs[i] * error + 16384) >> 15)
        # Not min() and max(), whose numbers would be wider than these: eight weights are changed at a time.
        weight = 16383 if weight > 16383 else weight  # noqa: FURB136
        weights[row + i] = -16383 if weight < -16383 else weight  # noqa: FURB136


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _coded(
    encoding: cython.bint, coder: cython.uint[::1], data: cython.uchar[::1], bit: cython.bint, p: cython.uint
) -> cython.bint:
    """Write a bit, or read one; p / 65,536 is the probability that it is 1 (spec annex A)."""
    low: cython.uint = coder[0]
    high: cython.uint = coder[1]
    span: cython.uint = high - low
    middle: cython.uint = low + (span >> 16) * p + (((span & 0xFFFF) * p) >> 16)
    at: cython.uint
    word: cython.uint = 0xFFFFFFFF
    if not encoding:
        bit = coder[2] <= middle
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) < 0x1000000:
        at = coder[3]
        coder[3] = at + 1
        if encoding:
            if at < data.shape[0]:
                data[at] = high >> 24
        else:
            coder[2] = ((coder[2] << 8) & word) | (data[at] if at < data.shape[0] else 0)
        low = (low << 8) & word
        high = ((high << 8) & word) | 255
    coder[0] = low
    coder[1] = high
    return bit


def code_numbers(
    encoding: cython.bint,
    numbers: cython.int[::1],
    slots: cython.ushort[::1],
    rates: cython.const[cython.int][::1],
    coder: cython.uint[::1],
    data: cython.uchar[::1],
) -> bool:
    """Write or read numbers from 0 to 65,534, small ones in few bits (spec C.3).

    How many bits n + 1 has after its first is written as so many ones and a zero, then these bits.
    `slots` (32,) learn. Returns False if a number that is read goes on for too long.
    """
    i: cython.Py_ssize_t
    length: cython.int
    most: cython.int
    number: cython.int
    place: cython.int
    bit: cython.bint = False
    with cython.nogil:
        for i in range(numbers.shape[0]):
            number = numbers[i] + 1
            most = 0
            while encoding and (number >> (most + 1)) > 0:
                most += 1
            length = 0
            while length < 16:
                bit = _coded(encoding, coder, data, length < most, slots[length] | 8)
                _learn(slots, length, bit, rates)
                if not bit:
                    break
                length += 1
            if bit:
                break
            if not encoding:
                number = 1
            for place in range(length - 1, -1, -1):
                bit = (number >> place) & 1
                if place == length - 1:
                    bit = _coded(encoding, coder, data, bit, slots[16 + place] | 8)
                    _learn(slots, 16 + place, bit, rates)
                else:
                    bit = _coded(encoding, coder, data, bit, 32768)
                if not encoding:
                    number = number * 2 + bit
            numbers[i] = number - 1
            bit = False
    return not bit


def code_cells(
    encoding: cython.bint,
    cells: cython.ushort[::1],
    width: cython.Py_ssize_t,
    height: cython.Py_ssize_t,
    points: cython.const[cython.short][:, ::1],
    tree: cython.const[cython.int][:, ::1],
    leaf_parents: cython.const[cython.int][::1],
    classes: cython.const[cython.int][::1],
    coefficients: cython.const[cython.short][:, :, ::1],
    taps: cython.const[cython.Py_ssize_t][::1],
    model: cython.const[cython.int][::1],
    stretch: cython.const[cython.short][::1],
    squash: cython.const[cython.ushort][::1],
    rates: cython.const[cython.int][::1],
    quantisers: cython.const[cython.uchar][:, ::1],
    slots: cython.ushort[::1],
    refined: cython.ushort[::1],
    weights: cython.short[::1],
    final_weights: cython.short[::1],
    errors: cython.ushort[:, :, ::1],
    flat_slots: cython.uint[::1],
    matches: cython.int[::1],
    coder: cython.uint[::1],
    data: cython.uchar[::1],
) -> None:
    """Code a tile's cells, or decode into them (spec C.4 to C.9).

    `cells` is the tile with its margins, (height + 3) x (width + 8), zero in the three rows on top.
    `coefficients` (7, 18, 8) has each eight times, so that eight are multiplied at a time. `model` is the
    `layout` of `fresh_state`. Decoding stops early where the payload ended long ago.
    """
    n_contexts: cython.int = model[0]
    n_node_maps: cython.int = model[1]
    n_distance_maps: cython.int = model[2]
    n_sets: cython.int = model[3]
    refines: cython.bint = model[4]
    n_inputs: cython.int = model[5]
    bucket_bits: cython.int = model[6]
    has_flat: cython.bint = model[7]
    has_match: cython.bint = model[8]
    match_bits: cython.int = model[9]
    node_base: cython.Py_ssize_t = model[10]
    distance_base: cython.Py_ssize_t = model[11]
    match_base: cython.Py_ssize_t = model[12]
    left: cython.int = MARGIN_LEFT
    top: cython.int = MARGIN_TOP
    n_taps: cython.int = TAPS
    node_rows: cython.int = NODE_ROWS
    neighbour_set: cython.int = NEIGHBOUR_SET
    match_set: cython.int = MATCH_SET
    texture_set: cython.int = TEXTURE_SET
    pitch: cython.Py_ssize_t = width + 2 * MARGIN_LEFT
    # Encoding goes on beyond the end of `data`, to say how long it has to be.
    past: cython.uint = 0xFFFFFFFF if encoding else cython.cast(cython.uint, data.shape[0]) + 4
    x: cython.Py_ssize_t
    y: cython.Py_ssize_t
    at: cython.Py_ssize_t
    column: cython.Py_ssize_t
    match: cython.Py_ssize_t = 0
    place: cython.Py_ssize_t
    lowest: cython.int = 2 if n_distance_maps == 2 else 0  # prediction that is in use
    back: cython.Py_ssize_t
    i: cython.int
    j: cython.int
    a: cython.int
    d: cython.int
    z: cython.int
    w: cython.int
    n: cython.int
    nw: cython.int
    ne: cython.int
    ww: cython.int
    nn: cython.int
    nee: cython.int
    nne: cython.int
    value: cython.int = 0
    guess: cython.int
    length: cython.int = 0
    node: cython.int
    side: cython.int
    axis: cython.int
    threshold: cython.int
    spread_inverse: cython.int
    depth: cython.int
    deep: cython.int
    step: cython.int
    equal: cython.int
    contrast: cython.int
    k_in: cython.int
    n_places: cython.int
    texture: cython.int
    expected: cython.int
    agreement: cython.int
    total: cython.int
    error: cython.int
    local: cython.int
    row: cython.int
    above: cython.int
    above2: cython.int
    nearest: cython.int
    p: cython.int
    bit: cython.bint = False
    near: cython.uint
    wide: cython.uint
    widest: cython.uint
    decisions: cython.uint = 0
    flat: cython.uint
    word: cython.uint = 0xFFFFFFFF
    spread: cython.uint = 0x85EBCA6B
    v = cython.declare(cython.int[96])
    sums = cython.declare(cython.int[16])
    scale = cython.declare(cython.int[4])
    per_scale = cython.declare(cython.int[4])
    starts = cython.declare(cython.Py_ssize_t[4])
    hashes = cython.declare(cython.uint[24])
    buckets = cython.declare(cython.Py_ssize_t[24])
    inputs = cython.declare(cython.short[64])
    distances = cython.declare(cython.int[12])
    places = cython.declare(cython.Py_ssize_t[48])
    refinements = cython.declare(cython.int[24])
    rows = cython.declare(cython.Py_ssize_t[4])
    outputs = cython.declare(cython.int[4])
    path = cython.declare(cython.int[128])  # PATH
    guessed = cython.declare(cython.int[128])  # PATH
    if not cython.compiled:
        v, sums, scale, per_scale, starts = [0] * 96, [0] * 16, [0] * 4, [0] * 4, [0] * 4
        hashes, buckets, inputs, distances = [0] * 24, [0] * 24, [0] * 64, [0] * 12
        places, refinements, rows, outputs = [0] * 48, [0] * 24, [0] * 4, [0] * 4
        path, guessed = [0] * PATH, [0] * PATH
    with cython.nogil:
        for i in range(64):
            inputs[i] = 0
        for y in range(height):
            if coder[3] > past:
                break
            at = (y + top) * pitch + left
            row = y % 3
            above = (y + 2) % 3
            above2 = (y + 1) % 3
            for i in range(1, left + 1):
                cells[at - i] = cells[at - pitch]
            for x in range(width):
                if coder[3] > past:
                    break  # within a row, which can be all of the picture
                w, n, nw, ne = cells[at - 1], cells[at - pitch], cells[at - pitch - 1], cells[at - pitch + 1]
                ww, nn, nee, nne = (
                    cells[at - 2],
                    cells[at - 2 * pitch],
                    cells[at - pitch + 2],
                    cells[at - 2 * pitch + 1],
                )
                if length > 0:
                    match += 1
                    length = 0 if cells[match - 1] != w else length + (length < 31)
                guess = cells[match] if length > 0 else -1
                # C.9: where all is flat, one bit says that the pixel is too.
                if (
                    has_flat
                    and w == n
                    and w == nw
                    and w == ne
                    and w == ww
                    and w == nn
                    and w == nee
                    and w == nne
                    and w == cells[at - pitch - 2]
                    and w == cells[at - 2 * pitch - 1]
                    and w == cells[at - 3]
                    and (guess < 0 or guess == w)
                ):
                    i = (
                        (cells[at - pitch + 3] == w)
                        | (cells[at - pitch + 4] == w) << 1
                        | (cells[at - 3 * pitch] == w) << 2
                        | (cells[at - 4] == w) << 3
                        | (cells[at - 2 * pitch + 2] == w) << 4
                        | (cells[at - 2 * pitch - 2] == w) << 5
                        | (cells[at - pitch - 3] == w) << 6
                        | (cells[at - 2 * pitch + 3] == w) << 7
                        | (length > 0) << 8
                        | (length > 16) << 9
                        | (w & 3) << 10
                    )
                    flat = flat_slots[i]
                    p = flat >> 6
                    p = 65535 if p > 65535 else max(p, 1)
                    if _coded(encoding, coder, data, cells[at] == w, p):
                        flat_slots[i] = flat + ((4194303 - flat) >> 7)
                        cells[at] = w
                        for j in range(4):
                            errors[j, row, x + left] = 0
                        at += 1
                        continue
                    flat_slots[i] = flat - (flat >> 7)
                if has_match or n_contexts > 7:
                    near = _hashed(_hashed(_hashed(_mixed(w + 1), n), nw), ne)
                    wide = _hashed(_hashed(_hashed(near, ww), nn), nee)
                    widest = _hashed(
                        _hashed(
                            _hashed(_hashed(wide, nne), cells[at - 2 * pitch - 1]), cells[at - pitch - 2]
                        ),
                        cells[at - 3],
                    )
                if has_match:
                    i = widest >> (32 - match_bits)
                    if length == 0 and matches[i] > 0:
                        match = matches[i]
                        while length < 16 and cells[match - 1 - length] == cells[at - 1 - length]:
                            length += 1
                        length = length if length >= 3 else 0
                        guess = cells[match] if length > 0 else -1
                    matches[i] = at
                # C.5: what the neighbours' colours are, and what they foretell, along each axis
                for a in range(8):
                    v[a] = points[w, a]
                    v[8 + a] = points[n, a]
                    v[16 + a] = points[nw, a]
                    v[24 + a] = points[ne, a]
                    v[32 + a] = points[ww, a]
                    v[40 + a] = points[nn, a]
                    v[48 + a] = points[nee, a]
                    v[56 + a] = points[nne, a]
                for a in range(8):
                    v[64 + a] = (
                        10 * v[a]
                        + 8 * v[8 + a]
                        - 4 * v[16 + a]
                        + 4 * v[24 + a]
                        - 2 * v[32 + a]
                        - 2 * v[40 + a]
                        + 2 * v[48 + a]
                    ) >> 4
                    v[72 + a] = v[a] + v[8 + a] - v[16 + a]
                    sums[a] = 0
                    sums[8 + a] = 0
                i = _difference(v[0], v[16])
                j = _difference(v[8], v[16])
                d = _difference(v[8], v[24])
                total = i + j + d
                if total < 150:
                    texture = total >= 37
                elif i > 2 * j:
                    texture = 2
                elif j > 2 * i:
                    texture = 3
                else:
                    texture = 4 if d > 2 * i else 5
                for i in range(n_taps):
                    j = cells[at + taps[i]]
                    for a in range(8):
                        sums[a] += points[j, a] * coefficients[0, i, a]
                    for a in range(8):
                        sums[8 + a] += points[j, a] * coefficients[1 + texture, i, a]
                for a in range(8):
                    v[80 + a] = _clipped(sums[a] >> 7, 3000)
                    v[88 + a] = _clipped(sums[8 + a] >> 7, 3000)
                for j in range(lowest, 4):
                    column = x + left
                    d = (
                        2 * (errors[j, row, column - 1] + errors[j, above, column])
                        + errors[j, above, column - 1]
                        + errors[j, above, column + 1]
                        + errors[j, row, column - 2]
                        + errors[j, above2, column]
                    )
                    scale[j] = (d >> 2) + 4
                    per_scale[j] = 65536 // scale[j]
                    d = scale[j]
                    starts[j] = distance_base + j * 2048 + (d >= 8) + (d >= 40) + (d >= 100)
                # C.6: a hash of each context
                near = _hashed(_hashed(_hashed(_mixed(classes[w] + 1), classes[n]), classes[nw]), classes[ne])
                hashes[0] = _mixed(w + 1)
                hashes[1] = _hashed(_hashed(_hashed(near, classes[ww]), classes[nn]), classes[nee])
                hashes[2] = _hashed(_mixed(n + 1), ne)
                if n_contexts > 3:
                    hashes[3] = _mixed(cython.cast(cython.uint, x))
                    hashes[4] = _hashed(_mixed(n + 1), nn)
                    hashes[5] = _hashed(_hashed(_mixed(w + 1), ww), cells[at - 3])
                    hashes[6] = near
                if n_contexts > 7:
                    node = 0
                    while node >= 0:
                        node = tree[node, 2 * v[80 + tree[node, 2]] > tree[node, 3]]
                    nearest = ~node
                    hashes[7] = wide
                    hashes[8] = _hashed(_mixed(w + 1), nee)
                    hashes[9] = _hashed(_hashed(_hashed(_mixed(w + 1), n), nw), ne)
                    hashes[10] = _mixed(nearest + 1)
                    hashes[11] = _hashed(
                        _hashed(
                            _hashed(_hashed(widest, cells[at - 3 * pitch]), cells[at - 4]),
                            cells[at - pitch - 3],
                        ),
                        cells[at - pitch + 3],
                    )
                    hashes[12] = _hashed(_hashed(_mixed(w + 1), n), nearest)
                    hashes[13] = widest
                    hashes[14] = _hashed(
                        _hashed(_hashed(_mixed(w + 1), classes[n]), classes[nw]), classes[ne]
                    )
                    hashes[15] = _hashed(
                        _hashed(_hashed(_mixed(n + 1), classes[w]), classes[nw]), classes[ne]
                    )
                equal = (
                    (w == n)
                    | (w == nw) << 1
                    | (n == nw) << 2
                    | (n == ne) << 3
                    | (w == ww) << 4
                    | (n == nn) << 5
                )
                deep = 0
                if encoding:
                    place = leaf_parents[cells[at]]
                    path[0] = place & 1
                    deep = 1
                    while place > 1:
                        place = tree[place >> 1, 6]
                        path[deep] = place & 1
                        deep += 1
                j = 0
                if guess >= 0:
                    place = leaf_parents[guess]
                    guessed[0] = place & 1
                    j = 1
                    while place > 1:
                        place = tree[place >> 1, 6]
                        guessed[j] = place & 1
                        j += 1
                agreement = j  # decisions left along the guess's path, while none differed
                step = 20 + cython.cast(cython.int, 70000 // (1000 + (decisions >> 3)))
                node = 0
                depth = 0
                while node >= 0:
                    # C.6: the slots of the contexts
                    if (depth & 3) == 0:
                        local = 1
                        for i in range(n_contexts):
                            buckets[i] = _bucket(
                                slots,
                                cython.cast(cython.uint, i) << bucket_bits,
                                bucket_bits,
                                _mixed((hashes[i] + cython.cast(cython.uint, node) * spread) & word),
                            )
                    axis = tree[node, 2]
                    threshold = tree[node, 3]
                    spread_inverse = tree[node, 5]
                    z = tree[node, 4]
                    for j in range(12):
                        distances[j] = 2 * v[8 * j + axis] - threshold
                    for j in range(12):
                        inputs[j] = _clipped((distances[j] * z) >> 14, 2047)
                    k_in = 12
                    for i in range(n_contexts):
                        place = buckets[i] + local
                        places[i] = place
                        d = slots[place]
                        inputs[k_in] = stretch[d >> 4] if d & 15 else 0
                        k_in += 1
                        if refines:
                            refinements[i] = i * 512 + ((d & 15) << 5 | d >> 11)
                    if refines:
                        for i in range(n_contexts):
                            inputs[k_in] = stretch[refined[refinements[i]] >> 4]
                            k_in += 1
                    n_places = n_contexts
                    # C.7: the slots of the node maps
                    contrast = (
                        _difference(inputs[0], inputs[2])
                        + _difference(inputs[1], inputs[2])
                        + _difference(inputs[1], inputs[3])
                    ) >> 1
                    contrast = quantisers[3, min(contrast, 1023)] >> 1
                    back = node_base + (node & (node_rows - 1)) * n_node_maps * 256
                    places[n_places] = (
                        back + quantisers[0, inputs[2] + 2048] * 16 + quantisers[0, inputs[3] + 2048]
                    )
                    places[n_places + 1] = (
                        back + 256 + quantisers[0, inputs[11] + 2048] * 16 + quantisers[0, inputs[6] + 2048]
                    )
                    if n_node_maps > 2:
                        places[n_places + 2] = (
                            back
                            + 512
                            + quantisers[0, inputs[0] + 2048] * 16
                            + quantisers[0, inputs[4] + 2048]
                        )
                        places[n_places + 3] = back + 768 + quantisers[1, inputs[11] + 2048] * 8 + contrast
                    if n_node_maps > 4:
                        places[n_places + 4] = (
                            back
                            + 1024
                            + quantisers[0, inputs[1] + 2048] * 16
                            + quantisers[0, inputs[5] + 2048]
                        )
                        places[n_places + 5] = (
                            back
                            + 1280
                            + quantisers[0, inputs[0] + 2048] * 16
                            + quantisers[0, inputs[1] + 2048]
                        )
                    n_places += n_node_maps
                    # ... and of the distance maps
                    for j in range(n_distance_maps):
                        i = 2 if j == 0 else 3 if j == 1 else j - 2  # 80, 88, 64, 72 in v
                        z = _clipped((_clipped(distances[8 + i], 2047) * per_scale[i]) >> 11, 511)
                        d = (scale[i] * spread_inverse) >> 12
                        d = min(d, 1023)
                        places[n_places] = starts[i] + ((quantisers[3, d] * 32 + quantisers[2, z + 512]) << 2)
                        n_places += 1
                    for i in range(n_contexts, n_places):
                        inputs[k_in] = stretch[slots[places[i]] >> 4]
                        k_in += 1
                    # C.9: what the match expects
                    expected = -1
                    side = 0
                    inputs[k_in] = 0
                    if agreement > 0:
                        expected = guessed[agreement - 1]
                        side = 1 + (length > 5) + (length > 15) + (length > 30)
                        places[n_places] = match_base + length * 2 + (depth > 2)
                        d = stretch[slots[places[n_places]] >> 4]
                        inputs[k_in] = d if expected else -d
                    k_in += 1
                    inputs[k_in] = 256
                    # C.8: mixing
                    d = min(depth, 15)
                    rows[0] = node & (node_rows - 1)
                    rows[1] = neighbour_set + equal * 16 + d
                    rows[2] = match_set + (side * 2 + (expected > 0)) * 16 + d
                    i = (scale[2] * spread_inverse) >> 13
                    rows[3] = texture_set + contrast * 32 + (min(i, 31))
                    total = 0
                    place = (d + 16 * (expected >= 0)) * 4
                    for i in range(n_sets):
                        rows[i] *= n_inputs
                        outputs[i] = _clipped(_dot(inputs, weights, rows[i], n_inputs) >> 13, 2047)
                        total += outputs[i] * final_weights[place + i]
                    p = squash[_clipped(total >> 14, 2047) + 2048]
                    bit = _coded(encoding, coder, data, path[deep - 1] if encoding else False, p)
                    deep -= 1
                    # learning
                    error = ((bit << 16) - p) >> 3
                    for i in range(n_sets):
                        d = _clipped((((bit << 16) - squash[outputs[i] + 2048]) * step) >> 9, 32767)
                        _train(inputs, weights, rows[i], n_inputs, d)
                        final_weights[place + i] = _clipped(
                            final_weights[place + i] + ((outputs[i] * error + 16384) >> 15), 32767
                        )
                    for i in range(n_places):
                        _learn(slots, places[i], bit, rates)
                    if refines:
                        for i in range(n_contexts):
                            d = refined[refinements[i]]
                            refined[refinements[i]] = d + (((65535 if bit else 0) - d) >> 6)
                    if expected >= 0:
                        _learn(slots, places[n_places], bit == expected, rates)
                        agreement = agreement - 1 if bit == expected else 0
                    local = 2 * local + bit
                    depth += 1
                    node = tree[node, bit]
                decisions = (
                    0x40000000 if decisions > 0x40000000 else decisions + cython.cast(cython.uint, depth)
                )
                value = ~node
                cells[at] = value
                for j in range(lowest, 4):
                    d = _difference(points[value, 0], v[64 + 8 * j])
                    errors[j, row, x + left] = 2 * (min(d, 511))
                at += 1
            for i in range(left):
                cells[at + i] = cells[at - 1]
