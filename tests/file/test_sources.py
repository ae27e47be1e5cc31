"""Files that are open already, and which bytes of them are read."""

import io
import mmap
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
import writing
from kmq._container.header import read_container
from kmq._file.regions import pieces_of
from kmq._ground.sources import in_parts
from kmq._indexed.tiles import Box
from strategies import CODINGS, TILES, pictures

FIRST = 65_536
NOISE = np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8)


class Recorded(io.BytesIO):
    """A file that notes which bytes are asked for; it gives `most` at a time, and none from `end` on."""

    def __init__(self, data, most=None, end=None):
        super().__init__(data)
        self.asked, self._most, self._end = [], most, len(data) if end is None else end

    def read(self, size=-1):
        self.asked.append((self.tell(), self.tell() + size))
        size = max(0, min(size, self._end - self.tell()))
        return super().read(size if self._most is None else min(size, self._most))


@pytest.mark.both_ways
@given(pictures(), TILES, CODINGS, st.integers(1, 3), st.sampled_from([1, 7, None]), st.data())
def test_an_open_file_is_read_as_its_bytes_are(picture, tile, coding, threads, most, data):
    made = kmq.encode(picture, tile=tile, coding=coding)
    stream = Recorded(made, most)
    stream.seek(data.draw(st.integers(0, len(made))))
    x, y = data.draw(st.integers(0, picture.shape[1] - 1)), data.draw(st.integers(0, picture.shape[0] - 1))
    box = (x, y, data.draw(st.integers(1, picture.shape[1] - x)), data.draw(st.integers(1, len(picture) - y)))
    with kmq.open(stream, threads=threads) as file, kmq.KmqFile(made) as expected:
        assert np.array_equal(file.read(*box), expected.read(*box))
        assert np.array_equal(file.pixels(), expected.pixels())
        assert np.array_equal(file.thumbnail(5), expected.thumbnail(5))
        file.verify()
        assert file.ledger(picture) == expected.ledger(picture)
    assert not stream.closed
    assert all(end <= len(made) for _, end in stream.asked)
    with pytest.raises(ValueError, match="released"):
        file.pixels()


def asked(data, *boxes):
    """Return the spans that are read for boxes of a file, one after the other."""
    stream = Recorded(data)
    with kmq.open(stream) as file, kmq.KmqFile(data) as expected:
        for box in boxes:
            assert np.array_equal(file.read(*box), expected.read(*box))
    return stream.asked


def test_of_a_packed_file_the_rows_of_a_region_are_read_and_nothing_else():
    data = kmq.encode(NOISE, 256, coding="packed", tile=None)
    first = len(data) - NOISE.size
    beginning = (0, FIRST)
    inner = (first + 200 * 512 + 210, first + 219 * 512 + 240)  # what lies between the rows comes along
    assert asked(data, (210, 200, 30, 20)) == [beginning, inner]
    assert asked(data, (0, 0, 512, 200), (0, 0, 9, 9)) == [beginning, (first, first + 200 * 512)]
    tiled = kmq.encode(NOISE, 256, coding="packed", tile=64)
    first = len(tiled) - NOISE.size
    rows = [first + (64 - 16) * 4096 + start * 64 for start in (8, 20)]
    assert asked(tiled, (8, 7 * 64 - 64 + 8, 30, 12)) == [beginning, (rows[0] + 8, rows[1] - 64 + 38)]


def test_rows_that_lie_far_apart_are_read_one_by_one():
    wide = np.random.default_rng(1).integers(0, 256, (4, 100_000), np.uint8)
    data = kmq.encode(wide, 256, coding="packed", tile=None)
    first = len(data) - wide.size
    starts = [first + row * 100_000 + 90_000 for row in (1, 2, 3)]
    assert asked(data, (90_000, 1, 50, 3)) == [(0, FIRST), *((start, start + 50) for start in starts)]


