"""Every kind of picture that Pillow or NumPy has, to canonical pixels."""

import io
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

import kmq
from kmq._picture.canonical import canonical_image
from samples import MODES, profile_of_gamma, reopened


def pixels(image):
    return canonical_image(image).pixels


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_encodes_and_decodes(mode):
    image = Image.new(mode, (5, 3))
    decoded = kmq.decode(kmq.encode(image))
    assert decoded.shape[:2] == (3, 5)
    canonical = pixels(image)
    assert canonical.dtype == np.uint8
    assert np.array_equal(np.atleast_3d(decoded), canonical)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "P"])
def test_modes_of_8_bits_show_what_pillow_shows(mode):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (6, 7, 3), np.uint8)).convert(mode)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(np.broadcast_to(pixels(image), expected.shape), expected)


def test_lab_is_shown_in_srgb():
    lab = Image.merge("LAB", [Image.new("L", (1, 1), value) for value in (255, 128, 128)])
    assert pixels(lab).min() >= 253  # white


@pytest.mark.parametrize("mode", ["RGBa", "La"])
def test_premultiplied_alpha_is_undone(mode):
    straight = Image.new(
        "RGBA" if mode == "RGBa" else "LA", (1, 1), (100, 100, 100, 51)[: 4 if mode == "RGBa" else 2]
    )
    straight.putalpha(51)
    found = pixels(straight.convert(mode))[0, 0]
    assert found[3] == 51
    assert np.abs(found[:3].astype(int) - 100).max() <= 3


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_16_bits_are_scaled_to_the_nearest_of_8(mode):
    values = np.array([[0, 128, 129, 257, 32_768, 65_278, 65_535]])
    image = Image.fromarray(values.astype({"I;16": "<u2", "I;16B": ">u2", "I": np.int32}[mode]))
    assert image.mode == mode
    assert pixels(image)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 100, 255], [0, 100, 255]),
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0, 65535, 6553.5], [0, 255, 26]),
        ([-0.01, 0.5, 1.02], [0, 128, 255]),
    ],
)
def test_f_takes_the_smallest_scale_that_holds_all_values(values, expected):
    assert pixels(Image.fromarray(np.array([values], np.float32)))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("value", [-5000.0, 70_000.0, np.nan, np.inf])
def test_values_no_scale_holds_are_refused(value):
    with pytest.raises(ValueError, match="mode F goes from"):
        kmq.encode(Image.fromarray(np.array([[0.0, value]], np.float32)))


