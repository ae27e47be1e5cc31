"""The other programs that `kmq compare` runs: what they write, and what they do wrong."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from commands import run
from compared import PHOTO, compared, only, peer
from kmq_cli.compare.quality import quality


@pytest.fixture
def program(folder):
    """Return a function that puts a program of Python in place: `arguments` are its own, without its name."""

    def make(name, script):
        path = folder / "programs" / name
        head = f"#!{sys.executable}\nimport os, sys\narguments = sys.argv[1:]\n"
        version = (
            f"if arguments in (['--version'], ['-version']):\n    sys.exit(print('{name} 1.2.3 of a test'))\n"
        )
        path.write_text(head + version + textwrap.dedent(script))
        path.chmod(0o755)

    return make


COPY = """
    from shutil import copyfile
    source = next(word for word in arguments if word.endswith('in.png'))
    target = next(word for word in arguments if '/out.' in word)
    copyfile(source, target)
"""


@pytest.mark.posix
def test_what_a_program_writes_counts_with_its_version(folder, program):
    program("oxipng", COPY)
    program("pngquant", COPY)
    told = compared("photo.png", "-k7", path=folder / "programs", TMPDIR=str(folder / "temporary"))
    assert told["not_found"] == ["cwebp", "cjxl", "djxl"]
    assert {"oxipng": "1.2.3", "pngquant": "1.2.3"}.items() <= {
        codec["codec"]: codec["version"] for codec in told["codecs"]
    }.items()
    row = told["pictures"][0]["rows"][0]
    assert (peer(row, "oxipng")["mse"], peer(row, "oxipng")["problem"]) == (row["mse"], None)
    assert (peer(row, "pngquant")["mse"], peer(row, "pngquant")["ssim"]) == (0, pytest.approx(1))
    assert os.listdir("temporary") == []


@pytest.mark.posix
@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("print('\\x1b[31mno such\\noption'); sys.exit(3)", "exit code 3: \x1b[31mno such option"),
        ("os.kill(os.getpid(), 9)", "signal 9"),
        ("pass", "it wrote no file"),
        (COPY + "    open(target, 'wb').write(b'no picture')", "cannot identify image file"),
        (COPY + "    open(target, 'r+b').truncate(200)", "truncated"),
        (
            COPY + "    from PIL import Image; Image.new('RGB', (3, 2)).save(target)",
            "its output is 3 x 2 pixels",
        ),
        (
            COPY + "    from PIL import Image; Image.new('RGB', (80, 60)).save(target)",
            "its output differs from",
        ),
    ],
)
def test_what_a_program_does_wrong_is_told_and_does_not_count(folder, program, script, problem):
    program("oxipng", script)
    told = compared("photo.png", "-k7", path=folder / "programs", TMPDIR=str(folder / "temporary"))
    found = peer(told["pictures"][0]["rows"][0], "oxipng")
    assert problem in found["problem"]
    assert (found["bytes"], found["mse"]) == (None, None)
    assert os.listdir("temporary") == []


@pytest.mark.posix
def test_problems_are_shown_without_what_steers_a_terminal(folder, program):
    program("oxipng", "print('\\x1b[31mno'); sys.exit(3)")
    done = run("compare", "photo.png", "-k7", check=0, env=only(folder / "programs"))
    assert "not measured   oxipng at k = 7: exit code 3: \\x1b[31mno" in done.stdout.decode().splitlines()


@pytest.mark.posix
def test_a_program_that_is_no_program_is_told(folder):
    (folder / "programs" / "oxipng").write_bytes(b"\x7fELF and no more")
    (folder / "programs" / "oxipng").chmod(0o755)
    told = compared("photo.png", "-k7", path=folder / "programs")
    assert "can't be run: Exec format error" in peer(told["pictures"][0]["rows"][0], "oxipng")["problem"]
    assert {"codec": "oxipng", "version": None}.items() <= told["codecs"][-1].items()


WAITS = """
    import subprocess
    child = subprocess.Popen([sys.executable, '-c', 'open("FIFO").read()'])
    open('FIFO').read()
"""


def has_no_readers(fifo):
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    return True


@pytest.mark.posix
def test_a_program_that_takes_too_long_is_stopped_with_what_it_started(folder, program):
    os.mkfifo("fifo")
    program("oxipng", WAITS.replace("FIFO", str(folder / "fifo")))
    told = compared(
        "photo.png", "-k7", "--time-limit=1.5", path=folder / "programs", TMPDIR=str(folder / "temporary")
    )
    assert peer(told["pictures"][0]["rows"][0], "oxipng")["problem"] == "took more than 1.5 s"
    assert has_no_readers("fifo")
    assert os.listdir("temporary") == []


@pytest.mark.posix
def test_an_interrupt_stops_the_program_and_leaves_nothing(folder, program):
    os.mkfifo("fifo")
    program("oxipng", WAITS.replace("FIFO", str(folder / "fifo")))
    before = sorted(os.listdir())
    process = subprocess.Popen(
        [sys.executable, "-m", "kmq_cli", "compare", "photo.png", "--html", "page.html"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=only(folder / "programs", TMPDIR=str(folder / "temporary")),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    writer = os.open("fifo", os.O_WRONLY)  # returns when the program waits
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 130
    assert (printed, said) == (b"", b"kmq: photo.png: interrupted\n")
    assert has_no_readers("fifo")
    assert sorted(os.listdir()) == before
    assert os.listdir("temporary") == []


@pytest.mark.peers
def test_the_real_programs_are_run_and_their_output_counts(folder):
    told = compared("photo.png", "-k5", path=os.environ["PATH"], TMPDIR=str(folder / "temporary"))
    row = told["pictures"][0]["rows"][0]
    for name in ("cwebp", "cjxl"):
        assert peer(row, name)["problem"] is None
        assert peer(row, name)["mse"] == row["mse"]
        assert 0 < peer(row, name)["bytes"] < row["packed_bytes"] * 2
    assert {one["codec"] for one in told["pictures"][0]["lossless"]} >= {"PNG-24", "WebP", "cwebp", "cjxl"}
    assert all(one["problem"] is None for one in told["pictures"][0]["lossless"])
    with Image.open("photo.png") as image:
        image.save("in.png")
    command = [shutil.which("pngquant"), "--speed", "1", "--nofs", "--output", "out.png", "5", "--", "in.png"]
    subprocess.run(command, check=True)
    with Image.open("out.png") as image:
        measured = quality(PHOTO, np.asarray(image.convert("RGB")))
    quantised = peer(row, "pngquant")
    assert (quantised["mse"], quantised["ssim"]) == (measured.squared_error, measured.ssim)
    assert os.listdir("temporary") == []
