"""The context coding: every picture comes back, no bytes do harm, and its parts are what the spec says."""

import concurrent.futures

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import kmq
import reference_decoder
from kmq import FormatError, IndexPlane, LimitError, Palette
from kmq._coding.arithmetic import last_bytes
from kmq._coding.context import payload as _context
from kmq._coding.context.model import MODELS, tables
from kmq._coding.context.payload import (
    COEFFICIENTS,
    COUNTS,
    FLAT,
    MATCH,
    MODEL_OF,
    SLACK,
    _code_numbers,
    _encoded,
    _folded,
    context_tile,
    read_context_tile,
)
from kmq._coding.context.prediction import (
    MOST,
    TAPS,
    TEXTURES,
    UNIT,
    default_coefficients,
    fitted_coefficients,
)
from kmq._coding.context.tree import palette_tree, rough_counts
from kmq._coding.packed import packed_size
from kmq._indexed.index_plane import trusted_plane
from ways import examples
from writing import build, uleb

pytestmark = pytest.mark.both_ways

EFFORTS = sorted(MODEL_OF)
ALL_OPTIONS = [model | others << 2 for model in sorted(MODELS) for others in range(16)]
OPTIONS = st.sampled_from(ALL_OPTIONS)
CHANNELS = st.sampled_from([1, 3, 4])


LONG = pytest.mark.compiled_only("a hundred times 500 pixels")


def decoded(payload, shape, palette, offset=0):
    indices = np.zeros(shape, np.uint8 if palette.k <= 256 else np.uint16)
    read_context_tile(memoryview(payload), indices, palette, offset)
    return indices


def check(plane, palette, payload):
    assert np.array_equal(decoded(payload, plane.indices.shape, palette), plane.indices)


