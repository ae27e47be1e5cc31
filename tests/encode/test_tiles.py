"""Pictures encoded part by part: to the bytes of the whole, in memory that doesn't grow with it."""

import io
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
from kmq._colours.z_order import codes_of
from kmq._encode import job
from kmq._encode.job import table_of
from kmq._picture.colour_table import ColourTable, added
from strategies import CODINGS, TILES, pictures

PICTURE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)


class Sliced:
    """A source that has nothing but what the documentation asks for, and notes what was read of it."""

    def __init__(self, array):
        self._array, self.shape, self.dtype, self.largest = array, array.shape, array.dtype, 0

    def __getitem__(self, key):
        rows, columns = key
        part = self._array[rows.start : rows.stop, columns.start : columns.stop]
        self.largest = max(self.largest, part.size)
        return part


GIVEN = st.sampled_from([{"palette": "pico-8"}, {"palette": "pico-8", "reorder_palette": True}])
CHOSEN = st.builds(lambda k: {"k": k}, st.integers(1, 60))


@given(pictures(), CHOSEN | GIVEN, TILES, CODINGS, st.integers(1, 3))
def test_the_file_and_its_ledger_are_those_of_the_whole_picture(picture, palette, tile, coding, threads):
    options = palette | {"coding": coding, "tile": tile, "effort": "fast"}
    stream = io.BytesIO()
    ledger = kmq.encode_tiles(Sliced(picture), stream, threads=threads, **options)
    assert stream.getvalue() == kmq.encode(picture, **options)
    assert ledger == kmq.inspect(stream.getvalue(), picture)


def test_the_ledger_is_the_same_to_the_last_digit_where_entries_are_renumbered():
    stream = io.BytesIO()
    ledger = kmq.encode_tiles(PICTURE, stream, 300, tile=16, coding="context", effort="fast")
    assert ledger == kmq.inspect(stream.getvalue(), PICTURE)
    assert ledger == kmq.save(io.BytesIO(), PICTURE, 300, tile=16, coding="context", effort="fast")


@given(pictures(), TILES)
def test_a_given_palette_keeps_its_entries(picture, tile):
    stream = io.BytesIO()
    kmq.encode_tiles(picture, stream, palette="web-safe", tile=tile, coding="packed")
    assert stream.getvalue() == kmq.encode(picture, palette="web-safe", tile=tile, coding="packed")


@pytest.mark.parametrize("whole", [job.WHOLE_PIXELS, 1])
@pytest.mark.parametrize(("shades", "coding"), [(4, "packed"), (3, "adaptive")])
def test_where_nothing_is_smaller_the_file_is_packed(tmp_path, monkeypatch, whole, shades, coding):
    monkeypatch.setattr(job, "WHOLE_PIXELS", whole)  # above so many, tiles are written as they are coded
    noise = np.random.default_rng(1).integers(0, shades, (200, 200), np.uint8)
    ledger = kmq.encode_tiles(noise, tmp_path / "x.kmq", tile=64)
    assert (tmp_path / "x.kmq").read_bytes() == kmq.encode(noise, tile=64)
    assert ledger == kmq.inspect((tmp_path / "x.kmq").read_bytes(), noise)
    assert (ledger.coding, ledger.tile) == (coding, 64)


@pytest.mark.parametrize(
    ("shape", "flat", "side"),
    [
        ((720, 720), 0, None),  # not more than 2^19 pixels
        ((730, 730), 0, 512),
        ((730, 730), 100, None),  # not so many that are busy
        ((1000, 900), 300, 1024),  # two thirds of them
        ((2100, 2100), 2000, 1024),  # too large for one tile, however flat
        ((1 << 20, 1), 0, None),  # too narrow to have any
        ((1 << 20, 2), 0, None),
        ((1, 1 << 20), 0, None),
        ((2, 1 << 19), 0, 512),
    ],
)
def test_what_is_busy_is_cut_where_auto_cuts(tmp_path, shape, flat, side):
    picture = np.random.default_rng(1).integers(0, 9, shape, np.uint8)
    picture[:, :flat] = 3
    ledger = kmq.encode_tiles(picture, tmp_path / "x.kmq", 9)
    assert (ledger.coding, ledger.tile) == ("adaptive", side)
    assert (tmp_path / "x.kmq").read_bytes() == kmq.encode(picture, 9, threads=2)
    assert np.array_equal(kmq.decode((tmp_path / "x.kmq").read_bytes(), threads=2), picture)


def test_tiles_are_read_and_never_the_picture(tmp_path):
    picture = np.random.default_rng(2).integers(0, 9, (2100, 2100), np.uint8)
    source = Sliced(picture)
    kmq.encode_tiles(source, tmp_path / "x.kmq", coding="packed")
    assert source.largest <= 4 * 1024 * 1024  # four tiles of grey
    assert (tmp_path / "x.kmq").read_bytes() == kmq.encode(picture, coding="packed")
    with kmq.open(tmp_path / "x.kmq") as file:  # which is a source itself
        kmq.encode_tiles(file, tmp_path / "y.kmq", coding="zstd", effort="fast", threads=2)
    assert (tmp_path / "y.kmq").read_bytes() == kmq.encode(picture, coding="zstd", effort="fast")


