"""Folders of map tiles: the picture that Pillow pastes together, and what is wrong with a folder."""

import errno
import gc
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

import kmq

SIDE = 20
SUFFIXES = {
    "L": ".png",
    "1": ".gif",
    "RGB": ".webp",
    "RGBA": ".png",
    "P": ".PNG",
    "LA": ".tiff",
    "I;16": ".png",
}


def tile(seed, mode):
    random = np.random.default_rng(seed)
    if mode == "I;16":
        return Image.fromarray(random.integers(0, 65_536, (SIDE, SIDE), np.uint16))
    colours = random.choice([0, 90, 200, 255], (SIDE, SIDE, 4)).astype(np.uint8)
    if mode == "P":
        return Image.fromarray(colours).quantize(7, Image.Quantize.FASTOCTREE)
    return Image.fromarray(colours[:, :, :3] if mode in ("RGB", "L", "1") else colours).convert(mode)


def written(folder, placed):
    """Write tiles, {(x, y): mode}; return each as it is read again, in RGBA."""
    read = {}
    for number, ((x, y), mode) in enumerate(sorted(placed.items())):
        path = folder / str(x) / f"{y}{SUFFIXES[mode]}"
        path.parent.mkdir(exist_ok=True)
        tile(number, mode).save(path, **({"lossless": True} if path.suffix == ".webp" else {}))
        # Of 16 bits Pillow's own conversion cuts; the canonical pixels are the nearest of 8.
        with Image.open(path) as image:
            eight = (
                Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
                if mode == "I;16"
                else image
            )
            read[x, y] = eight.convert("RGBA")
    return read


@settings(max_examples=12)
@given(
    st.dictionaries(
        st.tuples(st.integers(98, 101), st.integers(9, 11)), st.sampled_from(list(SUFFIXES)), min_size=1
    ),
    st.booleans(),
    st.data(),
)
def test_the_picture_is_what_its_tiles_are_pasted_together(tmp_path_factory, placed, tms, data):
    folder = tmp_path_factory.mktemp("tiles")
    read = written(folder, placed)
    left, right = (pick(x for x, _ in placed) for pick in (min, max))
    top, bottom = (pick(y for _, y in placed) for pick in (min, max))
    size = (right - left + 1) * SIDE, (bottom - top + 1) * SIDE
    whole = Image.new("RGBA", size)
    for (x, y), image in read.items():
        whole.paste(image, ((x - left) * SIDE, ((bottom - y) if tms else (y - top)) * SIDE))
    pixels = np.array(whole)
    pixels[pixels[..., 3] == 0] = 0
    gaps = len(placed) < (right - left + 1) * (bottom - top + 1)
    if not gaps and not {"RGBA", "LA", "P"} & set(placed.values()):
        pixels = pixels[..., :3]
    tiles = kmq.MapTiles(folder, tms=tms)
    assert (tiles.side, tiles.origin) == (SIDE, (left, bottom if tms else top))
    assert (tiles.shape[:2], tiles.dtype) == (pixels.shape[:2], np.uint8)
    if tiles.shape[2] == 3 != pixels.shape[2]:  # a palette, none of whose colours is transparent
        assert (pixels[..., 3] == 255).all()
        pixels = pixels[..., :3]
    assert np.array_equal(tiles[:, :], pixels)
    rows, columns = (data.draw(st.slices(length)) for length in pixels.shape[:2])
    assert np.array_equal(tiles[rows, columns], pixels[rows, columns])
    stream = io.BytesIO()
    options = {"tile": 32, "coding": "packed", "effort": "fast"}
    kmq.encode_tiles(tiles, stream, 12, **options)
    assert stream.getvalue() == kmq.encode(pixels, 12, **options)


def test_decoded_tiles_are_kept_but_not_all(tmp_path, monkeypatch):
    monkeypatch.setattr("kmq._picture.map_tiles.CACHE_BYTES", 2 * SIDE * SIDE * 3)
    written(tmp_path, dict.fromkeys([(0, 0), (1, 0), (2, 0)], "RGB"))
    tiles = kmq.MapTiles(tmp_path)
    expected = tiles[:, :]
    (tmp_path / "2" / "0.webp").unlink()
    assert np.array_equal(tiles[:, SIDE:], expected[:, SIDE:])
    with pytest.raises(FileNotFoundError, match="0.webp"):  # it goes when the first one comes
        tiles[:, :]


def test_what_is_no_tile_is_left_out(tmp_path):
    written(tmp_path, {(7, 8): "RGB"})
    for name in (
        "7/9.png.aux.xml",
        "7/8.kml",
        "7/08.png",
        "7/-1.png",
        "7/tile.png",
        "tiles.json",
        "7/1e3.png",
    ):
        (tmp_path / name).write_bytes(b"none")
    (tmp_path / "7" / "10.png").mkdir()
    (tmp_path / "preview").mkdir()
    (tmp_path / "preview" / "1.png").write_bytes(b"none")
    tiles = kmq.MapTiles(tmp_path)
    assert tiles.shape == (SIDE, SIDE, 3)
    assert repr(tiles) == f"MapTiles({str(tmp_path)!r}, 1 tiles of 20x20)"


