"""Translucent colours in entries of other kinds: transparent black, and opaque ones."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import kmq
from kmq._colours.spaces import COLOUR_SPACES, OPAQUE, points_of
from kmq._palette.clustering.adopting import adopted, reallotted
from kmq._palette.clustering.points import is_opaque, weighted_points
from kmq._palette.clustering.splitting import split_centres

SPACE = COLOUR_SPACES["srgb"]
CLEAR = points_of(np.zeros((1, 4), np.uint8), SPACE)[0]


@st.composite
def colours(draw):
    """Return points of opaque and translucent colours, apart, and centres of both kinds."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(6, 200))
    values = random.integers(0, 256, (count, 4), np.uint8)
    hues = random.integers(0, 256, (draw(st.integers(1, 5)), 3))
    values[:, :3] = hues[random.integers(0, len(hues), count)]
    values[:, 3] = random.choice(draw(st.sampled_from([[1, 9, 250], [40, 128], [254]])), count)
    values[: draw(st.integers(1, count - 2)), 3] = 255
    values = np.unique(values, axis=0)
    points = weighted_points(values, random.integers(1, 1000, len(values)), SPACE)
    kinds = is_opaque(points.positions)
    chosen = np.concatenate([np.flatnonzero(kind)[:9:2] for kind in (kinds, ~kinds)])
    return points, points.positions[chosen]


def squares(points, centres):
    """Return the squared distance of each point to each centre, and then to transparent black.

    Opaque points are infinitely far from all but opaque centres.
    """
    opaque, opaque_centres = is_opaque(points.positions), is_opaque(centres)
    places, entries = points.positions.astype(float), centres.astype(float)
    places[opaque, 3] -= OPAQUE
    entries[opaque_centres, 3] -= OPAQUE
    entries = np.concatenate([entries, [CLEAR]])
    found = ((places[:, np.newaxis] - entries) ** 2).sum(axis=2)
    found[np.ix_(opaque, ~np.append(opaque_centres, False))] = np.inf
    return found


@given(colours())
def test_a_colour_goes_to_the_kind_of_the_nearest_entry(drawn):
    points, centres = drawn
    found = adopted(points, centres, CLEAR)
    gaps = squares(points, centres)
    nearest = gaps.min(axis=1)
    opaque = np.append(is_opaque(centres), False)
    assert (gaps[~found.kept, -1] == nearest[~found.kept]).all()
    with_opaque = is_opaque(found.points.positions)
    kept = gaps[found.kept]
    assert (kept[with_opaque][:, opaque].min(axis=1) == nearest[found.kept][with_opaque]).all()
    assert (kept[~with_opaque][:, ~opaque].min(axis=1) == nearest[found.kept][~with_opaque]).all()
    placed = squares(found.points, centres)
    left = np.where(with_opaque, placed[:, opaque].min(axis=1), placed[:, ~opaque].min(axis=1))
    total = (points.weights * nearest).sum()
    assert found.error + (found.points.weights * left).sum() == pytest.approx(total, rel=1e-9)


@given(colours(), st.integers(0, 8))
def test_the_error_becomes_no_larger_and_opaque_colours_have_opaque_entries(drawn, trials):
    points, centres = drawn
    assume(len(centres) >= 3)
    after, found, numbers = reallotted(points, centres, CLEAR, trials)
    assert after.shape == centres.shape
    assert np.array_equal(is_opaque(found.points.positions), is_opaque(after)[numbers])
    before, now = ((points.weights * squares(points, each).min(axis=1)).sum() for each in (centres, after))
    assert now <= before * 1.001 + 4 * points.weights.sum()  # centres are integers


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_soft_edges_of_flat_areas_take_no_entries_from_them(space):
    picture = np.zeros((70, 60, 4), np.uint8)
    for number, colour in enumerate([(250, 20, 20), (20, 250, 20), (20, 20, 250), (240, 240, 30), (9, 9, 9)]):
        picture[1 + 14 * number : 12 + 14 * number, 5:55] = (*colour, 255)
    shades = np.linspace(0, 255, 12).astype(np.uint8)
    picture[1:12, 4] = [(250, 20, 20, 200 + i) for i in range(11)]
    picture[15:26, 4] = [(20, 250, 20, 40 - 2 * i) for i in range(11)]
    picture[43:54, 4:16, :3] = shades[:, np.newaxis]
    entries = kmq.fit_palette(kmq.histogram(picture), 8, space=space).entries
    opaque = entries[entries[:, 3] == 255].tolist()
    assert len(opaque) == 7
    for colour in ((250, 20, 20, 255), (20, 250, 20, 255), (20, 20, 250, 255), (9, 9, 9, 255)):
        assert list(colour) in opaque
    assert [0, 0, 0, 0] in entries.tolist()


def test_entries_of_soft_edges_are_better_spent_elsewhere():
    down, across = np.mgrid[:80, :80]
    away = np.hypot(down - 40, across - 40)
    picture = np.stack([3 * down, 3 * across, 250 - 3 * down, 40 * (36 - away).clip(0, 6.375)], axis=2)
    picture = picture.astype(np.uint8)
    colours, counts = np.unique(picture.reshape(-1, 4), axis=0, return_counts=True)
    points = weighted_points(colours[1:], counts[1:], SPACE)  # the first is transparent black
    centres, _ = split_centres(points, 8)
    errors = []
    for trials in (0, 20):
        after, _, _ = reallotted(points, centres, CLEAR, trials)
        errors.append((points.weights * squares(points, after).min(axis=1)).sum())
    assert errors[1] < 0.9 * errors[0]
