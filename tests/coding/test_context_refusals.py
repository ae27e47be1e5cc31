"""Payloads that the context coding refuses."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import kmq
from context_tiles import OPTIONS, PALETTE, PLANE, decoded, tiles
from kmq import FormatError, IndexPlane, LimitError, Palette
from kmq._coding.arithmetic import last_bytes
from kmq._coding.context.model import MODELS
from kmq._coding.context.payload import (
    COEFFICIENTS,
    COUNTS,
    FLAT,
    MATCH,
    _code_numbers,
    _encoded,
    _folded,
    context_tile,
    read_context_tile,
)
from kmq._coding.context.prediction import (
    MOST,
    default_coefficients,
)
from kmq._indexed.index_plane import trusted_plane
from ways import examples
from writing import build, uleb

# What is no payload

pytestmark = pytest.mark.both_ways


@pytest.mark.parametrize("options", [3, 7, 0x40, 0x80, 0xFF])
def test_options_that_are_none(options):
    with pytest.raises(FormatError, match=rf"Options at offset 77 are 0x{options:02X}: .*M30\)"):
        decoded(bytes([options]) + bytes(9), (12, 15), PALETTE, 77)


def test_a_payload_without_options_and_one_that_should_be_empty():
    with pytest.raises(FormatError, match=r"Options at offset 77 are missing.*M30\)"):
        decoded(b"", (12, 15), PALETTE, 77)
    one = Palette([[1, 2, 3]])
    assert context_tile(IndexPlane(np.zeros((5, 5), int), 1), one, "default") == b""
    assert not decoded(b"", (5, 5), one).any()
    with pytest.raises(FormatError, match=r"payload at offset 77 has 1 bytes; with k = 1 it has none.*M30\)"):
        decoded(b"\0", (5, 5), one, 77)


@examples(60)
@given(tiles(ks=st.integers(2, 20), side=20), OPTIONS, st.integers(5, 60))
def test_zeros_after_the_end_are_rejected(tile, options, more):
    payload = _encoded(*tile, options)
    with pytest.raises(FormatError, match=r"M32\)"):
        decoded(payload + bytes(more), tile[0].indices.shape, tile[1])


@pytest.mark.compiled_only("a large tile")
def test_what_follows_a_payload_that_ended_long_ago_is_not_decoded():
    fields = {"flags": 9, "width": uleb(5_000_000 - 1), "height": uleb(0)}
    with pytest.raises(FormatError, match=r"its indices take more than 100 \(spec M32\)"):
        kmq.decode(build(**fields, payloads=[b"\1" + bytes(range(99))]), max_pixels=None)


@pytest.mark.parametrize("width", [2**29 - 8, 2**31 - 1])
def test_a_tile_whose_places_are_no_32_bit_numbers_is_refused_before_its_cells_are_made(width):
    indices = np.broadcast_to(np.uint8(0), (1, width))
    two = Palette([[0], [1]])
    with pytest.raises(LimitError, match=rf"{width} x 1 pixels; this decoder takes fewer than 2\^31"):
        read_context_tile(memoryview(b"\1" + bytes(99)), indices, two, 0)
    with pytest.raises(ValueError, match="cut it into tiles"):
        context_tile(trusted_plane(indices, 2), two, "default")


def read_or_rejected(payload, shape, palette):
    """Read what may be no payload; say whether it was one."""
    try:
        indices = decoded(payload, shape, palette, 9)
    except FormatError as error:
        assert str(error)[-4:] in {"M30)", "M31)", "M32)"}  # noqa: PT017  either is right
        return False
    assert indices.shape == shape
    assert indices.max() < palette.k
    return True


@pytest.mark.compiled_only("thousands of tiles")
@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("others", [0, COUNTS | COEFFICIENTS, FLAT | MATCH, 0b111100])
def test_every_truncation_and_flipped_bit_is_some_picture_or_rejected(model, others):
    payload = _encoded(PLANE, PALETTE, model | others)
    shape = PLANE.indices.shape
    read = [read_or_rejected(payload[:size], shape, PALETTE) for size in range(len(payload))]
    assert sum(read) <= len(payload) / 4  # zeros for what is missing can be cheap to say
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        read_or_rejected(bytes(flipped), shape, PALETTE)


@examples(300)
@given(tiles(side=20), st.binary(max_size=60), OPTIONS)
@example((IndexPlane(np.zeros((20, 20), int), 300), Palette(np.zeros((300, 3), int))), b"\xff" * 60, 2)
@example((IndexPlane(np.zeros((20, 20), int), 300), Palette(np.zeros((300, 3), int))), bytes(60), 2)
def test_any_bytes_are_some_picture_or_rejected(tile, stream, options):
    plane, palette = tile
    read_or_rejected(stream, plane.indices.shape, palette)
    read_or_rejected(bytes([options]) + stream, plane.indices.shape, palette)


@pytest.mark.compiled_only("thousands of tiles")
def test_a_file_with_a_flipped_bit_and_right_checksums_is_a_picture_or_rejected():
    palette, payload = PALETTE.entries.tobytes(), _encoded(PLANE, PALETTE, 1 | MATCH)
    fields = {"flags": 9, "width": uleb(14), "height": uleb(11), "entries": uleb(5), "palette": palette}
    assert np.array_equal(kmq.decode(build(**fields, payloads=[payload])), PALETTE.entries[PLANE.indices])
    found = set()
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        try:
            found.add(kmq.decode(build(**fields, payloads=[bytes(flipped)])).shape)
        except FormatError as error:
            found.add(str(error)[-4:-1])
    assert found <= {(12, 15, 3), "M30", "M31", "M32"}
    assert (12, 15, 3) in found


def with_numbers(options, *lists):
    """Return a payload that has nothing but the numbers of its parameters."""
    coder, data = np.array([0, 0xFFFFFFFF, 0, 0], np.uint32), np.zeros(1000, np.uint8)
    for given_numbers in lists:
        assert _code_numbers(True, np.array(given_numbers, np.int32), coder, data)
    return bytes([options]) + data[: coder[3]].tobytes() + last_bytes(int(coder[0]), int(coder[1]))


def folded(*steps):
    return _folded(np.array(steps)).tolist()


@pytest.mark.parametrize(
    ("steps", "least", "most"),
    [
        ((-1, 0, 0), -1, -1),
        ((16, 0, 0), 16, 16),
        ((0, 15, 1), 0, 16),
        ((3, 0, -4), -1, 3),
        ((32_766, 32_766, 0), 32_766, 65_532),
        ((-32_767, -32_767, 1), -65_534, -32_767),
    ],
)
def test_rough_counts_out_of_range(steps, least, most):
    palette = Palette([[0], [1], [2]])
    payload = with_numbers(COUNTS, folded(*steps))
    with pytest.raises(FormatError, match=rf"Rough_Counts .* offset 8 go from {least} to {most}; .*M31\)"):
        decoded(payload, (2, 2), palette, 8)


def test_rough_counts_at_the_ends_of_their_range_are_read():
    palette = Palette([[0], [1], [2]])
    assert read_or_rejected(with_numbers(COUNTS, folded(15, -15, 15)), (2, 2), palette)


@pytest.mark.parametrize("row", [0, 1, 6])
@pytest.mark.parametrize("wrong", [MOST + 1, -MOST - 1, 30_000, -30_000])
def test_coefficients_out_of_range(row, wrong):
    default = default_coefficients()

    def payload(value):
        coefficients = default.copy()
        coefficients[row, 5] = value
        before = np.concatenate([default[:1], np.repeat(coefficients[:1], 6, axis=0)])
        return with_numbers(COEFFICIENTS, _folded(coefficients - before).reshape(-1))

    palette = Palette([[0], [1], [2]])
    with pytest.raises(FormatError, match=rf"Coefficients .* {wrong}[ ;].*M31\)"):
        decoded(payload(wrong), (2, 2), palette)
    assert read_or_rejected(payload(MOST if wrong > 0 else -MOST), (2, 2), palette)


@pytest.mark.parametrize(("option", "name"), [(COUNTS, "Rough_Counts"), (COEFFICIENTS, "Coefficients")])
def test_a_number_that_is_too_long(option, name):
    # 16 ones: p is at least a half, so that zeros without end are ones without end.
    with pytest.raises(FormatError, match=rf"{name} in the payload at offset 4 have a number of 65,.*M31\)"):
        decoded(bytes([option]), (2, 2), Palette([[0], [1]]), 4)


@given(st.lists(st.integers(0, 65_534), min_size=1, max_size=40))
@example([65_534] * 30)
@example([0] * 300)
def test_numbers_come_back(given_numbers):
    payload = with_numbers(0, given_numbers)
    data = np.frombuffer(payload[1:], np.uint8).copy()
    start = int.from_bytes(payload[1:5].ljust(4, b"\0"), "big")
    coder, read = np.array([0, 0xFFFFFFFF, start, 4], np.uint32), np.zeros(len(given_numbers), np.int32)
    assert _code_numbers(False, read, coder, data)
    assert read.tolist() == given_numbers
    assert coder[3] - 4 <= len(data) <= coder[3]
