"""The search for the nearest entry, compiled and uncompiled."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import kmq
import oracle
from kmq._colours import nearest_loop as _nearest_loop
from kmq._colours.nearest import CELL_BITS, nearest
from kmq._colours.spaces import COLOUR_SPACES, points_of
from kmq._colours.z_order import codes_of
from strategies import palettes
from ways import BOTH, of, uncompiled

SRGB = COLOUR_SPACES["srgb"]


@st.composite
def searches(draw):
    palette = draw(palettes(k=st.integers(1, 40)))
    few = st.sampled_from([0, 1, 127, 128, 254, 255])  # so that ties are common
    colours = draw(npst.arrays(np.uint8, (draw(st.integers(1, 30)), palette.channels), elements=few))
    return colours, palette


@example((np.array([[5]], np.uint8), kmq.Palette([[9], [1]])))
@example((np.array([[5]], np.uint8), kmq.Palette([[1], [9]])))
@example((np.array([[7, 7, 7]], np.uint8), kmq.Palette([[8, 8, 8], [6, 6, 6], [8, 8, 8]])))
@given(searches())
def test_the_nearest_entry_is_that_of_all_distances(search):
    colours, palette = search
    entries = palette.entries.tolist()
    for colour, index in zip(colours.tolist(), nearest(colours, palette, SRGB).tolist(), strict=True):
        assert oracle.is_nearest(colour, index, entries)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("k", [1, 3, 40, 400])
def test_the_nearest_entry_among_many_colours_in_cells(channels, k):
    rng = np.random.default_rng(k)
    colours = np.unique(rng.integers(0, 256, (3000, channels), np.uint8), axis=0)
    colours = colours[np.argsort(codes_of(colours))]
    entries = colours[rng.integers(0, len(colours), k)]
    points, places = points_of(colours, SRGB).astype(np.int64), points_of(entries, SRGB).astype(np.int64)
    distances = ((points[:, np.newaxis] - places) ** 2).sum(axis=2)
    if channels == 4:  # opaque finds opaque, transparent finds transparent, where there are such entries
        for alpha in (0, 255):
            if (entries[:, 3] == alpha).any():
                wrong = np.outer(colours[:, 3] == alpha, entries[:, 3] != alpha)
                distances[wrong] = np.iinfo(np.int64).max
    assert np.array_equal(nearest(colours, kmq.Palette(entries), SRGB), distances.argmin(axis=1))


def room(colours, entries, levels=len(CELL_BITS)):
    """Return the arguments of nearest_entries."""
    k = len(entries)
    candidates = np.zeros((levels + 1, k, 5), np.int32)
    candidates[0, :, :4], candidates[0, :, 4] = points_of(entries, SRGB), np.arange(k)
    shifts = np.array([(8 - bits) * colours.shape[1] for bits in CELL_BITS[:levels]], np.int32)
    return [
        points_of(colours, SRGB), codes_of(colours), shifts, candidates, np.zeros(levels + 1, np.int64),
        np.zeros(levels + 1, np.int64), np.zeros(k, np.int64), np.full(len(colours), -1, np.int32),
    ]  # fmt: skip


@given(searches(), st.integers(0, len(CELL_BITS)))
def test_the_nearest_entry_is_the_same_uncompiled_and_with_any_cells(search, levels):
    colours, palette = search
    found = []
    for loops, cells in ((_nearest_loop, len(CELL_BITS)), (uncompiled(_nearest_loop), levels)):
        arguments = room(colours, palette.entries, cells)
        loops.nearest_entries(*map(memoryview, arguments))
        found.append(arguments[-1].tolist())
    assert found[0] == found[1]
    assert min(found[0]) >= 0


@BOTH
@pytest.mark.parametrize("broken", range(8))
def test_the_search_checks_sizes_before_it_reads(loops, broken):
    arguments = room(np.zeros((3, 3), np.uint8), np.zeros((2, 3), np.uint8))
    arguments[broken] = np.concatenate([arguments[broken], arguments[broken]])
    with pytest.raises(ValueError, match="must"):
        of(loops, _nearest_loop).nearest_entries(*map(memoryview, arguments))


@BOTH
@pytest.mark.parametrize("shift", [-1, 32])
def test_the_search_checks_shifts(loops, shift):
    arguments = room(np.zeros((3, 3), np.uint8), np.zeros((2, 3), np.uint8))
    arguments[2][1] = shift
    with pytest.raises(ValueError, match="shifts must be 0 to 31"):
        of(loops, _nearest_loop).nearest_entries(*map(memoryview, arguments))


@given(searches(), st.data())
def test_sums_by_entry(search, data):
    colours, palette = search
    points = points_of(colours, SRGB)
    weights = data.draw(npst.arrays(np.int64, len(points), elements=st.integers(1, 2**40)))
    numbers = data.draw(npst.arrays(np.int32, len(points), elements=st.integers(0, palette.k - 1)))
    expected = [[0] * 5 for _ in range(palette.k)]
    for point, weight, number in zip(points.tolist(), weights.tolist(), numbers.tolist(), strict=True):
        expected[number] = [a + weight * b for a, b in zip(expected[number], [*point, 1], strict=True)]
    for loops in (_nearest_loop, uncompiled(_nearest_loop)):
        sums = np.zeros((palette.k, 5), np.int64)
        loops.sum_by_entry(*map(memoryview, (points, weights, numbers, sums)))
        assert sums.tolist() == expected


@BOTH
@pytest.mark.parametrize("wrong", [-1, 2])
def test_sums_check_numbers(loops, wrong):
    points, weights, sums = np.zeros((3, 4), np.int32), np.ones(3, np.int64), np.zeros((2, 5), np.int64)
    for numbers in (np.array([0, 1, wrong], np.int32), np.zeros(2, np.int32)):
        with pytest.raises(ValueError, match="must"):
            of(loops, _nearest_loop).sum_by_entry(*map(memoryview, (points, weights, numbers, sums)))
