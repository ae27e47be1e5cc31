"""Pipes and files that end early, have no end, are closed or change. Killed writers: test_signals.py."""

import contextlib
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import BUFFERED, KMQ, UNBUFFERED, check, files_below
from kmq._file.opening import read_kmq
from kmq._ground.reading import BYTES_BESIDE, STEP, read_bounded
from samples import PICTURE, png

pytestmark = pytest.mark.posix


def pixels(data):
    """Return the pixels of a picture in any format that Pillow reads."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    kmq.save("picture.kmq", PICTURE)
    return folder


# Pipes that end early, on either side.


def many(forked, folder, arguments, inputs):
    """Run a command once for each of the inputs, which it reads from a pipe; return what became of each."""
    common = {"arguments": arguments, "folder": str(folder)}
    return forked(*(common | {"stdin": data.decode("latin-1")} for data in inputs))


@pytest.mark.parametrize(
    ("command", "coding"),
    [
        ("decode", "packed"),
        ("decode", "zstd"),
        ("decode", "context"),
        ("decode", "adaptive"),
        ("info", "context"),
    ],
)
def test_of_a_pipe_that_ends_early_there_is_one_line(forked, tmp_path, command, coding):
    data = kmq.encode(PICTURE[:4, :5], coding=coding, tile=16)
    cuts = [data[:size] for size in range(0, len(data), 1 + len(data) // 20)]
    for end in many(forked, tmp_path, [command, "-"], cuts):
        assert (end["code"], end["out"]) == (1, "")
        assert end["err"].startswith("kmq: standard input: ")
        assert end["err"].count("\n") == 1
    (end,) = many(forked, tmp_path, [command, "-"], [data])
    assert (end["code"], end["err"]) == (0, "")


def test_of_a_picture_that_ends_early_there_is_one_line(forked, tmp_path):
    data = png(PICTURE[:4, :5])
    cuts = [data[:size] for size in range(0, len(data), 4)]
    codes = set()
    for end in many(forked, tmp_path, ["encode", "-", "--coding=packed"], cuts):
        codes.add(end["code"])
        if end["code"] == 0:  # the checksums that a PNG ends with are no part of the picture
            assert np.array_equal(kmq.decode(end["out"].encode("latin-1")), PICTURE[:4, :5])
        else:
            assert (end["code"], end["out"], end["err"].count("\n")) == (1, "", 1)
            assert end["err"].startswith("kmq: standard input: ")
    assert 1 in codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", "picture.png", "-o", "-"],
        ["info", "picture.kmq"],
        ["--help"],
    ],
)
def test_a_reader_that_has_gone_is_no_failure_to_report(folder, arguments):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*KMQ, *arguments], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("command", "environment"),
    [("encode noise.png --coding=packed", BUFFERED), ("decode noise.kmq", UNBUFFERED)],
    ids=["buffered", "unbuffered"],
)
def test_a_reader_that_goes_in_the_middle_is_no_failure_to_report(noise, command, environment):
    line = f"{sys.executable} -m kmq_cli {command} -o - | head -c 10 > part; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=noise, capture_output=True, check=False, env=environment)  # noqa: S607
    assert (done.returncode, done.stderr) == (1, b"")
    assert (noise / "part").stat().st_size == 10


def shell(arguments, redirections, **options):
    line = f"{sys.executable} -m kmq_cli {arguments} {redirections}"
    return subprocess.run(["bash", "-c", line], capture_output=True, check=False, **options)  # noqa: S607


@pytest.mark.parametrize(("command", "before"), [("encode", b""), ("decode", b"KMQ\1")])
def test_an_input_that_does_not_wait_is_one_line(folder, command, before):
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.write(write, before)
    done = subprocess.run([*KMQ, command, "-"], stdin=read, capture_output=True, check=False)
    os.close(read)
    os.close(write)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"kmq: standard input: has no more bytes yet, and doesn't wait for them\n"


@pytest.mark.dev_full
@pytest.mark.parametrize(
    "arguments",
    ["encode picture.png -o -", "decode picture.kmq -o -", "info picture.kmq", "--help"],
)
def test_a_full_standard_output_is_one_line(folder, arguments):
    done = shell(arguments, ">/dev/full")
    assert (done.returncode, done.stderr) == (1, b"kmq: standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("arguments", "closed", "code", "said"),
    [
        ("encode - -o x.kmq", "<&-", 1, b"kmq: standard input: it is closed\n"),
        ("info -", "<&-", 1, b"kmq: standard input: it is closed\n"),
        ("decode picture.kmq -o -", ">&-", 1, b"kmq: standard output: is closed\n"),
        ("info picture.kmq", ">&-", 1, b"kmq: standard output: is closed\n"),
        ("--help", ">&-", 0, b""),
        ("encode picture.png -o x.kmq", "<&- >&- 2>&-", 0, b""),
        ("decode picture.kmq -o x.png", "<&- >&- 2>&-", 0, b""),
    ],
)
def test_a_stream_that_is_closed_is_one_line_where_it_is_needed(folder, arguments, closed, code, said):
    before = files_below(folder)
    done = shell(arguments, closed)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", said)
    after = files_below(folder)
    assert before.items() <= after.items()
    if code == 0 and "-o" in arguments:
        (name,) = after.keys() - before.keys()
        assert np.array_equal(pixels(after[name]) if name == "x.png" else kmq.decode(after[name]), PICTURE)
    else:
        assert after == before


def test_with_standard_error_closed_nothing_is_said_elsewhere(folder):
    frames = [Image.new("L", (4, 4), shade) for shade in (1, 2)]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])  # of which a note would tell
    done = shell("encode two.gif -o - --json", "2>&-")
    assert done.returncode == 0
    assert (kmq.decode(done.stdout) == 1).all()
    done = shell("info two.gif", "2>&-")
    assert (done.returncode, done.stdout) == (1, b"")


# Files that are none, have no end, or change.

BOUNDED = "ulimit -v 2000000; export OPENBLAS_NUM_THREADS=1; exec"
"""Before a command: it gets 2 GB and no more, lest one that takes all it can get takes all there is."""

NOT_KMQ = "Magic at offset 0 is 00 00 00, not 4B 4D 51: this is not a .kmq file (spec M3)"
TOO_LONG = "the file has more than 67,116,864 bytes, too many for the 1,000 pixels that max_pixels allows"


def bounded(*words, stdin="/dev/null"):
    """Run Python, with these arguments, in bounded memory; return its exit code and what it said."""
    script = f'{BOUNDED} {sys.executable} "$@" < {stdin}'
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, check=False)  # noqa: S607
    return done.returncode, done.stderr.decode()


@pytest.mark.dev_full  # the system that has it has /dev/zero
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["decode", "/dev/zero", "-o", "x.png"], NOT_KMQ),
        (["decode", "-", "-o", "x.png"], NOT_KMQ),
        (["info", "-"], NOT_KMQ),
        (
            ["encode", "/dev/zero", "--max-pixels=1000", "-o", "x.kmq"],
            f"{TOO_LONG}; --max-pixels can allow more",
        ),
    ],
)
def test_an_endless_input_is_refused(folder, arguments, problem):
    before = files_below(folder)
    name = "standard input" if arguments[1] == "-" else arguments[1]
    assert bounded("-m", "kmq_cli", *arguments, stdin="/dev/zero") == (1, f"kmq: {name}: {problem}\n")
    assert files_below(folder) == before


@pytest.mark.dev_full
def test_open_refuses_what_has_no_end(folder):
    code, said = bounded("-c", "import kmq; kmq.open('/dev/zero')")
    assert (code, said.splitlines()[-1]) == (1, f"kmq._ground.errors.FormatError: {NOT_KMQ}")


@pytest.mark.dev_full
@pytest.mark.parametrize("coding", ["packed", "context"])
def test_a_file_with_an_endless_tail_is_refused(folder, coding):
    kmq.save("x.kmq", PICTURE, coding=coding)
    size = (folder / "x.kmq").stat().st_size
    endless = "<(cat x.kmq /dev/zero)"
    code, said = bounded("-m", "kmq_cli", "info", "-", "--max-pixels", "1000", stdin=endless)
    assert code == 1
    if coding == "packed":  # its size is in its header
        ending = f"the file has {STEP} bytes; it must end at offset {size}, after the tiles (spec M2)"
        assert said == f"kmq: standard input: {ending}\n"
    else:
        assert said == f"kmq: standard input: {TOO_LONG}; --max-pixels can allow more\n"


@pytest.mark.parametrize("read", [read_bounded, read_kmq])
@pytest.mark.parametrize("more", [-1, 0, 1, STEP])
def test_what_is_read_in_steps_is_all_there(read, more):
    noise = np.random.default_rng(2).integers(0, 256, (1 << 10, 1 << 11), np.uint8)
    rows = (STEP + more) // noise.shape[1] + 1
    data = kmq.encode(noise[:rows], coding="packed")
    data = data[: STEP + more] if read is read_bounded else data
    assert read(io.BytesIO(data), 1) == data


@pytest.mark.both_ways
def test_a_stream_is_read_no_further_than_it_may_be():
    stream = io.BytesIO(bytes(BYTES_BESIDE + 4 * STEP))
    with pytest.raises(kmq.LimitError, match=rf"more than {BYTES_BESIDE + 80:,} bytes, .* 10 pixels"):
        read_bounded(stream, 10)
    assert stream.tell() <= BYTES_BESIDE + 2 * STEP
    stream.seek(0)
    with pytest.raises(kmq.FormatError, match="Magic"):
        read_kmq(stream, None)
    assert stream.tell() == STEP
    stream.seek(0)
    assert read_bounded(stream, None) == stream.getvalue()


@pytest.mark.both_ways
@pytest.mark.posix
def test_a_pipe_that_does_not_wait_is_an_error():
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    doubted = pytest.raises(BlockingIOError, match="doesn't wait")
    with open(reads, "rb", buffering=0) as pipe, open(writes, "wb"), doubted:
        read_bounded(pipe, None)


def test_a_long_pipe_is_read_whole(folder):
    noise = np.random.default_rng(2).integers(0, 256, (1200, 1000), np.uint8)
    kmq.save("x.kmq", noise, coding="packed")
    os.mkfifo("pipe")
    with feeding("pipe", (folder / "x.kmq").read_bytes()), kmq.open("pipe") as file:
        assert np.array_equal(file.pixels(), noise)


@contextlib.contextmanager
def feeding(pipe, data):
    """Write the data to a named pipe meanwhile."""
    writer = threading.Thread(target=Path(pipe).write_bytes, args=[data], daemon=True)
    writer.start()
    yield
    writer.join()


def test_a_named_pipe_is_as_good_as_a_file(forked, folder):
    os.mkfifo("pipe")
    with feeding("pipe", (folder / "picture.png").read_bytes()):
        check(forked, folder, "encode pipe -qo x.kmq", 0, "")
    data = (folder / "x.kmq").read_bytes()
    assert data == kmq.encode(PICTURE)
    with feeding("pipe", data):
        check(forked, folder, "decode pipe -o x.png", 0, "")
    assert np.array_equal(pixels((folder / "x.png").read_bytes()), PICTURE)
    told = check(forked, folder, "info x.kmq", 0, "")
    with feeding("pipe", data):
        assert check(forked, folder, "info pipe", 0, "") == told
    with feeding("pipe", data), kmq.open("pipe") as file:
        assert np.array_equal(file.pixels(), PICTURE)


@pytest.mark.parametrize("force", ["", "--force"])
@pytest.mark.parametrize(
    ("command", "decoded"), [("encode picture.png -q", kmq.decode), ("decode picture.kmq", pixels)]
)
def test_a_named_pipe_is_written_to_and_stays(forked, folder, command, decoded, force):
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:  # noqa: S607
        check(forked, folder, f"{command} -o pipe {force}", 0, "")
        assert np.array_equal(decoded(reader.stdout.read()), PICTURE)
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


def test_a_named_pipe_whose_reader_goes_is_one_line(forked, noise):
    os.mkfifo(noise / "pipe")
    with subprocess.Popen(["head", "-c", "1", noise / "pipe"], stdout=subprocess.DEVNULL):  # noqa: S607
        check(forked, noise, "decode noise.kmq -o pipe", 1, "kmq: pipe: Broken pipe\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("encode folder", "kmq: folder: Is a directory; --recursive takes the files in it"),
        ("decode folder", "kmq: folder: Is a directory; --recursive takes the files in it"),
        ("info folder", "kmq: folder: Is a directory"),
        ("info picture.kmq --original folder", "kmq: folder: Is a directory"),
        ("encode - -fo folder", "kmq: folder: is a folder; name a file with -o"),
        ("encode loop -o x.kmq", "kmq: loop: Too many levels of symbolic links"),
        ("decode loop -o x.png", "kmq: loop: Too many levels of symbolic links"),
        ("info loop", "kmq: loop: Too many levels of symbolic links"),
        ("encode picture.png -o loop", "kmq: loop: Too many levels of symbolic links"),
        ("encode picture.png -fo loop", "kmq: loop: Too many levels of symbolic links"),
        ("decode picture.kmq -fo loop.png", "kmq: loop.png: Too many levels of symbolic links"),
        ("encode picture.png -o loop/x.kmq", "kmq: loop: no such folder"),
        ("encode dangling -o x.kmq", "kmq: dangling: No such file or directory"),
        ("decode dangling -o x.png", "kmq: dangling: No such file or directory"),
        ("info dangling", "kmq: dangling: No such file or directory"),
        ("encode picture.png -o lost", "kmq: lost: No such file or directory"),
    ],
)
def test_what_is_no_file_is_one_line_and_stays(forked, folder, arguments, problem):
    for name, target in (
        ("loop", "loop"),
        ("loop.png", "loop.png"),
        ("dangling", "none"),
        ("lost", "no/where"),
    ):
        Path(name).symlink_to(target)
    for name in ("folder", "folder.png"):
        Path(name).mkdir()
    before = sorted(os.listdir())
    assert not check(forked, folder, arguments, 1, f"{problem}\n")
    assert sorted(os.listdir()) == before
    assert all(Path(name).is_symlink() for name in ("loop", "loop.png", "dangling", "lost"))


@pytest.mark.parametrize("force", ["", "--force"])
def test_a_link_to_nothing_gets_its_target(forked, folder, force):
    Path("link.kmq").symlink_to("target")
    check(forked, folder, f"encode picture.png -qo link.kmq {force}", 0, "")
    assert Path("link.kmq").is_symlink()
    assert Path("target").read_bytes() == kmq.encode(PICTURE)


def test_a_file_that_is_replaced_while_it_is_open_is_read_as_it_was(folder):
    with kmq.open("picture.kmq") as file:
        kmq.save("picture.kmq", PICTURE[::-1, :9])
        assert np.array_equal(file.pixels(), PICTURE)
        Path("picture.kmq").unlink()
        assert np.array_equal(file.read(3, 4, 5, 6), PICTURE[4:10, 3:8])


def test_of_a_file_that_is_shortened_while_it_is_open_the_text_of_open_warns(noise):
    program = (
        "import kmq, os, sys\nwith kmq.open(sys.argv[1]) as file:\n"
        " os.truncate(sys.argv[1], 100)\n print(file.width, flush=True)\n file.pixels()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, noise / "noise.kmq"], capture_output=True, check=False
    )
    assert done.stdout == b"300\n"
    assert done.returncode == -signal.SIGBUS
    assert "SIGBUS" in kmq.open.__doc__
