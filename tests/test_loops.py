"""The compiled loops are compiled, and give what the same files give uncompiled."""

import importlib
import importlib.machinery
import inspect
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import kmq
import oracle
from kmq._coding import packed_loop as _packing_loop
from kmq._coding import palette_loop as _palette_coding_loop
from kmq._coding.context import numbers_loop as _numbers_loop
from kmq._coding.context import (
    payload as _context,
)
from kmq._coding.context import (
    pixel_loop as _context_loop,
)
from kmq._coding.context import (
    tree as _context_tree,
)
from kmq._coding.context import (
    tree_loop as _context_tree_loop,
)
from kmq._coding.context.payload import _encoded
from kmq._colours import nearest_loop as _nearest_loop
from kmq._colours.nearest import CELL_BITS, nearest
from kmq._colours.spaces import COLOUR_SPACES, points_of
from kmq._colours.z_order import codes_of, spread_table
from kmq._ground import loops as _loops
from kmq._picture import histogram_loop as _histogram_loop
from kmq._plane import dithering_loop as _dithering_loop
from strategies import palettes, planes

SRGB = COLOUR_SPACES["srgb"]
LOOPS = [importlib.import_module(name) for name in _loops.LOOPS]


def all_uncompiled():
    """Import the source of every loop, as KMQ_UNCOMPILED=1 does; put back what was there."""
    there = {name: sys.modules.pop(name) for name in _loops.LOOPS}
    try:
        _loops.import_sources()
        return {name: sys.modules[name] for name in _loops.LOOPS}
    finally:
        for name, module in there.items():
            sys.modules[name] = module
            room, _, last = name.rpartition(".")
            setattr(sys.modules[room], last, module)


PURE = all_uncompiled()


@pytest.mark.compiled_only("what is tested is that they are compiled")
@pytest.mark.parametrize("module", LOOPS, ids=lambda module: module.__name__)
def test_the_loops_are_compiled(module):
    assert module.__file__.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    assert PURE[module.__name__].__file__.endswith(".py")


HEADERS = {name: Path(PURE[name].__file__).with_suffix(".pxd") for name in _loops.LOOPS}
WITH_HEADERS = [name for name in _loops.LOOPS if HEADERS[name].exists()]


def declared(name, keyword):
    """Return the blocks that follow a keyword in a loop's header, each with its title and its lines."""
    text = re.sub(r" *#.*", "", HEADERS[name].read_text("utf-8"))
    return re.findall(rf"^{keyword}(.*):\n((?:    .*\n|\n)*)", text, re.MULTILINE)


@pytest.mark.parametrize("name", WITH_HEADERS)
def test_the_constants_of_c_are_those_of_the_source(name):
    module = sys.modules[name]
    names = [
        part.partition("=")[0].strip()
        for _, lines in declared(name, "cpdef enum")
        for part in re.split(r"[,\n]", lines)
        if part.strip()
    ]
    assert names
    assert {n: getattr(module, n) for n in names} == {n: getattr(PURE[name], n) for n in names}


@pytest.mark.parametrize("name", WITH_HEADERS)
def test_the_structures_of_c_have_the_room_of_those_of_the_source(name):
    for title, lines in declared(name, "cdef struct"):
        made = getattr(PURE[name], title.strip())[1]()
        for field, sizes in re.findall(r"(\w+)((?:\[\d+\])+)\n", lines):
            assert np.shape(getattr(made, field)) == tuple(map(int, re.findall(r"\d+", sizes)))


def test_functions_of_one_name_are_the_same_in_every_loop():
    sources = defaultdict(list)
    for module in PURE.values():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                sources[name].append(inspect.getsource(function))
    assert len(sources["code"]) == len(sources["move"]) == 3
    assert [name for name, texts in sources.items() if len(set(texts)) > 1] == []


@given(planes(k=st.integers(2, 65_536)))
def test_packing_uncompiled_gives_the_same_bytes(plane):
    pure = PURE["kmq._coding.packed_loop"]
    payload = bytearray(len(kmq.pack_indices(plane)))
    pure.pack_bits(memoryview(plane.indices.reshape(-1)), plane.bit_depth, memoryview(payload))
    assert bytes(payload) == kmq.pack_indices(plane)
    indices = np.zeros(plane.indices.size, plane.indices.dtype)
    pure.unpack_bits(memoryview(payload), plane.bit_depth, memoryview(indices))
    assert np.array_equal(indices, plane.indices.ravel())


@pytest.mark.both_ways
@pytest.mark.parametrize("loops", [_packing_loop, PURE["kmq._coding.packed_loop"]], ids=["compiled", "pure"])
@pytest.mark.parametrize(("bits", "size"), [(0, 0), (17, 17), (3, 2), (3, 4), (-1, 3)])
def test_packing_checks_sizes_before_it_writes(loops, bits, size):
    indices, payload = np.zeros(8, np.uint8), bytearray(size)
    with pytest.raises(ValueError, match="bit_depth|payload"):
        loops.pack_bits(memoryview(indices), bits, memoryview(payload))
    with pytest.raises(ValueError, match="bit_depth|payload"):
        loops.unpack_bits(memoryview(payload), bits, memoryview(indices))


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
    for loops, cells in ((_nearest_loop, len(CELL_BITS)), (PURE["kmq._colours.nearest_loop"], levels)):
        arguments = room(colours, palette.entries, cells)
        loops.nearest_entries(*map(memoryview, arguments))
        found.append(arguments[-1].tolist())
    assert found[0] == found[1]
    assert min(found[0]) >= 0


BOTH = pytest.mark.parametrize("loops", ["compiled", "pure"])


def of(loops, module):
    return module if loops == "compiled" else PURE[module.__name__]


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
    for loops in (_nearest_loop, PURE["kmq._colours.nearest_loop"]):
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


