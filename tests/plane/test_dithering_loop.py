"""Dithering, compiled and uncompiled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmq._plane import dithering_loop as _dithering_loop
from ways import BOTH, of, run, uncompiled


@st.composite
def ditherings(draw):
    """Return the arguments of diffuse: colours and entries that are few, and any ranges of entries."""
    integers = np.random.default_rng(draw(st.integers(0, 2**32))).integers
    height, width, colours, k = (draw(st.integers(1, most)) for most in (8, 9, 12, 9))
    points = integers(-65_025, 65_026, (colours, 4), np.int32)
    entries = integers(-65_025, 65_026, (k, 4), np.int32)
    entries = entries[np.argsort(entries[:, 0])]
    points[: min(k, colours) // 2] = entries[: min(k, colours) // 2]
    ranges = np.sort(integers(0, k + 1, (colours, 2), np.int32), axis=1)
    rows = np.where(ranges[:, 0] < ranges[:, 1], ranges[:, 0], integers(0, k, colours)).astype(np.int32)
    inverse = integers(0, draw(st.integers(1, colours)), (height, width), np.uint32)
    limits = np.stack([points.min(axis=0), points.max(axis=0)])
    strength, edge = draw(st.integers(0, 256)), draw(st.sampled_from([0, 30_000, 10**6]))
    errors, chosen = np.full((2, width + 2, 4), 9, np.int32), np.full((height, width), -1, np.int32)
    return [inverse, points, rows, ranges, entries, limits, strength, edge, errors, chosen]


@given(ditherings())
def test_dithering_uncompiled_gives_the_same_and_keeps_to_the_ranges(arguments):
    inverse, points, rows, ranges, entries = arguments[:5]
    results = []
    for loops in (_dithering_loop, uncompiled(_dithering_loop)):
        own = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        run(loops.diffuse, own)
        partners, shares = np.zeros(len(points), np.int32), np.zeros(len(points), np.uint8)
        run(loops.mix_entries, [points, rows, ranges, entries, arguments[6], partners, shares])
        results.append([a.tolist() for a in (own[-1], partners, shares)])
    assert results[0] == results[1]
    chosen = np.array(results[0][0])
    first, end = ranges[inverse, 0], ranges[inverse, 1]
    assert np.where(first == end, chosen == rows[inverse], (first <= chosen) & (chosen < end)).all()
    assert max(results[0][2]) <= 32


@BOTH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, np.array([[3]], np.uint32)), (1, np.zeros((2, 4), np.int32)), (1, np.zeros((3, 3), np.int32)),
        (2, np.array([0, 0, 2], np.int32)), (2, np.array([0, -1, 0], np.int32)),
        (3, np.array([[0, 2], [0, 3], [0, 2]], np.int32)), (3, np.array([[0, 2], [1, 0], [0, 2]], np.int32)),
        (4, np.zeros((2, 3), np.int32)), (5, np.zeros((1, 4), np.int32)), (6, 257), (6, -1),
        (8, np.zeros((2, 2, 4), np.int32)), (9, np.zeros((1, 2), np.int32)),
    ],
)  # fmt: skip
def test_dithering_checks_its_arguments_before_it_reads(loops, place, value):
    arguments = [
        np.zeros((1, 1), np.uint32), np.zeros((3, 4), np.int32), np.zeros(3, np.int32),
        np.array([[0, 2]] * 3, np.int32), np.zeros((2, 4), np.int32), np.zeros((2, 4), np.int32), 256, 0,
        np.zeros((2, 3, 4), np.int32), np.zeros((1, 1), np.int32),
    ]  # fmt: skip
    run(of(loops, _dithering_loop).diffuse, arguments)
    arguments[place] = value
    with pytest.raises(ValueError, match="must"):
        run(of(loops, _dithering_loop).diffuse, arguments)
    if place in (1, 2, 3, 4, 6):
        points, rows, ranges, entries, _, strength = arguments[1:7]
        room = [np.zeros(3, np.int32), np.zeros(3, np.uint8)]
        with pytest.raises(ValueError, match="must"):
            run(of(loops, _dithering_loop).mix_entries, [points, rows, ranges, entries, strength, *room])