def test_a_16_bit_png_keeps_its_transparent_grey():
    image = reopened(Image.fromarray(np.array([[0, 1000, 65535]], np.uint16)), "PNG", transparency=1000)
    assert pixels(image).tolist() == [[[0, 0, 0, 255], [0, 0, 0, 0], [255, 255, 255, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    # From the Exif standard: where row 0 and column 0 of the stored picture are to be shown.
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: upright.T[::-1], 7: upright.T[::-1, ::-1], 8: upright.T[:, ::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = reopened(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    assert np.array_equal(pixels(image)[:, :, 0], upright)
    canonical = canonical_image(image, ["exif"])
    if "exif" in canonical.metadata:
        again = Image.Exif()
        again.load(b"Exif\0\0" + canonical.metadata["exif"])
        assert again.get(0x0112, 1) == 1


def test_broken_exif_is_ignored_with_a_warning():
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = b"Exif\0\0MM\0*\xff\xff\xff\xff garbage"
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert pixels(image).shape == (2, 2, 1)


def linear_profile():
    return profile_of_gamma(1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA"])
def test_an_icc_profile_is_converted_to_srgb(mode):
    image = Image.new("RGB", (2, 1), (55, 55, 55)).convert(mode, palette=Image.Palette.ADAPTIVE)
    if mode.endswith("A"):
        image.putalpha(128)
    image = reopened(image, "PNG", icc_profile=linear_profile())
    found = pixels(image)[0, 0]
    # IEC 61966-2-1: linear 55 / 255 is 1.055 · 0.2157^(1/2.4) - 0.055 = 0.5018
    assert np.abs(found[:3].astype(int) - 128).max() <= 1
    assert found.size < 4 or found[3] == 128
    with kmq.KmqFile(kmq.encode(image, keep="icc")) as file:
        kept = file.palette.entries[file.indices().indices[0, 0]]
        if mode in ("L", "LA"):  # an RGB profile means nothing for grey: converted all the same
            assert "icc" not in file.metadata
        else:
            assert file.metadata["icc"] == linear_profile()
            assert kept[:3].tolist() == [55, 55, 55]


@pytest.mark.parametrize(("mode", "keep"), [("L", ()), ("LA", ()), ("LA", "icc"), ("L", "icc")])
def test_a_grey_profile_is_converted_or_kept_where_it_means_something(mode, keep):
    image = Image.new("L", (2, 1), 55).convert(mode)
    if mode == "LA":
        image.putalpha(128)
    image = reopened(image, "PNG", icc_profile=profile_of_gamma(1, "GRAY"))
    canonical = canonical_image(image, keep)
    assert ("icc" in canonical.metadata) == (mode == "L" and keep == "icc")
    expected = 55 if "icc" in canonical.metadata else 128
    assert np.abs(canonical.pixels[0, 0, :3].astype(int) - expected).max() <= 1


def test_a_grey_profile_means_nothing_once_one_grey_is_transparent():
    image = reopened(
        Image.linear_gradient("L"), "PNG", transparency=55, icc_profile=profile_of_gamma(1, "GRAY")
    )
    canonical = canonical_image(image, "icc")
    assert canonical.pixels.shape[2] == 4
    assert "icc" not in canonical.metadata


def test_a_profile_near_srgb_but_not_srgb_is_applied():
    image = Image.new("RGB", (1, 1), (128, 128, 128))
    image.info["icc_profile"] = profile_of_gamma(2.0)
    # IEC 61966-2-1: (128 / 255)^2 is 1.055 · 0.2520^(1/2.4) - 0.055 = 0.5391
    assert np.abs(pixels(image)[0, 0].astype(int) - 137).max() <= 1


def test_a_16_bit_colour_png_keeps_its_transparent_colour():
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    hidden, other = bytes.fromhex("123456789abc"), bytes.fromhex("ff00ff00ff00")
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])),
            chunk(b"tRNS", hidden),
            chunk(b"IDAT", zlib.compress(b"\0" + hidden + other)),
            chunk(b"IEND", b""),
        ]
    )
    with Image.open(io.BytesIO(png)) as image:
        assert pixels(image).tolist() == [[[0, 0, 0, 0], [254, 254, 254, 255]]]  # 65,280 / 257


def test_exif_of_a_tiff_is_kept_without_what_describes_the_file():
    image = reopened(Image.new("RGB", (4, 3), "red"), "TIFF", description="a title", compression="raw")
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + canonical_image(image, ["exif"]).metadata["exif"])
    assert exif[0x010E] == "a title"
    assert not {0x0100, 0x0101, 0x0103, 0x0111, 0x0117} & set(exif)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_exif_is_kept_with_its_tables_and_the_image_stays_as_it_was(kind, orientation):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    exif[0x0112] = orientation
    exif[0x8769] = {0x9003: "2026:11:21 12:00:00"}
    image = reopened(Image.new("RGB", (4, 3), "red"), kind, exif=exif.tobytes())
    if kind == "PNG":
        image.getexif()[0x0112] = orientation  # a change that is in no file
    image.load()  # Pillow turns a TIFF as it loads it
    before = dict(image.getexif())
    kept = Image.Exif()
    kept.load(b"Exif\0\0" + canonical_image(image, ["exif"]).metadata["exif"])
    assert kept[0x010E] == "a title"
    assert kept.get(0x0112, 1) == 1
    assert kept.get_ifd(0x8769)[0x9003] == "2026:11:21 12:00:00"
    first = kmq.encode(image)
    assert kmq.encode(image) == first
    assert dict(image.getexif()) == before
    assert kmq.decode(first).shape[:2] == ((3, 4) if orientation == 1 else (4, 3))


