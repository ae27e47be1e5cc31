"""kmq encode of large TIFF files: part by part where nothing has to be converted, to the same bytes."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import commands
import kmq
from kmq_cli.pictures import tiff
from kmq_cli.pictures.tiff import large_tiff

tifffile = pytest.importorskip("tifffile")

HEIGHT, WIDTH = 560, 600
LARGE = {"kmq_cli.pictures.tiff": {"LARGE_PIXELS": 300_000}}
"""Pictures of so many pixels are large for the command here."""


def made(channels):
    y, x = np.arange(HEIGHT, dtype=np.uint16)[:, None] >> 3, np.arange(WIDTH, dtype=np.uint16)[None, :] >> 3
    planes = [y + 0 * x, x + 0 * y, y ^ x, np.full((HEIGHT, WIDTH), 200)][: channels or 1]
    picture = np.stack(planes, 2).astype(np.uint8)
    return picture if channels else picture[:, :, 0]


def run(*arguments, check=0):
    return commands.run(*arguments, check=check, constants=LARGE)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tiff, "LARGE_PIXELS", 300_000)
    return tmp_path


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (None, {}),
        (3, {"rowsperstrip": 97}),
        (3, {"tile": (64, 128), "compression": "zlib"}),
        (4, {"tile": (256, 512), "compression": "zlib", "extrasamples": ["unassalpha"]}),
    ],
)
def test_a_large_file_is_read_part_by_part_to_the_same_bytes(folder, channels, options):
    picture = made(channels)
    photometric = "rgb" if channels else "minisblack"
    tifffile.imwrite("x.tif", picture, photometric=photometric, **options)
    with large_tiff("x.tif") as source:
        assert source is not None
        assert (source.frames, source.shape) == (1, picture.shape)
        assert np.array_equal(source[99:301, 50:70], picture[99:301, 50:70])
    done = run("encode", "x.tif", "-k", "16", "--tile=64", "--threads=2", "--coding=zstd", "--json")
    with Image.open("x.tif") as image:
        expected = kmq.encode(image, 16, tile=64, coding="zstd")
    assert Path("x.kmq").read_bytes() == expected
    assert b'"squared_error": ' in done.stdout
    assert sorted(os.listdir()) == ["x.kmq", "x.tif"]


def test_channels_that_say_nothing_are_left_out(folder):
    picture = np.repeat(made(None)[:, :, None], 3, axis=2)
    tifffile.imwrite("x.tif", picture, photometric="rgb")
    run("encode", "x.tif", "-k", "16", "--tile=64", "-q")
    file = kmq.KmqFile(Path("x.kmq").read_bytes())
    assert (file.palette.channels, file.tile) == (1, 64)
    again = run("encode", "x.tif", "-k", "16", check=1)
    assert again.stderr == b"kmq: x.kmq: exists; give another name, or --force overwrites it\n"
    refused = run("encode", "x.tif", "-o", "y.kmq", "--max-pixels=300000", check=1)
    assert refused.stderr.startswith(b"kmq: x.tif: the picture has more than 300,000 pixels")


@pytest.mark.parametrize(
    "options",
    [
        {"extratags": [(274, 3, 1, 6, True)]},
        {"iccprofile": b"a profile"},
        {"photometric": "miniswhite"},
        {"tile": (8192, 8208), "compression": "zlib"},
    ],
)
def test_what_has_to_be_converted_is_for_pillow(folder, options):
    size = (560, 600)
    tifffile.imwrite("x.tif", np.zeros(size, np.uint8), **{"photometric": "minisblack", **options})
    with large_tiff("x.tif") as source:
        assert source is None


def test_so_is_what_is_small_or_no_tiff(folder):
    tifffile.imwrite("small.tif", np.zeros((50, 600), np.uint8), photometric="minisblack")
    Path("broken.tif").write_bytes(b"II*\0 and no more")
    Image.new("L", (600, 560)).save("x.png")
    for name in ("small.tif", "broken.tif", "x.png", "missing.tif"):
        with large_tiff(name) as source:
            assert source is None


def test_a_file_that_breaks_off_is_one_line(folder):
    tifffile.imwrite("x.tif", made(None), photometric="minisblack", compression="zlib", tile=(32, 32))
    data = Path("x.tif").read_bytes()
    with tifffile.TiffFile("x.tif") as file:
        place = file.pages.first.dataoffsets[200]
    Path("x.tif").write_bytes(data[:place] + bytes(100) + data[place + 100 :])
    done = run("encode", "x.tif", check=1)
    assert done.stderr.startswith(b"kmq: x.tif: tifffile can't read it: ")
    assert done.stderr.count(b"\n") == 1
    assert os.listdir() == ["x.tif"]
