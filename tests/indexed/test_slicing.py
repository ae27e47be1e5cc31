"""A file as an array: slices, np.asarray, and the picture zoomed out; and what of the file each touches."""

import mmap
import signal
import subprocess
import sys
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import kmq
from kmq._container.header import read_container
from strategies import CODINGS, TILES, pictures

PICTURE = np.random.default_rng(0).integers(0, 4, (50, 70, 3), np.uint8) * 60
ANY_SLICE = st.builds(
    slice,
    st.none() | st.integers(-60, 60),
    st.none() | st.integers(-60, 60),
    st.none() | st.integers(-70, 70).filter(bool),
)


@st.composite
def keys(draw, axes):
    """Keys of basic indexing for an array of so many axes, a few of them out of range."""
    parts = draw(st.lists(ANY_SLICE | st.integers(-45, 45), max_size=axes))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), ...)
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


@pytest.mark.both_ways
@given(pictures(), TILES, CODINGS, st.data())
def test_a_file_is_indexed_as_the_array_of_its_pixels(picture, tile, coding, data):
    file = kmq.KmqFile(kmq.encode(picture, tile=tile, coding=coding))
    pixels = file.pixels()
    assert (file.shape, file.dtype, file.ndim, len(file)) == (
        pixels.shape, pixels.dtype, pixels.ndim, len(pixels)
    )  # fmt: skip
    key = data.draw(keys(file.ndim))
    try:
        expected = pixels[key]
    except IndexError:
        with pytest.raises(IndexError):
            file[key]
        return
    part = file[key]
    assert (part.shape, part.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(part, expected)
    assert not isinstance(part, np.ndarray) or part.base is None or part.size == part.base.size


@pytest.mark.both_ways
@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ([1, 2], TypeError, r"index has \[1, 2\]; it can have integers, slices and \.\.\."),
        (np.array([1, 2]), TypeError, "integers, slices"),
        (np.ones((50, 70), np.bool), TypeError, "integers, slices"),
        (True, TypeError, "index has True"),
        (np.True_, TypeError, "integers, slices"),
        (None, TypeError, "index has None"),
        ("a", TypeError, "index has 'a'"),
        (1.0, TypeError, "index has 1.0"),
        (slice("a"), TypeError, "slice indices must be integers"),
        (slice(0, 9, 0), ValueError, "slice step cannot be zero"),
        (50, IndexError, "out of bounds for axis 0 with size 50"),
        ((0, -71), IndexError, "out of bounds for axis 1 with size 70"),
        ((0, 0, 3), IndexError, "out of bounds for axis 2 with size 3"),
        ((0, 0, 0, 0), IndexError, "is for 4 axes; the picture has 3"),
        ((..., 0, ...), IndexError, "is for 1 axes; the picture has 3"),
    ],
)
def test_what_is_no_index_is_named(key, error, message):
    file = kmq.KmqFile(kmq.encode(PICTURE, coding="packed"))
    with pytest.raises(error, match=message):
        file[key]


@pytest.mark.both_ways
def test_the_limit_is_for_what_lies_between_too():
    file = kmq.KmqFile(kmq.encode(PICTURE, coding="packed"), max_pixels=100)
    assert file[:10, :10].shape == (10, 10, 3)
    assert file[5:5].shape == (0, 70, 3)
    with pytest.raises(kmq.LimitError):
        file[::49, ::69]


@pytest.mark.both_ways
@pytest.mark.parametrize("kind", [None, np.uint8, np.float32, "int64"])
def test_a_file_is_an_array(kind):
    file = kmq.KmqFile(kmq.encode(PICTURE, coding="packed"))
    array = np.asarray(file, dtype=kind)
    assert array.dtype == np.dtype(kind or np.uint8)
    assert np.array_equal(array, PICTURE)
    with pytest.raises(ValueError, match="copy is False"):
        np.array(file, copy=False)
    assert np.array_equal([row.tolist() for row in file], PICTURE)  # iteration ends where the picture does


