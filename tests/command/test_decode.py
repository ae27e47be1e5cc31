"""`kmq decode`: what each format holds of a picture, and what it says is lost."""

import io

import numpy as np
import pytest
from PIL import Image

import kmq
import writing
from commands import run
from samples import PICTURE, profile_of_gamma


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    return folder


def test_kept_metadata_comes_back(folder):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    Image.fromarray(PICTURE).save("with.jpg", exif=exif)
    run("encode", "with.jpg", "--keep=exif", "-q", check=0)
    run("decode", "with.kmq", "-o", "with.png", check=0)
    with Image.open("with.png") as image:
        assert image.getexif()[0x010E] == "a title"


@pytest.mark.parametrize("suffix", [".gif", ".bmp", ".tiff", ".webp", ".jpg", ".ppm", ".tga"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("k", [16, 300])
def test_decode_writes_what_pillow_writes(folder, suffix, channels, k):
    picture = np.arange(400 * channels, dtype=np.int64).reshape(20, 20, channels) * 7 % 256
    picture = picture.astype(np.uint8)
    if channels == 4:
        picture[:, :, 3] = 255
        picture[0, 0] = 0
    kmq.save("x.kmq", picture, k)
    done = run("decode", "x.kmq", "-o", f"x{suffix}", check=0)
    with Image.open(f"x{suffix}") as image:
        assert image.size == (20, 20)
        shown = Image.fromarray(kmq.decode((folder / "x.kmq").read_bytes()))
        exact = np.array_equal(np.asarray(image.convert("RGBA")), np.asarray(shown.convert("RGBA")))
        assert exact == (b"note: " not in done.stderr)
        lossy = (
            suffix == ".jpg"
            or (suffix == ".gif" and k > 256)
            or (suffix in (".ppm", ".bmp") and channels == 4)
        )
        assert exact or lossy


@pytest.mark.parametrize("suffix", [".jpg", ".ppm", ".bmp"])
@pytest.mark.parametrize(("flags", "background"), [([], "white"), (["--background", "#102030"], "#102030")])
def test_a_format_without_transparency_gets_the_picture_over_a_background(folder, suffix, flags, background):
    picture = np.full((16, 32, 4), (200, 40, 40, 255), np.uint8)
    picture[:, 16:] = 200, 40, 40, 128
    picture[:8, 16:] = 0
    kmq.save("x.kmq", picture)
    done = run("decode", "x.kmq", "-o", f"x{suffix}", *flags, check=0)
    assert f"laid over {background} (--background takes another)" in done.stderr.decode()
    behind = Image.new("RGBA", (32, 16), background)
    behind.alpha_composite(Image.fromarray(picture))
    with Image.open(f"x{suffix}") as image:
        difference = np.asarray(image.convert("RGB")).astype(int) - np.asarray(behind.convert("RGB"))
    assert np.abs(difference).mean() < (3 if suffix == ".jpg" else 1e-9)
    opaque = picture.copy()
    opaque[:, :, 3] = 255
    kmq.save("opaque.kmq", opaque)
    assert b"laid over" not in run("decode", "opaque.kmq", "-o", f"opaque{suffix}", check=0).stderr


def test_a_background_that_is_no_colour_is_wrong_usage(folder):
    done = run("decode", "good.kmq", "--background", "whitish", check=2)
    assert b"'whitish' is not a colour" in done.stderr


@pytest.mark.parametrize("k", [1, 2, 4, 16, 200, 256])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_is_indexed_and_exact_up_to_256_colours(folder, k, channels):
    picture = np.random.default_rng(k).integers(0, 256, (k, channels), np.uint8)[
        np.arange(600).reshape(20, 30) % k
    ]
    data = kmq.encode(picture, k)
    done = run("decode", "-", stdin=data, check=0)
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.mode == "P"
        expected = np.asarray(Image.fromarray(kmq.decode(data)).convert("RGBA"))
        assert np.array_equal(np.asarray(image.convert("RGBA")), expected)


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".gif", ".tga", ".pcx"])
@pytest.mark.parametrize("entries", [[[0], [255]], [[255], [0]], [[7], [9]], [[255, 0, 0], [0, 0, 0]]])
def test_two_colours_survive_every_indexed_format(folder, suffix, entries):
    palette = kmq.Palette(entries)
    image = Image.fromarray(np.indices((9, 13)).sum(axis=0).astype(np.uint8) % 2)
    image.putpalette([value for entry in entries for value in (entry * 3)[:3]])
    data = kmq.encode(image)
    done = run("decode", "-", "-o", f"x{suffix}", stdin=data, check=0)
    assert done.stderr == b""
    with Image.open(f"x{suffix}") as again:
        expected = np.asarray(Image.fromarray(kmq.decode(data)).convert("RGB"))
        assert np.array_equal(np.asarray(again.convert("RGB")), expected)
    assert kmq.KmqFile(data).palette == palette