def test_in_memory_rows_that_lie_far_apart_are_one_piece():
    """A piece takes longer than a row. Of a file each is a request, without what lies between."""
    wide = np.zeros((40, 100_000), np.uint8)
    wide[:, :256] = np.arange(256)
    container = read_container(memoryview(kmq.encode(wide, coding="packed", tile=None, effort="fast")))
    box = Box(90_000, 1, 50, 30)
    assert [piece.part.height for piece, _ in pieces_of(container, box, in_memory=True)] == [30]


def test_tiles_are_read_whole_and_neighbours_together():
    data = kmq.encode(NOISE, 256, coding="zstd", effort="fast", tile=128)
    starts = read_container(memoryview(data)).tile_starts.tolist()
    assert asked(data, (300, 400, 9, 9)) == [(0, FIRST), (starts[14], starts[15])]
    assert asked(data, (100, 300, 100, 9)) == [(0, FIRST), (starts[8], starts[10])]
    # One tile and then a row of others between them are fewer bytes than a request is worth.
    assert asked(data, (300, 200, 9, 100)) == [(0, FIRST), (starts[6], starts[11])]


def test_tiles_that_lie_far_apart_are_read_one_by_one():
    noise = np.tile(NOISE, (1, 4))
    data = kmq.encode(noise, 256, coding="zstd", effort="fast", tile=128)
    starts = read_container(memoryview(data)).tile_starts.tolist()
    spans = [(starts[row * 16 + 3], starts[row * 16 + 5]) for row in (1, 2, 3)]
    assert asked(data, (500, 200, 20, 300)) == [(0, FIRST), *spans]


def test_no_more_than_4_mib_are_read_at_a_time():
    picture = np.random.default_rng(2).integers(0, 256, (2048, 4200), np.uint8)
    for tile in (1024, None):
        data = kmq.encode(picture, 256, coding="packed", tile=tile)
        spans = asked(data, (0, 0, 4200, 2048))
        assert max(end - start for start, end in spans) <= 1 << 22
        assert [start for start, _ in spans[2:]] == [end for _, end in spans[1:-1]]
        assert len(spans) == 4  # the beginning, and 8.6 MB


@pytest.mark.parametrize("metadata", [{}, {"icc": bytes(300_000)}])
def test_a_header_of_any_length_takes_few_requests(metadata):
    flat = np.zeros((2048, 2048), np.uint8)
    flat[::2] = 9
    head = kmq.encode(flat, tile=16, coding="packed")
    if metadata:
        head = writing.build(sections=writing.section(b"icc ", metadata["icc"]))
    stream = Recorded(head)
    with kmq.open(stream) as file:
        assert dict(file.metadata) == metadata
    assert len(stream.asked) <= 3
    assert [start for start, _ in stream.asked[1:]] == [end for _, end in stream.asked[:-1]]


@pytest.mark.parametrize("coding", ["packed", "zstd"])
def test_a_file_that_ends_earlier_than_it_said_is_truncated(coding):
    data = kmq.encode(NOISE, 256, coding=coding, tile=64)
    for end in (0, 30, 1000, FIRST - 1):
        with pytest.raises(kmq.TruncatedError, match=f"ends at offset {end}"):
            kmq.open(Recorded(data, end=end))
    with kmq.open(Recorded(data, end=200_000), threads=2) as file:
        file.read(0, 0, 512, 64)
        for decode in (file.pixels, file.verify, lambda: file.read(0, 0, 512, 512)):
            with pytest.raises(kmq.TruncatedError, match="ends at offset 200000"):
                decode()
    with pytest.raises(kmq.TruncatedError, match="payloads end at offset"):
        kmq.open(io.BytesIO(data[:-1]))


