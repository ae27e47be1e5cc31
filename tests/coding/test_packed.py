"""Packed indices against bitarray, for every bit depth."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import writing
from kmq import FormatError, IndexPlane, pack_indices, unpack_indices
from kmq._coding.packed import PackedPlane, packed_span
from reference_decoder.conventions import bit_depth
from strategies import planes

pytestmark = pytest.mark.both_ways

EVERY_DEPTH = [k for b in range(17) for k in {1 << b, (1 << b) - 1, (1 << b) // 2 + 1} if 1 <= k <= 65536]


@pytest.mark.parametrize("k", EVERY_DEPTH)
@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_packs_as_bitarray_does_at_every_depth(k, count):
    indices = np.random.default_rng(k).integers(0, k, (1, count))
    plane = IndexPlane(indices, k)
    payload = pack_indices(plane)
    assert plane.bit_depth == bit_depth(k)
    assert payload == writing.packed(indices[0].tolist(), bit_depth(k))
    assert unpack_indices(payload, count, 1, k) == plane


@given(planes())
def test_unpacking_gives_back_what_was_packed(plane):
    payload = pack_indices(plane)
    assert payload == writing.packed(plane.indices.ravel().tolist(), bit_depth(plane.k))
    again = unpack_indices(payload, plane.width, plane.height, plane.k)
    assert again == plane
    assert again.indices.dtype == (np.uint8 if plane.k <= 256 else np.uint16)


@given(planes(), st.data())
def test_any_region_is_found_by_arithmetic(plane, data):
    x = data.draw(st.integers(0, plane.width - 1))
    y = data.draw(st.integers(0, plane.height - 1))
    width = data.draw(st.integers(1, plane.width - x))
    height = data.draw(st.integers(1, plane.height - y))
    payload = pack_indices(plane)
    view = PackedPlane.view(payload, plane.width, plane.k)
    assert np.array_equal(view.region(x, y, width, height), plane.indices[y : y + height, x : x + width])
    start, stop = packed_span(plane.width, plane.k, x, y, width, height)
    part = PackedPlane.view(payload[start:stop], plane.width, plane.k, before=start)
    assert np.array_equal(part.region(x, y, width, height), plane.indices[y : y + height, x : x + width])
    assert view.region(x, y, 1, 1) == plane.indices[y, x]


@given(planes(k=st.integers(2, 65_536)), st.integers(-9, 9).filter(bool))
def test_a_payload_of_another_length_is_rejected(plane, difference):
    payload = pack_indices(plane)
    wrong = payload[:difference] if difference < 0 else payload + bytes(difference)
    with pytest.raises(FormatError, match=f"has {len(wrong)} bytes.*M15"):
        unpack_indices(wrong, plane.width, plane.height, plane.k)


@given(planes(k=st.integers(2, 65_536)))
@example(IndexPlane([[0, 1, 1]], 2))
def test_every_padding_bit_must_be_zero(plane):
    payload = pack_indices(plane)
    padding = -plane.indices.size * plane.bit_depth % 8
    for bit in range(padding):
        wrong = payload[:-1] + bytes([payload[-1] | 1 << bit])
        with pytest.raises(FormatError, match="M16"):
            unpack_indices(wrong, plane.width, plane.height, plane.k)


@given(planes(k=st.integers(2, 65_535).filter(lambda k: k & (k - 1))), st.data())
def test_an_index_without_an_entry_is_rejected_and_named(plane, data):
    at = data.draw(st.integers(0, plane.indices.size - 1))
    numbers = plane.indices.ravel().tolist()
    numbers[at] = data.draw(st.integers(plane.k, (1 << plane.bit_depth) - 1))
    payload = writing.packed(numbers, plane.bit_depth)
    where = rf"\({at % plane.width}, {at // plane.width}\) of the tile is {numbers[at]};.*M17"
    with pytest.raises(FormatError, match=where):
        unpack_indices(payload, plane.width, plane.height, plane.k)


@pytest.mark.parametrize(
    ("width", "height", "k"), [(0, 1, 2), (1, -1, 2), (2**31, 1, 2), (1, 1, 0), (1, 1, 65_537)]
)
def test_unpacking_refuses_sizes_the_format_cannot_have(width, height, k):
    with pytest.raises(ValueError, match="width|height|k"):
        unpack_indices(b"", width, height, k)