def test_profiles_come_back_and_exif_does_in_jpeg_too(folder):
    image = Image.fromarray(PICTURE)
    exif = Image.Exif()
    exif[0x010E] = "a title"
    image.save("rgb.png", icc_profile=profile_of_gamma(1), exif=exif)
    Image.linear_gradient("L").save("grey.png", icc_profile=profile_of_gamma(1, "GRAY"))
    for name in ("rgb", "grey"):
        run("encode", f"{name}.png", "--keep", "icc,exif", "-q", check=0)
        assert run("decode", f"{name}.kmq", "-o", f"{name}-2.png", check=0).stderr == b""
        with Image.open(f"{name}.png") as before, Image.open(f"{name}-2.png") as after:
            assert after.info["icc_profile"] == before.info["icc_profile"]
            assert np.array_equal(np.asarray(after.convert("RGB")), np.asarray(before.convert("RGB")))
            assert (after.mode == "L") == (name == "grey")
    run("decode", "rgb.kmq", "-o", "rgb.jpg", check=0)
    with Image.open("rgb.jpg") as image:
        assert image.getexif()[0x010E] == "a title"
    assert b"colour profile is lost" in run("decode", "rgb.kmq", "-o", "rgb.tga", check=0).stderr


@pytest.mark.slow
def test_a_picture_larger_than_pillow_likes_is_decoded_if_asked_for(folder):
    data = writing.build(
        flags=0,
        width=writing.uleb(14_999),
        height=writing.uleb(11_999),
        entries=b"\0",
        palette=b"\x07",
        payloads=[b""],
    )
    (folder / "huge.kmq").write_bytes(data)
    run("decode", "huge.kmq", check=1)
    assert run("decode", "huge.kmq", "--max-pixels", 200_000_000, check=0).stderr == b""


def test_what_a_format_cannot_hold_or_show_is_told(folder):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    Image.fromarray(PICTURE).save("with.jpg", exif=exif, xmp=b"<x/>")
    run("encode", "with.jpg", "--keep=exif,xmp", "-q", check=0)
    said = run("decode", "with.kmq", "-o", "with.bmp", check=0).stderr.decode()
    assert "note: the Exif metadata is lost" in said
    assert "note: the XMP metadata is lost" in said
    assert b"wasn't compared" in run("decode", "with.kmq", "-o", "with.pdf", check=0).stderr


@pytest.mark.parametrize("suffix", [".gif", ".tga", ".pcx", ".sgi"])
def test_a_picture_too_wide_for_a_format_is_one_line(folder, suffix):
    kmq.save("wide.kmq", np.zeros((1, 70_000), np.uint8))
    done = run("decode", "wide.kmq", "-o", f"x{suffix}", check=1)
    assert done.stderr.startswith(f"kmq: x{suffix}: ".encode())
    assert done.stderr.count(b"\n") == 1
