"""Tiles for the context coding, and what reads them."""

import numpy as np
from hypothesis import strategies as st

from kmq import IndexPlane, Palette
from kmq._coding.context.model import MODELS
from kmq._coding.context.payload import (
    read_context_tile,
)

ALL_OPTIONS = [model | others << 2 for model in sorted(MODELS) for others in range(16)]
OPTIONS = st.sampled_from(ALL_OPTIONS)
CHANNELS = st.sampled_from([1, 3, 4])


def decoded(payload, shape, palette, offset=0):
    indices = np.zeros(shape, np.uint8 if palette.k <= 256 else np.uint16)
    read_context_tile(memoryview(payload), indices, palette, offset)
    return indices


def check(plane, palette, payload):
    assert np.array_equal(decoded(payload, plane.indices.shape, palette), plane.indices)


def numbers(random, height, width, k, kind):
    """Return indices below k, (height, width), of a kind of picture."""
    y, x = np.indices((height, width))
    if kind == "noise":
        return random.integers(0, k, (height, width))
    if kind == "gradient":
        return ((x * 3 + y * 2 + random.integers(0, 2, x.shape)) * max(1, k // 90)) % k
    if kind == "repeats":
        block = random.integers(0, k, (max(1, height // 3), max(1, width // 2)))
        return block[y % len(block), x % block.shape[1]]
    flat = np.full(x.shape, k - 1)
    for _ in range(3):
        flat[random.integers(0, height) :, random.integers(0, width) :] = random.integers(0, k)
    return flat


KINDS = ["noise", "gradient", "repeats", "flat"]


@st.composite
def tiles(draw, ks=st.one_of(st.integers(1, 9), st.integers(1, 300)), side=40):
    """Return an index plane and a palette for it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    k = draw(ks)
    entries = random.integers(0, draw(st.sampled_from([1, 2, 30, 256])), (k, draw(CHANNELS)))
    height, width = draw(st.integers(1, side)), draw(st.integers(1, side))
    return IndexPlane(numbers(random, height, width, k, draw(st.sampled_from(KINDS))), k), Palette(entries)


PLANE = IndexPlane(numbers(np.random.default_rng(0), 12, 15, 6, "gradient"), 6)
PALETTE = Palette(np.random.default_rng(0).integers(0, 256, (6, 3)))
