"""Palette files that are written are read back."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
from kmq._colours.channels import in_channels
from kmq._palette.files import PALETTE_READERS, PALETTE_WRITERS, read_palette_file, write_palette_file
from strategies import palettes

SUFFIXES = st.sampled_from(sorted(PALETTE_WRITERS))


def again(palette, suffix):
    return read_palette_file(write_palette_file(palette, suffix), suffix, "a palette")


def test_every_kind_that_is_read_is_written():
    assert PALETTE_WRITERS.keys() == PALETTE_READERS.keys()


@given(palettes(k=st.integers(1, 256), channels=st.just(3)), SUFFIXES)
def test_an_rgb_palette_comes_back_equal_from_every_kind(palette, suffix):
    assert again(palette, suffix) == palette


@given(palettes(channels=st.just(4)), st.sampled_from([".gpl", ".hex"]))
def test_an_rgba_palette_comes_back_equal_where_there_is_alpha(palette, suffix):
    assert again(palette, suffix) == palette


@given(palettes(k=st.integers(1, 256), channels=st.just(1)), SUFFIXES)
def test_a_grey_palette_comes_back_as_the_same_greys_in_rgb(palette, suffix):
    assert again(palette, suffix) == kmq.Palette(in_channels(palette.entries, 3))


@given(palettes(k=st.integers(1, 256), channels=st.just(4)))
def test_what_has_no_alpha_keeps_the_colours(palette):
    assert again(palette, ".pal") == kmq.Palette(palette.entries[:, :3])
    read = in_channels(again(palette, ".act").entries, 4)
    hidden = np.flatnonzero(palette.entries[:, 3] == 0)[:1]
    assert (np.delete(read, hidden, axis=0)[:, 3] == 255).all()
    assert np.array_equal(
        np.delete(read, hidden, axis=0)[:, :3], np.delete(palette.entries, hidden, axis=0)[:, :3]
    )
    assert not read[hidden].any()


@pytest.mark.parametrize("suffix", [".gpl", ".hex", ".pal"])
@pytest.mark.parametrize("channels", [3, 4])
def test_the_largest_palette_is_written_and_read(suffix, channels):
    full = kmq.Palette(np.random.default_rng(0).integers(200, 256, (65_536, channels), np.uint8))
    assert np.array_equal(again(full, suffix).entries[:, :3], full.entries[:, :3])


def test_a_palette_is_saved_as_the_suffix_or_the_kind_says(tmp_path):
    colours = kmq.PALETTES["pico-8"]
    for suffix, kind in ((".gpl", None), (".HEX", None), (".txt", "pal"), (".hex", "act")):
        path = tmp_path / f"colours{suffix}"
        kmq.save_palette(path, colours, kind)
        wanted = f".{kind}" if kind else suffix.lower()
        assert path.read_bytes() == write_palette_file(colours, wanted)
        out = io.BytesIO()
        kmq.save_palette(out, colours, wanted.removeprefix("."))
        assert out.getvalue() == path.read_bytes()
    assert kmq.load_palette(tmp_path / "colours.gpl") == colours
    with pytest.raises(FileExistsError):
        kmq.save_palette(tmp_path / "colours.gpl", colours, overwrite=False)


def test_what_cannot_be_saved_is_named_and_leaves_no_file(tmp_path):
    colours = kmq.PALETTES["web-safe"]
    with pytest.raises(ValueError, match="kind is None and file .*; name one of gpl, hex, pal, act"):
        kmq.save_palette(tmp_path / "x.png", colours)
    with pytest.raises(ValueError, match="kind is None"):
        kmq.save_palette(io.BytesIO(), colours)
    with pytest.raises(ValueError, match="kind is '.gpl'; it must be one of gpl, hex, pal, act"):
        kmq.save_palette(tmp_path / "x", colours, ".gpl")
    with pytest.raises(TypeError, match="palette is str; it must be a Palette, as load_palette returns"):
        kmq.save_palette(tmp_path / "x.gpl", "web-safe")
    with pytest.raises(ValueError, match="at most 256 colours"):
        kmq.save_palette(tmp_path / "x.act", kmq.Palette(np.zeros((257, 3), np.uint8)))
    assert not list(tmp_path.iterdir())


def test_what_can_be_loaded_is_what_encode_takes(tmp_path):
    colours = kmq.load_palette("game-boy")
    assert colours is kmq.PALETTES["game-boy"]
    assert kmq.load_palette(colours) is colours
    assert kmq.load_palette(colours.entries) == colours
    with pytest.raises(ValueError, match="it must be a file, or one of black-and-white, game-boy"):
        kmq.load_palette("game-girl")
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    (tmp_path / "x.kmq").write_bytes(kmq.encode(picture, palette=colours))
    assert kmq.load_palette(tmp_path / "x.kmq") == colours


def test_a_colour_table_has_no_room_for_more_than_256():
    with pytest.raises(ValueError, match="an .act file has at most 256 colours; the palette has 1,000"):
        write_palette_file(kmq.Palette(np.zeros((1000, 3), np.uint8)), ".act")


def test_the_bytes_are_those_that_other_programs_write():
    opaque = kmq.Palette([[255, 0, 0], [1, 2, 3]])
    clear = kmq.Palette([[255, 0, 0, 255], [1, 2, 3, 0]])
    assert write_palette_file(opaque, ".gpl") == (
        b"GIMP Palette\nName: kmq\nColumns: 16\n#\n255   0   0\t#FF0000\n  1   2   3\t#010203\n"
    )
    assert write_palette_file(clear, ".gpl").splitlines()[1] == b"Channels: RGBA"
    assert write_palette_file(opaque, ".hex") == b"ff0000\n010203\n"
    assert write_palette_file(clear, ".hex") == b"ff0000ff\n01020300\n"
    assert write_palette_file(clear, ".pal") == b"JASC-PAL\r\n0100\r\n2\r\n255 0 0\r\n1 2 3\r\n"
    table = bytes([255, 0, 0, 1, 2, 3]) + bytes(762)
    assert write_palette_file(opaque, ".act") == table + struct.pack(">HH", 2, 0xFFFF)
    assert write_palette_file(clear, ".act") == table + struct.pack(">HH", 2, 1)
