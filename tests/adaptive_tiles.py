"""Tiles for the adaptive coding, what reads them, and coders that decode the worst there is."""

import numpy as np
from hypothesis import strategies as st

import writing
from context_tiles import CHANNELS, KINDS, numbers
from kmq import FormatError, IndexPlane, Palette
from kmq._coding.adaptive.payload import read_adaptive_tile
from reference_decoder import Rejected
from reference_decoder.annex_d import read_adaptive
from reference_decoder.annex_d_order import order_of

KS = st.one_of(st.integers(1, 20), st.integers(1, 300))


def most_row_bits(pixels):
    """Return the most that `Rows` can be (M33)."""
    return min(16, max(4, pixels.bit_length()))


def some_palette(random, k, channels, kind):
    """Entries of a kind: any, few values, or a ramp, in order or not."""
    if kind == "any":
        return random.integers(0, 256, (k, channels))
    if kind == "few":
        return random.integers(0, 3, (k, channels)) * 100
    rising = np.sort(random.integers(0, 256, (k, channels)), axis=0)
    return rising if kind == "rising" else random.permutation(rising)


@st.composite
def tiles(draw, ks=KS, side=30):
    """Return an index plane and a palette for it, of each kind that annex D knows."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    k = draw(ks)
    entries = some_palette(
        random, k, draw(CHANNELS), draw(st.sampled_from(["any", "few", "rising", "shuffled"]))
    )
    height, width = draw(st.integers(1, side)), draw(st.integers(1, side))
    return IndexPlane(numbers(random, height, width, k, draw(st.sampled_from(KINDS))), k), Palette(entries)


def decoded(payload, shape, palette, offset=0):
    indices = np.zeros(shape, np.uint8 if palette.k <= 256 else np.uint16)
    read_adaptive_tile(memoryview(payload), indices, palette, offset)
    return indices


def check(plane, palette, payload):
    assert np.array_equal(decoded(payload, plane.indices.shape, palette), plane.indices)


def verdict(payload, shape, palette):
    """Return rows of indices, or the requirement that a payload breaks."""
    try:
        indices = decoded(payload, shape, palette)
    except FormatError as error:
        assert "offset" in str(error)  # noqa: PT017  a list is as good
        return str(error)[-4:-1]
    assert indices.max() < palette.k
    return indices.tolist()


def by_the_spec(payload, shape, palette):
    """Return the same from the reference decoder."""
    height, width = shape
    try:
        indices = read_adaptive(bytes(payload), 0, width, height, entries_of(palette))
    except Rejected as error:
        return error.rule
    return [indices[start : start + width] for start in range(0, len(indices), width)]


def entries_of(palette):
    return [tuple(entry) for entry in palette.entries.tolist()]


class Hostile(writing.Intervals):
    """A coder that gives the symbols that a wish asks for: `wish(freqs, n)` says which, of so many coded."""

    def __init__(self, wish):
        super().__init__()
        self.wish = wish

    def symbol(self, ends):
        freqs = [end - before for before, end in zip([0, *ends], ends, strict=False)]
        self.wanted.append(self.wish(freqs, len(self.coded)))
        return super().symbol(ends)


WISHES = {
    "the least likely": lambda freqs, _n: freqs.index(min(freqs)),
    "the likeliest": lambda freqs, _n: freqs.index(max(freqs)),
    "the first": lambda _freqs, _n: 0,
    "the last": lambda freqs, _n: len(freqs) - 1,
    "the last but seldom": lambda freqs, n: len(freqs) - 1 if n % 40 == 0 else 0,
    "the first but seldom": lambda freqs, n: 0 if n % 40 == 0 else len(freqs) - 1,
    "each in turn": lambda freqs, n: n % len(freqs),
}
"""What makes rows, weights and shares go to their bounds."""


def hostile_payload(wish, width, height, palette, row_bits, coefficients=None):
    """Return a payload of such symbols, and its indices."""
    coder, order = Hostile(WISHES[wish]), order_of(tuple(entries_of(palette)))
    tile = writing.AdaptiveTile(coder, width, height, order, coefficients or writing.DEFAULT, row_bits)
    indices = tile.read()
    return writing.adaptive_head(row_bits, coefficients) + coder.finished(), indices