@pytest.mark.parametrize(
    "data",
    [
        writing.build(sections_size=b"\xff\xff\xff\xff\x0f"),
        writing.build(flags=1 | 1 << 5, palette=b"\xff\xff\xff\xff\x0f" + bytes(9)),
    ],
)
def test_a_size_is_no_reason_to_read_on(data):
    stream = Recorded(data + bytes(100_000))
    with pytest.raises(kmq.KmqError):
        kmq.open(stream)
    assert stream.asked == [(0, FIRST)]


def test_a_file_that_answers_wrongly_is_an_error():
    class Generous(io.BytesIO):
        def read(self, size=-1):
            return super().read(size + 1)

    class Waiting(io.BytesIO):
        def read(self, _size=-1):
            return None

    data = kmq.encode(NOISE, 256, coding="packed")
    with pytest.raises(OSError, match="more bytes than"):
        kmq.open(Generous(data))
    with pytest.raises(BlockingIOError):
        kmq.open(Waiting(data))


@pytest.mark.parametrize("place", [-1, None, "30", 2.5, 1 << 70])
def test_a_file_that_does_not_say_where_it_ends_is_an_error(place):
    class Lost(io.BytesIO):
        def tell(self):
            return place

    with pytest.raises(OSError, match=re.escape(f"the file gives its end as {place!r}")):
        kmq.open(Lost(b"KMQ"))


class Unpacked(io.RawIOBase):
    """A file that goes on with zeros, as one in an archive of little size can; it counts what was read."""

    def __init__(self, data, size):
        self._data, self._size, self._at, self.read_bytes = data, size, 0, 0

    def seekable(self):
        return True

    def seek(self, place, whence=io.SEEK_SET):
        self._at = place + (0, self._at, self._size)[whence]
        return self._at

    def tell(self):
        return self._at

    def read(self, size=-1):
        size = min(size, self._size - self._at)
        part = self._data[self._at : self._at + size]
        self._at += size
        self.read_bytes += size
        return part + bytes(size - len(part))


def test_of_a_file_of_few_pixels_not_any_number_of_bytes_is_read():
    """Its last tile takes what there is, or its palette says so."""
    size = 200 << 20
    tiny = kmq.encode(np.arange(200, dtype=np.uint8).reshape(10, 20), coding="zstd", tile=None)
    file = Unpacked(tiny, size)
    with kmq.open(file, max_pixels=1000) as opened:
        for ask in (opened.pixels, opened.verify, lambda: opened.read(0, 0, 1, 1)):
            with pytest.raises(
                kmq.LimitError, match=r"offset \d+ to 209715200 .* 1,000 pixels that max_pixels allows"
            ):
                ask()
    assert file.read_bytes == FIRST
    coded = Unpacked(writing.build(flags=1 | 1 << 5, palette=b"\x80\x80\x80\x60" + bytes(9)), 300 << 20)
    with pytest.raises(kmq.LimitError, match="bytes, too many for the 1,000 pixels"):
        kmq.open(coded, max_pixels=1000)
    assert coded.read_bytes == FIRST


def test_metadata_of_any_number_of_bytes_is_not_kept():
    """Each section is short enough, but not all of them together."""
    fields = [tag + writing.uleb(40 << 20) + bytes(40 << 20) for tag in (b"aaaa", b"bbbb")]
    data = writing.build(sections=b"".join(part + writing.crc(part) for part in fields))
    assert kmq.decode(data).shape == (2, 3, 3)
    with pytest.raises(kmq.LimitError, match="header and metadata have more than 67,109,664 bytes"):
        kmq.open(io.BytesIO(data), max_pixels=100)


def test_parts_without_bytes_are_not_gathered_without_end():
    taken = []
    spans = ((taken.append(number), (5, 5)) for number in range(100_000))
    next(in_parts(memoryview(bytes(9)), spans))
    assert len(taken) < 40_000


