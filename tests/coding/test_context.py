"""The context coding: every picture comes back, no bytes do harm, and its parts are what the spec says."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from context_tiles import ALL_OPTIONS, KINDS, OPTIONS, PALETTE, PLANE, check, decoded, numbers, tiles
from kmq import FormatError, IndexPlane, Palette
from kmq._coding.context import payload as _context
from kmq._coding.context.model import MODELS
from kmq._coding.context.payload import (
    COEFFICIENTS,
    COUNTS,
    FLAT,
    MATCH,
    MODEL_OF,
    SLACK,
    _encoded,
    context_tile,
)
from kmq._coding.packed import packed_size
from reference_decoder import Rejected
from reference_decoder.annex_c import read_context
from ways import examples

pytestmark = pytest.mark.both_ways

EFFORTS = sorted(MODEL_OF)


LONG = pytest.mark.compiled_only("a hundred times 500 pixels")


@pytest.mark.compiled_only("an encoder tries several ways for every tile")
@examples(200)
@given(tiles(), st.sampled_from(EFFORTS))
def test_every_tile_comes_back(tile, effort):
    check(*tile, context_tile(*tile, effort))


@examples(200)
@given(tiles(ks=st.one_of(st.integers(2, 9), st.integers(2, 300))), OPTIONS)
def test_every_tile_comes_back_with_any_options(tile, options):
    payload = _encoded(*tile, options)
    plane, palette = tile
    may_count = plane.indices.size >= palette.k  # M31
    assert payload[0] == (options if may_count else options & ~COUNTS)
    check(*tile, payload)


@pytest.mark.parametrize("options", [COUNTS, COUNTS | 2, COUNTS | FLAT | MATCH | COEFFICIENTS | 1])
def test_small_tiles_have_no_counts(options):
    palette = Palette(np.arange(10)[:, np.newaxis])
    expected = r"Options at offset 9 are 0x..: no Rough_Counts of 10 entries for 3 x 3 pixels.*M31\)"
    with pytest.raises(FormatError, match=expected):
        decoded(bytes([options]), (3, 3), palette, 9)


@pytest.mark.compiled_only("palettes of up to 65,536 entries")
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("k", [300, 5_000, 65_536])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_small_pictures_with_many_entries(k, channels, effort):
    # Of grey entries most are duplicates here, and in the largest palette some of every kind.
    random = np.random.default_rng(k)
    palette = Palette(random.integers(0, 40, (k, channels)))
    plane = IndexPlane(random.integers(0, k, (17, 23)), k)
    check(plane, palette, context_tile(plane, palette, effort))


@pytest.mark.compiled_only("30,000 pixels and more")
@pytest.mark.parametrize(
    ("k", "effort"),
    [(2, "default"), (1000, "default"), (100, "fast"), pytest.param(100, "thorough", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_large_enough_for_every_option(k, kind, effort):
    random = np.random.default_rng(k)
    palette = Palette(random.integers(0, 256, (k, 3)))
    plane = IndexPlane(numbers(random, 173, 201, k, kind), k)
    check(plane, palette, context_tile(plane, palette, effort))


@pytest.mark.compiled_only("a palette of 65,536 entries")
@pytest.mark.parametrize("k", [1, 2, 300, 65_536])
def test_entries_that_are_all_equal(k):
    plane = IndexPlane(np.random.default_rng(k).integers(0, k, (20, 30)), k)
    palette = Palette(np.full((k, 3), 77))
    for effort in EFFORTS:
        check(plane, palette, context_tile(plane, palette, effort))


@pytest.mark.parametrize(
    "shape",
    [
        *((1, 1), (1, 2), (2, 1), (1, 30), (3, 4), (4, 9)),
        pytest.param((1, 500), marks=LONG),
        pytest.param((500, 1), marks=LONG),
    ],
)
@pytest.mark.parametrize("options", ALL_OPTIONS)
def test_tiles_smaller_than_the_neighbourhood(shape, options):
    random = np.random.default_rng(options)
    for k in (2, 7):
        plane, palette = IndexPlane(random.integers(0, k, shape), k), Palette(random.integers(0, 256, (k, 4)))
        check(plane, palette, _encoded(plane, palette, options))


def by_the_spec(payload, width, height, palette):
    """Rows of indices; or the requirement that the payload breaks."""
    entries = [tuple(entry) for entry in palette.entries.tolist()]
    try:
        indices = read_context(bytes(payload), 0, width, height, entries)
    except Rejected as error:
        return error.rule
    return [indices[start : start + width] for start in range(0, len(indices), width)]


@examples(60)
@given(tiles(ks=st.one_of(st.integers(1, 9), st.integers(1, 300)), side=14), OPTIONS)
def test_a_decoder_written_from_the_spec_reads_the_same(tile, options):
    plane, palette = tile
    payload = b"" if plane.k == 1 else _encoded(plane, palette, options)
    read = by_the_spec(payload, plane.width, plane.height, palette)
    assert read == plane.indices.tolist()


@pytest.mark.compiled_only("thousands of pixels and entries")
@pytest.mark.parametrize(
    "model", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("k", "height", "width", "kind"),
    [
        *((3, 40, 50, kind) for kind in ("flat", "repeats")),
        *((300, 22, 23, kind) for kind in ("noise", "gradient")),
        (1500, 20, 20, "noise"),
        (5000, 9, 9, "repeats"),
    ],
)
def test_a_decoder_written_from_the_spec_reads_larger_tiles_and_palettes(k, height, width, kind, model):
    # With buckets that are taken over, nodes that share rows, and entries that aren't weighed.
    random = np.random.default_rng(k)
    palette = Palette(random.integers(0, 256, (k, 3)))
    plane = IndexPlane(numbers(random, height, width, k, kind), k)
    payload = _encoded(plane, palette, model | FLAT | MATCH | COUNTS | COEFFICIENTS)
    assert by_the_spec(payload, width, height, palette) == plane.indices.tolist()


@examples(150)
@given(tiles(ks=st.integers(1, 20), side=8), st.binary(max_size=40), OPTIONS)
@example((PLANE, PALETTE), b"", 0)
def test_any_bytes_are_what_a_decoder_written_from_the_spec_says(tile, stream, options):
    plane, palette = tile
    for payload in (stream, bytes([options]) + stream):
        try:
            found = decoded(payload, plane.indices.shape, palette).tolist()
        except FormatError as error:
            found = str(error)[-4:-1]
        assert found == by_the_spec(payload, plane.width, plane.height, palette)


@examples(150)
@given(tiles(ks=st.one_of(st.integers(1, 9), st.integers(1, 300)), side=9), OPTIONS, st.data())
def test_damage_is_what_a_decoder_written_from_the_spec_says(tile, options, data):
    plane, palette = tile
    payload = bytearray(b"" if plane.k == 1 else _encoded(plane, palette, options))
    for _ in range(data.draw(st.integers(1, 3))):
        at, changed = data.draw(st.integers(0, len(payload))), data.draw(st.sampled_from([0, 1, 1, 1, 9]))
        payload[at : at + changed] = data.draw(st.binary(min_size=changed == 1, max_size=1 if changed else 6))
    try:
        found = decoded(bytes(payload), plane.indices.shape, palette).tolist()
    except FormatError as error:
        found = str(error)[-4:-1]
    assert found == by_the_spec(payload, plane.width, plane.height, palette)


@pytest.mark.compiled_only("many pixels")
@pytest.mark.parametrize("model", sorted(MODELS))
def test_noise_that_outgrows_its_first_room(model):
    # What a misled model says of 8 bits is longer than the 8 bits; here by more than the room left for it.
    random = np.random.default_rng(0)
    plane = IndexPlane(random.integers(0, 256, (360, 360)), 256)
    palette = Palette(random.integers(0, 256, (256, 3)))
    payload = _encoded(plane, palette, model | FLAT | MATCH)
    check(plane, palette, payload)
    assert len(payload) > packed_size(plane.indices.size, 256) + SLACK


@pytest.mark.compiled_only("many pixels")
def test_a_payload_that_outgrows_its_room_by_far_takes_one_more_pass(monkeypatch):
    plane = IndexPlane(np.random.default_rng(0).integers(0, 256, (100, 100)), 256)
    palette = Palette(np.arange(256)[:, np.newaxis])
    expected, passes, code_cells = _encoded(plane, palette, 1), [], _context.code_cells
    assert len(expected) > 9 * SLACK

    def counted(*arguments):
        passes.append(arguments)
        code_cells(*arguments)

    monkeypatch.setattr(_context, "packed_size", lambda _pixels, _k: 0)
    monkeypatch.setattr(_context, "code_cells", counted)
    assert _encoded(plane, palette, 1) == expected
    assert len(passes) == 2


def test_the_effort_names_the_model():
    plane, palette = IndexPlane([[0, 1, 1], [1, 0, 1]], 2), Palette([[0], [9]])
    for effort, name in MODEL_OF.items():
        assert MODELS[context_tile(plane, palette, effort)[0] & 3].name == name


@pytest.mark.compiled_only("many pixels")
def test_what_repeats_at_a_distance_is_coded_as_a_match():
    random = np.random.default_rng(1)
    block = random.integers(0, 2, (60, 60))
    plane, palette = IndexPlane(np.tile(block, (1, 3)), 2), Palette([[0, 0, 9], [0, 200, 0]])
    without, with_match = (_encoded(plane, palette, 1 | match) for match in (0, MATCH))
    assert len(with_match) < 0.6 * len(without)
    check(plane, palette, with_match)


@pytest.mark.compiled_only("many pixels")
@pytest.mark.parametrize("effort", EFFORTS)
def test_a_flat_picture_takes_next_to_nothing(effort):
    plane = IndexPlane(np.full((1000, 1000), 3), 9)
    palette = Palette(np.arange(27).reshape(9, 3))
    payload = context_tile(plane, palette, effort)
    assert len(payload) < 100
    check(plane, palette, payload)