def numbers(random, height, width, k, kind):
    """Return indices below k, (height, width), of a kind of picture."""
    y, x = np.indices((height, width))
    if kind == "noise":
        return random.integers(0, k, (height, width))
    if kind == "gradient":
        return ((x * 3 + y * 2 + random.integers(0, 2, x.shape)) * max(1, k // 90)) % k
    if kind == "repeats":
        block = random.integers(0, k, (max(1, height // 3), max(1, width // 2)))
        return block[y % len(block), x % block.shape[1]]
    flat = np.full(x.shape, k - 1)
    for _ in range(3):
        flat[random.integers(0, height) :, random.integers(0, width) :] = random.integers(0, k)
    return flat


KINDS = ["noise", "gradient", "repeats", "flat"]


@st.composite
def tiles(draw, ks=st.one_of(st.integers(1, 9), st.integers(1, 300)), side=40):
    """Return an index plane and a palette for it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    k = draw(ks)
    entries = random.integers(0, draw(st.sampled_from([1, 2, 30, 256])), (k, draw(CHANNELS)))
    height, width = draw(st.integers(1, side)), draw(st.integers(1, side))
    return IndexPlane(numbers(random, height, width, k, draw(st.sampled_from(KINDS))), k), Palette(entries)


PLANE = IndexPlane(numbers(np.random.default_rng(0), 12, 15, 6, "gradient"), 6)
PALETTE = Palette(np.random.default_rng(0).integers(0, 256, (6, 3)))


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
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 3, 100, 1000])
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
        indices = reference_decoder.read_context(bytes(payload), 0, width, height, entries)
    except reference_decoder.Rejected as error:
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
@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize(
    ("k", "height", "width", "kind"),
    [
        *((3, 40, 50, kind) for kind in ("flat", "repeats")),
        *((300, 30, 31, kind) for kind in ("noise", "gradient")),
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
    plane = IndexPlane(random.integers(0, 256, (500, 500)), 256)
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


@pytest.mark.compiled_only("an encoder tries several ways for every tile")
@examples(60)
@given(tiles(), st.sampled_from([None, 16, 32]), st.sampled_from(EFFORTS))
def test_files_come_back_in_tiles_and_on_threads_and_are_the_same_bytes(tile, side, effort):
    plane, palette = tile
    picture = palette.colours(plane)
    options = {"k": 65_536, "tile": side, "effort": effort, "coding": "context"}
    data = kmq.encode(picture, **options)
    assert np.array_equal(kmq.decode(data, threads=3), kmq.decode(data))
    assert kmq.encode(picture, **options) == kmq.encode(picture, **options, threads=3) == data
    exact = kmq.encode(kmq.decode(data), 65_536, coding="packed")
    assert np.array_equal(kmq.decode(exact), kmq.decode(data))
    with kmq.KmqFile(data) as file:
        assert file.coding == "context"
        assert np.array_equal(file.pixels(), kmq.decode(data))


@pytest.mark.compiled_only("many pixels")
def test_several_pictures_at_a_time_on_threads_give_the_same_bytes():
    random = np.random.default_rng(0)
    palette = Palette(random.integers(0, 256, (50, 3)))
    planes = [IndexPlane(numbers(random, 90, 120, 50, kind), 50) for kind in KINDS]
    alone = [context_tile(plane, palette, "default") for plane in planes]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda plane: context_tile(plane, palette, "default"), planes * 4))
    assert together == alone * 4


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


# What is no payload


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


# Tree


def walked(tree, k):
    """Return the levels of the leaves by entry and of the nodes, walking from the root."""
    leaves, levels, waiting = {}, {}, [(0, 0)]
    while waiting:
        node, level = waiting.pop()
        assert node not in levels
        levels[node] = level
        for side, child in enumerate(tree.nodes[node, :2].tolist()):
            if child >= 0:
                assert tree.nodes[child, 6] == 2 * node + side
                waiting.append((child, level + 1))
            else:
                assert ~child not in leaves
                assert tree.leaf_parents[~child] == 2 * node + side
                leaves[~child] = level + 1
    assert sorted(leaves) == list(range(k))
    assert sorted(levels) == list(range(k - 1))
    return leaves, levels


def entries_below(tree):
    """Return the entries below each node; children have higher numbers than their node."""
    below = {}
    for node in range(len(tree.nodes) - 1, -1, -1):
        children = tree.nodes[node, :2].tolist()
        below[node] = [[~child] if child < 0 else [*below[child][0], *below[child][1]] for child in children]
    return below


def check_tree(palette, exponents):
    tree = palette_tree(palette, np.asarray(exponents, np.int32))
    leaves, levels = walked(tree, palette.k)
    assert max(leaves.values()) <= 64 + 17
    for node, (left, right) in entries_below(tree).items():
        _, _, axis, threshold, inverse, reciprocal, _, _ = tree.nodes[node].tolist()
        lower, upper = (tree.points[side, axis].astype(int) for side in (left, right))
        assert threshold == lower.max() + upper.min()
        spread = max(1, upper.sum() // len(upper) - lower.sum() // len(lower))
        assert (inverse, reciprocal) == (min(32_767, 180 * 16_384 // spread), 65_536 // spread)
        if levels[node] < 64:
            all_equal = (tree.points[left + right] == tree.points[left[0]]).all()
            assert lower.max() < upper.min() or all_equal
        if levels[node] == 4:
            assert set(tree.classes[left + right].tolist()) == {node}
    for entry, level in leaves.items():
        assert level > 4 or tree.classes[entry] == palette.k + entry
    return tree


@examples(80)
@given(
    st.one_of(
        tiles(ks=st.integers(2, 200)).map(lambda tile: tile[1]),
        npst.arrays(np.uint8, st.tuples(st.integers(2, 60), CHANNELS)).map(Palette),
    ),
    st.data(),
)
def test_a_tree_has_every_entry_once_and_splits_by_colour(palette, data):
    exponents = data.draw(
        st.one_of(
            st.just(np.zeros(palette.k, int)),
            npst.arrays(np.int64, palette.k, elements=st.integers(0, 15)),
        )
    )
    check_tree(palette, exponents)


def powers(k, channels):
    """Entries whose distances double: the mean of what is left always has one of them on its other side."""
    entries = np.zeros((k, channels), int)
    numbered = np.arange(k)
    entries[numbered, numbered // 8 % channels] = (1 << numbered % 8) - 1
    return entries


@pytest.mark.compiled_only("palettes of 5,000 entries")
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("k", [2, 3, 32, 5000])
@pytest.mark.parametrize("heavy", [None, "first", "last", "all", "powers"])
def test_trees_of_palettes_that_are_meant_to_be_deep(channels, k, heavy):
    exponents = np.zeros(k, int)
    if heavy == "all":
        exponents[:] = 15
    elif heavy == "powers":
        exponents[:] = np.arange(k) % 16
    elif heavy is not None:
        exponents[0 if heavy == "first" else -1] = 15
    check_tree(Palette(powers(k, channels)), exponents)
    check_tree(Palette(np.arange(k * channels).reshape(k, channels) % 256), exponents)


@pytest.mark.compiled_only("palettes of 65,536 entries")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_trees_of_the_largest_palettes(channels):
    k = 65_536
    entries = np.random.default_rng(0).integers(0, 256, (k, channels))
    for palette in (Palette(entries), Palette(np.zeros((k, channels), int)), Palette(powers(k, channels))):
        tree = palette_tree(palette, np.zeros(k, np.int32))
        leaves, _ = walked(tree, k)
        assert max(leaves.values()) <= 64 + 17


@given(npst.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 5)))
@example(np.zeros((300, 300), np.uint16))
def test_rough_counts_are_logarithms(indices):
    for entry, exponent in enumerate(rough_counts(indices, 7).tolist()):
        count = int((indices == entry).sum())
        assert exponent == min(15, max(1, count).bit_length() - 1)


# Predictions


def coefficients_by_lstsq(indices, points):
    """Return the coefficients by another way: equations, not normal equations."""
    height, width = indices.shape
    rows = range(3, height)
    rows = rows[:: max(1, -(-len(rows) * width // (1 << 15)))]
    equations = [[] for _ in range(TEXTURES)]
    for y in rows:
        for x in range(4, width - 4):
            near = points[[indices[y + dy, x + dx] for dx, dy in TAPS]].astype(float)
            w, n, nw, ne = near[:4, 0]
            down, across, on = abs(w - nw), abs(n - nw), abs(n - ne)
            if down + across + on < 37:
                kind = 0
            elif down + across + on < 150:
                kind = 1
            else:
                kind = 2 if down > 2 * across else 3 if across > 2 * down else 4 if on > 2 * down else 5
            own = points[indices[y, x]].astype(float)
            middle = (near[0] + near[1]) / 2
            equations[kind].append([(near[:, a] - middle[a], own[a] - middle[a]) for a in range(3)])

    def solved(chosen):
        # The regularisation, in the same units: 2 per pixel on twice the values is half on the values.
        weight = (max(len(chosen), 1) / 2) ** 0.5
        flat = [pair for axes in chosen for pair in axes]
        left = np.vstack([[near for near, _ in flat], weight * np.eye(len(TAPS))])
        right = np.concatenate([[own for _, own in flat], np.zeros(len(TAPS))])
        found = np.linalg.lstsq(left, right)[0]
        found[:2] += (1 - found.sum()) / 2
        return UNIT * found

    every = solved([pair for kind in equations for pair in kind])
    return [every] + [solved(kind) if len(kind) > 500 else every for kind in equations]


@pytest.mark.compiled_only("no loop takes part")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fitted_coefficients_are_least_squares(channels):
    random = np.random.default_rng(channels)
    y, x = np.indices((90, 110))
    waves = np.sin(x / 9) * 60 + np.cos(y / 7 + x / 20) * 50 + random.normal(0, 9, x.shape)
    edges = 60 * ((x // 25 + y // 31) % 2)
    indices = (waves + edges + 120).clip(0, 255).astype(np.uint8)
    entries = np.arange(256)[:, np.newaxis] * [1, 1, 1, 0][:channels] + [0, 20, 9, 255][:channels]
    points = palette_tree(Palette(entries % 256), np.zeros(256, np.int32)).points
    found, expected = fitted_coefficients(indices, points), coefficients_by_lstsq(indices, points)
    assert found.shape == (1 + TEXTURES, len(TAPS))
    assert found.dtype == np.int32
    assert np.abs(found - np.clip(expected, -MOST, MOST)).max() < 0.51
    assert len({tuple(row) for row in found.tolist()}) > 3


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (50, 8), (4, 9)])
def test_pictures_too_small_to_fit_have_the_default_or_sane_coefficients(shape):
    indices = np.random.default_rng(0).integers(0, 9, shape).astype(np.uint8)
    points = palette_tree(Palette(np.arange(9)[:, np.newaxis] * 20), np.zeros(9, np.int32)).points
    found = fitted_coefficients(indices, points)
    if shape[0] < 4 or shape[1] < 9:
        assert np.array_equal(found, default_coefficients())
    assert np.abs(found).max() <= MOST


# Tables


def test_tables_are_the_curves_they_stand_for():
    made = tables()
    at = np.arange(-2048, 2048)
    assert np.abs(made.squash - 65_536 / (1 + np.exp(-at / 256))).max() < 500
    assert (np.diff(made.squash.astype(int)) >= 0).all()
    for p in (1, 100, 2048, 4000, 4095):
        d = int(made.stretch[p])
        assert abs(d) == 2047 or (made.squash[d + 2048] >> 4) >= p > (made.squash[d + 2047] >> 4)
    assert made.rates.tolist() == [655_360 // (10 * n + 16) for n in range(16)]