def png(width, height, mode="RGB"):
    stream = io.BytesIO()
    Image.new(mode, (width, height)).save(stream, "png")
    return stream.getvalue()


def palette_missing():
    """Return a PNG of palette indices without a palette."""
    data = png(9, 9, "P")
    start = data.index(b"PLTE") - 4
    return data[:start] + data[start + 12 + int.from_bytes(data[start : start + 4], "big") :]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "map: no map tiles; it must be a folder of one zoom level"),
        ({"10/3/4.png": png(9, 9)}, "map: no map tiles"),
        ({"3/4.png": palette_missing()}, "3.4.png: Pillow can't read it: AssertionError"),
        ({"3/4.png": b"none"}, "3.4.png: not a picture in a format that Pillow reads"),
        ({"3/4.png": png(9, 8)}, "3.4.png: the tile has 9 x 8 pixels; it must be square, up to 4,096"),
        ({"3/4.png": png(4097, 4097, "1")}, "3.4.png: the tile has 4097 x 4097"),
        (
            {"3/4.png": png(9, 9), "3/5.png": png(8, 8)},
            "3.5.png: the tile has 8 x 8 pixels; it must be 9 x 9",
        ),
        ({"3/4.png": png(9, 9), "3/4.jpg": b"other"}, "4.(png and 4.jpg|jpg and 4.png) are the same tile"),
        ({"0/0.png": png(9, 9), "999999999/0.png": png(9, 9)}, "map: the tiles span 1,000,000,000 columns"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(tmp_path, files, message):
    folder = tmp_path / "map"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        kmq.MapTiles(folder)


def test_what_turns_out_wrong_later_is_named(tmp_path):
    noise = io.BytesIO()
    tile(0, "RGB").save(noise, "png")
    (tmp_path / "3").mkdir()
    path = tmp_path / "3" / "4.png"
    for later, message in (
        (noise.getvalue()[:-40], "4.png: Pillow can't read it"),
        (png(9, 9), "4.png: the tile has 9 x 9 pixels; it must be 20 x 20"),
        (png(SIDE, SIDE, "RGBA"), "4.png: the tile has transparency"),
        (b"none", "4.png: not a picture"),
    ):
        path.write_bytes(noise.getvalue())
        tiles = kmq.MapTiles(tmp_path)
        path.write_bytes(later)
        with pytest.raises(ValueError, match=message):
            tiles[0, 0]
    path.write_bytes(noise.getvalue())
    tiles = kmq.MapTiles(tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="4.png"):
        kmq.encode_tiles(tiles, tmp_path / "x.kmq")
    assert not (tmp_path / "x.kmq").exists()
    with pytest.raises(FileNotFoundError, match="missing"):
        kmq.MapTiles(tmp_path / "missing")
    with pytest.raises(IndexError):
        tiles[SIDE]


class LateImage(ImageFile.StubImageFile):
    """A format whose file is (width, height) in two bytes, and noise; its header says 20 x 20."""

    format = "LATE"

    def _open(self):
        if self.fp.read(4) != b"LATE":
            raise SyntaxError("not LATE")
        self._mode, self._size = "RGB", (SIDE, SIDE)

    def load(self):
        self.fp.seek(4)
        data = self.fp.read()
        if data[0] == 0:
            raise OSError(errno.EIO, "bad disk")
        size = data[0], data[1]
        self.im, self._size = Image.frombytes("RGB", size, data[2:]).im, size
        return self.im.pixel_access(False)


def test_a_tile_whose_size_was_not_its_headers_is_not_shifted(tmp_path, monkeypatch):
    """As an ICNS or EPS can be. What the system says about a file, it says with the file's name."""
    Image.init()
    monkeypatch.setitem(Image.OPEN, "LATE", (LateImage, None))
    monkeypatch.setattr(Image, "ID", [*Image.ID, "LATE"])
    (tmp_path / "3").mkdir()
    path = tmp_path / "3" / "4.png"
    for size, message in ((bytes([10, 40]), "has 10 x 40 pixels; it must be 20 x 20"), (b"\0\0", "bad disk")):
        path.write_bytes(b"LATE" + size + bytes(3 * SIDE * SIDE))
        tiles = kmq.MapTiles(tmp_path)
        with pytest.raises((ValueError, OSError), match=message) as raised:
            tiles[:, :]
        assert str(path) in str(raised.value)


def test_a_loop_of_links_is_an_error_of_the_system_and_nothing_stays_open(tmp_path):
    (tmp_path / "5").symlink_to("5")
    with pytest.raises(OSError, match=r"\b5"):
        kmq.MapTiles(tmp_path)
    gc.collect()  # a folder that is still open is a ResourceWarning, which is an error here
