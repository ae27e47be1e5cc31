"""The compiled loops are compiled, and give what the same files give uncompiled."""

import importlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import kmq
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
from kmq._coding.palette import kernel_masses
from kmq._ground import loops as _loops
from strategies import planes
from ways import uncompiled

LOOPS = [importlib.import_module(name) for name in _loops.LOOPS]


@pytest.mark.compiled_only("what is tested is that they are compiled")
@pytest.mark.parametrize("module", LOOPS, ids=lambda module: module.__name__)
def test_the_loops_are_compiled(module):
    assert module.__file__.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    assert uncompiled(module).__file__.endswith(".py")


@given(planes(k=st.integers(2, 65_536)))
def test_packing_uncompiled_gives_the_same_bytes(plane):
    pure = uncompiled(_packing_loop)
    payload = bytearray(len(kmq.pack_indices(plane)))
    pure.pack_bits(memoryview(plane.indices.reshape(-1)), plane.bit_depth, memoryview(payload))
    assert bytes(payload) == kmq.pack_indices(plane)
    indices = np.zeros(plane.indices.size, plane.indices.dtype)
    pure.unpack_bits(memoryview(payload), plane.bit_depth, memoryview(indices))
    assert np.array_equal(indices, plane.indices.ravel())


@pytest.mark.both_ways
@pytest.mark.parametrize("loops", [_packing_loop, uncompiled(_packing_loop)], ids=["compiled", "pure"])
@pytest.mark.parametrize(("bits", "size"), [(0, 0), (17, 17), (3, 2), (3, 4), (-1, 3)])
def test_packing_checks_sizes_before_it_writes(loops, bits, size):
    indices, payload = np.zeros(8, np.uint8), bytearray(size)
    with pytest.raises(ValueError, match="bit_depth|payload"):
        loops.pack_bits(memoryview(indices), bits, memoryview(payload))
    with pytest.raises(ValueError, match="bit_depth|payload"):
        loops.unpack_bits(memoryview(payload), bits, memoryview(indices))


def room_to_code(k, channels, size):
    """Return code_entries' arrays by name. It wants memoryviews of them, compiled or not."""
    return {
        "entries": np.zeros((k, channels), np.uint8),
        "stream": np.zeros(size, np.uint8),
        "masses": kernel_masses(),
        "counts": np.zeros((channels, 2, 512), np.uint32),
        "weights": np.zeros((channels, 7), np.uint32),
        "marks": np.zeros(9 * 512, np.uint32),
        "coder": np.zeros(4, np.uint32),
    }


@settings(max_examples=10)
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
    for loops in (_palette_coding_loop, uncompiled(_palette_coding_loop)):
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
    "loops", [_palette_coding_loop, uncompiled(_palette_coding_loop)], ids=["compiled", "pure"]
)
@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("entries", (65_537, 3), "65,536"),
        ("entries", (0, 3), "65,536"),
        ("entries", (4, 5), "bytes"),
        ("masses", (13 * 512 - 1,), "masses"),
        ("counts", (2, 2, 512), "counts"),
        ("counts", (3, 1, 512), "counts"),
        ("counts", (3, 2, 511), "counts"),
        ("marks", (9 * 512 - 1,), "marks"),
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


@settings(max_examples=15)
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
            place.setattr(module, name, getattr(uncompiled(loops), name))
        assert context_both_ways(plane, palette, model | others << 2) == compiled
    assert compiled[1] == plane.indices.tolist()
