"""What D.8 of the spec promises of the numbers, on the worst symbols there are; and the loops as Python."""

import importlib
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_tiles import WISHES, hostile_payload, some_palette, tiles, verdict
from kmq import IndexPlane, Palette
from kmq._coding.adaptive import payload as _payload
from kmq._coding.adaptive.model import fresh_state
from kmq._coding.adaptive.order import entry_order
from kmq._coding.adaptive.payload import adaptive_tile, code_cells, read_adaptive_tile
from kmq._ground.loops import LOOPS
from reference_decoder import annex_d_pixels
from reference_decoder.annex_d_symbols import Mixture
from ways import UNCOMPILED, examples, uncompiled


class Checked(Mixture):
    """A mixture that checks the bounds of D.8, before a symbol and after it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        assert self.lanes[-1] <= 32_651
        assert self.lanes[0] >= 1
        assert all(before < lane for before, lane in pairwise(self.lanes))
        assert min(end - before for before, end in pairwise([0, *self.ends()])) >= 1
        assert sum(self.shares) <= 65_520
        used = zip(self.level.weights, self.steps, strict=True)
        assert all(16 <= weights[at] <= 8000 for weights, at in used)
        rising_to(32_640, self.guessed)

    def learn(self, s, **options):
        low = self.lanes[s - 1] if s else 0
        freq = self.ends()[s] - low
        assert freq >= 117 or s < self.m - 1
        shift = max(0, 15 - freq.bit_length())
        for lanes, u in zip(self.masses, self.shares, strict=True):
            mass = (32_767 if s == self.m - 1 else lanes[s]) - (lanes[s - 1] if s else 0)
            assert 0 <= mass < 2**15
            given = (u * mass >> 16) << shift
            assert given <= 32_767 + 6 * 2**8
            assert abs(given - (u * min(32_767, freq << shift) >> 16)) < 2**15
        super().learn(s, **options)
        for row in self.rows:
            rising_to(32_644, row.lanes)
            assert 1 <= row.count <= 95
            assert 0 <= row.check < 2**11
        assert min(self.quadruple.shares) >= 0
        assert sum(self.quadruple.shares) <= 32_400
        assert 1 <= self.quadruple.count <= 31


def rising_to(most, lanes):
    assert lanes == sorted(lanes)
    assert lanes[0] >= 0
    assert lanes[-1] <= most


@pytest.fixture
def checked(monkeypatch):
    """Have the reference decoder check its bounds."""
    monkeypatch.setattr(annex_d_pixels, "Mixture", Checked)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize(("k", "kind"), [(2, "any"), (16, "any"), (40, "rising"), (300, "any")])
@pytest.mark.usefixtures("checked")
def test_the_bounds_hold_for_the_worst_symbols(wish, k, kind):
    palette = Palette(some_palette(np.random.default_rng(k), k, 3, kind))
    hostile_payload(wish, 13, 13, palette, 4, [-9, 9, 9, -9, 9, -9, 9] if k == 40 else None)


@pytest.mark.slow
@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("k", [2, 3, 15, 16, 17, 100, 256, 4097])
@pytest.mark.parametrize("kind", ["any", "rising", "few"])
@pytest.mark.usefixtures("checked")
def test_the_bounds_hold_for_long(wish, k, kind):
    palette = Palette(some_palette(np.random.default_rng(k), k, 4, kind))
    hostile_payload(wish, 40, 40, palette, 5)


def test_chances_of_flat_pixels_keep_to_their_bounds():
    chances = np.arange(30, 65_501)
    for n in range(32):
        for goal in (30, 65_500):
            learnt = chances + ((goal - chances) * annex_d_pixels.flat_rate(n) >> 16)
            assert learnt.min() >= 30
            assert learnt.max() <= 65_500


@pytest.mark.parametrize(("k", "kind", "most"), [(16, "any", 3), (40, "any", 3), (256, "rising", 5)])
def test_memory_beside_the_tables_is_a_few_bytes_a_pixel(k, kind, most):
    """The cells, two bytes each, on a ramp as much again for errors, and little while entries are found."""
    palette = Palette(some_palette(np.random.default_rng(k), k, 3, kind))
    plane = IndexPlane(np.zeros((2000, 1500), np.uint8), k)
    payload, indices = adaptive_tile(plane, palette), np.zeros_like(plane.indices)
    tables = len(fresh_state(entry_order(palette), payload[0] & 31, 0).learnt) * 2
    tracemalloc.start()
    read_adaptive_tile(memoryview(payload), indices, palette, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < tables + most * indices.size


def test_learning_keeps_the_order_and_the_top_of_every_row():
    lanes = np.arange(32_641)
    for n in range(1, 96):
        rate = 655_360 // (10 * n + 13)
        below, above = (lanes + ((goal - lanes) * rate >> 16) for goal in (0, 32_639 - -65_536 // rate))
        assert below.min() >= 0
        assert above.max() <= 32_640
        assert np.all(np.diff(below) >= 0)
        assert np.all(np.diff(above) >= 0)
        assert np.all(below <= above)
        assert np.all(above[:-1] > lanes[:-1])


def on_sources(place):
    """Have the coding run on the sources of its loops."""
    for name in LOOPS:
        if not name.startswith("kmq._coding.adaptive."):
            continue
        compiled = importlib.import_module(name)
        for attribute, value in vars(_payload).items():
            if callable(value) and getattr(compiled, attribute, None) is value:
                place.setattr(_payload, attribute, getattr(uncompiled(compiled), attribute))


@examples(10)
@given(tiles(ks=st.one_of(st.integers(2, 20), st.sampled_from([40, 256, 300])), side=10), st.booleans())
def test_uncompiled_it_gives_the_same_bytes(tile, damaged):
    plane, palette = tile
    payload = adaptive_tile(plane, palette)
    other = payload[:-1] + bytes([payload[-1] ^ 64]) if damaged else payload
    found = verdict(other, plane.indices.shape, palette)
    with pytest.MonkeyPatch.context() as place:
        on_sources(place)
        assert UNCOMPILED or _payload.code_cells is not code_cells
        assert adaptive_tile(plane, palette) == payload
        assert verdict(other, plane.indices.shape, palette) == found
