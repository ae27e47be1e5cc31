"""The models of the context coding: their tables and their first states (spec C.4 to C.9)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.context.neighbourhood_loop import BUCKET, DISTANCES, FRESH, MARGIN_LEFT, PREDICTIONS
from kmq._coding.context.pixel_loop import NODE_ROWS, WEIGHT_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISTANCE_WEIGHT, CONTEXT_WEIGHTS, MAP_WEIGHTS = 100, 9100, 4800
"""First weights, 8,192 being 1: of each distance, of all contexts together, of all maps together."""

MAP = 256
DISTANCE_MAP = 2048
MATCH_SLOTS = 64
"""Slots in a map for each node, in a distance map, and in the match."""

BUCKET_BITS = range(8, 17)
MATCH_BITS = range(8, 17)
"""Bits of the number of buckets of a context, and of the places of the match: from least to most."""

FINAL_ROWS = 32
FLAT_SLOTS, FLAT_START = 4096, 4_000_000
"""Number of slots of the flat path, and their first value: 4,000,000 of 4,194,304."""

LOGISTIC = (
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768),
    *(40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476),
    *(65500, 65514),
)
"""65,536 / (1 + e^(-i / 2)) for i = -16 ... 16, rounded (spec table C.a)."""

COARSE = (12, 32, 64, 100, 180, 320, 600)
FINE = (4, 10, 20, 36, 60, 96, 152, 240, 380, 600, 960)
STEPS = (1, 4, 8, 13, 20, 28, 38, 50, 64, 80, 100, 128, 170, 230, 320)
SPREADS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 300, 500)
"""Bounds between the classes of distances (spec table C.b)."""


@dataclass(frozen=True, slots=True)
class Model:
    """How much evidence goes into each decision: a row of spec table C.c."""

    name: str
    contexts: int
    node_maps: int
    distance_maps: int
    sets: int
    refines: bool

    @property
    def slots(self) -> int:
        """Slots of the maps of nodes and distances."""
        return self.node_maps + self.distance_maps

    @property
    def inputs(self) -> int:
        """Inputs of a mixer, in a multiple of 8: distances, contexts, slots, the match, a constant."""
        return -(-(DISTANCES + self.contexts * (1 + self.refines) + self.slots + 2) // 8) * 8


MODELS = MappingProxyType(
    {
        0: Model("fast", contexts=3, node_maps=2, distance_maps=2, sets=1, refines=False),
        1: Model("default", contexts=7, node_maps=4, distance_maps=4, sets=2, refines=False),
        2: Model("max", contexts=16, node_maps=6, distance_maps=4, sets=4, refines=True),
    }
)
"""The models by their number in `Options`."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that all models share.

    - `stretch` (4096,) int16 and `squash` (4096,) uint16: the logistic curves.
    - `rates` (16,) int32: the steps of a slot, by its count.
    - `quantisers` (4, 4096) uint8: the classes of distances.
    """

    stretch: NDArray[np.int16]
    squash: NDArray[np.uint16]
    rates: NDArray[np.int32]
    quantisers: NDArray[np.uint8]


@cache
def tables() -> Tables:
    """Return the tables, which the first call makes."""
    at = np.arange(4096)
    anchors = np.array(LOGISTIC)
    cell, part = at >> 7, at & 127
    squash = (anchors[cell] * (128 - part) + anchors[cell + 1] * part) >> 7
    # The stretch of p is the least value whose squash is p or more.
    stretch = np.minimum(np.searchsorted(squash >> 4, at) - 2048, 2047)
    stretch = np.maximum(stretch, -2047)
    quantisers = np.zeros((4, 4096), np.uint8)
    quantisers[0] = _signed_classes(at - 2048, COARSE)
    quantisers[1] = _signed_classes(at - 2048, FINE)
    quantisers[2, :1024] = _signed_classes(at[:1024] - 512, STEPS)
    quantisers[3, :1024] = np.searchsorted(SPREADS, at[:1024], side="right")
    made = Tables(
        stretch.astype(np.int16),
        squash.astype(np.uint16),
        (655360 // (10 * np.arange(16) + 16)).astype(np.int32),
        quantisers,
    )
    for table in (made.stretch, made.squash, made.rates, made.quantisers):
        table.flags.writeable = False
    return made


def _signed_classes(values: NDArray[np.int64], bounds: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the class of each value, 0 to 2 len(bounds) + 1. Those of negative values come first."""
    size = np.searchsorted(bounds, np.abs(values), side="right")
    return np.where(values < 0, len(bounds) - size, len(bounds) + 1 + size)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the loop learns in, as it is before the first pixel, and where in `slots` everything begins."""

    model: Model
    flat: bool
    match: bool
    bucket_bits: int
    match_bits: int
    node_base: int
    distance_base: int
    match_base: int
    slots: NDArray[np.uint16]
    refined: NDArray[np.uint16]
    weights: NDArray[np.int16]
    final_weights: NDArray[np.int16]
    errors: NDArray[np.uint16]
    flat_slots: NDArray[np.uint32]
    matches: NDArray[np.int32]


def fresh_state(model: Model, pixels: int, width: int, k: int, *, flat: bool, match: bool) -> State:
    """Return the first state for a tile, as large as the tile can use and at most 35 MB."""
    bucket_bits = min(max(pixels.bit_length() - 2, BUCKET_BITS[0]), BUCKET_BITS[-1])
    match_bits = min(max(pixels.bit_length(), MATCH_BITS[0]), MATCH_BITS[-1])
    node_base = (model.contexts << bucket_bits) * BUCKET
    distance_base = node_base + min(k - 1, NODE_ROWS) * model.node_maps * MAP
    match_base = distance_base + PREDICTIONS * DISTANCE_MAP
    slots = np.full(match_base + MATCH_SLOTS, FRESH, np.uint16)
    slots[match_base:] = (2048 + 20 * np.arange(MATCH_SLOTS)) << 4
    refined = np.tile(np.arange(1024, 1 << 16, 2048, dtype=np.uint16), 16)
    weights = np.zeros(model.inputs, np.int16)
    first, last = DISTANCES, DISTANCES + model.contexts * (1 + model.refines)
    weights[:first] = DISTANCE_WEIGHT
    weights[first:last] = CONTEXT_WEIGHTS // (last - first)
    weights[last : last + model.slots] = MAP_WEIGHTS // model.slots
    return State(
        model=model,
        flat=flat,
        match=match,
        bucket_bits=bucket_bits,
        match_bits=match_bits,
        node_base=node_base,
        distance_base=distance_base,
        match_base=match_base,
        slots=slots,
        refined=np.tile(refined, model.contexts if model.refines else 0),
        weights=np.tile(weights, WEIGHT_ROWS),
        final_weights=np.full(FINAL_ROWS * 4, (1 << 14) // model.sets, np.int16),
        errors=np.zeros((4, 3, width + 2 * MARGIN_LEFT), np.uint16),
        flat_slots=np.full(FLAT_SLOTS, FLAT_START, np.uint32),
        matches=np.zeros(1 << match_bits, np.int32),
    )