def test_an_srgb_profile_leaves_every_colour_exact():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    values = np.random.default_rng(2).integers(0, 256, (50, 50, 3), np.uint8)
    image = reopened(Image.fromarray(values), "PNG", icc_profile=profile)
    assert np.array_equal(pixels(image), values)


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200])
def test_a_broken_profile_is_ignored_with_a_warning(profile):
    image = Image.new("RGB", (1, 1), (1, 2, 3))
    image.info["icc_profile"] = profile
    with pytest.warns(UserWarning, match="ignored the ICC profile"):
        assert pixels(image).tolist() == [[[1, 2, 3]]]


def test_hidden_colours_cost_nothing():
    array = np.zeros((2, 50, 4), np.uint8)
    array[0, :, :3] = np.random.default_rng(3).integers(0, 256, (50, 3))
    array[1] = 255
    for image in (array, Image.fromarray(array)):
        with kmq.KmqFile(kmq.encode(image)) as file:
            assert file.palette.entries.tolist() == [[0, 0, 0, 0], [255, 255, 255, 255]]
    assert array[0].any(), "the caller's array must stay as it was"


@pytest.mark.parametrize(
    ("colours", "channels"),
    [([(5, 5, 5, 255)], 1), ([(5, 6, 5, 255)], 3), ([(5, 5, 5, 254)], 4), ([(9, 9, 9, 0)], 4)],
)
def test_an_image_gets_the_fewest_channels_and_an_array_keeps_its_own(colours, channels):
    array = np.array([colours], np.uint8)
    assert pixels(Image.fromarray(array)).shape[2] == channels
    assert pixels(array).shape[2] == 4
    assert pixels(array[:, :, :3]).shape[2] == 3


def test_a_palette_of_more_than_k_entries_but_fewer_colours_is_exact():
    image = Image.fromarray(np.array([[3, 200, 3]], np.uint8))
    image.putpalette(bytes(value for i in range(256) for value in (i, 0, 255 - i)))
    with kmq.KmqFile(kmq.encode(image, 2)) as file:
        assert sorted(file.palette.entries.tolist()) == [[3, 0, 252], [200, 0, 55]]


def test_indices_without_an_entry_show_black():
    image = Image.fromarray(np.array([[0, 9]], np.uint8))
    image.putpalette([255, 0, 0])
    assert pixels(image).tolist() == [[[255, 0, 0], [0, 0, 0]]]


def test_the_first_frame_of_several_is_taken():
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    image = reopened(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert pixels(image)[0, 0, 0] == 10


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 2), np.float64), np.zeros((2, 2), np.uint16), np.zeros((2, 2), bool),
        np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 5), np.uint8), np.zeros(4, np.uint8),
        np.zeros((1, 2, 2, 3), np.uint8), np.zeros((0, 2), np.uint8), np.zeros((2, 0, 3), np.uint8),
        "photo.png", None, [[1, 2]], Image.new("RGB", (0, 3)),
    ],
    ids=lambda wrong: f"{type(wrong).__name__}{getattr(wrong, 'shape', '')}{getattr(wrong, 'dtype', '')}",
)  # fmt: skip
@pytest.mark.parametrize("function", [kmq.encode, kmq.histogram])
def test_anything_else_is_a_value_error_that_says_what_it_was(function, wrong):
    with pytest.raises(ValueError, match="image is") as caught:
        function(wrong)
    said = str(caught.value)
    assert "empty" in said or "Pillow image, or a uint8 array" in said


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_layout_are_read(order):
    array = np.random.default_rng(4).integers(0, 256, (8, 6, 3), np.uint8)
    shuffled = np.asarray(array, order=order)
    assert np.array_equal(kmq.decode(kmq.encode(shuffled)), array)
    assert np.array_equal(kmq.decode(kmq.encode(shuffled[::2, ::-1])), array[::2, ::-1])
