"""Encoding and decoding, held to each other and to all pairs of colours."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kmq
import oracle
from reference_decoder import read_file, read_indices
from samples import as_rgba, palette_image
from strategies import CODINGS, PLAIN_CODINGS, TILES, palettes, pictures, planes

KS = st.integers(1, 12)


def expected_shape(picture):
    return picture.shape[:2] if picture.ndim == 2 or picture.shape[2] == 1 else picture.shape


@settings(max_examples=60)
@given(pictures(), KS, TILES, PLAIN_CODINGS)
def test_every_pixel_gets_the_nearest_entry(picture, k, tile, coding):
    data = kmq.encode(picture, k, tile=tile, coding=coding, space="srgb")
    decoded = kmq.decode(data)
    read = read_file(data)
    assert len(read.palette) <= k
    rows = read_indices(read)
    assert decoded.shape == expected_shape(picture)
    before, after = oracle.colours_of(picture), oracle.colours_of(decoded)
    for row, colours in enumerate(before):
        indices = rows[row]
        assert all(oracle.is_nearest(c, i, read.palette) for c, i in zip(colours, indices, strict=True))
        assert after[row] == [oracle.canonical(read.palette[index]) for index in indices]


@settings(max_examples=60)
@given(pictures(), KS)
def test_a_second_encode_loses_nothing(picture, k):
    once = kmq.decode(kmq.encode(picture, k))
    assert np.array_equal(kmq.decode(kmq.encode(once, k)), once)


@given(pictures(), TILES, CODINGS)
def test_at_most_k_colours_are_exact(picture, tile, coding):
    distinct = {colour for row in oracle.colours_of(picture) for colour in row}
    data = kmq.encode(picture, len(distinct), tile=tile, coding=coding)
    assert oracle.colours_of(kmq.decode(data)) == oracle.colours_of(picture)
    with kmq.KmqFile(data) as file:
        assert file.k == len(distinct)


@given(palettes(k=st.integers(1, 256)), CODINGS, st.data())
def test_a_palette_image_keeps_its_palette_and_indices(palette, coding, data):
    plane = data.draw(planes(k=st.just(palette.k)))
    encoded = kmq.encode(palette_image(palette, plane), palette.k, coding=coding)
    with kmq.KmqFile(encoded) as file:
        assert as_rgba(file.palette.entries) == as_rgba(palette.entries)
        assert file.indices() == plane


@given(palettes(k=st.integers(1, 256)), CODINGS, st.data())
def test_reordering_stores_just_the_colours_of_a_palette_image(palette, coding, data):
    plane = data.draw(planes(k=st.just(palette.k)))
    image = palette_image(palette, plane)
    encoded = kmq.encode(image, palette.k, coding=coding, reorder_palette=True)
    assert encoded == kmq.encode(image.convert("RGBA"), palette.k, coding=coding)
    with kmq.KmqFile(encoded) as file:
        entries, indices = as_rgba(file.palette.entries), file.indices().indices
    shown = [entry if entry[3] else (0, 0, 0, 0) for entry in as_rgba(palette.entries)]
    assert sorted(entries) == sorted({shown[index] for index in plane.indices.ravel().tolist()})
    pairs = zip(plane.indices.ravel().tolist(), indices.ravel().tolist(), strict=True)
    assert all(shown[old] == entries[new] for old, new in pairs)


@pytest.mark.parametrize("coding", ["context", "adaptive"])
def test_reordering_a_given_palette_keeps_every_entry(coding):
    ramp = [[v, v, 255 - v] for v in np.random.default_rng(0).permutation(256).tolist()]
    picture = np.array(ramp, np.uint8)[np.random.default_rng(1).integers(0, 200, (40, 40))]
    kept, free = (
        kmq.encode(picture, palette=ramp, coding=coding, reorder_palette=reordered)
        for reordered in (False, True)
    )
    assert len(free) < len(kept)
    assert np.array_equal(kmq.decode(free), picture)
    with kmq.KmqFile(free) as file:
        assert sorted(file.palette.entries.tolist()) == sorted(ramp)


@pytest.mark.parametrize("coding", ["auto", "packed", "zstd", "context", "adaptive"])
def test_a_given_palette_keeps_its_order_in_every_coding(coding):
    ramp = [[v, v, 255 - v] for v in range(255, -1, -1)]
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    with kmq.KmqFile(kmq.encode(picture, palette=ramp, coding=coding)) as file:
        assert file.palette.entries.tolist() == ramp


def test_k_above_the_distinct_colours_gives_a_smaller_palette(recwarn):
    picture = np.random.default_rng(0).integers(0, 4, (20, 20, 3), np.uint8)
    with kmq.KmqFile(kmq.encode(picture, 65_536)) as file:
        assert file.k == len(np.unique(picture.reshape(-1, 3), axis=0))
    assert not recwarn.list


PROGRAM = """
import sys, numpy, kmq
picture = numpy.random.default_rng(5).integers(0, 256, (150, 200, 3), numpy.uint8)
sys.stdout.buffer.write(kmq.encode(picture, 40, coding="packed"))
"""


def test_the_same_bytes_every_run_and_with_any_number_of_threads():
    runs = []
    for threads in ("1", "2"):
        limits = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], threads)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=os.environ | limits, capture_output=True, check=True
        )
        runs.append(done.stdout)
    assert runs[0] == runs[1]
    assert len(runs[0]) == 150 * 200 * 6 // 8 + 120 + 18


@given(pictures(), st.sampled_from([None, 16]), CODINGS, st.integers(2, 5))
def test_the_same_bytes_and_pixels_however_many_tiles_are_done_at_a_time(picture, tile, coding, threads):
    data = kmq.encode(picture, 5, tile=tile, coding=coding)
    assert kmq.encode(picture, 5, tile=tile, coding=coding, threads=threads) == data
    assert np.array_equal(kmq.decode(data, threads=threads), kmq.decode(data))


@settings(max_examples=40)
@given(pictures(), st.sampled_from([1, 2, 5, 65_536]), TILES)
def test_auto_is_the_smallest_and_packed_of_equals(picture, k, tile):
    files = [kmq.encode(picture, k, tile=tile, coding=coding) for coding in ("packed", "adaptive", "context")]
    assert kmq.encode(picture, k, tile=tile) == min(files, key=len)


def test_of_several_damaged_tiles_the_first_is_named_on_any_number_of_threads():
    data = bytearray(kmq.encode(np.arange(64 * 64).reshape(64, 64).astype(np.uint8), tile=16, coding="zstd"))
    size = kmq.inspect(bytes(data)).index_bytes
    for eighth in range(1, 6):
        data[-size * eighth // 8] ^= 1
    with pytest.raises(kmq.FormatError) as alone:
        kmq.decode(data)
    for threads in (2, 3, 16):
        with pytest.raises(kmq.FormatError) as caught:
            kmq.decode(data, threads=threads)
        assert str(caught.value) == str(alone.value)


def blobs():
    """Return a picture of 60 tight clouds of colours: k-means with half as many entries has many optima."""
    rng = np.random.default_rng(3)
    centres = rng.integers(10, 246, (60, 3))
    return (centres[rng.integers(0, 60, (60, 60))] + rng.integers(-3, 4, (60, 60, 3))).astype(np.uint8)


def cloud():
    return np.random.default_rng(7).normal(128, 40, (60, 60, 3)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "little", "much"),
    [
        (blobs, {"effort": "fast"}, {"effort": "default"}),
        (blobs, {"effort": "default"}, {"effort": "thorough"}),
        (blobs, {"n_init": 1}, {"n_init": 20}),
    ],
)
def test_more_effort_and_more_starts_have_less_error(picture, little, much):
    picture = picture()
    fast = {"space": "srgb", "effort": "fast"}
    before, after = (
        kmq.inspect(kmq.encode(picture, 30, **(fast | options)), picture).squared_error
        for options in (little, much)
    )
    assert after < before


@pytest.mark.parametrize("option", [{"max_iter": 1}, {"tol": 1e6}])
def test_options_reach_kmeans(option):
    long, short = ({"max_iter": 100, "tol": 0} | options for options in ({}, option))
    picture = cloud()
    assert kmq.encode(picture, 30, effort="fast", **short) != kmq.encode(picture, 30, effort="fast", **long)


def test_another_random_state_is_another_start():
    picture = blobs()
    options = {"n_init": 2, "effort": "fast", "space": "srgb"}
    assert len({kmq.encode(picture, 30, random_state=state, **options) for state in range(3)}) > 1


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: kmq.decode("x.kmq"), "data is str; it must be bytes .kmq.open takes a path or an open file"),
        (lambda: kmq.decode(io.BytesIO()), "data is BytesIO; it must be bytes .kmq.open takes a path"),
        (lambda: kmq.inspect("x.kmq"), "data is str"),
        (lambda: kmq.KmqFile(None), "data is NoneType"),
        (lambda: kmq.fit_palette(np.zeros((2, 2, 3), np.uint8), 2), "histogram is ndarray"),
        (lambda: kmq.map_indices(np.zeros((2, 2, 3), np.uint8), [[0, 0, 0]]), "palette is list"),
        (lambda: kmq.pack_indices(np.zeros((2, 2), np.uint8)), "plane is ndarray"),
        (lambda: kmq.unpack_indices("no", 1, 1, 2), "payload is str"),
        (lambda: kmq.IndexPlane([[0]], 2.5), "k is 2.5"),
        (lambda: kmq.save(b"x.kmq", np.zeros((2, 2), np.uint8)), "file is bytes"),
    ],
)
def test_arguments_of_another_type_are_named(function, message):
    with pytest.raises(TypeError, match=message):
        function()


def test_large_pictures_are_cut_unless_told_otherwise():
    for height, options, tile in [
        (2048, {}, None),
        (2049, {}, 1024),
        (2049, {"tile": "auto"}, 1024),
        (2049, {"tile": None}, None),
        (20, {"tile": 16}, 16),
    ]:
        data = kmq.encode(np.zeros((height, 2048), np.uint8), coding="packed", **options)
        assert kmq.KmqFile(data).tile == tile


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k is 0; it must be 1 to 65,536"),
        ({"k": 65_537}, ValueError, "k is 65537"),
        ({"k": 16.0}, TypeError, "k is 16.0; it must be an integer"),
        ({"k": True}, TypeError, "k is True"),
        ({"coding": "zip"}, ValueError, "coding is 'zip'; it must be one of auto, packed, zstd, context"),
        ({"threads": 0}, ValueError, "threads is 0; it must be 1 to 256"),
        ({"threads": "2"}, TypeError, "threads is '2'"),
        ({"tile": 8}, ValueError, "tile is 8"),
        ({"tile": 24}, ValueError, "tile is 24; it must be a power of two"),
        ({"tile": 65_536}, ValueError, "tile is 65536; it must be 16 to 32,768"),
        ({"tile": "16"}, TypeError, "tile is '16'; it must be a power of two, 'auto' or None"),
        ({"keep": ["iptc"]}, ValueError, "keep has 'iptc'; it can have icc, exif, xmp"),
        ({"keep": None}, TypeError, "keep is None"),
        ({"n_init": 0}, ValueError, "n_init is 0"),
        ({"max_iter": 0}, ValueError, "max_iter is 0"),
        ({"tol": -1}, ValueError, "tol is -1"),
        ({"tol": float("nan")}, ValueError, "tol is nan"),
        ({"tol": "no"}, TypeError, "tol is 'no'"),
        ({"random_state": -1}, ValueError, "random_state is -1"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        kmq.encode(np.zeros((2, 2), np.uint8), **options)