def means(picture, side):
    """Return the rounded means of cells, in fractions: an oracle."""
    pixels = np.atleast_3d(picture).astype(object)
    height, width, channels = pixels.shape
    out = np.zeros((-(-height // side), -(-width // side), channels), np.uint8)
    for y, x in np.ndindex(out.shape[:2]):
        cell = pixels[y * side : (y + 1) * side, x * side : (x + 1) * side].reshape(-1, channels)
        weights = cell[:, 3] if channels == 4 else np.ones(len(cell), object)
        values = [sum(cell[:, i] * weights) for i in range(min(channels, 3))]
        half = Fraction(1, 2)
        colour = [Fraction(value, max(1, sum(weights))) + half for value in values]
        alpha = [Fraction(sum(weights), len(cell)) + half] if channels == 4 else []
        if not alpha or int(alpha[0]):
            out[y, x] = [int(value) for value in (*colour, *alpha)]
    return out[:, :, 0] if channels == 1 else out


@pytest.mark.both_ways
@given(pictures(), TILES, CODINGS, st.integers(1, 50), st.integers(1, 3))
def test_a_thumbnail_has_the_means_of_cells(picture, tile, coding, most, threads):
    file = kmq.KmqFile(kmq.encode(picture, tile=tile, coding=coding), threads=threads)
    small = file.thumbnail(most)
    longest = max(picture.shape[:2])
    side = next(side for side in range(1, longest + 1) if -(-longest // side) <= most)
    expected = means(file.pixels(), side)
    assert max(small.shape[:2]) <= most
    assert small.dtype == np.uint8
    assert np.array_equal(small, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_thumbnail_is_what_pillow_makes_of_the_same_cells(channels):
    picture = np.random.default_rng(channels).integers(0, 256, (97, 131, channels), np.uint8)
    file = kmq.KmqFile(kmq.encode(picture, 65_536, tile=32))
    small = file.thumbnail(40)
    reduced = np.asarray(Image.fromarray(picture.squeeze()).reduce(4))
    assert small.shape == reduced.shape
    assert np.abs(small.astype(int) - reduced).max() <= 1  # Pillow rounds a half either way


def test_a_thumbnail_of_a_large_packed_tile_is_made_some_rows_at_a_time():
    picture = np.random.default_rng(2).integers(0, 256, (1500, 1700), np.uint8)
    data = kmq.encode(picture, tile=None, coding="packed")
    file = kmq.KmqFile(data)
    small = file.thumbnail(100)
    assert np.array_equal(small[:, :20], means(picture[:, :340], 17))
    tracemalloc.start()
    file.thumbnail(100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < picture.size * 4  # what a band of 2^20 pixels takes; the picture is larger


@pytest.mark.parametrize("coding", ["packed", "zstd", "context", "adaptive"])
def test_a_thumbnail_finds_damage_anywhere_and_keeps_to_the_limit(coding):
    data = bytearray(kmq.encode(PICTURE, tile=16, coding=coding))
    with pytest.raises(kmq.LimitError, match="3500 pixels"):
        kmq.KmqFile(data, max_pixels=3499).thumbnail(5)
    data[-1] ^= 1
    with pytest.raises(kmq.FormatError, match="Tile_CRC"):
        kmq.KmqFile(data, threads=2).thumbnail(5)


@pytest.mark.both_ways
@pytest.mark.parametrize("most", [0, -1, 2**31, True, 1.5, "5"])
def test_a_thumbnail_without_a_size_is_refused(most):
    with pytest.raises((TypeError, ValueError), match="max_side is"):
        kmq.KmqFile(kmq.encode(PICTURE, coding="packed")).thumbnail(most)


def test_a_thumbnail_holds_tiles_and_not_the_picture():
    data = kmq.encode(
        np.zeros((2048, 2048), np.uint8) + np.arange(2048, dtype=np.uint8) % 4, tile=64, coding="zstd"
    )
    with kmq.KmqFile(data) as file:
        tracemalloc.start()
        file.thumbnail(64)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2048 * 2048 // 4


GUARDED = """
import ctypes, mmap, sys
import kmq
path, spans, box = sys.argv[1], eval(sys.argv[2]), eval(sys.argv[3])
with open(path, "rb") as opened:
    mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
file = kmq.KmqFile(mapped)
address = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
page, size = mmap.PAGESIZE, len(mapped)
allowed = {number for start, end in spans for number in range(start // page, (end - 1) // page + 1)}
protect = ctypes.CDLL(None, use_errno=True).mprotect
protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
for number in range(-(-size // page)):
    if number not in allowed and protect(address + number * page, page, 0):
        raise OSError(ctypes.get_errno())
print(len(allowed), file.read(*box).sum())
"""


@pytest.mark.proc
@pytest.mark.parametrize(
    ("coding", "tile"),
    [
        ("packed", None),
        ("adaptive", 64),
        *(pytest.param(*case, marks=pytest.mark.slow)
          for case in (("packed", 64), ("zstd", 64), ("context", 64), ("zstd", None), ("context", None))),
    ],
)  # fmt: skip
def test_a_region_reads_no_page_of_the_map_but_its_own(tmp_path, coding, tile):
    """The pages of the others are taken from the process, which the system ends if it reads one."""
    side, box = 512, (210, 150, 30, 20)  # the region lies in one tile
    x, y, width, height = box
    picture = np.random.default_rng(3).integers(0, 256, (side, side), np.uint8)
    path = tmp_path / "noise.kmq"
    kmq.save(path, picture, tile=tile, coding=coding, effort="fast")
    container = read_container(memoryview(path.read_bytes()))
    number = y // 64 * (side // 64) + x // 64 if tile else 0
    first, end = (int(start) for start in container.tile_starts[number : number + 2])
    whole = tile or coding != "packed"
    rows = [first + row * side for row in range(y, y + height)]
    spans = [(first, end)] if whole else [(row + x, row + x + width) for row in rows]
    pages = {offset // mmap.PAGESIZE for span in spans for offset in (span[0], span[1] - 1)}

    def read(box):
        program = [sys.executable, "-c", GUARDED, str(path), str(spans), str(box)]
        return subprocess.run(program, capture_output=True, text=True, check=False)

    done = read(box)
    assert done.returncode == 0, done.stderr
    touchable, total = map(int, done.stdout.split())
    assert total == picture[y : y + height, x : x + width].sum()
    assert touchable >= len(pages)
    if tile or coding == "packed":
        assert touchable < path.stat().st_size / mmap.PAGESIZE / 2
        assert read((500, 500, 1, 1)).returncode == -signal.SIGSEGV  # the guard guards
