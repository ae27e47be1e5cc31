"""`kmq compare` as a user runs it: real processes, and programs beside it that misbehave."""

import csv
import errno
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image
from test_palette_command import read_terminal

import kmq
from commands import run
from kmq_cli.compare.quality import quality

PHOTO = load_sample_image("china.jpg")[100:160, 200:280]
PROGRAMS = ("oxipng", "cwebp", "cjxl", "pngquant")


def only(path="", **more):
    """Return an environment that has only the programs of the folder `path`."""
    # joblib, which scikit-learn imports, would otherwise run a program to count the cores.
    return os.environ | {"PATH": str(path), "LOKY_MAX_CPU_COUNT": "1"} | more


def compared(*arguments, path="", **environment):
    """Run `kmq compare --json` with only the programs of the folder `path`; return what it told."""
    done = run("compare", *arguments, "--json", check=0, env=only(path, **environment))
    assert done.stderr == b""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return what is told of a photograph, without other programs."""
    folder = tmp_path_factory.mktemp("compare")
    Image.fromarray(PHOTO).save(folder / "photo.png")
    return compared(folder / "photo.png", "-k", "16,3,300,3")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    (tmp_path / "programs").mkdir()
    (tmp_path / "temporary").mkdir()
    return tmp_path


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


def peer(row, codec):
    (found,) = (one for one in row["peers"] if one["codec"] == codec)
    return found


def test_the_rows_are_what_encode_and_inspect_give(told):
    (picture,) = told["pictures"]
    assert (picture["width"], picture["height"], picture["channels"]) == (80, 60, 3)
    assert [row["k"] for row in picture["rows"]] == [3, 16, 300]
    for row in picture["rows"]:
        packed, context = (kmq.encode(PHOTO, row["k"], coding=coding) for coding in ("packed", "context"))
        ledger = kmq.inspect(context, PHOTO)
        assert (row["packed_bytes"], row["context_bytes"]) == (len(packed), len(context))
        assert row["bits_per_pixel"] == ledger.bits_per_pixel
        assert (row["mse"], row["psnr"]) == (ledger.squared_error, ledger.psnr)
        assert row["ssim"] == quality(PHOTO, kmq.decode(context)).ssim
        for part in ("header_bytes", "palette_bytes", "index_bytes", "checksum_bytes", "metadata_bytes"):
            assert row[part] == getattr(ledger, part)
        assert row["encode_seconds"] > 0
        assert row["decode_seconds"] > 0


def test_the_jpeg_is_the_one_of_the_nearest_size(told):
    jpegs = []
    for level in range(1, 101):
        out = io.BytesIO()
        Image.fromarray(PHOTO).save(out, "JPEG", quality=level, optimize=True)
        jpegs.append(out.getvalue())
    for row in told["pictures"][0]["rows"]:
        jpeg = peer(row, "JPEG")
        nearest = min(abs(len(data) - row["context_bytes"]) for data in jpegs)
        assert abs(jpeg["bytes"] - row["context_bytes"]) == nearest
        data = jpegs[int(jpeg["settings"].removeprefix("quality ")) - 1]
        assert jpeg["bytes"] == len(data)
        with Image.open(io.BytesIO(data)) as image:
            measured = quality(PHOTO, np.asarray(image))
        assert (jpeg["mse"], jpeg["psnr"], jpeg["ssim"]) == (
            measured.squared_error, measured.psnr, measured.ssim
        )  # fmt: skip


def test_png_8_is_of_the_same_indices_and_only_up_to_256(told):
    rows = told["pictures"][0]["rows"]
    assert [any(one["codec"] == "PNG-8" for one in row["peers"]) for row in rows] == [True, True, False]
    for row in rows[:2]:
        with kmq.KmqFile(kmq.encode(PHOTO, row["k"], coding="context")) as file:
            image = Image.fromarray(file.indices().indices)
            image.putpalette(file.palette.entries.tobytes())
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True)
        png = peer(row, "PNG-8")
        assert png["bytes"] == len(out.getvalue())
        assert (png["mse"], png["ssim"]) == (row["mse"], row["ssim"])


def test_the_whole_picture_is_stored_without_loss(told):
    sizes = {one["codec"]: one["bytes"] for one in told["pictures"][0]["lossless"]}
    for codec, kind, options in (
        ("PNG-24", "PNG", {"optimize": True}),
        ("WebP", "WEBP", {"lossless": True, "exact": True, "quality": 100, "method": 4}),
    ):
        out = io.BytesIO()
        Image.fromarray(PHOTO).save(out, kind, **options)
        assert sizes.pop(codec) == len(out.getvalue())
    assert not sizes


def test_programs_that_are_not_there_are_listed(folder, told):
    assert told["not_found"] == ["oxipng", "cwebp", "cjxl", "djxl", "pngquant"]
    assert [codec["codec"] for codec in told["codecs"]] == ["PNG-24", "PNG-8", "WebP", "JPEG"]
    done = run("compare", "photo.png", "-k3", check=0, env=only())
    assert done.stdout.decode().splitlines()[-1] == "not found      oxipng, cwebp, cjxl, djxl, pngquant"


def test_the_table_has_every_row(folder, told):
    shown = run("compare", "photo.png", "-k3,16,300", check=0, env=only()).stdout.decode()
    lines = [line.split() for line in shown.splitlines()]
    assert shown.startswith("photo.png  80 x 60 pixels, RGB, ")
    for row in told["pictures"][0]["rows"]:
        own, same, lossy = (line for line in lines if line and line[0] == str(row["k"]))
        sizes = [f"{row['packed_bytes']:,}", f"{row['context_bytes']:,}"]
        found = [f"{row['mse']:,.2f}", f"{row['psnr']:.2f}", f"{row['ssim']:.4f}"]
        assert own[1:7] == [*sizes, f"{row['bits_per_pixel']:.3f}", *found]
        png = f"{peer(row, 'PNG-8')['bytes']:,}" if row["k"] <= 256 else "-"
        assert same[1:] == [sizes[1], png]
        jpeg = peer(row, "JPEG")
        assert lossy[1:] == [
            sizes[1], *found[1:], jpeg["settings"].split()[1], f"{jpeg['bytes']:,}", f"{jpeg['psnr']:.2f}",
            f"{jpeg['ssim']:.4f}",
        ]  # fmt: skip


def test_csv_has_a_line_for_each_codec_and_number_of_colours(folder, told):
    shutil.copy("photo.png", 'a "photo", with commas.png')
    done = run(
        "compare", "photo.png", 'a "photo", with commas.png', "-k16,3,300", "--csv",
        check=0, env=only(),
    )  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    (picture,) = told["pictures"]
    expected = [("", one["codec"], one["bytes"]) for one in picture["lossless"]]
    for row in picture["rows"]:
        k = str(row["k"])
        expected += [(k, "kmq packed", row["packed_bytes"]), (k, "kmq context", row["context_bytes"])]
        expected += [(k, one["codec"], one["bytes"]) for one in row["peers"]]
    for name in ("photo.png", 'a "photo", with commas.png'):
        found = [line for line in lines if line["picture"] == name]
        assert [(line["k"], line["codec"], int(line["bytes"])) for line in found] == expected
        own = [line for line in found if line["codec"] == "kmq context"]
        assert [float(line["ssim"]) for line in own] == [row["ssim"] for row in picture["rows"]]
    assert {line["picture"] for line in lines} == {"photo.png", 'a "photo", with commas.png'}


@pytest.mark.parametrize("kind", ["grey", "alpha", "tiny", "few", "indexed"])
def test_every_kind_of_picture_is_compared(folder, kind):
    picture = {
        "grey": Image.fromarray(PHOTO).convert("L"),
        "alpha": Image.merge(
            "RGBA", [*Image.fromarray(PHOTO).split(), Image.linear_gradient("L").resize((80, 60))]
        ),
        "tiny": Image.fromarray(PHOTO[:5, :4]),
        "few": Image.fromarray(PHOTO // 128 * 100),
        "indexed": Image.fromarray(PHOTO).quantize(40),
    }[kind]
    picture.save("x.png")
    (told,) = compared("x.png", "-k4,64")["pictures"]
    assert told["channels"] == {"grey": 1, "alpha": 4}.get(kind, 3)
    assert all(one["problem"] is None for one in told["lossless"])
    for row in told["rows"]:
        data = kmq.encode(Image.open("x.png"), row["k"], coding="context")
        ledger = kmq.inspect(data, Image.open("x.png"))
        assert (row["context_bytes"], row["entries"], row["mse"]) == (
            len(data),
            ledger.k,
            ledger.squared_error,
        )
        assert row["psnr"] == (ledger.psnr if math.isfinite(ledger.psnr) else None)
        assert (row["ssim"] is None) == (kind == "tiny")
        assert {one["codec"] for one in row["peers"]} == {"PNG-8"} | ({"JPEG"} if kind != "alpha" else set())
        assert all(one["problem"] is None for one in row["peers"])
    assert (told["rows"][1]["mse"] == 0) == (kind in ("few", "indexed", "tiny"))


def test_space_and_effort_reach_the_encoder(folder):
    told = compared("photo.png", "-k8", "--space=srgb", "--effort=fast")
    data = kmq.encode(PHOTO, 8, space="srgb", effort="fast", coding="context")
    assert told["pictures"][0]["rows"][0]["context_bytes"] == len(data)


def test_standard_input_is_a_picture_too(folder):
    data = (folder / "photo.png").read_bytes()
    done = run("compare", "-", "-k2", "--json", stdin=data, check=0)
    assert json.loads(done.stdout)["pictures"][0]["source"] == "standard input"


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "-k", "0"], "'0' is not a number from 1 to 65,536"),
        (["photo.png", "-k", "3,,4"], "'' is not a number"),
        (["photo.png", "-k", "65537"], "'65537' is not a number"),
        (["photo.png", "-k", "٣"], "is not a number"),
        (["photo.png", "-k", ",".join(["2"] * 65)], "65 numbers; at most 64"),
        (["photo.png", "--json", "--csv"], "leave one out"),
        (["-", "-"], "standard input can be read only once"),
        (["photo.png", "--html", "-"], "name a file for the page"),
        (["photo.png", "--html", "photo.png", "-f"], "input and output are the same file"),
        (["photo.png", "--time-limit", "nan"], "--time-limit"),
        ([], "IMAGE"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(folder, arguments, message):
    before = (folder / "photo.png").read_bytes()
    done = run("compare", *arguments, check=2, env=os.environ | {"COLUMNS": "200"})
    assert message in done.stderr.decode()
    assert done.stdout == b""
    assert (folder / "photo.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "missing.png"], "kmq: missing.png: No such file or directory\n"),
        (["photo.png", "text"], "kmq: text: not a picture in a format that Pillow reads\n"),
        (
            ["photo.png", "--html", "there.html"],
            "kmq: there.html: exists; give another name, or --force overwrites",
        ),
        (["photo.png", "--html", "no/page.html"], "kmq: no: no such folder\n"),
        (
            ["photo.png", "--max-pixels=100"],
            "kmq: photo.png: the picture has more than 100 pixels; --max-pixels",
        ),
    ],
)
def test_an_error_comes_before_the_work_in_one_line(folder, arguments, message):
    (folder / "text").write_text("no picture")
    (folder / "there.html").write_text("mine")
    done = run("compare", *arguments, check=1)
    assert done.stderr.decode().startswith(message)
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""
    assert (folder / "there.html").read_text() == "mine"


@pytest.mark.posix
def test_progress_is_shown_on_a_terminal_and_not_in_what_is_printed(folder):
    master, terminal = os.openpty()
    with (
        open("printed", "wb") as printed,
        subprocess.Popen(
            [sys.executable, "-m", "kmq_cli", "compare", "photo.png", "-k2,3", "--json"],
            stdout=printed, stderr=terminal, env=only(TERM="xterm"),
        ) as process,
    ):  # fmt: skip
        os.close(terminal)
        shown = b""
        while part := read_terminal(master):  # it holds little: who writes waits for who reads
            shown += part
    os.close(master)
    assert process.returncode == 0
    told = json.loads((folder / "printed").read_bytes())
    assert [row["k"] for row in told["pictures"][0]["rows"]] == [2, 3]
    assert "photo.png: k = 3, JPEG" in shown.decode()
