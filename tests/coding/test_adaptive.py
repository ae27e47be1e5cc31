"""The adaptive coding: every tile comes back, and a decoder written from the spec agrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
import writing
from adaptive_tiles import (
    KS,
    WISHES,
    by_the_spec,
    check,
    decoded,
    entries_of,
    hostile_payload,
    most_row_bits,
    some_palette,
    tiles,
)
from context_tiles import KINDS, numbers
from kmq import IndexPlane, Palette
from kmq._coding.adaptive.guess import MOST, fitted_coefficients
from kmq._coding.adaptive.order import entry_order
from kmq._coding.adaptive.payload import COEFFICIENTS, adaptive_tile
from reference_decoder.annex_d_order import RAMP, order_of
from ways import examples

pytestmark = pytest.mark.both_ways


@given(tiles())
def test_every_tile_comes_back(tile):
    check(*tile, adaptive_tile(*tile))


@examples(40)
@given(tiles(side=12))
def test_a_decoder_written_from_the_spec_reads_the_same(tile):
    plane, palette = tile
    payload = adaptive_tile(plane, palette)
    assert by_the_spec(payload, plane.indices.shape, palette) == plane.indices.tolist()


@examples(40)
@given(tiles(ks=KS.filter(lambda k: k > 1), side=12), st.data())
def test_tiles_that_the_encoder_would_not_write_so_are_read(tile, data):
    """Any rows, any coefficients, and symbols that are drawn by their chances."""
    plane, palette = tile
    row_bits = data.draw(st.integers(4, most_row_bits(plane.indices.size)))
    coefficients = data.draw(st.none() | st.lists(st.integers(-9, 9), min_size=7, max_size=7))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    indices = data.draw(st.sampled_from([None, plane.indices.reshape(-1).tolist()]))
    coder, indices = writing.adaptive(
        row_bits,
        plane.width,
        plane.height,
        entries_of(palette),
        indices,
        coefficients=coefficients,
        choose=lambda: int(random.integers(0, 32_768)),
    )
    payload = writing.adaptive_head(row_bits, coefficients) + coder.finished()
    assert decoded(payload, plane.indices.shape, palette).reshape(-1).tolist() == indices


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("k", [2, 16, 40, 256, 300])
def test_the_worst_symbols_are_read(wish, k):
    random = np.random.default_rng(k)
    for kind in ("any", "rising"):
        palette = Palette(some_palette(random, k, 3, kind))
        payload, indices = hostile_payload(wish, 11, 9, palette, 4)
        assert decoded(payload, (9, 11), palette).reshape(-1).tolist() == indices


@examples(60)
@given(st.integers(0, 2**32), st.integers(17, 300), st.sampled_from(["any", "few", "rising", "shuffled"]))
def test_the_order_of_entries_is_that_of_the_spec(seed, k, kind):
    random = np.random.default_rng(seed)
    palette = Palette(some_palette(random, k, int(random.choice([1, 3, 4])), kind))
    order = order_of(tuple(entries_of(palette)))
    assert entry_order(palette).order.tolist() == order.entries
    assert order.kind == RAMP or kind in ("any", "few") or palette.channels == 4 or k > 256


def test_the_order_is_worked_out_once_for_all_tiles_of_a_palette():
    entries = np.arange(300).reshape(100, 3) % 256
    order = entry_order(Palette(entries))
    assert entry_order(Palette(entries)) is order
    assert not any(
        array.flags.writeable for array in (order.order, order.places, order.points, order.colours)
    )


@pytest.mark.compiled_only("palettes of thousands of entries")
@pytest.mark.parametrize(("k", "channels"), [(257, 4), (4096, 3), (4097, 4), (5000, 1), (65_536, 3)])
def test_small_pictures_with_many_entries(k, channels):
    random = np.random.default_rng(k)
    palette = Palette(random.integers(0, 40, (k, channels)))
    plane = IndexPlane(random.integers(0, k, (17, 23)), k)
    check(plane, palette, adaptive_tile(plane, palette))


@pytest.mark.compiled_only("30,000 pixels and more")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("palette", ["any", "rising"])
@pytest.mark.parametrize("k", [2, 16, 200, 1000])
def test_pictures_large_enough_for_coefficients_and_full_tables(k, palette, kind):
    random = np.random.default_rng(k)
    entries = Palette(some_palette(random, k, 3, palette))
    plane = IndexPlane(numbers(random, 173, 201, k, kind), k)
    payload = adaptive_tile(plane, entries)
    check(plane, entries, payload)


def smooth(height, width, k):
    """Return a gradient with some noise, of k shades."""
    y, x = np.indices((height, width))
    noise = np.random.default_rng(0).integers(-1, 2, (height, width))
    return IndexPlane(np.clip((2 * x + 3 * y) * k // (2 * width + 3 * height) + noise, 0, k - 1), k)


@pytest.mark.compiled_only("thousands of pixels")
def test_coefficients_that_fit_a_picture_are_sent_and_pay():
    palette = Palette(np.arange(64)[:, np.newaxis] * 4)
    plane = smooth(150, 150, 64)
    payload = adaptive_tile(plane, palette)
    assert payload[0] & COEFFICIENTS
    check(plane, palette, payload)
    coefficients = [value - 256 if value > 127 else value for value in payload[1:8]]
    assert sum(map(abs, coefficients)) <= 64
    assert any(coefficients)
    assert not adaptive_tile(smooth(9, 9, 64), palette)[0] & COEFFICIENTS


@given(tiles(ks=st.integers(2, 300)))
def test_coefficients_never_add_up_to_more_than_the_spec_allows(tile):
    plane, palette = tile
    order = entry_order(palette)
    places = order.places[plane.indices]
    if plane.height < 3 or plane.width < 5:
        return
    busy = np.ones((plane.height - 2, plane.width - 4), bool)
    found = fitted_coefficients(places, busy, order)
    assert found.shape == (7,)
    assert np.abs(found).sum() <= MOST == 64


@pytest.mark.parametrize("k", [2, 9, 16, 17, 40, 256, 300])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 30), (30, 1), (3, 4), (4, 9)])
def test_tiles_smaller_than_the_neighbourhood(shape, k):
    random = np.random.default_rng(k)
    for channels in (1, 4):
        palette = Palette(random.integers(0, 256, (k, channels)))
        plane = IndexPlane(random.integers(0, k, shape), k)
        payload = adaptive_tile(plane, palette)
        check(plane, palette, payload)
        assert by_the_spec(payload, shape, palette) == plane.indices.tolist()


@pytest.mark.parametrize("k", [1, 2, 30, 300])
def test_entries_that_are_all_equal(k):
    plane = IndexPlane(np.random.default_rng(k).integers(0, k, (20, 30)), k)
    palette = Palette(np.full((k, 3), 77))
    check(plane, palette, adaptive_tile(plane, palette))


@pytest.mark.compiled_only("many pixels")
@pytest.mark.parametrize("k", [2, 200, 1000])
def test_a_flat_picture_takes_next_to_nothing(k):
    plane = IndexPlane(np.full((1000, 1000), k - 1), k)
    palette = Palette(np.arange(3 * k).reshape(k, 3) % 256)
    payload = adaptive_tile(plane, palette)
    assert len(payload) < 300
    check(plane, palette, payload)


@pytest.mark.compiled_only("thousands of pixels")
@pytest.mark.parametrize("k", [40, 256, 1000])
def test_the_order_that_a_palette_comes_in_costs_nothing(k):
    random = np.random.default_rng(k)
    palette = Palette(np.unique(random.integers(0, 256, (k, 3)), axis=0))
    plane = smooth(90, 90, palette.k)
    shuffled = random.permutation(palette.k)
    numbers_after = np.argsort(shuffled)
    other = Palette(palette.entries[shuffled])
    again = IndexPlane(numbers_after[plane.indices], palette.k)
    payloads = [adaptive_tile(plane, palette), adaptive_tile(again, other)]
    check(again, other, payloads[1])
    assert abs(len(payloads[0]) - len(payloads[1])) <= 0.01 * len(payloads[0])


def test_a_palette_whose_order_is_kept_comes_back_as_it_was():
    random = np.random.default_rng(5)
    entries = random.integers(0, 256, (37, 3), np.uint8)
    picture = entries[random.integers(0, 37, (20, 20))]
    data = kmq.encode(picture, palette=entries, coding="adaptive")
    with kmq.KmqFile(data) as file:
        assert np.array_equal(file.palette.entries, entries)
        assert np.array_equal(file.pixels(), picture)
