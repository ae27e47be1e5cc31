"""Lazy files, regions, saving and atomic writing, on a real file system."""

import io
import os
import stat
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kmq
import writing
from kmq._ground.whole_files import _replace_nothing
from samples import Dribble
from strategies import CODINGS, TILES, pictures

PICTURE = np.random.default_rng(0).integers(0, 4, (50, 70, 3), np.uint8) * 60


@pytest.fixture
def path(tmp_path):
    kmq.save(tmp_path / "x.kmq", PICTURE, tile=16, coding="packed")
    return tmp_path / "x.kmq"


@pytest.mark.both_ways
def test_an_open_file_says_what_it_is(path):
    with kmq.open(path) as file:
        assert (file.width, file.height, file.k, file.bit_depth) == (70, 50, 64, 6)
        assert (file.coding, file.tile, dict(file.metadata)) == ("packed", 16, {})
        assert repr(file) == "KmqFile(70x50, k=64, coding='packed')"
        assert np.array_equal(file.pixels(), PICTURE)
        assert np.array_equal(file.palette.colours(file.indices()), PICTURE)
        assert file.ledger(PICTURE).total_bytes == path.stat().st_size
        with pytest.raises(TypeError, match="item assignment"):
            file.metadata["exif"] = b"later"
    with pytest.raises(ValueError, match="released"):
        file.pixels()


@pytest.mark.both_ways
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures(), TILES, CODINGS, st.data())
def test_a_region_is_that_part_of_the_picture(tmp_path, picture, tile, coding, data):
    path = tmp_path / "region.kmq"
    kmq.save(path, picture, tile=tile, coding=coding)
    x, y = data.draw(st.integers(0, picture.shape[1] - 1)), data.draw(st.integers(0, picture.shape[0] - 1))
    width = data.draw(st.integers(1, picture.shape[1] - x))
    height = data.draw(st.integers(1, picture.shape[0] - y))
    with kmq.open(path, threads=data.draw(st.integers(1, 3))) as file:
        region = file.read(x, y, width, height)
        assert np.array_equal(region, file.pixels()[y : y + height, x : x + width])
        plane = file.indices((x, y, width, height))
        assert plane.k == file.k
        assert np.array_equal(plane.indices, file.indices().indices[y : y + height, x : x + width])


@pytest.mark.both_ways
@pytest.mark.parametrize("box", [(-1, 0, 1, 1), (0, 0, 71, 1), (70, 0, 1, 1), (0, 49, 1, 2), (0, 0, 0, 1)])
def test_a_region_outside_the_picture_is_refused(path, box):
    with kmq.open(path) as file, pytest.raises(ValueError, match="x is|y is|width is|height is"):
        file.read(*box)


@pytest.mark.both_ways
@pytest.mark.parametrize("region", [(), (1, 2, 3), 7, "there"])
def test_a_region_that_is_none_is_named(path, region):
    with kmq.open(path) as file, pytest.raises(ValueError, match=r"must be \(x, y, width, height\)"):
        file.indices(region)


@pytest.mark.parametrize("coding", ["packed", "zstd", "context", "adaptive"])
def test_verifying_finds_in_any_tile_what_a_region_elsewhere_does_not(coding):
    data = bytearray(kmq.encode(PICTURE, tile=16, coding=coding))
    for threads in (1, 3):
        kmq.KmqFile(bytes(data), threads=threads).verify()
    data[-1] ^= 1
    for threads in (1, 3):
        with kmq.KmqFile(data, threads=threads) as file:
            file.read(0, 0, 16, 16)
            with pytest.raises(kmq.FormatError, match="Tile_CRC"):
                file.verify()
    with pytest.raises(kmq.LimitError, match="3500 pixels"):
        kmq.KmqFile(data, max_pixels=3499).verify()


def test_verifying_holds_a_tile_and_not_the_picture():
    picture = np.zeros((2048, 2048), np.uint8) + np.arange(2048, dtype=np.uint8) % 4
    data = kmq.encode(picture, tile=64, coding="zstd")
    with kmq.KmqFile(data) as file:
        tracemalloc.start()
        file.verify()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2048 * 2048 // 4


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8])
def test_narrow_numpy_numbers_are_as_good_as_any(kind):
    picture = np.arange(6000).reshape(25, 240).astype(np.uint8)
    file = kmq.KmqFile(kmq.encode(picture))
    assert np.array_equal(file.read(kind(200), kind(20), kind(30), kind(4)), picture[20:24, 200:230])
    assert kmq.unpack_indices(bytes(50), kind(20), kind(20), kind(2)).indices.shape == (20, 20)


@pytest.mark.parametrize("coding", ["packed", "zstd", "context", "adaptive"])
def test_a_region_touches_no_other_tile(coding):
    data = bytearray(kmq.encode(PICTURE, tile=16, coding=coding))
    whole = kmq.KmqFile(bytes(data)).read(0, 0, 16, 16)
    data[-1] ^= 1  # in the last tile
    with kmq.KmqFile(data) as file:
        assert np.array_equal(file.read(0, 0, 16, 16), whole)
        with pytest.raises(kmq.FormatError, match="Tile_CRC"):
            file.pixels()


@pytest.mark.both_ways
def test_a_region_finds_an_index_without_an_entry():
    file = kmq.KmqFile(writing.build(payloads=[b"\x25\x30"]))
    assert file.read(0, 0, 3, 1).tolist() == [[[0, 0, 0], [255, 255, 255], [255, 0, 0]]]
    with pytest.raises(kmq.FormatError, match="M17"):
        file.read(0, 1, 3, 1)