def test_a_path_that_can_read_is_a_path_and_a_map_of_others_stays_open(tmp_path):
    path = tmp_path / "x.kmq"
    path.write_bytes(kmq.encode(NOISE, 256, coding="packed"))

    class Local:  # as py.path.local
        def __fspath__(self):
            return str(path)

        def read(self):
            raise AssertionError

    class Name(str):
        __slots__ = ()
        read = seek = None

    for name in (Local(), Name(path)):
        with kmq.open(name) as file:
            assert np.array_equal(file[:9], NOISE[:9])
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        mapped.seek(5)  # where it stands doesn't matter: it is read where it lies
        for make in (kmq.open, kmq.open, kmq.KmqFile):
            with make(mapped) as file:
                assert np.array_equal(file[:9], NOISE[:9])
            assert mapped[:3] == b"KMQ"
            assert mapped.tell() == 5


def test_what_is_no_binary_file_that_can_seek_is_named(tmp_path):
    class Stream(io.BytesIO):
        def seekable(self):
            return False

    with pytest.raises(ValueError, match="file is Stream, which can't seek; kmq.open reads such a file"):
        kmq.KmqFile(Stream(b""))

    class Silent:
        def read(self, size=-1): ...

        def seek(self, place, whence=0): ...

    with pytest.raises(ValueError, match=r"file is Silent, which has no seekable\(\) to ask"):
        kmq.open(Silent())
    with pytest.raises(TypeError, match="file is StringIO; it must be a binary file"):
        kmq.open(io.StringIO(""))
    (tmp_path / "x").write_bytes(b"KM")
    with open(tmp_path / "x", "ab") as file, pytest.raises(io.UnsupportedOperation):
        kmq.open(file)
    with open(tmp_path / "x", "rb") as file, pytest.raises(kmq.TruncatedError):
        kmq.open(file)


class Pipe(io.RawIOBase):
    """Gives `data` and then zeros without end; can't seek."""

    def __init__(self, data, *, ends=True):
        self._rest, self._ends, self.given = data, ends, 0

    def readable(self):
        return True

    def read(self, size=-1):
        part = self._rest[:size] if self._ends or self._rest else bytes(size)
        self._rest = self._rest[size:]
        self.given += len(part)
        return part


@given(pictures(), CODINGS)
def test_what_cannot_seek_is_read_whole_from_where_it_stands(picture, coding):
    made = kmq.encode(picture, coding=coding)
    pipe = Pipe(b"before" + made)
    pipe.read(6)
    with kmq.open(pipe) as file:
        assert np.array_equal(file.pixels(), kmq.decode(made))
    assert pipe.given == 6 + len(made)
    with pytest.raises(kmq.TruncatedError):
        kmq.open(Pipe(made[:5]))


def test_a_pipe_without_an_end_is_given_up():
    endless = Pipe(b"", ends=False)
    with pytest.raises(kmq.FormatError, match="Magic"):
        kmq.open(endless)
    assert endless.given == 1 << 20
    endless = Pipe(kmq.encode(np.zeros((3, 3), np.uint8)), ends=False)
    with pytest.raises(kmq.KmqError):
        kmq.open(endless, max_pixels=9)
    assert endless.given <= (1 << 26) + (1 << 21)


@pytest.mark.posix
def test_a_device_that_says_it_has_no_bytes_is_read_as_a_pipe_is():
    with open("/dev/zero", "rb") as device, pytest.raises(kmq.FormatError, match="Magic"):
        kmq.open(device)


def test_a_member_of_an_archive_and_a_file_of_fsspec_are_read(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    data = kmq.encode(NOISE, 256, coding="packed", tile=64)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("noise.kmq", data)
    store = fsspec.filesystem("memory")
    store.pipe("/noise.kmq", data)
    for path, opened in (
        ("noise.kmq", zipfile.ZipFile(tmp_path / "x.zip").open),
        ("/noise.kmq", store.open),
    ):
        with opened(path) as stream, kmq.open(stream) as file:
            assert np.array_equal(file[100:300, 200:], NOISE[100:300, 200:])
    store.rm("/noise.kmq")
