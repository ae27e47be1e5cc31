"""Dask: the bytes of one process, whatever computes them, also when a worker is killed half-way."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import kmq
from strategies import CODINGS, TILES, pictures

da = pytest.importorskip("dask.array")
pytest.importorskip("distributed")
kmq_dask = pytest.importorskip("kmq.dask")

PICTURE = np.random.default_rng(0).integers(0, 256, (150, 170, 3), np.uint8)


@settings(max_examples=25)
@given(pictures(), st.integers(1, 60), TILES, CODINGS, st.data())
def test_the_file_and_its_ledger_are_those_of_the_whole_array(picture, k, tile, coding, data):
    chunks = tuple(data.draw(st.integers(max(1, length // 3), length)) for length in picture.shape)
    options = {"coding": coding, "tile": tile, "effort": "fast"}
    stream, told = io.BytesIO(), []
    ledger = kmq_dask.encode(
        da.from_array(picture, chunks=chunks),
        stream,
        k,
        progress=lambda *numbers: told.append(numbers),
        **options,
    )
    assert stream.getvalue() == kmq.encode(picture, k, **options)
    assert ledger == kmq.inspect(stream.getvalue(), picture)
    assert told[-1] == (2 * picture.shape[0] * picture.shape[1],) * 2


@settings(max_examples=25)
@given(picture=pictures(), tile=TILES, coding=CODINGS)
def test_a_file_is_a_lazy_array_of_its_tiles(tmp_path_factory, picture, tile, coding):
    path = tmp_path_factory.mktemp("lazy") / "x.kmq"
    kmq.save(path, picture, tile=tile, coding=coding)
    array = kmq_dask.from_kmq(path)
    with kmq.open(path) as file:
        pixels = file.pixels()
        assert (array.shape, array.dtype) == (file.shape, file.dtype)
    assert np.array_equal(array.compute(scheduler="synchronous"), pixels)
    assert np.array_equal(array[-3:, ::2].compute(scheduler="synchronous"), pixels[-3:, ::2])
    assert all(length == (tile or total) for sizes, total in zip(array.chunks, array.shape[:2], strict=False)
               for length in sizes[:-1])  # fmt: skip


def test_a_lazy_array_reads_only_the_tiles_that_are_asked_for(tmp_path):
    path = tmp_path / "x.kmq"
    data = bytearray(kmq.encode(PICTURE, 16, tile=64, coding="zstd"))
    data[-1] ^= 1
    path.write_bytes(data)
    array = kmq_dask.from_kmq(path)
    assert array[:64, :64].compute(scheduler="synchronous").shape == (64, 64, 3)
    with pytest.raises(kmq.FormatError, match="Tile_CRC"):
        array.compute(scheduler="synchronous")
    with pytest.raises(FileNotFoundError):
        kmq_dask.from_kmq(tmp_path / "missing.kmq")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"array": PICTURE}, TypeError, "array is ndarray; it must be a Dask array"),
        ({"array": da.zeros((4, 4))}, ValueError, "source is an array of float64"),
        ({"file": 7}, TypeError, "file is int"),
        ({"k": "auto"}, TypeError, "k is 'auto'"),
        ({"tile": 17}, ValueError, "tile is 17"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    given = {"array": da.from_array(PICTURE), "file": io.BytesIO(), **options}
    with pytest.raises(error, match=message):
        kmq_dask.encode(given.pop("array"), given.pop("file"), **given)


def test_an_existing_file_is_kept_if_asked_for_and_when_computing_fails(tmp_path):
    path = tmp_path / "x.kmq"
    path.write_bytes(b"mine")
    array = da.from_array(PICTURE, chunks=(64, 64, 3))
    with pytest.raises(FileExistsError):
        kmq_dask.encode(array, path, overwrite=False)

    def broken(_):
        raise ConnectionError("the store is gone")

    with pytest.raises(ConnectionError):
        kmq_dask.encode(
            da.map_blocks(broken, array, dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8)), path
        )
    assert path.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["x.kmq"]


KILLS_A_WORKER = """
import os, signal, sys
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster
import kmq.dask

