"""Orientation, profiles, density and the rest of metadata: read however damaged, kept only if asked for."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import run
from making import (
    ASCII,
    BYTE,
    FLOAT,
    LONG,
    RATIONAL,
    SHORT,
    XMP_PACKET,
    chunk,
    exif,
    jpeg,
    opened,
    png_rgb,
)
from samples import profile_of_gamma

HALVES = np.repeat(np.array([[255, 0]], np.uint8), 8, axis=1).repeat(8, axis=0)[:, :, None].repeat(3, axis=2)
"""White on the left, black on the right, 16 x 8. Turned to the right, white is above."""

DAMAGED = {
    "a text as a float": (272, FLOAT, (1.5,)),
    "a date as a fraction": (306, RATIONAL, (1, 2)),
    "a unit of two bytes": (296, BYTE, (1, 2)),
    "a resolution of a byte": (282, BYTE, (1,)),
    "a table nowhere": (0x8825, LONG, (99_999,)),
    "a text nowhere": (271, ASCII, b"nowhere to be found"),
}


def density(*numbers):
    return struct.pack("<2I", *numbers)


@pytest.mark.parametrize("keep", [(), "exif"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_picture_is_turned_whatever_else_is_damaged(kind, order, keep):
    data = jpeg(HALVES, exif((274, SHORT, (6,)), DAMAGED[kind], order=order))
    canonical = kmq.canonical(opened(data), keep)
    assert canonical.pixels.shape[:2] == (16, 8)
    assert (canonical.pixels[0].min(), canonical.pixels[-1].max()) == (255, 0)
    if keep:
        again = Image.Exif()
        again.load(canonical.metadata["exif"])
        assert again.get(274, 1) == 1


def test_a_profile_whose_names_are_not_ascii_is_ignored():
    profile = bytearray(profile_of_gamma(1.8))
    profile[16] = 0xE9
    data = png_rgb([(1, 2, 3)], chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(profile))))
    with pytest.warns(UserWarning, match="ignored the ICC profile: a name in it isn't ASCII"):
        assert kmq.canonical(opened(data)).pixels.tolist() == [[[1, 2, 3]]]


def test_all_keeps_every_kind():
    packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_PACKET)
    data = png_rgb(
        [(1, 2, 3)] * 2,
        chunk(b"iCCP", b"x\0\0" + zlib.compress(profile_of_gamma(1.8))),
        chunk(b"pHYs", struct.pack(">IIB", 11_811, 5_906, 1)),
        packet,
        chunk(b"eXIf", exif((272, ASCII, b"Camera\0"))),
    )
    with kmq.KmqFile(kmq.encode(opened(data), keep="all")) as file:
        assert set(file.metadata) == {"icc", "exif", "xmp", "density"}
        # The packet's orientation turns the picture, and its density with it.
        assert (file.width, file.height) == (1, 2)
        assert file.metadata["density"] == density(5_906, 11_811)
    assert not kmq.KmqFile(kmq.encode(opened(data))).metadata


def test_a_density_comes_back_in_dots_an_inch():
    image = Image.new("RGB", (2, 2), (1, 2, 3))
    image.info["dpi"] = (300, 150)
    data = kmq.encode(image, keep="density")
    assert kmq.KmqFile(data).metadata["density"] == density(11_811, 5_906)
    again = opened(data)
    assert again.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert kmq.encode(again, keep="density") == data


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"),) * 2, ("a", "b"), (1e12, 1), 5, None, (1, 2, 3)])
def test_an_impossible_density_is_none(dpi):
    image = Image.new("L", (1, 1))
    image.info["dpi"] = dpi
    assert "density" not in kmq.canonical(image, "density").metadata


@pytest.mark.parametrize("section", [b"", bytes(8), b"1234567", bytes(4) + b"1234"])
def test_a_density_that_means_nothing_has_no_effect(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = kmq.encode(np.zeros((2, 2), np.uint8), coding="packed")
    image = Image.new("L", (2, 2))
    image.info["dpi"] = (300, 300)
    data = kmq.encode(image, coding="packed", keep="density")
    whole = data.index(b"dens")
    sized = b"dens" + bytes([len(section)]) + section
    sections = sized + struct.pack("<I", zlib.crc32(sized))
    head = bytearray(data[:whole])
    head[head.index(17, 5)] = len(sections)  # Sections_Size was that of 8 bytes: 4 + 1 + 8 + 4
    head[-4:] = struct.pack("<I", zlib.crc32(head[:-4]))
    changed = bytes(head) + sections + data[whole + 17 :]
    assert np.array_equal(kmq.decode(changed), kmq.decode(plain))
    assert "dpi" not in opened(changed).info
    (tmp_path / "a.kmq").write_bytes(changed)
    assert run("decode", "a.kmq", check=0).stderr == b""


@pytest.mark.parametrize(
    ("suffix", "lost"), [("png", b""), ("tiff", b""), ("webp", b"density"), ("bmp", b"XMP"), ("gif", b"both")]
)
def test_xmp_and_density_are_written_where_a_format_has_them(suffix, lost, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.info |= {"xmp": XMP_PACKET.replace(b'"6"', b'"1"'), "dpi": (300, 300)}
    kmq.save("a.kmq", image, keep="all")
    said = run("decode", "a.kmq", "-o", f"a.{suffix}", check=0).stderr
    with Image.open(f"a.{suffix}") as again:
        again.load()
        assert (again.info.get("xmp") == image.info["xmp"]) == (b"XMP metadata is lost" not in said)
        assert bool(again.info.get("dpi")) == (b"density is lost" not in said)
    assert (b"XMP" in said, b"density" in said) == (lost in (b"XMP", b"both"), lost in (b"density", b"both"))


@pytest.mark.parametrize("kind", ["exif", "xmp"])
def test_metadata_that_jpeg_has_no_room_for_is_left_out_with_a_note(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    long = np.random.default_rng(0).integers(32, 127, 70_000, np.uint8).tobytes()
    image.info[kind] = b"Exif\0\0" + exif((270, ASCII, long + b"\0")) if kind == "exif" else long
    kmq.save("a.kmq", image, keep=kind)
    done = run("decode", "a.kmq", "-o", "a.jpg", check=0)
    assert f"the {'Exif' if kind == 'exif' else 'XMP'} metadata is lost".encode() in done.stderr
    with Image.open("a.jpg") as again:
        assert again.size == (4, 4)


def test_a_density_that_is_lost_is_told_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4), (1, 2, 3)).save("a.png", dpi=(300, 300))
    Image.new("RGB", (4, 4), (1, 2, 3)).save("b.png", dpi=(72, 72))
    note = b"kmq: a.png: note: the density, 300 x 300 dpi, isn't kept; --keep density keeps it\n"
    assert run("encode", "a.png", "-q", check=0).stderr == note
    assert run("encode", "a.png", "b.png", "-o", "out", "-q", check=0).stderr == note
    assert run("encode", "a.png", "-qf", "--keep", "density", check=0).stderr == b""
    assert run("encode", "b.png", "-q", check=0).stderr == b""


def test_a_large_packet_is_kept_in_a_tiff(tmp_path):
    out = io.BytesIO()
    Image.new("L", (2, 2)).save(out, "TIFF", tiffinfo={700: XMP_PACKET})
    assert kmq.canonical(opened(out.getvalue()), "xmp").metadata["xmp"]
