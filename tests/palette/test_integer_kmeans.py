"""K-means in integers: each step beside a plain one, and the same bytes whatever the machine adds up with."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

import kmq
from kmq._colours.spaces import FROM_CONES, FROM_OKLAB, LIGHT, TO_CONES, TO_OKLAB, cube_root
from kmq._colours.z_order import codes_of
from kmq._palette.clustering.lloyd_loop import move_centres
from kmq._palette.clustering.merging_loop import cheapest_merges
from kmq._palette.clustering.points import Points
from kmq._palette.clustering.refining import _refined_by_cells, distances, moved, refined
from kmq._palette.clustering.splitting import best_cuts, split_centres


@st.composite
def clouds(draw, least=1):
    """Weighted points of a few clusters, and a number of centres.

    Squared distances stay below 2^34: larger ones don't count in full.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, k = draw(st.integers(least, 200)), draw(st.integers(1, 12))
    middles = random.integers(-10_000, 10_000, (draw(st.integers(1, 8)), 4))
    spread = draw(st.sampled_from([0, 3, 500, 20_000]))
    positions = middles[random.integers(0, len(middles), count)]
    positions += random.integers(-spread, spread + 1, (count, 4))
    positions[:, draw(st.integers(1, 4)) :] = 0
    weights = random.integers(1, 1 + draw(st.sampled_from([1, 1000, 1 << 20])), count)
    return Points(
        positions.astype(np.int32), weights, codes_of(np.zeros((count, 3), np.uint8)), 3, apart=False
    ), k


def squares(points, centres):
    gaps = points.positions[:, np.newaxis].astype(np.int64) - centres[np.newaxis]
    return (gaps * gaps).sum(axis=2)


@given(clouds(), st.data())
def test_a_step_goes_to_the_nearest_centres_and_their_means(cloud, data):
    points, k = cloud
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    centres = points.positions[random.integers(0, len(points), k)]  # some of them twice
    guess = random.integers(0, k, len(points)).astype(np.int32)
    held = random.random(k) < 0.2
    after = moved(points, centres, guess, 1, 243, held, fill=False)
    all_squares = squares(points, centres)
    assert np.array_equal(after.numbers, all_squares.argmin(axis=1))  # of equals the first
    assert np.array_equal(after.masses, np.bincount(after.numbers, points.weights, k))
    for number in range(k):
        members = after.numbers == number
        if held[number] or not members.any():
            assert np.array_equal(after.centres[number], centres[number])
        else:
            mean = np.average(points.positions[members], axis=0, weights=points.weights[members])
            assert np.abs(after.centres[number] - mean).max() <= 0.5
    error = (points.weights * distances(points, after.centres, after.numbers)).sum()
    assert after.error == pytest.approx(error, rel=1e-3, abs=float(4 * points.weights.sum()))


@given(clouds(), st.integers(1, 9))
def test_few_centres_and_many_move_alike(cloud, steps):
    points, k = cloud
    start = points.positions[np.linspace(0, len(points) - 1, k).astype(int)]
    held = np.arange(k) % 5 == 4
    few, many = refined(points, start, steps, held), _refined_by_cells(points, start, steps, held)
    assert np.array_equal(few.centres, many.centres)
    assert np.array_equal(few.numbers, many.numbers)
    assert np.array_equal(few.masses, many.masses)


@given(clouds(least=2))
def test_the_best_cut_saves_what_it_says_and_nearly_the_most(cloud):
    points, _ = cloud
    cuts = best_cuts(points, np.zeros(len(points), np.int32), 1)
    mean = np.average(points.positions, axis=0, weights=points.weights)
    offsets = points.positions - mean
    axis = np.linalg.eigh((offsets.T * points.weights) @ offsets)[1][:, -1]
    places = offsets @ axis
    order = np.argsort(places)
    masses = np.cumsum(points.weights[order])[:-1].astype(float)
    moments = np.cumsum((points.weights * places)[order])[:-1]
    rest = points.weights.sum() - masses
    saved = (moments**2 * (1 / masses + 1 / rest)).max()  # along the axis; across it, a cut saves more
    total = (points.weights * (offsets**2).sum(axis=1)).sum()
    if cuts.saved[0]:
        mass, other = _masses(points, cuts)
        gap = ((cuts.above[0].astype(float) - cuts.below[0]) ** 2).sum()
        share = mass * other / (mass + other)
        rounding = float(0.001 * total + 4 * share * (gap**0.5 + 1))  # means are integers
        assert cuts.saved[0] == pytest.approx(share * gap, rel=0.05, abs=rounding)
    assert cuts.saved[0] >= 0.9 * saved - 0.01 * total - 4 * points.weights.sum()


def _masses(points, cuts):
    """Return the masses of the two parts that a cut leaves, from their means."""
    sides = squares(points, np.concatenate([cuts.below, cuts.above])).argmin(axis=1)
    masses = np.bincount(sides, points.weights, 2)
    return max(masses[0], 1), max(masses[1], 1)


