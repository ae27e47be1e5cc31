"""Disks that are full or may not be written to."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import kmq
from commands import BUFFERED, KMQ, UNBUFFERED, check, files_below, filled
from samples import PICTURE
from systems import BOUND_BY_PERMISSIONS, OWN_MOUNTS, WITHOUT_PROC

pytestmark = pytest.mark.posix
SLOW = pytest.mark.slow


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    kmq.save("picture.kmq", PICTURE)
    return folder


# Disks that are full or can't be written to.

FULL = "mount -t tmpfs -o size=64k none disk && cp -a before/. disk/"
READ_ONLY = "mount -t tmpfs none disk && cp -a before/. disk/ && mount -o remount,ro disk"

ENCODE = ("encode", "../noise.png", "--coding=packed", "-o", "x.kmq")
DECODE = ("decode", "../noise.kmq", "-o", "x.png")
SAVE = "import kmq, sys; from PIL import Image; kmq.save(sys.argv[1], Image.open('../noise.png'))"


def run_on(mounts, folder, before, *command, env=None):
    """Run a command on a disk of its own that holds `before`; return how it went and what is there then."""
    filled(folder / "before", before)
    for name in ("disk", "after"):
        (folder / name).mkdir()
    script = f'{mounts} || exit 99; cd disk; "$@"; code=$?; cp -a . ../after; exit $code'
    arguments = [*OWN_MOUNTS, "sh", "-c", script, "sh", *command]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, check=False, env=env)
    assert done.returncode != 99, done.stderr
    return done, files_below(folder / "after")


@pytest.mark.mounts
@pytest.mark.parametrize(
    ("mounts", "problem", "command", "before"),
    [
        (FULL, "No space left on device", ENCODE, {"x.kmq": b"old"}),
        (FULL, "No space left on device", DECODE, {}),
        (f"{FULL} && {WITHOUT_PROC}", "No space left on device", ENCODE, {}),
        pytest.param(FULL, "No space left on device", ENCODE, {}, marks=SLOW),
        pytest.param(FULL, "No space left on device", DECODE, {"x.png": b"old"}, marks=SLOW),
        pytest.param(
            f"{FULL} && {WITHOUT_PROC}", "No space left on device", DECODE, {"x.png": b"old"}, marks=SLOW
        ),
        pytest.param(READ_ONLY, "Read-only file system", ENCODE, {"x.kmq": b"old"}, marks=SLOW),
        (READ_ONLY, "Read-only file system", DECODE, {}),
    ],
)
def test_a_disk_that_takes_no_more_stays_as_it_was(noise, mounts, problem, command, before):
    force = ["--force"] if before else []
    done, after = run_on(mounts, noise, before, *KMQ, *command, *force)
    assert done.returncode == 1
    assert (done.stdout, done.stderr.decode()) == (b"", f"kmq: {command[-1]}: {problem}\n")
    assert after == before


@pytest.mark.mounts
def test_on_a_full_disk_a_batch_names_what_it_could_not_write(folder, noise):
    command = ("encode", "../noise.png", "../picture.png", "--coding=packed", "--no-skip-if-larger")
    done, after = run_on(FULL, noise, {}, *KMQ, *command, "-o", ".")
    assert done.returncode == 1
    assert "kmq: ../noise.png: noise.kmq: No space left on device\n" in done.stderr.decode()
    assert sorted(after) == ["picture.kmq"]


@pytest.mark.mounts
def test_save_on_a_full_disk_raises_and_leaves_what_was_there(noise):
    done, after = run_on(FULL, noise, {"x.kmq": b"old"}, sys.executable, "-c", SAVE, "x.kmq")
    assert done.stderr.splitlines()[-1].startswith(b"OSError: [Errno 28] No space left on device")
    assert after == {"x.kmq": b"old"}


@pytest.mark.mounts
@pytest.mark.parametrize(
    ("command", "environment"), [(ENCODE, UNBUFFERED), (DECODE, BUFFERED)], ids=["unbuffered", "buffered"]
)
def test_standard_output_to_a_full_disk_is_one_line(noise, command, environment):
    words = [*KMQ, *command[:-1], "-"]
    done, _ = run_on(FULL, noise, {}, "sh", "-c", 'exec "$@" > x', "sh", *words, env=environment)
    assert (done.returncode, done.stderr) == (1, b"kmq: standard output: No space left on device\n")


@pytest.mark.permissions
@pytest.mark.parametrize(
    ("command", "before"),
    [
        (["encode", "picture.png", "-o", "locked/x.kmq"], {}),
        (["decode", "picture.kmq", "-fo", "locked/x.png"], {"x.png": b"old"}),
    ],
)
def test_a_folder_that_may_not_be_written_to_stays_as_it_was(folder, command, before):
    locked = filled(folder / "locked", before)
    locked.chmod(0o555)
    done = subprocess.run([*BOUND_BY_PERMISSIONS, *KMQ, *command], capture_output=True, check=False)
    locked.chmod(0o755)
    assert done.returncode == 1
    assert (done.stdout, done.stderr.decode()) == (b"", f"kmq: {command[-1]}: Permission denied\n")
    assert files_below(locked) == before


@pytest.mark.dev_full
def test_a_full_device_is_one_line(forked, folder):
    for command in ("encode picture.png -o /dev/full", "decode picture.kmq -fo /dev/full"):
        check(forked, folder, command, 1, "kmq: /dev/full: No space left on device\n")
    with pytest.raises(OSError, match="No space"):
        kmq.save("/dev/full", PICTURE)
    kmq.save("/dev/null", PICTURE)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)  # not replaced


def test_a_file_larger_than_allowed_leaves_what_was_there(folder):
    program = (
        "import resource, signal, sys; from kmq._ground.whole_files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_atomically(sys.argv[1], bytes(2000))"
    )
    before = files_below(folder)
    done = subprocess.run([sys.executable, "-c", program, "picture.kmq"], capture_output=True, check=False)
    assert b"File too large" in done.stderr
    assert files_below(folder) == before
