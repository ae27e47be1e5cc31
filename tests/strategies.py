"""Hypothesis strategies: small pictures, palettes and index planes of every kind."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from generate import generated
from kmq import IndexPlane, Palette

SIDES = st.one_of(st.integers(1, 20), st.integers(15, 40))
TILES = st.sampled_from([None, 16, 32])
CODINGS = st.sampled_from(["auto", "packed", "zstd", "context", "adaptive", "adaptive"])
PLAIN_CODINGS = st.sampled_from(["packed", "zstd"])
"""Codings that the reference decoder reads quickly."""


@st.composite
def pictures(draw, channels=st.sampled_from([None, 1, 3, 4]), colours=st.integers(1, 40)):
    """Arrays (H, W) or (H, W, c) uint8 of few colours, as pictures in palettes are."""
    c = draw(channels)
    size, shape = (draw(colours), c or 1), (draw(SIDES), draw(SIDES))
    if draw(st.booleans()):
        # Hypothesis fills most of an array with one value: such pictures seldom have more than k colours.
        random = np.random.default_rng(draw(st.integers(0, 2**32)))
        table = random.integers(0, 256, size, np.uint8)
        if c == 4:
            table[random.integers(0, 4, len(table)) == 0, 3] = random.choice([0, 255])
        indices = random.integers(0, len(table), shape)
    else:
        table = draw(npst.arrays(np.uint8, size))
        indices = draw(npst.arrays(np.intp, shape, elements=st.integers(0, len(table) - 1)))
    return table[indices][:, :, 0] if c is None else table[indices]


@st.composite
def planes(draw, k=st.integers(1, 70_000).map(lambda k: min(k, 65_536)), side=SIDES):
    """Index planes for any k; indices near 0 and k - 1 are as likely as the others together."""
    entries = draw(k)
    values = st.one_of(st.integers(0, entries - 1), st.just(0), st.just(entries - 1))
    return IndexPlane(draw(npst.arrays(np.int64, (draw(side), draw(side)), elements=values)), entries)


@st.composite
def palettes(draw, k=st.integers(1, 300), channels=st.sampled_from([1, 3, 4])):
    """Palettes of any kind, with repeats and in any order."""
    return Palette(draw(npst.arrays(np.uint8, (draw(k), draw(channels)))))


@st.composite
def valid_files(draw, max_pixels=300):
    """Files that are valid, but not only ones that an encoder would write."""
    return generated(draw(st.randoms(use_true_random=False)), max_pixels)
