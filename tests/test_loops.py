"""The compiled loops are compiled, and give what the same files give uncompiled."""

import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import kmq
import oracle
from kmq import _nearest_loop, _packing_loop
from kmq._nearest import coordinates, nearest
from strategies import palettes, planes

LOOPS = [_packing_loop, _nearest_loop]


def uncompiled(module):
    """Load the Python source that lies beside a compiled module."""
    source = Path(module.__file__).with_name(module.__name__.rpartition(".")[2] + ".py")
    loader = importlib.machinery.SourceFileLoader(f"uncompiled_{source.stem}", str(source))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    loaded = importlib.util.module_from_spec(spec)
    loader.exec_module(loaded)
    return loaded


PURE = {module.__name__: uncompiled(module) for module in LOOPS}


@pytest.mark.parametrize("module", LOOPS, ids=lambda module: module.__name__)
def test_the_loops_are_compiled(module):
    assert module.__file__.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    assert PURE[module.__name__].__file__.endswith(".py")


def test_every_loop_in_the_source_is_in_this_list():
    beside = Path(kmq.__file__).parent.glob("*_loop.py")
    assert {path.stem for path in beside} == {module.__name__.rpartition(".")[2] for module in LOOPS}


@given(planes(k=st.integers(2, 65_536)))
def test_packing_uncompiled_gives_the_same_bytes(plane):
    pure = PURE["kmq._packing_loop"]
    payload = bytearray(len(kmq.pack_indices(plane)))
    pure.pack_bits(memoryview(plane.indices.reshape(-1)), plane.bit_depth, memoryview(payload))
    assert bytes(payload) == kmq.pack_indices(plane)
    indices = np.zeros(plane.indices.size, plane.indices.dtype)
    pure.unpack_bits(memoryview(payload), plane.bit_depth, memoryview(indices))
    assert np.array_equal(indices, plane.indices.ravel())


@pytest.mark.parametrize("loops", [_packing_loop, PURE["kmq._packing_loop"]], ids=["compiled", "pure"])
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
    expected = [oracle.nearest(colour, palette.entries.tolist()) for colour in colours.tolist()]
    assert nearest(colours, palette).tolist() == expected


@given(searches())
def test_the_nearest_entry_is_the_same_uncompiled(search):
    colours, palette = search
    points, entries = (np.zeros((len(table), 4), np.int32) for table in (colours, palette.entries))
    points[:, : palette.channels] = coordinates(colours)
    entries[:, : palette.channels] = coordinates(palette.entries)
    order = np.argsort(entries[:, 0], kind="stable").astype(np.int32)
    found = []
    for loops in (_nearest_loop, PURE["kmq._nearest_loop"]):
        numbers = np.full(len(points), -1, np.int32)
        loops.nearest_entries(*map(memoryview, (points, entries[order], order, numbers)))
        found.append(numbers.tolist())
    assert found[0] == found[1] == nearest(colours, palette).tolist()


@pytest.mark.parametrize("loops", [_nearest_loop, PURE["kmq._nearest_loop"]], ids=["compiled", "pure"])
@pytest.mark.parametrize(
    "shapes", [((3, 3), (2, 4), 2, 3), ((3, 4), (2, 4), 1, 3), ((3, 4), (2, 4), 2, 2), ((3, 4), (0, 4), 0, 3)]
)
def test_the_search_checks_sizes_before_it_reads(loops, shapes):
    points, entries, numbers, found = (np.zeros(shape, np.int32) for shape in shapes)
    with pytest.raises(ValueError, match="four coordinates|must match"):
        loops.nearest_entries(*map(memoryview, (points, entries, numbers, found)))