@given(clouds(), st.integers(1, 40))
def test_the_cheapest_merges_are_those_of_ward(cloud, most):
    points, k = cloud
    masses, kinds = np.arange(k, dtype=np.int64) ** 5, np.arange(k, dtype=np.int32) % 2
    means = np.resize(points.positions, (k, 4)).astype(np.int32)
    pairs, costs = np.zeros(most, np.int64), np.zeros(most, np.int64)
    count = cheapest_merges(means.data, masses.data, kinds.data, pairs.data, costs.data)
    exact = {}
    for number, (i, j) in enumerate((a, b) for a in range(k) for b in range(a)):
        if kinds[i] == kinds[j]:
            square = sum((int(one) - int(other)) ** 2 for one, other in zip(means[i], means[j], strict=True))
            cost = int(masses[i]) * int(masses[j]) * square / max(1, int(masses[i] + masses[j]))
            exact[number] = cost, square / 128 + 1 + 0.005 * cost
    assert count == min(most, len(exact))
    found = dict(zip(pairs[:count].tolist(), costs[:count].tolist(), strict=True))
    assert len(found) == count
    for number, cost in found.items():
        assert cost == pytest.approx(exact[number][0], abs=exact[number][1])
    dearest = max(found.values(), default=0)
    assert all(cost + error >= dearest for number, (cost, error) in exact.items() if number not in found)


@settings(max_examples=30)
@given(clouds())
def test_splits_leave_less_error_than_one_centre(cloud):
    points, k = cloud
    centres, numbers = split_centres(points, k)
    distinct = np.unique(points.positions, axis=0).astype(np.int64)
    gaps = ((distinct[:, np.newaxis] - distinct) ** 2).sum(axis=2)
    assert len(centres) <= min(k, len(distinct))
    if (gaps[gaps > 0] >= 16).all():  # a cut between neighbours saves nothing in integers
        assert len(centres) == min(k, len(distinct))
    best, one = (
        (points.weights * squares(points, each).min(axis=1)).sum()
        for each in (centres, centres.mean(axis=0)[np.newaxis])
    )
    assert best <= one + points.weights.sum()
    for number, centre in enumerate(centres):
        members = numbers == number
        mean = np.average(points.positions[members], axis=0, weights=points.weights[members])
        assert np.abs(mean - centre).max() <= 0.5


def test_the_loops_refuse_what_would_overflow():
    points = np.zeros((3, 4), np.int32)
    weights = np.array([1, 2, 3])
    room = (
        np.zeros(3, np.int64),
        np.zeros((2, 5), np.int64),
        np.zeros((2, 2), np.int32),
        np.zeros((2, 2), np.int64),
        np.zeros(2, np.int32),
    )

    def move(points=points, weights=weights, numbers=(0, 0, 1), centres=points[:2], steps=1, pace=128):
        limits, held = np.zeros((2, 4), np.int32), np.zeros(2, np.uint8)
        numbers = np.array(numbers, np.int32)
        arrays = (points, weights, held, limits, centres.copy(), numbers, *room)
        return move_centres(*(array.data for array in arrays), steps, pace, False)

    assert move() == 0
    for wrong in (
        {"points": points + (1 << 19)}, {"weights": weights << 27}, {"weights": weights * 0},
        {"numbers": (0, 2, 1)}, {"numbers": (0, -1, 1)}, {"centres": points[:2] - (1 << 20)},
        {"steps": 0}, {"pace": 257}, {"weights": weights[:2]}, {"centres": points[:1]},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"must"):
            move(**wrong)


def test_the_colour_space_is_that_of_floating_point():
    values = np.concatenate([np.linspace(0, 1, 100_001), 10.0 ** -np.arange(1, 29)])
    assert cube_root(values) == pytest.approx(np.cbrt(values), rel=1e-15, abs=1e-12)
    light = np.where(
        np.arange(256) <= 10, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
    )
    assert pytest.approx(light, rel=1e-14) == LIGHT
    for matrix, inverse in ((TO_CONES, FROM_CONES), (TO_OKLAB, FROM_OKLAB)):
        assert np.array(matrix) @ np.array(inverse) == pytest.approx(np.eye(3), abs=1e-14)


SCRIPT = """
import hashlib, sys
import numpy as np
import kmq
k, rows = map(int, sys.argv[1:])
random = np.random.default_rng(5)
picture = random.normal(np.linspace(0, 255, 60)[:, None, None], 40, (60, 20, 4)).clip(0, 255).astype(np.uint8)
picture[20:, :, 3] = 255
picture = picture[-rows:]
for options in ({}, {"space": "srgb"}, {"effort": "fast"}, {"dither": "floyd-steinberg"}):
    for pixels in (picture, picture[:, :, :3], picture[:, :, 0]):
        data = kmq.encode(pixels, k, **options)
        print(hashlib.sha256(data).hexdigest())
assert not {"sklearn", "scipy", "threadpoolctl"} & set(sys.modules)
"""


def encoded(k=24, rows=60, **environment):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(k), str(rows)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def here():
    return encoded()


@pytest.mark.compiled_only("it compares compiled loops with others")
@pytest.mark.parametrize(
    "environment",
    [
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4"},
        {"NPY_DISABLE_CPU_FEATURES": " ".join(each for each in __cpu_dispatch__ if __cpu_features__[each])},
    ],
    ids=["old-blas", "four-threads", "no-vectors"],
)
def test_the_bytes_are_the_same_whatever_adds_up(here, environment):
    assert encoded(**environment) == here


@pytest.mark.compiled_only("it compares compiled loops with others")
def test_the_bytes_are_the_same_uncompiled():
    assert encoded(8, 6, KMQ_UNCOMPILED="1") == encoded(8, 6)


def test_scikit_learn_clusters_where_it_is_asked_for():
    picture = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    plain, thorough = (kmq.encode(picture, 30, effort=effort) for effort in ("default", "thorough"))
    assert kmq.encode(picture, 30, max_iter=100, tol=0) != plain
    assert thorough != plain
