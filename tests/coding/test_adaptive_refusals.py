"""Payloads that the adaptive coding refuses, and what it makes of bytes that are none."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kmq
from adaptive_tiles import by_the_spec, decoded, tiles, verdict
from context_tiles import numbers
from kmq import FormatError, IndexPlane, LimitError, Palette
from kmq._coding.adaptive.payload import adaptive_tile, read_adaptive_tile
from kmq._indexed.index_plane import trusted_plane
from ways import examples
from writing import build, uleb

pytestmark = pytest.mark.both_ways

PLANE = IndexPlane(numbers(np.random.default_rng(0), 6, 9, 6, "gradient"), 6)
PALETTE = Palette(np.random.default_rng(0).integers(0, 256, (6, 3)))
PAYLOAD = adaptive_tile(PLANE, PALETTE)
SHAPE = PLANE.indices.shape
STREAM = PAYLOAD[1:]


@pytest.mark.parametrize("options", [0, 3, 7, 0x10, 0x1F, 0x44, 0x84, 0xC4, 0x47, 0xFF])
def test_options_that_are_none(options):
    expected = rf"Options at offset 77 are 0x{options:02X}: Rows must be 4 to 6 for 9 x 6 pixels.*M33\)"
    with pytest.raises(FormatError, match=expected):
        decoded(bytes([options]) + STREAM, SHAPE, PALETTE, 77)


@pytest.mark.parametrize(
    ("shape", "most"),
    [((1, 1), 4), ((3, 5), 4), ((4, 4), 5), ((31, 1), 5), ((32, 1), 6), ((128, 255), 15), ((256, 128), 16)],
)
def test_rows_are_bounded_by_the_tile(shape, most):
    two = Palette([[0], [1]])
    for rows in (4, most):
        assert verdict(bytes([rows, 1, 0, 0, 0]), shape, two) != "M33"
    for rows in (3, most + 1):
        assert verdict(bytes([rows, 1, 0, 0, 0]), shape, two) == "M33"
    assert verdict(bytes([17, 1, 0, 0, 0]), (1000, 1000), two) == "M33"


def test_a_payload_without_options_and_one_that_should_be_empty():
    with pytest.raises(FormatError, match=r"Options at offset 77 are missing.*M33\)"):
        decoded(b"", SHAPE, PALETTE, 77)
    one = Palette([[1, 2, 3]])
    assert adaptive_tile(IndexPlane(np.zeros((5, 5), int), 1), one) == b""
    assert not decoded(b"", (5, 5), one).any()
    for payload in (b"\4", b"\4\1\0\0\0"):
        expected = rf"payload at offset 77 has {len(payload)} bytes; with k = 1 it has none.*M33\)"
        with pytest.raises(FormatError, match=expected):
            decoded(payload, (5, 5), one, 77)


@pytest.mark.parametrize("count", range(7))
def test_coefficients_that_are_missing(count):
    with pytest.raises(FormatError, match=r"Coefficients at offset 78 .*M34\)"):
        decoded(b"\x24" + bytes(count), SHAPE, PALETTE, 77)


@pytest.mark.parametrize(
    "coefficients", [[65] + [0] * 6, [-65] + [0] * 6, [10, -10, 10, -10, 10, -10, 5], [-128] * 7, [127] * 7]
)
def test_coefficients_that_are_too_large(coefficients):
    payload = bytes([0x24, *(c % 256 for c in coefficients)])
    with pytest.raises(FormatError, match=r"Coefficients at offset 78 .*at most 64 \(spec M34\)"):
        decoded(payload + STREAM, SHAPE, PALETTE, 77)


@pytest.mark.parametrize(
    "coefficients", [[64] + [0] * 6, [0] * 6 + [-64], [10, -10, 10, -10, 10, -10, 4], [0] * 7]
)
def test_coefficients_at_the_ends_of_their_range_are_read(coefficients):
    payload = bytes([0x24, *(c % 256 for c in coefficients)])
    assert verdict(payload + STREAM, SHAPE, PALETTE) not in ("M33", "M34", "M35")


@pytest.mark.parametrize("head", [b"\4", b"\x24" + bytes(7)])
@pytest.mark.parametrize(
    "stream", [b"", b"\1", b"\1\0", b"\1\0\0", b"\1\0\0\0\0", b"\0\0\1\0", b"\0\0\1\0\2\0"]
)
def test_streams_that_are_none(head, stream):
    with pytest.raises(
        FormatError, match=rf"stream at offset {77 + len(head)} has {len(stream)} bytes.*M35\)"
    ):
        decoded(head + stream, SHAPE, PALETTE, 77)


@examples(60)
@given(tiles(ks=st.integers(2, 300), side=12), st.binary(min_size=1, max_size=9))
def test_no_payload_is_the_beginning_of_another(tile, more):
    plane, palette = tile
    payload = adaptive_tile(plane, palette)
    wrong = [payload[:size] for size in range(len(payload))] if len(payload) < 40 else [payload[:-2]]
    for other in (*wrong, payload + more):
        assert verdict(other, plane.indices.shape, palette) in ("M33", "M34", "M35", "M36")


def test_every_flipped_bit_is_some_plane_or_rejected():
    read = 0
    for bit in range(8 * len(PAYLOAD)):
        flipped = bytearray(PAYLOAD)
        flipped[bit // 8] ^= 1 << bit % 8
        found = verdict(bytes(flipped), SHAPE, PALETTE)
        read += isinstance(found, list)
        assert isinstance(found, list) or found in ("M33", "M34", "M35", "M36")
    assert read == 0  # the state at the end tells of nearly every change


def test_behind_its_checksum_every_flipped_bit_is_an_error():
    data = kmq.encode(PALETTE.colours(PLANE), palette=PALETTE, coding="adaptive")
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(kmq.KmqError):
            kmq.decode(flipped)


@examples(80)
@given(tiles(ks=st.integers(1, 300), side=9), st.binary(max_size=40), st.integers(0, 255))
@example((PLANE, PALETTE), b"", 0)
@example((PLANE, PALETTE), b"\xff" * 60, 6)
def test_any_bytes_are_what_a_decoder_written_from_the_spec_says(tile, stream, options):
    plane, palette = tile
    for payload in (stream, bytes([options & 39]) + stream, b"\4" + stream):
        found = verdict(payload, plane.indices.shape, palette)
        assert found == by_the_spec(payload, plane.indices.shape, palette)


@examples(80)
@given(tiles(ks=st.integers(2, 300), side=9), st.data())
def test_damage_is_what_a_decoder_written_from_the_spec_says(tile, data):
    plane, palette = tile
    payload = bytearray(adaptive_tile(plane, palette))
    for _ in range(data.draw(st.integers(1, 3))):
        at, changed = data.draw(st.integers(0, len(payload))), data.draw(st.sampled_from([0, 1, 1, 2, 9]))
        payload[at : at + changed] = data.draw(st.binary(min_size=changed % 3, max_size=6))
    found = verdict(bytes(payload), plane.indices.shape, palette)
    assert found == by_the_spec(payload, plane.indices.shape, palette)


@pytest.mark.compiled_only("a large tile")
def test_what_follows_a_payload_that_ended_long_ago_is_not_decoded():
    fields = {"flags": 13, "width": uleb(50_000_000 - 1), "height": uleb(0)}
    with pytest.raises(FormatError, match=r"has 49 words; its indices take 50.*M36\)"):
        kmq.decode(build(**fields, payloads=[b"\4" + bytes(range(1, 99))]), max_pixels=None)


@pytest.mark.parametrize("width", [2**29 - 8, 2**31 - 1])
def test_a_tile_whose_places_are_no_32_bit_numbers_is_refused_before_its_cells_are_made(width):
    indices = np.broadcast_to(np.uint8(0), (1, width))
    two = Palette([[0], [1]])
    with pytest.raises(LimitError, match=rf"{width} x 1 pixels; this decoder takes fewer than 2\^31"):
        read_adaptive_tile(memoryview(b"\4\1\0\0\0"), indices, two, 0)
    with pytest.raises(ValueError, match="cut it into tiles"):
        adaptive_tile(trusted_plane(indices, 2), two)
