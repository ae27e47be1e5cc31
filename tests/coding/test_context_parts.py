"""The parts of the context coding: its tree, its predictions and its tables."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from context_tiles import CHANNELS, tiles
from kmq import Palette
from kmq._coding.context.model import tables
from kmq._coding.context.prediction import (
    MOST,
    TAPS,
    TEXTURES,
    UNIT,
    default_coefficients,
    fitted_coefficients,
)
from kmq._coding.context.tree import palette_tree, rough_counts
from ways import examples

# Tree

pytestmark = pytest.mark.both_ways


def walked(tree, k):
    """Return the levels of the leaves by entry and of the nodes, walking from the root."""
    leaves, levels, waiting = {}, {}, [(0, 0)]
    while waiting:
        node, level = waiting.pop()
        assert node not in levels
        levels[node] = level
        for side, child in enumerate(tree.nodes[node, :2].tolist()):
            if child >= 0:
                assert tree.nodes[child, 6] == 2 * node + side
                waiting.append((child, level + 1))
            else:
                assert ~child not in leaves
                assert tree.leaf_parents[~child] == 2 * node + side
                leaves[~child] = level + 1
    assert sorted(leaves) == list(range(k))
    assert sorted(levels) == list(range(k - 1))
    return leaves, levels


def entries_below(tree):
    """Return the entries below each node; children have higher numbers than their node."""
    below = {}
    for node in range(len(tree.nodes) - 1, -1, -1):
        children = tree.nodes[node, :2].tolist()
        below[node] = [[~child] if child < 0 else [*below[child][0], *below[child][1]] for child in children]
    return below


def check_tree(palette, exponents):
    tree = palette_tree(palette, np.asarray(exponents, np.int32))
    leaves, levels = walked(tree, palette.k)
    assert max(leaves.values()) <= 64 + 17
    for node, (left, right) in entries_below(tree).items():
        _, _, axis, threshold, inverse, reciprocal, _, _ = tree.nodes[node].tolist()
        lower, upper = (tree.points[side, axis].astype(int) for side in (left, right))
        assert threshold == lower.max() + upper.min()
        spread = max(1, upper.sum() // len(upper) - lower.sum() // len(lower))
        assert (inverse, reciprocal) == (min(32_767, 180 * 16_384 // spread), 65_536 // spread)
        if levels[node] < 64:
            all_equal = (tree.points[left + right] == tree.points[left[0]]).all()
            assert lower.max() < upper.min() or all_equal
        if levels[node] == 4:
            assert set(tree.classes[left + right].tolist()) == {node}
    for entry, level in leaves.items():
        assert level > 4 or tree.classes[entry] == palette.k + entry
    return tree


@examples(80)
@given(
    st.one_of(
        tiles(ks=st.integers(2, 200)).map(lambda tile: tile[1]),
        npst.arrays(np.uint8, st.tuples(st.integers(2, 60), CHANNELS)).map(Palette),
    ),
    st.data(),
)
def test_a_tree_has_every_entry_once_and_splits_by_colour(palette, data):
    exponents = data.draw(
        st.one_of(
            st.just(np.zeros(palette.k, int)),
            npst.arrays(np.int64, palette.k, elements=st.integers(0, 15)),
        )
    )
    check_tree(palette, exponents)


def powers(k, channels):
    """Entries whose distances double: the mean of what is left always has one of them on its other side."""
    entries = np.zeros((k, channels), int)
    numbered = np.arange(k)
    entries[numbered, numbered // 8 % channels] = (1 << numbered % 8) - 1
    return entries


@pytest.mark.compiled_only("palettes of 5,000 entries")
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("k", [2, 3, 32, 5000])
@pytest.mark.parametrize("heavy", [None, "first", "last", "all", "powers"])
def test_trees_of_palettes_that_are_meant_to_be_deep(channels, k, heavy):
    exponents = np.zeros(k, int)
    if heavy == "all":
        exponents[:] = 15
    elif heavy == "powers":
        exponents[:] = np.arange(k) % 16
    elif heavy is not None:
        exponents[0 if heavy == "first" else -1] = 15
    check_tree(Palette(powers(k, channels)), exponents)
    check_tree(Palette(np.arange(k * channels).reshape(k, channels) % 256), exponents)


@pytest.mark.compiled_only("palettes of 65,536 entries")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_trees_of_the_largest_palettes(channels):
    k = 65_536
    entries = np.random.default_rng(0).integers(0, 256, (k, channels))
    for palette in (Palette(entries), Palette(np.zeros((k, channels), int)), Palette(powers(k, channels))):
        tree = palette_tree(palette, np.zeros(k, np.int32))
        leaves, _ = walked(tree, k)
        assert max(leaves.values()) <= 64 + 17


@given(npst.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 5)))
@example(np.zeros((300, 300), np.uint16))
def test_rough_counts_are_logarithms(indices):
    for entry, exponent in enumerate(rough_counts(indices, 7).tolist()):
        count = int((indices == entry).sum())
        assert exponent == min(15, max(1, count).bit_length() - 1)


# Predictions


def coefficients_by_lstsq(indices, points):
    """Return the coefficients by another way: equations, not normal equations."""
    height, width = indices.shape
    rows = range(3, height)
    rows = rows[:: max(1, -(-len(rows) * width // (1 << 15)))]
    equations = [[] for _ in range(TEXTURES)]
    for y in rows:
        for x in range(4, width - 4):
            near = points[[indices[y + dy, x + dx] for dx, dy in TAPS]].astype(float)
            w, n, nw, ne = near[:4, 0]
            down, across, on = abs(w - nw), abs(n - nw), abs(n - ne)
            if down + across + on < 37:
                kind = 0
            elif down + across + on < 150:
                kind = 1
            else:
                kind = 2 if down > 2 * across else 3 if across > 2 * down else 4 if on > 2 * down else 5
            own = points[indices[y, x]].astype(float)
            middle = (near[0] + near[1]) / 2
            equations[kind].append([(near[:, a] - middle[a], own[a] - middle[a]) for a in range(3)])

    def solved(chosen):
        # The regularisation, in the same units: 2 per pixel on twice the values is half on the values.
        weight = (max(len(chosen), 1) / 2) ** 0.5
        flat = [pair for axes in chosen for pair in axes]
        left = np.vstack([[near for near, _ in flat], weight * np.eye(len(TAPS))])
        right = np.concatenate([[own for _, own in flat], np.zeros(len(TAPS))])
        found = np.linalg.lstsq(left, right)[0]
        found[:2] += (1 - found.sum()) / 2
        return UNIT * found

    every = solved([pair for kind in equations for pair in kind])
    return [every] + [solved(kind) if len(kind) > 500 else every for kind in equations]


@pytest.mark.compiled_only("no loop takes part")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fitted_coefficients_are_least_squares(channels):
    random = np.random.default_rng(channels)
    y, x = np.indices((90, 110))
    waves = np.sin(x / 9) * 60 + np.cos(y / 7 + x / 20) * 50 + random.normal(0, 9, x.shape)
    edges = 60 * ((x // 25 + y // 31) % 2)
    indices = (waves + edges + 120).clip(0, 255).astype(np.uint8)
    entries = np.arange(256)[:, np.newaxis] * [1, 1, 1, 0][:channels] + [0, 20, 9, 255][:channels]
    points = palette_tree(Palette(entries % 256), np.zeros(256, np.int32)).points
    found, expected = (
        fitted_coefficients(indices, points).coefficients,
        coefficients_by_lstsq(indices, points),
    )
    assert found.shape == (1 + TEXTURES, len(TAPS))
    assert found.dtype == np.int32
    assert np.abs(found - np.clip(expected, -MOST, MOST)).max() < 0.51
    assert len({tuple(row) for row in found.tolist()}) > 3


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (50, 8), (4, 9)])
def test_pictures_too_small_to_fit_have_the_default_or_sane_coefficients(shape):
    indices = np.random.default_rng(0).integers(0, 9, shape).astype(np.uint8)
    points = palette_tree(Palette(np.arange(9)[:, np.newaxis] * 20), np.zeros(9, np.int32)).points
    found = fitted_coefficients(indices, points).coefficients
    if shape[0] < 4 or shape[1] < 9:
        assert np.array_equal(found, default_coefficients())
    assert np.abs(found).max() <= MOST


# Tables


def test_tables_are_the_curves_they_stand_for():
    made = tables()
    at = np.arange(-2048, 2048)
    assert np.abs(made.squash - 65_536 / (1 + np.exp(-at / 256))).max() < 500
    assert (np.diff(made.squash.astype(int)) >= 0).all()
    for p in (1, 100, 2048, 4000, 4095):
        d = int(made.stretch[p])
        assert abs(d) == 2047 or (made.squash[d + 2048] >> 4) >= p > (made.squash[d + 2047] >> 4)
    assert made.rates.tolist() == [655_360 // (10 * n + 16) for n in range(16)]
