"""Context tiles made to harm: what they say is refused, and nothing outside the arrays is touched."""

import tracemalloc

import numpy as np
import pytest

import kmq
from kmq._coding import palette as _palette_coding
from kmq._coding import palette_loop
from kmq._coding.codings import CodingOptions
from kmq._coding.context import neighbourhood_loop as _neighbourhood_loop
from kmq._coding.context import numbers_loop as _numbers_loop
from kmq._coding.context import (
    payload as _context,
)
from kmq._coding.context import (
    pixel_loop,
    tree_loop,
)
from kmq._coding.context import (
    tree as _context_tree,
)
from kmq._coding.context.prediction import fitted_coefficients
from kmq._container.writing import Entries, Plan, joined
from kmq._indexed.tiles import TileGrid
from ways import uncompiled

GREY = kmq.Palette([[0], [255]])


def context_file(grid, palette, payloads, coded=None):
    plan = Plan(grid, Entries(palette, coded, None), "context", CodingOptions())
    return joined(plan, payloads, {})


def damaged_file(seed):
    """Return a file of a small picture whose payload, and often its palette, has been tampered with."""
    random = np.random.default_rng(seed)
    channels, k = int(random.choice([1, 3, 4])), int(random.choice([2, 3, 17, 300]))
    palette = kmq.Palette(random.integers(0, 256, (k, channels)).astype(np.uint8) & random.choice([255, 192]))
    height, width = ((1, 1), (1, 40), (40, 1), (8, 16), (5, 9))[int(random.integers(0, 5))]
    plane = kmq.IndexPlane(random.integers(0, k, (height, width)) * (random.random((height, width)) < 0.3), k)
    payload = bytearray(
        _context._encoded(plane, palette, int(random.integers(0, 3) | random.integers(0, 16) << 2))  # noqa: SLF001 - any options
    )
    for _ in range(int(random.integers(0, 4))):
        payload[int(random.integers(0, len(payload)))] ^= 1 << int(random.integers(0, 8))
    if random.random() < 0.2:
        del payload[int(random.integers(0, len(payload))) :]
    coded = None
    if random.random() < 0.3:
        coded = bytes(random.integers(0, 256, int(random.integers(0, 3 * k))).astype(np.uint8))
    return context_file(TileGrid(width, height), palette, [bytes(payload)], coded)


def verdict(data):
    try:
        return kmq.decode(data).tobytes()
    except kmq.KmqError as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_damaged_tiles_get_the_same_verdict_uncompiled(first, monkeypatch):
    files = [damaged_file(seed) for seed in range(first, first + 20)]
    compiled = [verdict(data) for data in files]
    assert any(isinstance(v, str) for v in compiled)
    assert any(isinstance(v, bytes) for v in compiled)
    assert all("offset" in v for v in compiled if isinstance(v, str))
    cells, numbers, tree, entries = (
        uncompiled(module) for module in (pixel_loop, _numbers_loop, tree_loop, palette_loop)
    )
    monkeypatch.setattr(_context, "code_cells", cells.code_cells)
    monkeypatch.setattr(_context, "code_numbers", numbers.code_numbers)
    monkeypatch.setattr(_context_tree, "fill_tree", tree.fill_tree)
    monkeypatch.setattr(_palette_coding, "code_entries", entries.code_entries)
    assert [verdict(data) for data in files] == compiled


def depths(palette, exponents):
    """Return the level of every leaf. Fails unless the nodes are a tree of all entries."""
    tree = _context_tree.palette_tree(palette, exponents)
    levels = np.zeros(palette.k - 1, int)
    for node in range(1, palette.k - 1):
        parent = tree.nodes[node, 6] >> 1
        assert parent < node
        levels[node] = levels[parent] + 1
    children = tree.nodes[:, :2].ravel()
    assert sorted(~children[children < 0]) == list(range(palette.k))
    return levels[tree.leaf_parents >> 1] + 1


@pytest.mark.parametrize("seed", range(12))
def test_no_palette_makes_a_tree_deeper_than_a_path_has_room(seed):
    random = np.random.default_rng(seed)
    channels, k = int(random.choice([1, 3, 4])), int(random.choice([2, 300, 4096, 4097, 20_000]))
    entries = np.uint8(1) << random.integers(0, 8, (k, channels)).astype(np.uint8)
    entries[60:] = entries[random.integers(0, min(k, 60))] if seed % 2 else entries[60:]
    exponents = random.integers(0, 16, k).astype(np.int32)
    deepest = tree_loop.SPLITS + 17
    assert depths(kmq.Palette(entries), exponents).max() <= deepest < _neighbourhood_loop.PATH


def test_a_row_is_given_up_soon_after_its_payload_has_ended():
    data = context_file(TileGrid(200_000, 1), GREY, [bytes([2]) + b"\xaa\x55" * 3])
    with pytest.raises(kmq.FormatError, match=r"its indices take more than 7 "):
        kmq.decode(data)


def test_tiles_without_rough_counts_share_a_tree(monkeypatch):
    built = []

    def counting(*given):
        built.append(given)
        return tree_loop.fill_tree(*given)

    monkeypatch.setattr(_context_tree, "fill_tree", counting)
    _context_tree.plain_tree.cache_clear()
    kmq.decode(context_file(TileGrid(64, 32, 16), GREY, [bytes([4])] * 8))
    assert len(built) == 1


def test_fitting_a_wide_tile_takes_little_memory():
    indices = np.zeros((4, 400_000), np.uint8)
    points = _context_tree.palette_tree(kmq.Palette([[0], [1]]), np.zeros(2, np.int32)).points
    tracemalloc.start()
    try:
        fitted_coefficients(indices + (np.arange(400_000) % 7 == 0), points)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
