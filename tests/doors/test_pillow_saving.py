"""The Pillow plugin, writing: image.save does what kmq.encode does, and a P image comes back as it was."""

import inspect
import io
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import kmq
from samples import MODES, PICTURE, Dribble, palette_image, profile_of_gamma, reopened
from strategies import CODINGS, TILES, palettes, planes


def saved(image, **options):
    """Return the bytes that image.save writes."""
    file = io.BytesIO()
    image.save(file, "KMQ", **options)
    return file.getvalue()


def metadata(data):
    with kmq.KmqFile(data) as file:
        return dict(file.metadata)


@given(palettes(k=st.integers(1, 256)), CODINGS, TILES, st.data())
def test_a_p_image_comes_back_with_its_indices_palette_and_transparency(palette, coding, tile, data):
    plane = data.draw(planes(k=st.just(palette.k)))
    image = palette_image(palette, plane)
    png = reopened(image, "PNG")
    if not data.draw(st.booleans()):
        image = png  # which may have one transparent index instead of all alphas
    again = Image.open(io.BytesIO(saved(image, coding=coding, tile=tile)))
    assert again.mode == "P"
    assert np.array_equal(np.asarray(again), plane.indices)
    assert again.getpalette() == image.getpalette()
    assert np.array_equal(np.asarray(again.convert("RGBA")), np.asarray(image.convert("RGBA")))
    opaque = palette.channels < 4 or bool((palette.entries[:, 3] == 255).all())
    assert again.info.get("transparency") == (None if opaque else png.info["transparency"])


def test_the_order_of_a_palette_can_be_let_go():
    image = palette_image(kmq.Palette([[9, 9, 9], [1, 2, 3], [5, 5, 5]]), kmq.IndexPlane([[1, 2, 2, 1]], 3))
    del image.info["transparency"]
    again = Image.open(io.BytesIO(saved(image, reorder_palette=True)))
    assert again.info["k"] == 2
    assert np.array_equal(np.asarray(again.convert("RGB")), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_saved_as_it_is_encoded(mode):
    image = Image.new(mode, (5, 3))
    data = saved(image)
    assert data == kmq.encode(image)
    with Image.open(io.BytesIO(data)) as again:
        assert again.size == (5, 3)


OPTIONS = {
    "k": 5,
    "palette": [[0, 0, 0], [255, 255, 255]],
    "psnr": 15.0,
    "max_bytes": 400,
    "bpp": 3.0,
    "space": "srgb",
    "effort": "thorough",
    "dither": "ordered",
    "strength": 0.5,
    "coding": "packed",
    "tile": 16,
    "threads": 2,
    "reorder_palette": True,
    "keep": "xmp",
    "n_init": 3,
    "max_iter": 1,
    "tol": 50.0,
    "random_state": 7,
}
BESIDE = {
    "strength": {"dither": "floyd-steinberg"},
    "random_state": {"n_init": 2},
    "reorder_palette": {"palette": "web-safe", "k": None, "coding": "context"},
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_encode_is_one_of_save(option):
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8))
    image.info["xmp"] = b"<x:xmpmeta/>"
    options = {"k": 12} if option not in ("k", "palette") else {}
    options |= BESIDE.get(option, {})
    with_it = options | {option: OPTIONS[option]}
    assert saved(image, **with_it) == kmq.encode(image, **with_it)
    if option != "threads":
        assert kmq.encode(image, **with_it) != kmq.encode(image, **options), "the option changes nothing here"


def test_no_option_of_encode_is_left_out():
    assert set(OPTIONS) == set(inspect.signature(kmq.encode).parameters) - {"image"}


def test_what_programs_pass_whatever_the_format_is_ignored():
    image = Image.fromarray(PICTURE)
    assert saved(image, optimize=True, dpi=(72, 72), save_all=False) == kmq.encode(image)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("quality", "use psnr"), ("colors", "use k"), ("keep_palete", "it takes bpp, coding, dither")],
)
def test_a_name_that_is_no_option_is_an_error_that_says_what_is(tmp_path, name, hint):
    with pytest.raises(TypeError, match=f"kmq has no option '{name}'; {hint}"):
        Image.fromarray(PICTURE).save(tmp_path / "x.kmq", **{name: 16})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k is 0; it must be 1 to 65,536"),
        ({"coding": "zip"}, ValueError, "coding is 'zip'"),
        ({"tile": 24}, ValueError, "tile is 24"),
        ({"keep": "iptc"}, ValueError, "keep has 'iptc'"),
        ({"keep": None, "xmp": b"x"}, TypeError, "keep is None"),
        ({"k": "many"}, ValueError, "k is 'many'"),
        ({"exif": "text"}, TypeError, "exif is str; it must be bytes"),
        ({"icc_profile": 5}, TypeError, "icc_profile is int; it must be bytes"),
        ({"xmp": 5}, TypeError, "xmp is int; it must be bytes"),
        ({"max_bytes": 3}, kmq.TargetError, "max_bytes 3"),
        ({"palette": "nothing.gpl"}, FileNotFoundError, "nothing.gpl"),
    ],
)
def test_a_wrong_value_is_an_error_and_leaves_no_file(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        Image.fromarray(PICTURE).save(tmp_path / "x.kmq", **options)
    assert os.listdir(tmp_path) == []


def test_the_suffix_names_the_format(tmp_path):
    image = Image.fromarray(PICTURE)
    image.save(tmp_path / "x.KMQ", k=4)
    assert (tmp_path / "x.KMQ").read_bytes() == kmq.encode(image, 4)


def test_an_opened_image_can_be_saved_over_its_own_file(tmp_path):
    path = tmp_path / "x.kmq"
    Image.fromarray(PICTURE).save(path)
    with Image.open(path) as image:
        before = np.asarray(image.convert("RGB"))
    with Image.open(path) as image:
        image.save(path, coding="packed")
    assert np.array_equal(kmq.decode(path.read_bytes()), before)


@pytest.mark.dev_full
def test_a_full_disk_is_an_error():
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (400, 400), np.uint8))
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb", buffering=0) as file:
        image.save(file, "KMQ", coding="packed")