def counting(pixels, size=64):
    """Return the arguments of find_blocks."""
    channels = pixels.shape[1]
    return [
        pixels, spread_table(channels), np.zeros(size, np.uint64), np.zeros(size // 2, np.uint32),
        np.zeros(size // 2, np.uint64), np.zeros(len(pixels), np.uint32), 0, 0,
    ]  # fmt: skip


def run(function, arguments):
    return function(*(memoryview(a) if isinstance(a, np.ndarray) else a for a in arguments))


@given(st.sampled_from([1, 3, 4]), st.data())
def test_counting_uncompiled_gives_the_same(channels, data):
    pixels = data.draw(npst.arrays(np.uint8, (data.draw(st.integers(1, 40)), channels)))
    results = []
    for loops in (_histogram_loop, PURE["kmq._picture.histogram_loop"]):
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
    for loops in (_dithering_loop, PURE["kmq._plane.dithering_loop"]):
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


def room_to_code(k, channels, size):
    """Return code_entries' arrays by name. It wants memoryviews of them, compiled or not."""
    arrays = {
        "entries": np.zeros((k, channels), np.uint8),
        "stream": np.zeros(size, np.uint8),
        "tails": np.zeros((13, 256), np.uint16),
        "counts": np.zeros((channels, 2, 511), np.uint32),
        "weights": np.zeros((channels, 7), np.uint32),
        "coder": np.zeros(4, np.uint32),
    }
    _palette_coding_loop.tail_table(arrays["tails"].data)
    return arrays


@settings(max_examples=30)
@given(
    npst.arrays(np.uint8, st.tuples(st.integers(1, 40), st.sampled_from([1, 3, 4]))),
    st.integers(0, 63),
    st.sampled_from([5, 400]),
)
@example(np.full((40, 4), 255, np.uint8), 63, 400)
@example(np.array([[0, 0, 0], [255, 255, 255]] * 20, np.uint8), 32, 400)
def test_coding_palettes_uncompiled_gives_the_same(entries, head, size):
    # Sorted or not, and whether or not the stream is long enough: the loop can be asked for all of it.
    found = []
    for loops in (_palette_coding_loop, PURE["kmq._coding.palette_loop"]):
        given_room, read_room = (room_to_code(*entries.shape, size) for _ in range(2))
        given_room["entries"][:] = entries
        loops.code_entries(*(array.data for array in given_room.values()), head, 6, size, False)
        read_room["stream"][:] = given_room["stream"]
        read = loops.code_entries(*(array.data for array in read_room.values()), 0, 6, size + 4, True)
        assert read == head
        found.append([array.tolist() for array in (*given_room.values(), *read_room.values())])
    assert found[0] == found[1]


@pytest.mark.both_ways
@pytest.mark.parametrize(
    "loops", [_palette_coding_loop, PURE["kmq._coding.palette_loop"]], ids=["compiled", "pure"]
)
@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("entries", (65_537, 3), "65,536"),
        ("entries", (0, 3), "65,536"),
        ("entries", (4, 5), "bytes"),
        ("tails", (12, 256), "tails"),
        ("tails", (13, 255), "tails"),
        ("counts", (2, 2, 511), "counts"),
        ("counts", (3, 1, 511), "counts"),
        ("counts", (3, 2, 510), "counts"),
        ("weights", (2, 7), "weights"),
        ("weights", (3, 6), "weights"),
        ("coder", (3,), "coder"),
    ],
)
def test_coding_palettes_checks_sizes_before_it_writes(loops, name, shape, message):
    arrays = room_to_code(4, 3, 20)
    arrays[name] = np.zeros(shape, arrays[name].dtype)
    with pytest.raises(ValueError, match=message):
        loops.code_entries(*(array.data for array in arrays.values()), 0, 4, 20, False)
    with pytest.raises(ValueError, match="tails"):
        loops.tail_table(np.zeros((13, 255), np.uint16).data)


def context_both_ways(plane, palette, options):
    """Encode a tile in the context coding and read it back; return the payload and the indices."""
    payload = _encoded(plane, palette, options)
    indices = np.zeros_like(plane.indices)
    _context.read_context_tile(memoryview(payload), indices, palette, 0)
    return payload, indices.tolist()


@st.composite
def coloured_planes(draw):
    """Small index planes with palettes: noise, flat areas, and repeats."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    k, channels = draw(st.one_of(st.integers(2, 9), st.integers(2, 300))), draw(st.sampled_from([1, 3, 4]))
    palette = kmq.Palette(random.integers(0, draw(st.sampled_from([2, 256])), (k, channels)))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    indices = random.integers(0, k, (height, width))
    kind = draw(st.sampled_from(["noise", "flat", "repeats"]))
    if kind == "flat":
        indices = np.where(random.random((height, width)) < 0.95, indices[0, 0], indices)
    elif kind == "repeats":
        indices = np.tile(indices[:, : draw(st.integers(4, 6))], 3)
    return kmq.IndexPlane(indices, k), palette


@settings(max_examples=60)
@given(coloured_planes(), st.sampled_from(sorted(_context.MODELS)), st.integers(0, 15))
def test_the_context_coding_uncompiled_gives_the_same_bytes(drawn, model, others):
    plane, palette = drawn
    compiled = context_both_ways(plane, palette, model | others << 2)
    with pytest.MonkeyPatch.context() as place:
        for module, loops, name in (
            (_context, _context_loop, "code_cells"),
            (_context, _numbers_loop, "code_numbers"),
            (_context_tree, _context_tree_loop, "fill_tree"),
        ):
            place.setattr(module, name, getattr(PURE[loops.__name__], name))
        assert context_both_ways(plane, palette, model | others << 2) == compiled
    assert compiled[1] == plane.indices.tolist()
