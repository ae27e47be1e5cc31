"""Counting colours, compiled and uncompiled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kmq._colours.z_order import codes_of, spread_table
from kmq._picture import histogram_loop as _histogram_loop
from ways import BOTH, of, run, uncompiled


def counting(pixels, size=64):
    """Return the arguments of find_blocks."""
    channels = pixels.shape[1]
    return [
        pixels, spread_table(channels), np.zeros(size, np.uint64), np.zeros(size // 2, np.uint32),
        np.zeros(size // 2, np.uint64), np.zeros(len(pixels), np.uint32), 0, 0,
    ]  # fmt: skip


@given(st.sampled_from([1, 3, 4]), st.data())
def test_counting_uncompiled_gives_the_same(channels, data):
    pixels = data.draw(npst.arrays(np.uint8, (data.draw(st.integers(1, 40)), channels)))
    results = []
    for loops in (_histogram_loop, uncompiled(_histogram_loop)):
        arguments = counting(pixels)
        done, known = run(loops.find_blocks, arguments)
        table, blocks, bitmaps, places = arguments[2:6]
        larger = np.zeros(256, np.uint64)
        run(loops.enter_blocks, [larger, blocks, known])
        order = np.argsort(blocks[:known]).astype(np.int64)
        firsts = np.zeros(known, np.uint32)
        codes = np.zeros(sum(int(bits).bit_count() for bits in bitmaps[:known]), np.uint32)
        run(loops.list_codes, [bitmaps[:known], blocks[:known], order, firsts, codes])
        counts = np.zeros(len(codes), np.int64)
        if done == len(pixels):
            run(loops.rank_and_count, [places, bitmaps[:known], firsts, counts])
            assert np.array_equal(codes[places], codes_of(pixels))
        results.append([a.tolist() for a in (table, larger, places, codes, counts)] + [done, known])
    assert results[0] == results[1]


@BOTH
def test_counting_stops_when_there_is_no_room(loops):
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 3)
    arguments = counting(pixels, 16)
    done, known = run(of(loops, _histogram_loop).find_blocks, arguments)
    assert known == 8
    assert len(set((codes_of(pixels)[:done] >> 6).tolist())) == 8
    assert codes_of(pixels)[done] >> 6 not in arguments[3]


@BOTH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, spread_table(4)), (2, np.zeros(0, np.uint64)),
        (2, np.zeros(48, np.uint64)), (3, np.zeros(64, np.uint32)),
        (4, np.zeros(8, np.uint64)), (5, np.zeros(4, np.uint32)), (6, -1), (6, 6), (7, -1), (7, 33),
    ],
)  # fmt: skip
def test_counting_checks_sizes_before_it_reads(loops, place, value):
    arguments = counting(np.zeros((5, 3), np.uint8))
    arguments[place] = value
    with pytest.raises(ValueError, match="must"):
        run(of(loops, _histogram_loop).find_blocks, arguments)


@BOTH
@pytest.mark.parametrize("entry", [1, 5, 1 << 60, (40 << 32) + 1])
def test_counting_checks_a_table_that_others_filled(loops, entry):
    arguments = counting(np.zeros((5, 3), np.uint8))
    arguments[2][:] = entry
    for block in (1, 0):
        arguments[1] = np.full((3, 256), 64 * block, np.uint32)
        with pytest.raises(ValueError, match="must be one that these functions filled"):
            run(of(loops, _histogram_loop).find_blocks, arguments)
    with pytest.raises(ValueError, match="must be empty"):
        run(of(loops, _histogram_loop).enter_blocks, [arguments[2], arguments[3], 1])


@BOTH
def test_ranking_checks_what_it_is_given(loops):
    loops = of(loops, _histogram_loop)
    bitmaps, blocks, order = np.array([3], np.uint64), np.array([0], np.uint32), np.array([0], np.int64)
    firsts, codes = np.zeros(1, np.uint32), np.zeros(2, np.uint32)
    run(loops.list_codes, [bitmaps, blocks, order, firsts, codes])
    assert codes.tolist() == [0, 1]
    for wrong in ([bitmaps, blocks, np.array([1], np.int64), firsts, codes],
                  [bitmaps.repeat(2), blocks.repeat(2), order.repeat(2), firsts.repeat(2), codes.repeat(2)],
                  [bitmaps, blocks, order, firsts, np.zeros(1, np.uint32)],
                  [bitmaps, blocks, order, firsts, np.zeros(3, np.uint32)],
                  [bitmaps, blocks, order, np.zeros(2, np.uint32), codes]):  # fmt: skip
        with pytest.raises(ValueError, match="must"):
            run(loops.list_codes, wrong)
    for places, counts in (([64], 2), ([2], 2), ([0, 1], 1)):
        arguments = [np.array(places, np.uint32), bitmaps, firsts, np.zeros(counts, np.int64)]
        with pytest.raises(ValueError, match="must be of one picture"):
            run(loops.rank_and_count, arguments)
    with pytest.raises(ValueError, match="as many"):
        run(loops.rank_and_count, [codes, bitmaps, np.zeros(2, np.uint32), np.zeros(2, np.int64)])
    with pytest.raises(ValueError, match="twice the blocks"):
        run(loops.enter_blocks, [np.zeros(8, np.uint64), np.zeros(5, np.uint32), 5])
