# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""What the context coding learns from a bit (spec C.2, C.8): a compiled loop.

In: a decision, and the bit that came. Out: changed slots and weights. Bounds:

- The places of slots and the rows of weights are those that the decision asked.
- Inputs and outputs are within ±2,047, weights within ±16,383: no product or sum reaches 2^31.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from learning_loop.pxd
    from kmq._coding.context.neighbourhood_loop import DISTANCES, MOST_CONTEXTS, Match, Tile
    from kmq._coding.structures import structure

    MOST_INPUTS, MOST_PLACES, MOST_SETS = 64, 32, 4

    Decision = structure(
        inputs=[0] * MOST_INPUTS,
        distances=[0] * DISTANCES,
        places=[0] * MOST_PLACES,
        refinements=[0] * MOST_CONTEXTS,
        rows=[0] * MOST_SETS,
        outputs=[0] * MOST_SETS,
        errors=[0] * MOST_SETS,
    )


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def clipped(value: cython.int, most: cython.int) -> cython.int:
    """Return the number from -most to most that is nearest to a value."""
    return most if value > most else -most if value < -most else value  # noqa: FURB136 - max() is of C longs


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def learn(
    tile: Tile,
    match: cython.pointer(Match),
    to: cython.pointer(Decision),
    bit: cython.bint,
    p: cython.int,
    step: cython.int,
) -> cython.void:
    """Move all that was asked towards the bit that came; `p` was the chance that it is 1."""
    i: cython.int
    error: cython.int = ((bit << 16) - p) >> 3
    for i in range(tile.n_sets):
        to.errors[i] = clipped((((bit << 16) - tile.squash[to.outputs[i] + 2048]) * step) >> 9, 32767)
    for i in range(tile.n_sets):
        train(to.inputs, tile.weights, to.rows[i], tile.n_inputs, to.errors[i])
        tile.final_weights[to.final_row + i] = clipped(
            tile.final_weights[to.final_row + i] + ((to.outputs[i] * error + 16384) >> 15), 32767
        )
    for i in range(to.n_places):
        learn_slot(tile.slots, to.places[i], bit, tile.rates)
    if tile.refines:
        for i in range(tile.n_contexts):
            p = tile.refined[to.refinements[i]]
            tile.refined[to.refinements[i]] = p + (((65535 if bit else 0) - p) >> 6)
    if to.expected >= 0:
        learn_slot(tile.slots, to.match_place, bit == to.expected, tile.rates)
        match.left = match.left - 1 if bit == to.expected else 0


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def train(
    inputs: cython.p_short,
    weights: cython.short[::1],
    row: cython.Py_ssize_t,
    count: cython.int,
    error: cython.short,
) -> cython.void:
    """Move a row of weights along the inputs by the error, 16 bits signed (spec C.8)."""
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
def learn_slot(
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
