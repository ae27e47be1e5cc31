"""Dithering, compiled and uncompiled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmq._colours.light import CUBE_ROOTS
from kmq._plane import blending_loop, dithering_loop, mixing_loop
from ways import BOTH, of, run, uncompiled

BOX, HALF = dithering_loop.BOX, dithering_loop.HALF
BLUR = np.array([20, 15, 6, 1], np.int32)


@st.composite
def ditherings(draw):
    """Return the arguments of diffuse: colours and entries that are few, and any ranges of entries."""
    integers = np.random.default_rng(draw(st.integers(0, 2**32))).integers
    height, width, colours, k = (draw(st.integers(1, most)) for most in (8, 9, 12, 9))
    lights, entries = (integers(-BOX, BOX + 1, (n, 4), np.int32) for n in (colours, k))
    places = integers(-(1 << 16), 1 << 16, (k, 4), np.int32)
    places = places[np.argsort(places[:, 0])]
    lights[: min(k, colours) // 2] = entries[: min(k, colours) // 2]
    ranges = np.sort(integers(0, k + 1, (colours, 2), np.int32), axis=1)
    rows = np.where(ranges[:, 0] < ranges[:, 1], ranges[:, 0], integers(0, k, colours)).astype(np.int32)
    inverse = integers(0, draw(st.integers(1, colours)), (height, width), np.uint32)
    reach, strength = integers(0, 1 << 30, k), draw(st.integers(0, 256))
    errors, chosen = np.full((2, width + 2, 4), 9, np.int32), np.full((height, width), -1, np.int32)
    return [
        inverse, lights, rows, ranges, entries, places, reach, CUBE_ROOTS, strength, errors, chosen
    ]  # fmt: skip


def both(module, function, arguments, results):
    """Return what a function writes into its last arguments, compiled and uncompiled."""
    found = []
    for loops in (module, uncompiled(module)):
        own = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        run(getattr(loops, function), own)
        found.append([a.tolist() for a in own[-results:]])
    return found


@given(ditherings())
def test_diffusion_uncompiled_gives_the_same_and_keeps_to_the_ranges(arguments):
    one, other = both(dithering_loop, "diffuse", arguments, 1)
    assert one == other
    inverse, _, rows, ranges = arguments[:4]
    first, end = ranges[inverse, 0], ranges[inverse, 1]
    (chosen,) = np.array(one)
    assert np.where(first == end, chosen == rows[inverse], (first <= chosen) & (chosen < end)).all()


@given(ditherings())
def test_places_and_reach_uncompiled_are_the_same(arguments):
    lights, places = arguments[1], arguments[5]
    one, other = both(dithering_loop, "place_lights", [lights, CUBE_ROOTS, np.zeros_like(lights)], 1)
    assert one == other
    reach = np.zeros(len(places), np.int64)
    one, other = both(dithering_loop, "measure_reach", [places, 0, len(places), reach], 1)
    assert one == other
    gaps = ((places[:, np.newaxis].astype(int) - places) ** 2).sum(axis=2)
    np.fill_diagonal(gaps, 1 << 42)
    assert one[0] == (gaps.min(axis=1) // 4).tolist()


@given(ditherings())
def test_mixtures_uncompiled_are_the_same_and_add_up(arguments):
    lights, entries, strength = arguments[1], arguments[4], arguments[8]
    n, k = len(lights), len(entries)
    room = [np.zeros(k, np.int64), np.zeros(k, np.int64), np.zeros(k, np.int32)]
    one, other = both(mixing_loop, "project", [lights, entries, *room, np.zeros_like(lights)], 1)
    assert one == other
    mixed = np.array(one[0])
    assert (entries.min(axis=0) - 1 <= mixed).all()
    assert (mixed <= entries.max(axis=0) + 1).all()
    listed = [np.zeros((n, mixing_loop.LISTED), np.int32), np.zeros((n, mixing_loop.LISTED), np.uint8)]
    one, other = both(mixing_loop, "list_mixtures", [lights, entries, strength, *room, *listed], 2)
    assert one == other
    numbers, bounds = map(np.array, one)
    assert ((numbers >= 0) & (numbers < k)).all()
    assert (np.diff(bounds) >= 0).all()
    assert (bounds[:, -1] == mixing_loop.LEVELS).all()


@given(ditherings(), st.integers(0, 2**32))
def test_the_fit_uncompiled_is_the_same(arguments, seed):
    inverse, lights, k = arguments[0], arguments[1], len(arguments[4])
    integers = np.random.default_rng(seed).integers
    height, width = inverse.shape
    chosen = integers(0, k, inverse.shape, np.int32)
    sums = [np.zeros((width, 4), np.int64), np.zeros((k, k), np.int64), np.zeros((k, 4), np.int64)]
    one, other = both(blending_loop, "count_pairs", [chosen, inverse, lights, BLUR, *sums], 2)
    assert one == other
    pairs, wanted = (np.array(a, np.int64) for a in one)
    shape = (height, width)
    by_hand = sum(
        np.outer(_around(shape, y, x), np.eye(k, dtype=int)[chosen[y, x]]).reshape(*shape, k)
        for y in range(0, height, 3) for x in range(y // 3 % 3, width, 3)
    )  # fmt: skip
    expected = np.zeros((k, k), int)
    np.add.at(expected, chosen.ravel(), np.asarray(by_hand).reshape(-1, k))
    assert (pairs == expected.T).all()
    entries = np.clip(arguments[4], -HALF, HALF).astype(np.int32)
    entries[:, 3] = HALF
    limits = np.full((k, 2), HALF, np.int32)
    free, ridges = integers(0, 2, (k, 4), np.uint8), np.full(k, 1000)
    fit = [pairs, wanted, ridges, entries.copy(), free, limits, 3, entries]
    one, other = both(blending_loop, "solve", fit, 1)
    assert one == other
    moved = np.array(one[0])
    assert (np.abs(moved) <= HALF).all()
    assert (moved == entries)[free == 0].all()


def _around(shape, y, x):
    """Return the weights of all pixels around one, (H * W,)."""
    along = [np.abs(np.arange(n) - at) for n, at in zip(shape, (y, x), strict=True)]
    down, across = (np.where(gap < len(BLUR), BLUR[np.minimum(gap, len(BLUR) - 1)], 0) for gap in along)
    return np.outer(down, across).ravel()


@BOTH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.array([[3]], np.uint32)), (1, np.zeros((2, 4), np.int32)), (1, np.zeros((3, 3), np.int32)),
        (1, np.full((3, 4), BOX + 1, np.int32)), (2, np.array([0, 0, 2], np.int32)),
        (2, np.array([0, -1, 0], np.int32)), (3, np.array([[0, 2], [0, 3], [0, 2]], np.int32)),
        (3, np.array([[0, 2], [1, 0], [0, 2]], np.int32)), (4, np.zeros((2, 3), np.int32)),
        (4, np.full((2, 4), -BOX - 1, np.int32)), (5, np.zeros((1, 4), np.int32)), (6, np.zeros(1, np.int64)),
        (7, np.zeros(9, np.int32)), (8, 257), (8, -1), (9, np.zeros((2, 2, 4), np.int32)),
        (10, np.zeros((1, 2), np.int32)),
    ],
)  # fmt: skip
def test_diffusion_checks_its_arguments_before_it_reads(loops, place, value):
    arguments = [
        np.zeros((1, 1), np.uint32), np.zeros((3, 4), np.int32), np.zeros(3, np.int32),
        np.array([[0, 2]] * 3, np.int32), np.zeros((2, 4), np.int32), np.zeros((2, 4), np.int32),
        np.zeros(2, np.int64), CUBE_ROOTS, 256, np.zeros((2, 3, 4), np.int32), np.zeros((1, 1), np.int32),
    ]  # fmt: skip
    run(of(loops, dithering_loop).diffuse, arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match="must"):
        run(of(loops, dithering_loop).diffuse, arguments)


def mixing_arguments():
    return [
        np.zeros((3, 4), np.int32), np.ones((2, 4), np.int32), np.zeros(2, np.int64), np.zeros(2, np.int64),
        np.zeros(2, np.int32), np.zeros((3, 4), np.int32),
    ]  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.zeros((3, 3), np.int32)), (0, np.full((3, 4), 1 << 18, np.int32)),
        (1, np.zeros((0, 4), np.int32)),
        (1, np.full((2, 4), 1 << 18, np.int32)), (2, np.zeros(1, np.int64)), (3, np.zeros(1, np.int64)),
        (4, np.zeros(1, np.int32)), (5, np.zeros((2, 4), np.int32)),
    ],
)  # fmt: skip
def test_mixing_checks_its_arguments_before_it_reads(loops, place, value):
    arguments = mixing_arguments()
    module = of(loops, mixing_loop)
    listed = [np.zeros((3, module.LISTED), np.int32), np.zeros((3, module.LISTED), np.uint8)]
    run(module.project, arguments)
    run(module.list_mixtures, [*arguments[:2], 256, *arguments[2:5], *listed])
    arguments[place] = value
    with pytest.raises(ValueError, match="must"):
        run(module.project, arguments)
    listed = [np.zeros((2, module.LISTED), np.int32), listed[1]] if place == 5 else listed
    with pytest.raises(ValueError, match="must"):
        run(module.list_mixtures, [*arguments[:2], 256, *arguments[2:5], *listed])


@BOTH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.full((2, 3), 2, np.int32)), (0, np.full((2, 3), -1, np.int32)),
        (0, np.zeros((2, 2), np.int32)), (1, np.full((2, 3), 4, np.uint32)), (2, np.zeros((4, 3), np.int32)),
        (3, np.zeros(0, np.int32)),
        (4, np.zeros((2, 4), np.int64)), (5, np.zeros((2, 3), np.int64)), (6, np.zeros((3, 4), np.int64)),
    ],
)  # fmt: skip
def test_counting_pairs_checks_its_arguments_before_it_reads(loops, place, value):
    arguments = [
        np.zeros((2, 3), np.int32), np.zeros((2, 3), np.uint32), np.zeros((4, 4), np.int32), BLUR,
        np.zeros((3, 4), np.int64), np.zeros((2, 2), np.int64), np.zeros((2, 4), np.int64),
    ]  # fmt: skip
    run(of(loops, blending_loop).count_pairs, arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match="must"):
        run(of(loops, blending_loop).count_pairs, arguments)


@BOTH
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 7])
def test_solving_checks_its_arguments_before_it_reads(loops, place):
    square, wide, four = np.zeros((2, 2), np.int64), np.zeros((2, 4), np.int64), np.zeros((2, 4), np.int32)
    limits, free = np.zeros((2, 2), np.int32), np.ones((2, 4), np.uint8)
    arguments = [square, wide, np.ones(2, np.int64), four, free, limits, 1, four.copy()]
    run(of(loops, blending_loop).solve, arguments)
    arguments[place] = arguments[place][:1]
    with pytest.raises(ValueError, match="must"):
        run(of(loops, blending_loop).solve, arguments)
