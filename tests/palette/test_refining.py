"""The steps of clustering by themselves: what each promises to the next."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

import kmq
from kmq._colours.spaces import COLOUR_SPACES
from kmq._palette.clustering.outliers import FEWEST_PIXELS, outliers_kept
from kmq._palette.clustering.points import assigned, compact, weighted_points
from kmq._palette.clustering.refining import refined
from kmq._palette.clustering.splitting import split_centres
from kmq._plane.blending_loop import solve

SRGB = COLOUR_SPACES["srgb"]


@pytest.fixture(scope="module")
def points():
    counted = kmq.histogram(load_sample_image("china.jpg")[::3, ::3])
    return weighted_points(counted.colours, counted.counts, SRGB)


def means(points, numbers, k):
    members = [numbers == number for number in range(k)]
    return np.array([np.average(points.positions[m], axis=0, weights=points.weights[m]) for m in members])


def test_the_last_step_goes_to_the_means(points):
    start = points.positions[np.linspace(0, len(points) - 1, 12).astype(int)]
    once = refined(points, start, 1).centres
    assert np.abs(once - means(points, assigned(points, start), 12)).max() <= 0.5
    settled = refined(points, start, 500).centres
    assert np.abs(settled - means(points, assigned(points, settled), 12)).max() <= 0.5


def test_held_centres_stay_and_empty_ones_find_the_worst_served(points):
    start = points.positions[np.linspace(0, len(points) - 1, 12).astype(int)].copy()
    start[3] = start[5]  # one of these two gets nothing
    held = np.arange(12) == 7
    settled = refined(points, start, 20, held).centres
    assert np.array_equal(settled[7], start[7])
    assert not np.array_equal(settled[8], start[8])
    assert len(np.unique(assigned(points, settled))) == 12


def test_splits_for_fewer_are_the_first_splits_for_more(points):
    some = compact(points, 500)
    for k in (1, 2, 5, 30):
        few, more = (split_centres(some, each)[0] for each in (k, k + 1))
        assert (len(few), len(more)) == (k, k + 1)
        kept = [(more == centre).all(axis=1).any() for centre in few]
        assert sum(kept) == k - 1  # all but the one that was split
    assert len(split_centres(some, len(some))[0]) == len(some)


def test_compact_points_weigh_and_lie_as_all(points):
    few = compact(points, 100)
    assert 100 <= len(few) < len(points)
    assert few.weights.sum() == points.weights.sum()
    centres = [np.average(each.positions, axis=0, weights=each.weights) for each in (few, points)]
    assert np.abs(centres[0] - centres[1]).max() < 1


def test_photographs_have_no_outliers_and_a_legend_has(points):
    centres = refined(points, points.positions[:: len(points) // 40][:40], 10).centres
    counts = kmq.histogram(load_sample_image("china.jpg")[::3, ::3]).counts
    again, held = outliers_kept(points, points, centres, counts >= FEWEST_PIXELS)
    assert not held.any()
    assert np.array_equal(again, centres)
    picture = load_sample_image("china.jpg")[::3, ::3].copy()
    picture[5:9, 5:15] = (255, 0, 255)
    counted = kmq.histogram(picture)
    with_legend = weighted_points(counted.colours, counted.counts, SRGB)
    frequent = counted.counts >= FEWEST_PIXELS
    again, held = outliers_kept(with_legend, with_legend, centres, frequent)
    assert again[held].tolist() == [[65_025, 0, 65_025, 0]]


def test_the_fit_to_dithering_is_that_of_least_squares():
    # Its own loop goes entry by entry; NumPy's solver takes all at once.
    random = np.random.default_rng(6)
    k = 7
    near = random.integers(0, 9, (60, k))
    pairs, ridges = near.T @ near + 300 * np.eye(k, dtype=int), random.integers(20, 50, k)
    wanted, before = random.integers(-9_000, 9_000, (k, 4)), random.integers(-9_000, 9_000, (k, 4))
    sums = pairs @ wanted
    expected = np.linalg.solve(pairs + np.diag(ridges), sums + ridges[:, np.newaxis] * before)
    entries, free = before.astype(np.int32), np.ones((k, 4), np.uint8)
    free[:, 3] = 0
    entries[:, 3] = before[:, 3] = 32_768
    limits = np.full((k, 2), 32_768, np.int32)
    fit = (pairs, sums, ridges, before.astype(np.int32), free, limits, 200, entries)
    solve(*(memoryview(a) if isinstance(a, np.ndarray) else a for a in fit))
    assert np.abs(entries - expected)[:, :3].max() <= 3
