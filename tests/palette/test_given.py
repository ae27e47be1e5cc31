"""Palettes that are given: by name, table, picture and file."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import kmq
import oracle
from reference_decoder import read_file, read_indices
from strategies import PLAIN_CODINGS, palettes, pictures

COLOURS = [(255, 0, 0), (0, 0, 0), (12, 34, 56), (0, 0, 0)]
"""Out of order, and one of them twice."""

GPL = (
    "GIMP Palette\nName: four\nColumns: 2\n#\n"
    "255 0 0\tred\n  0   0   0\tblack\n\n12 34 56\n# a remark\n0 0 0 0\n"
)
JASC = "JASC-PAL\r\n0100\r\n4\r\n255 0 0\r\n0 0 0\r\n12 34 56\r\n0 0 0\r\n"
HEX = "ff0000\n#000000\r\n\n; a remark\n0C2238\n000000\n"
TABLE = b"".join(bytes(colour) for colour in COLOURS)
RIFF_DATA = struct.pack("<HH", 0x0300, 4) + b"".join(bytes((*colour, 0)) for colour in COLOURS)
RIFF = (
    b"RIFF"
    + struct.pack("<I", 12 + len(RIFF_DATA))
    + b"PAL data"
    + struct.pack("<I", len(RIFF_DATA))
    + RIFF_DATA
)
ACT = TABLE + bytes(768 - len(TABLE)) + struct.pack(">HH", 4, 0xFFFF)

FILES = {
    "a.gpl": GPL.encode(), "b.GPL": ("\ufeff" + GPL).encode(), "a.hex": HEX.encode(), "a.pal": JASC.encode(),
    "riff.pal": RIFF, "a.act": ACT,
}  # fmt: skip


def used(picture, palette, **options):
    """Return the entries of a file that was made with a palette."""
    with kmq.KmqFile(kmq.encode(picture, palette=palette, **options)) as file:
        return [tuple(entry) for entry in file.palette.entries.tolist()]


PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_its_colours_in_their_order(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    assert used(PICTURE, tmp_path / name) == COLOURS
    assert used(PICTURE, str(tmp_path / name)) == COLOURS


def test_alpha_in_palette_files(tmp_path):
    (tmp_path / "a.gpl").write_text("GIMP Palette\nChannels: RGBA\n1 2 3 4\n5 6 7 255\n")
    (tmp_path / "a.hex").write_text("01020304\n050607\n")
    for name in ("a.gpl", "a.hex"):
        assert used(PICTURE, tmp_path / name) == [(1, 2, 3, 4), (5, 6, 7, 255)]
    (tmp_path / "a.act").write_bytes(ACT[:768] + struct.pack(">HH", 4, 2))
    assert used(PICTURE, tmp_path / "a.act") == [
        (255, 0, 0, 255), (0, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 255)
    ]  # fmt: skip
    (tmp_path / "a.act").write_bytes(ACT[:768])
    assert len(used(PICTURE, tmp_path / "a.act")) == 256


def test_pictures_give_their_palette_or_their_colours_as_they_come(tmp_path):
    row = Image.fromarray(np.array([COLOURS], np.uint8))
    assert used(PICTURE, row) == COLOURS[:3]
    indexed = Image.fromarray(np.zeros((1, 1), np.uint8))
    indexed.putpalette(TABLE)
    assert used(PICTURE, indexed) == COLOURS
    row.save(tmp_path / "row.png")
    assert used(PICTURE, tmp_path / "row.png") == COLOURS[:3]
    kmq.save(tmp_path / "row.kmq", PICTURE, palette=COLOURS)
    assert used(PICTURE, tmp_path / "row.kmq") == COLOURS


@pytest.mark.parametrize(
    ("name", "k", "some"),
    [
        ("black-and-white", 2, {(0, 0, 0): 0, (255, 255, 255): 1}),
        ("game-boy", 4, {(15, 56, 15): 0, (155, 188, 15): 3}),
        ("pico-8", 16, {(0, 0, 0): 0, (255, 0, 77): 8, (255, 204, 170): 15}),
        ("e-paper-7", 7, {(0, 0, 0): 0, (255, 255, 255): 1, (255, 255, 0): 5}),
        ("web-safe", 216, {(0, 0, 0): 0, (0, 0, 51): 1, (51, 0, 0): 36, (255, 255, 255): 215}),
    ],
)
def test_names_of_well_known_palettes(name, k, some):
    entries = used(PICTURE, name)
    assert len(entries) == len(set(entries)) == k
    assert {colour: entries.index(colour) for colour in some} == some


@given(pictures(), palettes(k=st.integers(1, 30)), PLAIN_CODINGS)
def test_every_pixel_gets_the_nearest_of_the_entries_that_are_given(picture, palette, coding):
    data = kmq.encode(picture, palette=palette, coding=coding, space="srgb")
    read = read_file(data)
    rows = oracle.colours_of(picture)
    channels = max(len(rows[0][0]), palette.channels)

    def wide(colour):
        grey = (*colour, *colour, *colour) if len(colour) == 1 < channels else tuple(colour)
        return (*grey, 255) if len(grey) == 3 < channels else grey

    entries = [wide(entry) for entry in palette.entries.tolist()]
    wanted = [[wide(colour) for colour in row] for row in rows]
    clear = channels == 4 and any(colour[3] == 0 for row in wanted for colour in row)
    if clear and all(entry[3] for entry in entries):
        entries.append((0, 0, 0, 0))
    assert [tuple(entry) for entry in read.palette] == entries
    for row, colours in zip(read_indices(read), wanted, strict=True):
        assert all(oracle.is_nearest(c, i, entries) for c, i in zip(colours, row, strict=True))


def test_a_transparent_entry_is_added_only_where_it_is_needed():
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0] = [200, 0, 0, 255]
    assert used(clear, "pico-8")[-1] == (0, 0, 0, 0)
    assert len(used(clear, "pico-8")) == 17
    assert len(used(clear[:1], "pico-8")) == 16
    assert len(used(clear, [[1, 1, 1, 0], [2, 2, 2, 255]])) == 2
    assert (kmq.decode(kmq.encode(clear, palette="pico-8"))[1] == 0).all()
    full = np.random.default_rng(0).integers(0, 256, (65_536, 3), np.uint8)
    with pytest.raises(ValueError, match="no transparent entry for this picture, and no room for one"):
        kmq.encode(clear, palette=full)


def test_an_indexed_picture_is_mapped_to_the_palette_that_is_given():
    image = Image.fromarray(PICTURE).quantize(4)
    assert used(image, "game-boy") == used(PICTURE, "game-boy")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.gpl", b"Gimp Palette\n1 2 3\n", "line 1 must be 'GIMP Palette'"),
        ("a.gpl", b"", "line 1"),
        ("a.gpl", b"GIMP Palette\nName: none\n", "0 entries"),
        ("a.gpl", b"GIMP Palette\n1 2 256\n", "line 2 is '1 2 256'; it must be three numbers from 0 to 255"),
        ("a.gpl", b"GIMP Palette\n\n1 2 red\n", "line 3 is '1 2 red'"),
        ("a.gpl", b"GIMP Palette\n-1 2 3\n", "line 2"),
        ("a.gpl", "GIMP Palette\n١ ٢ ٣\n".encode(), "line 2"),
        ("a.hex", b"ff00\n", "line 1 is 'ff00'; it must be RRGGBB or RRGGBBAA"),
        ("a.hex", b"\xff\xfe\n", "not a .hex palette"),
        ("a.hex", b"\n\n", "0 entries"),
        ("a.hex", b"000000\n" * 65_537, "65537 entries; a palette has 1 to 65,536"),
        ("a.hex", b"0" * ((1 << 22) + 1), "more than 4194304 bytes, the most that a palette file"),
        ("a.pal", JASC.encode().replace(b"\r\n4\r\n", b"\r\n5\r\n"), "line 3 promises 5 colours; there "),
        ("a.pal", b"JASC-PAL\n0100\n", "begins with JASC-PAL"),
        ("a.pal", b"hello", "begins with JASC-PAL"),
        ("a.pal", RIFF[:-1], "offset 22 promises 4 colours; there are bytes for 3"),
        ("a.pal", RIFF[:18], "not a .pal palette"),
        ("a.pal", RIFF.replace(b"PAL data", b"WAVEfmt "), "offset 8 is b'WAVEfmt '"),
        ("a.pal", RIFF[:20] + b"\0\1" + RIFF[22:], "offset 20: version is 0x0100"),
        ("a.act", ACT[:-1], "771 bytes; an .act file has 768 or 772"),
        ("a.act", ACT[:768] + struct.pack(">HH", 257, 0), "offset 768 promises 257 colours"),
        ("a.act", ACT[:768] + struct.pack(">HH", 0, 0), "offset 768 promises 0 colours"),
        ("a.kmq", b"KMX", "Magic"),
        ("a.png", b"not a picture", "neither a palette nor a picture"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_palette_is_named_with_what_is_wrong(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(kmq.KmqError, match=message) as caught:
        kmq.encode(PICTURE, palette=tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"palette": "gameboy"}, ValueError, "palette is 'gameboy'; it must be a file, or one of"),
        ({"palette": "none.gpl"}, FileNotFoundError, "none.gpl"),
        ({"palette": [[1, 2]]}, ValueError, "palette"),
        ({"palette": 7}, ValueError, "palette"),
        ({"palette": ""}, ValueError, "palette is an empty string"),
        ({"palette": "a\0.gpl"}, ValueError, "palette is"),
        ({"palette": [["a", "b", "c"]]}, ValueError, "palette"),
        ({"palette": "pico-8", "k": 17}, ValueError, "k is 17; the given palette has 16 entries"),
        ({"palette": "pico-8", "k": 8}, ValueError, "k is 8; the given palette has 16 entries"),
        ({"palette": "pico-8", "psnr": 30}, ValueError, "psnr looks for a number of colours"),
        ({"palette": "pico-8", "k": "auto"}, ValueError, "k is auto; the given palette has 16"),
    ],
)  # fmt: skip
def test_a_palette_that_cannot_be_is_named(options, error, message):
    with pytest.raises(error, match=message):
        kmq.encode(PICTURE, **options)
    assert len(used(PICTURE, "pico-8", k=16)) == 16


@pytest.mark.posix
def test_devices_pipes_and_folders_are_no_palettes(tmp_path):
    (tmp_path / "zero.gpl").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.hex")
    for name in ("zero.gpl", "pipe.hex"):
        with pytest.raises(kmq.FormatError, match=f"{name}: a device or pipe"):
            kmq.encode(PICTURE, palette=tmp_path / name)
    with pytest.raises(IsADirectoryError):
        kmq.encode(PICTURE, palette=tmp_path)


def test_lines_end_as_on_any_system_and_nowhere_else(tmp_path):
    (tmp_path / "a.gpl").write_bytes(b"GIMP Palette\r1 2 3\tform\x0bfeed\r4 5 6\xc2\x85\r")
    assert used(PICTURE, tmp_path / "a.gpl") == [(1, 2, 3), (4, 5, 6)]


def test_a_damaged_picture_is_named(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:50])
    with pytest.raises(kmq.FormatError, match="cut.png: "):
        kmq.encode(PICTURE, palette=tmp_path / "cut.png")
    data = kmq.encode(PICTURE, palette=COLOURS)
    (tmp_path / "later.kmq").write_bytes(data[:3] + b"\2" + data[4:])
    with pytest.raises(kmq.UnsupportedError, match="later.kmq: "):
        kmq.encode(PICTURE, palette=tmp_path / "later.kmq")


def test_a_picture_of_too_many_colours_is_no_palette():
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    with pytest.raises(ValueError, match=r"palette is a picture of 8\d{4} colours; it can have up to 65,536"):
        kmq.encode(PICTURE, palette=Image.fromarray(noise))