def test_a_memory_map_and_a_zarr_array_are_sources(tmp_path):
    zarr = pytest.importorskip("zarr")
    expected = kmq.encode(PICTURE, 20, tile=16)
    mapped = np.memmap(tmp_path / "raw", np.uint8, "w+", shape=PICTURE.shape)
    mapped[:] = PICTURE
    array = zarr.create_array(
        str(tmp_path / "x.zarr"), shape=PICTURE.shape, chunks=(13, 17, 3), dtype=np.uint8
    )
    array[:] = PICTURE
    for source in (mapped, array):
        kmq.encode_tiles(source, tmp_path / "x.kmq", 20, tile=16)
        assert (tmp_path / "x.kmq").read_bytes() == expected


def test_progress_goes_up_to_the_whole(tmp_path):
    told = []
    kmq.encode_tiles(
        PICTURE,
        tmp_path / "x.kmq",
        4,
        tile=16,
        coding="packed",
        progress=lambda *numbers: told.append(numbers),
    )
    assert told == sorted(told)
    assert {total for _, total in told} == {7000}
    assert told[-1][0] == 7000


class Wrong(Sliced):
    def __init__(self, part):
        super().__init__(PICTURE)
        self._part = part

    def __getitem__(self, key):
        return self._part


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("photo.tif", "source is str; it must be an object of shape"),
        (None, "source is NoneType"),
        (np.zeros((2, 2)), "source is an array of float64, shape \\(2, 2\\)"),
        (np.zeros((2, 2, 2), np.uint8), "shape \\(2, 2, 2\\)"),
        (np.zeros((2, 0), np.uint8), "its sides must be 1 to 2,147,483,647 pixels"),
        (
            Wrong(np.zeros((5, 5, 3), np.uint8)),
            r"source\[0:16, 0:.*\] is an array of uint8, shape \(5, 5, 3\)",
        ),
        (Wrong(None), "is an array of object"),
    ],
)
def test_what_is_no_source_is_named(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        kmq.encode_tiles(source, tmp_path / "x.kmq", tile=16)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": "auto"}, TypeError, "k is 'auto'; of tiles it must be an integer"),
        ({"k": 0}, ValueError, "k is 0"),
        ({"tile": 17}, ValueError, "tile is 17"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"coding": "zip"}, ValueError, "coding is 'zip'"),
        ({"file": 7}, TypeError, "file is int; it must be a path"),
    ],
)
def test_bad_arguments_are_named(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        kmq.encode_tiles(PICTURE, **{"file": tmp_path / "x.kmq", **options})


class Failing(Sliced):
    def __init__(self, array, reads):
        super().__init__(array)
        self._left = reads

    def __getitem__(self, key):
        if not self._left:
            raise ConnectionError("the store is gone")
        self._left -= 1
        return super().__getitem__(key)


@pytest.mark.parametrize("reads", [40, 150])  # of 94 for counting and 94 for mapping
def test_a_file_is_written_all_or_not_at_all(tmp_path, reads):
    path = tmp_path / "x.kmq"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        kmq.encode_tiles(PICTURE, path, overwrite=False)
    source = Failing(np.tile(PICTURE, (30, 1, 1)), reads)
    with pytest.raises(ConnectionError):
        kmq.encode_tiles(source, path, 4, tile=16, coding="zstd")
    assert source._left == 0  # noqa: SLF001
    assert path.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["x.kmq"]
    kmq.encode_tiles(Failing(np.tile(PICTURE, (30, 1, 1)), 188), path, 4, tile=16, coding="zstd")


@given(st.integers(0, 2**32), st.sampled_from([3, 4]), st.integers(1, 8), st.integers(256, 700), st.data())
def test_a_table_is_the_same_however_it_is_added_up(seed, channels, bits, most, data):
    """With at most `most` colours; fewer than 256 can't be promised, because alpha is kept."""
    picture = np.random.default_rng(seed).integers(0, 1 << bits, (30, 40, channels), np.uint8)
    tables = [table_of(part) for part in np.array_split(picture, data.draw(st.integers(1, 6)))]
    whole = added([table_of(picture)], most)
    order = data.draw(st.permutations(tables))
    cut = data.draw(st.integers(0, len(order)))
    sums = [added(group, most) for group in (order[:cut], order[cut:]) if group]
    for table in (added(order, most), added(sums, most)):
        assert table.dropped == whole.dropped
        assert np.array_equal(table.codes, whole.codes)
        assert np.array_equal(table.counts, whole.counts)
    assert whole.counts.sum() == picture.shape[0] * picture.shape[1]
    assert len(whole) <= most


@pytest.mark.parametrize("dropped", [1, 5, 9])
@pytest.mark.parametrize("alphas", [[255], [0, 128, 255]])
def test_of_many_colours_those_that_become_alike_are_one(alphas, dropped):
    random = np.random.default_rng(dropped)
    colours = random.integers(0, 256, (200_000, 4), np.uint8)
    colours[:, 3] = random.choice(alphas, len(colours))
    codes, counts = np.unique(codes_of(colours), return_counts=True)
    table = ColourTable(codes, counts, 4).coarser(dropped)
    bits = [dropped // 3, (dropped + 1) // 3, (dropped + 2) // 3, 0]
    coarse = colours & np.array([0xFF >> count << count for count in bits], np.uint8)
    codes, counts = np.unique(codes_of(coarse), return_counts=True)
    assert np.array_equal(table.codes, codes)
    assert np.array_equal(table.counts, counts)


def test_adding_tables_takes_little_more_memory_than_their_sum():
    random = np.random.default_rng(8)
    tables = []
    for _ in range(3):
        codes = np.unique(random.integers(0, 1 << 32, 300_000, np.uint32))
        tables.append(ColourTable(codes, np.ones(len(codes), np.int64), 4))
    tracemalloc.start()
    whole = added(tables)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    codes, counts = np.unique(np.concatenate([table.codes for table in tables]), return_counts=True)
    assert np.array_equal(whole.codes, codes)
    assert np.array_equal(whole.counts, counts)
    assert peak < 2.4 * (whole.codes.nbytes + whole.counts.nbytes)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_coarse_table_drops_bits_of_blue_then_green_then_red(channels):
    random = np.random.default_rng(channels)
    picture = random.integers(0, 256, (300, 100, channels), np.uint8)
    if channels == 4:
        picture[..., 3] = random.choice([0, 255, 128], (300, 100))
        picture[picture[..., 3] == 0] = 0
    counted = kmq.histogram(picture)
    for dropped, bits in enumerate([(0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 1, 2), (1, 2, 2)]):
        masks = [0xFF >> count << count for count in bits] + [255] * (channels == 4)
        expected = {}
        for colour, count in zip(counted.colours & np.array(masks, np.uint8), counted.counts, strict=True):
            expected[tuple(colour.tolist())] = expected.get(tuple(colour.tolist()), 0) + int(count)
        table = ColourTable.of(counted).coarser(dropped)
        shown = table.histogram()
        found = shown.colours & np.array(masks, np.uint8)
        assert dict(zip(map(tuple, found.tolist()), shown.counts.tolist(), strict=True)) == expected
        assert np.abs(shown.colours[:, :3].astype(int) - found[:, :3]).max() < 2 ** max(bits)
        assert np.array_equal(ColourTable.of(shown).codes, np.sort(ColourTable.of(shown).codes))
    ends = ColourTable.of(kmq.histogram(np.array([[[0] * 3, [255] * 3]], np.uint8))).coarser(6).histogram()
    assert ends.colours.tolist() == [[0, 0, 0], [255, 255, 255]]


def test_more_colours_than_a_table_holds_give_the_same_bytes_too():
    """The 2^21 colours of which blue is even or odd with red: one bit of blue is left out."""
    codes = np.arange(1 << 21, dtype=np.uint32)
    picture = np.stack([codes >> 13 & 255, codes >> 5 & 255, (codes & 31) << 3], 1).astype(np.uint8)
    picture = picture.reshape(1024, 2048, 3)
    expected = kmq.encode(picture, 8, tile=512, coding="packed", effort="fast")
    stream = io.BytesIO()
    kmq.encode_tiles(Sliced(picture), stream, 8, tile=512, coding="packed", effort="fast", threads=2)
    assert stream.getvalue() == expected


PEAK = """
import os, sys
import numpy as np
import kmq
from kmq._encode import job
side = int(sys.argv[2])

class Made:
    shape, dtype = (side, side, 3), np.dtype(np.uint8)
    def __getitem__(self, key):
        y, x = (np.arange(part.start, part.stop) for part in key)
        y, x = y[:, None] >> 4, x[None, :] >> 4
        return np.stack([y + 0 * x, x + 0 * y, y ^ x], 2).astype(np.uint8)

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

kmq.encode_tiles(np.zeros((9, 9, 3), np.uint8) + np.arange(9, dtype=np.uint8)[:, None], sys.argv[1], 2)
before = resident()
kmq.encode_tiles(Made(), sys.argv[1], 16, coding="packed", threads=2)
print(resident() - before)
"""


@pytest.mark.proc
@pytest.mark.slow
def test_memory_does_not_grow_with_the_picture(tmp_path):
    peaks = []
    for side in (2000, 4000):
        program = [sys.executable, "-c", PEAK, str(tmp_path / "x.kmq"), str(side)]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    small, large = peaks
    assert large < 200_000_000
    assert large < small + 15_000_000  # of a picture that has 36 MB more
    with kmq.open(tmp_path / "x.kmq") as file:
        assert (file.shape, file.tile) == ((4000, 4000, 3), 1024)
