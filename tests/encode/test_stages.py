"""The stages by themselves: histogram, palette, mapping, and their values."""

import collections
import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

import kmq
import oracle
from kmq import IndexPlane, Palette
from strategies import palettes, pictures


@given(pictures())
def test_the_histogram_counts_every_colour(picture):
    counted = kmq.histogram(picture)
    rows = oracle.colours_of(picture)
    expected = collections.Counter(colour for row in rows for colour in row)
    assert {
        tuple(c): n for c, n in zip(counted.colours.tolist(), counted.counts.tolist(), strict=True)
    } == expected
    codes = [oracle.z_code(colour) for colour in counted.colours.tolist()]
    assert codes == sorted(codes)
    assert [[tuple(counted.colours[i].tolist()) for i in row] for row in counted.inverse] == rows


@settings(max_examples=50)
@given(pictures(), st.integers(1, 12))
def test_a_palette_has_at_most_k_distinct_entries_that_are_all_used(picture, k):
    counted = kmq.histogram(picture)
    palette = kmq.fit_palette(counted, k, space="srgb")
    entries = palette.entries.tolist()
    assert palette.k <= min(k, len(counted))
    assert len({tuple(entry) for entry in entries}) == palette.k
    assert len(np.unique(kmq.map_indices(counted, palette, space="srgb").indices)) == palette.k
    if len(counted) <= k:
        assert sorted(entries) == sorted(counted.colours.tolist())
    if k > 1 and [0, 0, 0, 0] in counted.colours.tolist():
        assert [0, 0, 0, 0] in entries


@given(pictures(), st.integers(1, 300))
def test_a_plane_counts_its_indices(picture, k):
    plane = kmq.map_indices(picture, kmq.fit_palette(kmq.histogram(picture), k))
    expected = collections.Counter(plane.indices.ravel().tolist())
    assert plane.counts().tolist() == [expected[index] for index in range(plane.k)]


def test_entries_are_sorted_by_luma():
    picture = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    red, green, blue = kmq.fit_palette(kmq.histogram(picture), 64).entries.astype(int).T
    assert (np.diff(299 * red + 587 * green + 114 * blue) >= 0).all()


def test_counts_weigh():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[0, :3] = [[200, 0, 0], [210, 0, 0], [10, 0, 0]]
    entries = kmq.fit_palette(kmq.histogram(picture), 2).entries.tolist()
    # 9,997 blacks hold their centre where it is, though (10, 0, 0) is theirs too.
    assert entries == [[0, 0, 0], [205, 0, 0]]


@pytest.mark.parametrize(("k", "bound"), [(8, 0.9), (64, 0.6)])  # measured: 0.831 and 0.510
def test_the_palette_of_a_photograph_beats_median_cut(k, bound):
    photo = load_sample_image("china.jpg")
    palette = kmq.fit_palette(kmq.histogram(photo), k, space="srgb")
    other = (
        Image.fromarray(photo).quantize(k, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    )
    shown = palette.colours(kmq.map_indices(photo, palette, space="srgb"))
    ours, theirs = (((photo.astype(int) - picture) ** 2).sum() for picture in (shown, np.asarray(other)))
    assert ours < bound * theirs


def test_centres_are_rounded_to_the_nearest():
    assert kmq.fit_palette(
        kmq.histogram(np.array([[0, 1, 1]], np.uint8)), 1, space="srgb"
    ).entries.tolist() == [[1]]
    assert kmq.fit_palette(
        kmq.histogram(np.array([[0, 1, 0]], np.uint8)), 1, space="srgb"
    ).entries.tolist() == [[0]]


def test_transparent_black_keeps_an_entry_among_colours_that_hardly_show():
    picture = np.full((20, 20, 4), 3, np.uint8)
    picture[0, 0] = 0
    picture[5:] = [[9, 9, 9, 4]]
    picture[10:] = [[200, 9, 9, 255]]
    assert [0, 0, 0, 0] in kmq.fit_palette(kmq.histogram(picture), 2).entries.tolist()


def test_transparent_and_opaque_colours_of_one_hue_are_told_apart():
    picture = np.zeros((2, 30, 4), np.uint8)
    picture[0] = [200, 100, 50, 255]
    picture[1] = [200, 100, 50, 100]
    picture[1, 0] = [201, 100, 50, 100]
    entries = kmq.fit_palette(kmq.histogram(picture), 2).entries.tolist()
    assert entries == [[200, 100, 50, 100], [200, 100, 50, 255]]


@settings(max_examples=40)
@given(pictures(), palettes())
def test_mapping_takes_the_nearest_entry_of_any_palette(picture, palette):
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels != palette.channels:
        with pytest.raises(ValueError, match=f"{channels} channels, the palette {palette.channels}"):
            kmq.map_indices(picture, palette)
        return
    plane = kmq.map_indices(picture, palette, space="srgb")
    assert plane.k == palette.k
    entries = palette.entries.tolist()
    for row, colours in zip(plane.indices.tolist(), oracle.colours_of(picture), strict=True):
        assert all(oracle.is_nearest(c, i, entries) for c, i in zip(colours, row, strict=True))
    assert kmq.map_indices(kmq.histogram(picture), palette, space="srgb") == plane


@settings(max_examples=50)
@given(pictures(), palettes(k=st.integers(1, 20)))
def test_mapping_in_oklab_takes_the_nearest_but_for_rounding(picture, palette):
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels != palette.channels:
        return
    entries = palette.entries.tolist()
    plane = kmq.map_indices(picture, palette)
    for row, colours in zip(plane.indices.tolist(), oracle.colours_of(picture), strict=True):
        for index, colour in zip(row, colours, strict=True):
            best = oracle.nearest(colour, entries, oracle.oklab_distance)
            assert index in oracle.allowed(colour, entries)
            taken, least = (oracle.oklab_distance(colour, entries[i]) ** 0.5 for i in (index, best))
            assert taken < least + 4e-5  # coordinates are rounded to 1 / 65,025


def test_a_histogram_without_inverse_cannot_be_mapped():
    counted = kmq.histogram(np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(ValueError, match="no inverse"):
        kmq.map_indices(kmq.Histogram(counted.colours, counted.counts), Palette([[0, 0, 0]]))


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "shape"), ([1, 2, 3], "shape"), (np.zeros((0, 3), np.uint8), "0 entries"),
        (np.zeros((65_537, 1), np.uint8), "65537 entries"), ([[1, 2]], "shape"),
        ([[256, 0, 0]], "0 to 255"), ([[-1, 0, 0]], "0 to 255"), ([[0.5, 0, 0]], "0 to 255"),
    ],
)  # fmt: skip
def test_a_palette_that_cannot_be_is_refused(entries, message):
    with pytest.raises(ValueError, match=message):
        Palette(entries)


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("indices", "k", "message"),
    [
        ([[0, 2]], 2, "from 0 to 2; k = 2"), ([[-1]], 2, "from -1"), ([[0]], 0, "k is 0"), ([0], 1, "shape"),
        ([[0.0]], 1, "float64"), (np.zeros((0, 4), np.uint8), 1, "not empty"), ([[0]], 65_537, "k is 65537"),
    ],
)  # fmt: skip
def test_an_index_plane_that_cannot_be_is_refused(indices, k, message):
    with pytest.raises(ValueError, match=message):
        IndexPlane(indices, k)