if __name__ == "__main__":
    picture = np.load(sys.argv[1])
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        worker = cluster.workers[0].pid
        def progress(done, total):
            global worker
            if worker is not None and 4 * done >= 3 * total:
                os.kill(worker, signal.SIGKILL)
                worker = None
        array = da.from_array(picture, chunks=(16, 16, 3))
        kmq.dask.encode(array, sys.argv[2], 16, tile=16, coding="zstd", progress=progress)
        print("killed" if worker is None else "not killed", flush=True)
        os._exit(0)  # closing a cluster that is just starting another worker takes up to 30 s
"""


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.posix
def test_a_worker_that_is_killed_while_tiles_are_coded_changes_nothing(tmp_path):
    np.save(tmp_path / "picture.npy", PICTURE)
    (tmp_path / "program.py").write_text(KILLS_A_WORKER)
    program = [
        sys.executable,
        str(tmp_path / "program.py"),
        str(tmp_path / "picture.npy"),
        str(tmp_path / "x.kmq"),
    ]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.stdout == "killed\n", done.stderr
    assert (tmp_path / "x.kmq").read_bytes() == kmq.encode(PICTURE, 16, tile=16, coding="zstd")


def workers_of(parent):
    """Return the processes that a process has spawned to do work."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            above = int(status.read_text().rpartition(")")[2].split()[1])
            line = status.with_name("cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if above == parent and b"spawn_main" in line:
            found.append(int(status.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.proc
def test_200_pictures_on_a_cluster_whose_worker_is_killed_half_way(tmp_path):
    """They are those of one process: each on its own, and all with one palette."""
    random = np.random.default_rng(5)
    (tmp_path / "in").mkdir()
    for number in range(200):
        colours = random.integers(0, 256, (40, 3 + number % 2), np.uint8)
        Image.fromarray(colours[random.integers(0, 40, (24, 24))]).save(tmp_path / "in" / f"{number:03}.png")
    common = ["encode", "-r", "in", "-k8", "--effort=fast", "--shared-palette", "--no-skip-if-larger"]
    alone = [sys.executable, "-m", "kmq_cli", *common, "-o", "alone", "--jobs=1", "-q"]
    assert subprocess.run(alone, cwd=tmp_path, check=False).returncode == 0
    with subprocess.Popen(
        [sys.executable, "-m", "kmq_cli", *common, "-o", "cluster", "--dask=local", "--jobs=2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        lines = [command.stdout.readline() for _ in range(100)]
        workers = workers_of(command.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        rest, errors = command.communicate()
    assert command.returncode == 0, errors
    assert len([line for line in [*lines, *rest.splitlines()] if ".kmq " in line]) == 200
    files = {path.name: path.read_bytes() for path in (tmp_path / "cluster").glob("*.kmq")}
    assert len(files) == 200
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "alone").glob("*.kmq")}
    assert len({kmq.KmqFile(data).palette for data in files.values()}) == 1


def test_one_palette_is_chosen_for_all_pictures_and_others_are_refused(tmp_path):
    random = np.random.default_rng(6)
    pictures = [random.integers(0, 256, (20, 20, channels), np.uint8) for channels in (3, 4)]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"none")

    def run(*options):
        program = [
            sys.executable,
            "-m",
            "kmq_cli",
            "encode",
            "0.png",
            "1.png",
            "2.png",
            "-o",
            "out",
            *options,
        ]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("--shared-palette", "-k", "12", "--no-skip-if-larger")
    assert done.returncode == 1
    assert "2.png: not a picture" in done.stderr
    opaque = np.dstack([pictures[0], np.full((20, 20), 255, np.uint8)])
    shared = kmq.fit_palette(kmq.histogram(opaque) + kmq.histogram(pictures[1]), 12)
    for number, picture in enumerate(pictures):
        data = (tmp_path / "out" / f"{number}.kmq").read_bytes()
        assert data == kmq.encode(picture, palette=shared, space="oklab")
    for option in ("--palette=pico-8", "--psnr=30", "-kauto"):
        refused = run("--shared-palette", option)
        assert refused.returncode == 2
        assert "chooses the colours for all pictures" in refused.stderr


def test_a_cluster_that_is_not_there_is_one_line(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "x.png")
    program = [sys.executable, "-m", "kmq_cli", "encode", "x.png", "--dask", "nonsense"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("kmq: --dask: can't reach a cluster at nonsense")
    assert done.stderr.count("\n") == 1


def test_a_url_is_read_in_pieces_with_what_its_file_system_is_told(tmp_path):
    """The pieces are those that a file system of the test notes; no other is asked for."""
    fsspec = pytest.importorskip("fsspec")
    asked = []

    class Noting(fsspec.AbstractFileSystem):
        protocol, cachable = "noting", False

        def __init__(self, folder=None, **options):
            super().__init__(**options)
            self._folder = Path(folder)

        def info(self, path, **_):
            size = (self._folder / self._strip_protocol(path)).stat().st_size
            return {"name": path, "size": size, "type": "file"}

        def ukey(self, path):
            return path  # as that of HTTP, which doesn't look

        def cat_file(self, path, start=None, end=None, **_):
            asked.append((start, end))
            return (self._folder / self._strip_protocol(path)).read_bytes()[start:end]

        def _open(self, path, mode="rb", **options):
            class File(fsspec.spec.AbstractBufferedFile):
                def _fetch_range(self, start, end):
                    return self.fs.cat_file(self.path, start, end)

            return File(self, path, mode, **options)

    fsspec.register_implementation("noting", Noting, clobber=True)
    picture = np.random.default_rng(9).integers(0, 256, (300, 400), np.uint8)
    kmq.save(tmp_path / "x.kmq", picture, tile=64, coding="packed")
    first = (tmp_path / "x.kmq").stat().st_size - picture.size
    array = kmq_dask.from_kmq("noting://x.kmq", storage_options={"folder": str(tmp_path)})
    assert (array.shape, array.chunks[0]) == ((300, 400), (64, 64, 64, 64, 44))
    assert np.array_equal(array.compute(scheduler="synchronous"), picture)
    asked.clear()
    assert np.array_equal(array[260:, 128:192].compute(scheduler="synchronous"), picture[260:, 128:192])
    last_row = first + 256 * 400
    assert asked == [(0, 65_536), (last_row + 44 * 128, last_row + 44 * 192)]
    # Neither a file of this name and size elsewhere nor a later one is taken for it.
    (tmp_path / "other").mkdir()
    kmq.save(tmp_path / "other" / "x.kmq", picture, tile=64, coding="packed")
    other = kmq_dask.from_kmq("noting://x.kmq", storage_options={"folder": str(tmp_path / "other")})
    kmq.save(tmp_path / "other" / "x.kmq", 255 - picture, tile=64, coding="packed")
    later = kmq_dask.from_kmq("noting://x.kmq", storage_options={"folder": str(tmp_path / "other")})
    assert len({array.name, other.name, later.name}) == 3
    both = da.stack([array, later]).compute(scheduler="synchronous")
    assert np.array_equal(both, [picture, 255 - picture])


def test_options_of_no_url_and_unknown_protocols_are_named():
    with pytest.raises(ValueError, match="storage_options are for a URL, with '://'; path is 'x.kmq'"):
        kmq_dask.from_kmq("x.kmq", storage_options={})
    with pytest.raises(ValueError, match="nowhere"):
        kmq_dask.from_kmq("nowhere://x.kmq")
    with pytest.raises(FileNotFoundError):
        kmq_dask.from_kmq("memory://missing.kmq")


def test_without_fsspec_a_url_is_a_plain_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError, match="opening 's3://one.kmq' takes fsspec: pip install fsspec"):
        kmq_dask.from_kmq("s3://one.kmq")


def test_files_of_fsspec_are_written_when_they_are_whole():
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    expected = kmq.encode(PICTURE, 16, tile=64)
    with store.open("/scans/one.kmq", "wb") as file:
        kmq.encode_tiles(PICTURE, file, 16, tile=64)
    with store.open("/scans/two.kmq", "wb") as file:
        kmq_dask.encode(da.from_array(PICTURE, chunks=(64, 64, 3)), file, 16, tile=64)
    assert store.cat("/scans/one.kmq") == store.cat("/scans/two.kmq") == expected
    lazy = kmq_dask.from_kmq("memory://scans/one.kmq")
    pixels = lazy.compute(scheduler="synchronous")
    assert np.array_equal(pixels, kmq.decode(expected))
    with store.open("/scans/one.kmq", "wb") as file:
        kmq.save(file, 255 - PICTURE, 16, tile=64)
    assert kmq_dask.from_kmq("memory://scans/one.kmq").name != lazy.name
    store.rm("/scans", recursive=True)
