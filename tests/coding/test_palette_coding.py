"""The coded palette against a slow decoder written from the spec, and against what damages it."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kmq import FormatError, Palette
from kmq._coding.palette import coded_palette, read_coded_palette
from reference_decoder import Rejected, annex_b
from reference_decoder.annex_a import Decoder
from ways import UNCOMPILED, examples

pytestmark = pytest.mark.both_ways

CHANNELS = [1, 3, 4]
GREY_RAMP = np.arange(256)[:, np.newaxis]


@st.composite
def compressible(draw, k=st.integers(1, 12 if UNCOMPILED else 60), channels=st.sampled_from(CHANNELS)):
    """Palettes of colours near to one another, some repeated, in any order; most have a coded form."""
    size = (draw(k), draw(channels))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = random.integers(-draw(st.integers(0, 20)), draw(st.integers(1, 20)), size)
    entries = (np.cumsum(steps, axis=0) + draw(st.integers(0, 255))).clip(0, 255)
    if draw(st.booleans()):
        entries = np.unique(entries, axis=0)
    return Palette(random.permutation(entries) if draw(st.booleans()) else entries)


def check(palette, *, keep_order):
    """Code a palette and read it back; return the coded form."""
    coded = coded_palette(palette, keep_order=keep_order)
    if coded is not None:
        assert len(coded.payload) < palette.entries.size
        assert sorted(coded.order.tolist()) == list(range(palette.k))
        assert not keep_order or coded.order.tolist() == list(range(palette.k))
        again = read_coded_palette(memoryview(coded.payload), palette.k, palette.channels, 0)
        assert again.dtype == np.uint8
        assert np.array_equal(again, palette.entries[coded.order])
    return coded


@pytest.mark.compiled_only("an encoder tries several orders of hundreds of entries")
@given(compressible(k=st.integers(1, 400)), st.booleans())
@example(Palette(GREY_RAMP), False)
@example(Palette(GREY_RAMP), True)
@example(Palette([[255, 255, 255]] * 40), False)
@example(Palette([[255, 255, 255, 254], [255, 255, 255, 255]] * 20), False)
@example(Palette(np.full((300, 4), 255)), True)
def test_reading_gives_back_what_was_coded(palette, keep_order):
    check(palette, keep_order=keep_order)


@pytest.mark.compiled_only("an encoder tries several orders of hundreds of entries")
@given(npst.arrays(np.uint8, st.tuples(st.integers(1, 300), st.sampled_from(CHANNELS))), st.booleans())
def test_any_palette_has_a_coded_form_that_is_right_or_none(entries, keep_order):
    check(Palette(entries), keep_order=keep_order)


def by_the_spec(payload, k, channels):
    """Entries as tuples; or the requirement that the payload breaks."""
    try:
        return annex_b.read_coded_palette(Decoder(payload), k, channels, 7)
    except Rejected as error:
        return error.rule


@examples(40)
@given(compressible(), st.booleans())
@example(Palette(GREY_RAMP), False)
@example(Palette([[0, 0, 0, 0], *([v, v, v, 255] for v in range(0, 250, 10))]), False)
def test_a_decoder_written_from_the_spec_reads_the_same(palette, keep_order):
    coded = check(palette, keep_order=keep_order)
    assume(coded is not None)
    expected = [tuple(entry) for entry in palette.entries[coded.order].tolist()]
    assert by_the_spec(coded.payload, palette.k, palette.channels) == expected


@examples(200)
@given(st.binary(max_size=40), st.integers(1, 6), st.sampled_from(CHANNELS))
@example(b"", 1, 3)
@example(b"\xff" * 5, 1, 3)
@example(bytes(9), 300, 1)
def test_any_bytes_are_a_palette_or_rejected_as_the_spec_says(payload, k, channels):
    try:
        result = [tuple(e) for e in read_coded_palette(memoryview(payload), k, channels, 7).tolist()]
    except FormatError as error:
        result = str(error).removeprefix("Palette at offset 7")[-4:-1]
    assert result == by_the_spec(payload, k, channels)


@pytest.mark.compiled_only("thousands of palettes")
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("keep_order", [False, True])
def test_every_flipped_bit_gives_a_palette_or_a_format_error(channels, keep_order):
    random = np.random.default_rng(channels)
    palette = Palette(np.unique(random.integers(90, 120, (60, channels)), axis=0))
    coded = check(palette, keep_order=keep_order)
    for bit in range(8 * len(coded.payload)):
        damaged = bytearray(coded.payload)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        try:
            entries = read_coded_palette(memoryview(damaged), palette.k, channels, 0)
        except FormatError:
            continue
        assert entries.shape == palette.entries.shape


@given(compressible(), st.booleans(), st.integers(5, 300))
def test_a_stream_that_goes_on_is_rejected(palette, keep_order, more):
    coded = coded_palette(palette, keep_order=keep_order)
    assume(coded is not None)
    payload = coded.payload + bytes(more)
    with pytest.raises(FormatError, match=rf"has {len(payload)} coded bytes; its entries take \d+ to .*M29"):
        read_coded_palette(memoryview(payload), palette.k, palette.channels, 0)


@pytest.mark.compiled_only("hundreds of palettes")
@pytest.mark.parametrize("channels", CHANNELS)
def test_a_stream_that_breaks_off_is_rejected(channels):
    entries = np.unique(np.random.default_rng(5).integers(0, 200, (150, channels)), axis=0)
    coded = check(Palette(entries), keep_order=False)
    for size in range(1, len(coded.payload) - 4):
        payload = coded.payload[:size]
        with pytest.raises(FormatError, match=rf"has {size} coded bytes; its entries take more.*M29"):
            read_coded_palette(memoryview(payload), len(entries), channels, 0)


@pytest.mark.parametrize(
    ("channels", "payload", "number"),
    [(3, 0b1_001_0000, 6), (3, 0b1_000_0000, 7), (4, 0b1_00111_00, 24), (4, 0b1_00000_00, 31)],
)
def test_a_channel_order_that_is_none_is_rejected(channels, payload, number):
    # A 1 is the lower half of the interval: bits of p = 2^15 lie in the stream inverted.
    with pytest.raises(FormatError, match=f"Palette at offset 9: Channel_Order is {number};.*M28"):
        read_coded_palette(memoryview(bytes([payload])), 1, channels, 9)


@pytest.mark.compiled_only("thousands of entries")
@pytest.mark.parametrize(
    ("entries", "most"),
    [
        (GREY_RAMP, 6),
        (2 * GREY_RAMP[:128], 6),
        (GREY_RAMP[::-1], 6),
        (GREY_RAMP * [1, 1, 1], 20),
        (
            np.array(
                [[r, g, b] for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)]
            ),
            50,
        ),
        (np.array([[0, 0, 0, a] for a in range(256)]), 25),
    ],
    ids=["grey", "even greys", "grey backwards", "grey as RGB", "web-safe", "shadow"],
)
def test_regular_palettes_take_a_few_bytes(entries, most):
    assert len(check(Palette(entries), keep_order=False).payload) <= most


@pytest.mark.compiled_only("hundreds of entries")
def test_fully_transparent_and_opaque_alphas_are_almost_free():
    colours = np.unique(np.random.default_rng(4).integers(0, 256, (100, 3)), axis=0)
    opaque = np.column_stack([colours, np.full(len(colours), 255)])
    rgb = len(check(Palette(colours), keep_order=False).payload)
    with_alpha = len(check(Palette([[0, 0, 0, 0], *opaque]), keep_order=False).payload)
    assert 8 * (with_alpha - rgb) < len(opaque)  # less than a bit each


@pytest.mark.compiled_only("thousands of entries")
@pytest.mark.parametrize("channels", CHANNELS)
def test_random_colours_keep_their_raw_form_or_gain_from_their_order_only(channels):
    palette = Palette(np.random.default_rng(9).integers(0, 256, (30, channels)))
    assert coded_palette(palette, keep_order=True) is None


@pytest.mark.compiled_only("palettes of 65,536 entries")
@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("channels", CHANNELS)
def test_the_largest_palettes(channels, keep_order):
    random = np.random.default_rng(channels)
    entries = random.integers(0, [40, 256, 90, 3][:channels], (65_536, channels))
    assert check(Palette(entries), keep_order=keep_order) is not None


@pytest.mark.parametrize("entries", [[[0]], [[255, 255, 255]], [[0, 0, 0, 0]], [[0], [1]], [[7], [7]]])
def test_the_smallest_palettes(entries):
    check(Palette(entries), keep_order=False)
    check(Palette(entries), keep_order=True)