@pytest.mark.both_ways
def test_the_limit_is_for_what_one_call_decodes(path):
    with kmq.open(path, max_pixels=100) as file:
        assert file.read(3, 3, 10, 10).shape == (10, 10, 3)
        with pytest.raises(kmq.LimitError, match="3500 pixels; max_pixels allows 100"):
            file.pixels()
        with pytest.raises(kmq.LimitError):
            file.read(0, 0, 11, 10)


@pytest.mark.parametrize("coding", ["zstd", "context", "adaptive"])
def test_where_tiles_are_decoded_whole_the_limit_is_for_those(tmp_path, coding):
    kmq.save(tmp_path / "x.kmq", PICTURE, tile=16, coding=coding)
    with kmq.open(tmp_path / "x.kmq", max_pixels=32 * 16) as file:
        assert file.read(10, 3, 10, 10).shape == (10, 10, 3)
        assert file.read(69, 49, 1, 1).shape == (1, 1, 3)
        message = "the tiles it touches have 32 x 32 = 1024 pixels; max_pixels allows 512"
        with pytest.raises(kmq.LimitError, match=message):
            file.read(15, 15, 2, 2)
    one = kmq.KmqFile(kmq.encode(PICTURE, coding=coding), max_pixels=3499)
    with pytest.raises(kmq.LimitError, match="70 x 50 = 3500 pixels"):
        one.read(0, 0, 1, 1)


@pytest.mark.parametrize("coding", ["zstd", "context", "adaptive"])
def test_of_a_tile_that_is_decoded_whole_the_checksum_is_checked_by_a_region_too(coding):
    data = bytearray(kmq.encode(PICTURE, coding=coding))
    data[-1] ^= 1
    with pytest.raises(kmq.FormatError, match="Tile_CRC"):
        kmq.KmqFile(data).read(0, 0, 1, 1)


@pytest.mark.both_ways
def test_a_damaged_file_can_be_closed_in_spite_of_its_error(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(kmq.FormatError), kmq.open(path) as file:
        file.pixels()


@pytest.mark.both_ways
def test_an_empty_file_is_truncated_and_a_folder_is_none(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(kmq.TruncatedError):
        kmq.open(tmp_path / "empty")
    with pytest.raises(IsADirectoryError):
        kmq.open(tmp_path)
    with pytest.raises(FileNotFoundError):
        kmq.open(tmp_path / "nothing")


def test_save_writes_what_encode_returns_and_gives_the_ledger(tmp_path):
    ledger = kmq.save(tmp_path / "x.kmq", PICTURE, 8)
    data = (tmp_path / "x.kmq").read_bytes()
    assert data == kmq.encode(PICTURE, 8)
    assert ledger == kmq.inspect(data, PICTURE)
    stream = io.BytesIO()
    assert kmq.save(stream, PICTURE, 8) == ledger
    assert stream.getvalue() == data


def test_an_existing_file_is_kept_if_asked_for(tmp_path):
    path = tmp_path / "x.kmq"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        kmq.save(path, PICTURE, overwrite=False)
    assert path.read_bytes() == b"mine"
    kmq.save(path, PICTURE)
    assert path.read_bytes() == kmq.encode(PICTURE)
    assert os.listdir(tmp_path) == ["x.kmq"]


def test_a_stream_that_takes_little_gets_all_and_one_that_is_full_is_an_error():
    stream = Dribble(10**9)
    kmq.save(stream, PICTURE)
    assert stream.taken == kmq.encode(PICTURE)
    with pytest.raises(BlockingIOError):
        kmq.save(Dribble(100), PICTURE)


def test_bytes_are_written_to_a_path_or_an_open_file(tmp_path):
    kmq.write_whole(tmp_path / "a", b"1")
    kmq.write_whole(str(tmp_path / "a"), b"2")
    with pytest.raises(FileExistsError):
        kmq.write_whole(tmp_path / "a", b"3", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"2"
    stream = Dribble(10**9)
    kmq.write_whole(stream, bytes(range(256)))
    assert stream.taken == bytes(range(256))
    with pytest.raises(TypeError, match="data is str; it must be bytes"):
        kmq.write_whole(tmp_path / "a", "text")
    with pytest.raises(TypeError, match="file is int; it must be a path or a file open for writing"):
        kmq.write_whole(3, b"")
    assert os.listdir(tmp_path) == ["a"]


def test_of_several_writers_to_one_free_name_one_wins(tmp_path):
    for attempt in range(40):
        path, together, won, lost = tmp_path / str(attempt), threading.Barrier(4), [], set()

        def write(number, path=path, together=together, won=won, lost=lost):
            together.wait()
            try:
                kmq.write_whole(path, b"%d" % number * 1000, overwrite=False)
            except FileExistsError as error:
                lost.add(error.filename)
                return
            won.append(number)

        writers = [threading.Thread(target=write, args=[number]) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(won) == 1
        assert lost == {str(path)} or not lost
        assert path.read_bytes() == b"%d" % won[0] * 1000
    assert len(os.listdir(tmp_path)) == 40


def test_where_files_always_have_names_one_that_was_taken_meanwhile_is_left_alone(tmp_path):
    (tmp_path / "temporary").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        _replace_nothing(tmp_path / "temporary", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"precious"
    (tmp_path / "target").unlink()
    _replace_nothing(tmp_path / "temporary", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        _replace_nothing(tmp_path / "missing", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.posix
def test_permissions_are_kept_and_new_ones_follow_the_umask(tmp_path):
    path = tmp_path / "x"
    before = os.umask(0o027)
    try:
        kmq.write_whole(path, b"1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        kmq.write_whole(path, b"2")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert path.read_bytes() == b"2"


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    kmq.write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