@pytest.mark.both_ways
def test_a_view_of_the_array_or_a_copy_of_the_value_changes_nothing():
    array = np.zeros((2, 2), np.uint8)
    view = array[:]
    array.flags.writeable = False
    plane = IndexPlane(array, 2)
    view[0, 0] = 200
    assert plane == IndexPlane([[0, 0], [0, 0]], 2)
    for value in (plane, Palette([[1, 2, 3]])):
        for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301
            assert twin == value
            with pytest.raises(ValueError, match="read-only"):
                getattr(twin, "indices" if value is plane else "entries")[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        kmq.histogram(array).counts[0] = 1


@pytest.mark.both_ways
def test_values_are_immutable_and_compare_by_content():
    entries, indices = np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint8)
    palette, plane = Palette(entries), IndexPlane(indices, 2)
    entries[0], indices[0] = 9, 1
    assert palette == Palette([[0, 0, 0], [0, 0, 0]])
    assert plane == IndexPlane([[0, 0], [0, 0]], 2)
    assert hash(palette) == hash(Palette([[0, 0, 0]] * 2))
    assert hash(plane) == hash(IndexPlane([[0, 0], [0, 0]], 2))
    assert plane != IndexPlane([[0, 0], [0, 0]], 3)
    assert palette != Palette([[0, 0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        palette.entries[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        plane.indices[0] = 1
    with pytest.raises(AttributeError):
        palette.entries = entries


@pytest.mark.both_ways
def test_a_plane_needs_a_palette_with_all_its_entries():
    with pytest.raises(ValueError, match="for 3 entries; the palette has 2"):
        Palette([[0], [1]]).colours(IndexPlane([[0]], 3))


@settings(max_examples=60)
@given(
    pictures(channels=st.just(3)),
    st.integers(1, 30),
    st.sampled_from(["none", "floyd-steinberg", "ordered"]),
    st.sampled_from(["oklab", "srgb"]),
    st.sampled_from(["fast", "default"]),
)
def test_opaque_alpha_changes_nothing(picture, k, dither, space, effort):
    with_alpha = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    options = {"dither": dither, "space": space, "effort": effort, "coding": "packed"}
    with (
        kmq.KmqFile(kmq.encode(picture, k, **options)) as rgb,
        kmq.KmqFile(kmq.encode(with_alpha, k, **options)) as rgba,
    ):
        assert np.array_equal(rgba.palette.entries[:, :3], rgb.palette.entries)
        assert (rgba.palette.entries[:, 3] == 255).all()
        assert rgba.indices() == rgb.indices()


@pytest.mark.parametrize("space", ["oklab", "srgb"])
def test_opaque_alpha_changes_no_pixel_of_a_photograph(space):
    photograph = load_sample_image("china.jpg")[100:260, 200:440]
    with_alpha = np.dstack([photograph, np.full(photograph.shape[:2], 255, np.uint8)])
    entries = np.random.default_rng(0).integers(0, 256, (400, 3), np.uint8)
    rgb = kmq.map_indices(photograph, Palette(entries), space=space)
    rgba = kmq.map_indices(with_alpha, Palette([[*entry, 255] for entry in entries.tolist()]), space=space)
    assert rgba == rgb


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("value", "array"),
    [
        (Palette([[1, 2, 3]]), np.array([[1, 2, 3]], np.uint8)),
        (IndexPlane([[0, 299]], 300), np.array([[0, 299]], np.uint16)),
    ],
)
def test_palettes_and_planes_are_arrays_for_numpy(value, array):
    assert np.asarray(value).dtype == array.dtype
    assert value != array.tolist()
    assert f"k={value.k}" in repr(value)
    assert value.bit_depth in (0, 9)
    assert np.array_equal(np.asarray(value), array)
    assert not np.asarray(value).flags.writeable
    assert np.array(value).flags.writeable
    assert np.asarray(value, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.array(value, np.float32, copy=False)