def test_a_stream_that_takes_little_gets_all():
    stream = Dribble(10**9)
    Image.fromarray(PICTURE).save(stream, "KMQ")
    assert stream.taken == kmq.encode(PICTURE)


def turned():
    """Return an opened JPEG with all kinds of metadata that is to be turned to be upright."""
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a title", 6
    image = Image.fromarray(PICTURE)
    return reopened(
        image, "JPEG", exif=exif, icc_profile=profile_of_gamma(1), xmp=b"<x:xmpmeta/>", quality=99
    )


def title(data):
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + data)
    assert exif.get(0x0112, 1) == 1
    return exif[0x010E]


def test_metadata_is_kept_only_if_asked_for():
    image = turned()
    assert metadata(saved(image)) == {}
    data = saved(image, keep=("icc", "exif", "xmp"))
    assert data == kmq.encode(image, keep=("icc", "exif", "xmp"))
    with Image.open(io.BytesIO(data)) as again:
        assert again.size == image.size[::-1]
        assert again.info["icc_profile"] == image.info["icc_profile"]
        assert again.info["xmp"] == b"<x:xmpmeta/>"
        assert again.getexif()[0x010E] == "a title"
        assert ImageOps.exif_transpose(again).size == again.size


def test_metadata_that_is_given_is_stored_as_pillow_s_own_writers_store_it():
    image = turned()
    again = Image.open(
        io.BytesIO(saved(image, **{name: image.info[name] for name in ("icc_profile", "exif", "xmp")}))
    )
    assert again.info.keys() >= {"icc_profile", "exif", "xmp"}
    assert metadata(saved(image, exif=image.getexif())).keys() == {"exif"}
    assert metadata(saved(image, xmp="<é/>")) == {"xmp": "<é/>".encode()}
    assert metadata(saved(image, xmp=b"<y/>", keep="icc")) == {
        "xmp": b"<y/>",
        "icc": image.info["icc_profile"],
    }
    assert metadata(saved(image, xmp=None, keep="xmp")) == {}
    assert dict(image.getexif())[0x0112] == 6, "the caller's image must stay as it was"


@pytest.mark.parametrize("kind", [bytes, Image.Exif])
def test_the_exif_that_is_given_says_how_to_turn(kind):
    exif = Image.Exif()
    exif[0x010E] = "another title"
    image = turned()
    given = exif if kind is Image.Exif else exif.tobytes()
    data = saved(image, exif=given)
    assert title(metadata(data)["exif"]) == "another title"
    assert kmq.KmqFile(data).width == image.width
    exif[0x0112] = 8
    data = saved(Image.fromarray(PICTURE), exif=exif)
    assert np.array_equal(kmq.decode(data), np.rot90(PICTURE))
    assert title(metadata(data)["exif"]) == "another title"


def test_the_profile_that_is_given_says_what_the_colours_are():
    image, linear = Image.fromarray(PICTURE), profile_of_gamma(1)
    data = saved(image, icc_profile=linear)
    assert metadata(data) == {"icc": linear}
    assert np.array_equal(kmq.decode(data), PICTURE)
    image.info["icc_profile"] = linear
    assert np.array_equal(kmq.decode(saved(image, icc_profile=None)), PICTURE)
    assert not np.array_equal(kmq.decode(saved(image)), PICTURE), "not converted to sRGB"


def test_giving_one_kind_of_metadata_keeps_another_of_a_tiff():
    image = reopened(Image.fromarray(PICTURE), "TIFF", description="a title")
    kept = metadata(saved(image, keep="exif", xmp="<x/>"))
    assert title(kept["exif"]) == "a title"
    assert kept["xmp"] == b"<x/>"
