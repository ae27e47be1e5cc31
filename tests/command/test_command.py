"""The kmq command as a user runs it: real processes, files, pipes and exit codes."""

import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import kmq
from commands import run, run_started
from samples import PICTURE


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    return folder


def test_encode_and_decode_by_name(folder):
    done = run("encode", "picture.png", "-k", 16, check=0)
    assert (folder / "picture.kmq").read_bytes() == kmq.encode(PICTURE, 16)
    assert "picture.kmq" in done.stdout.decode()
    run("decode", "picture.kmq", "-o", "again.png", check=0)
    with Image.open("again.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(kmq.encode(PICTURE, 16)))


def test_pipes_carry_only_the_file(folder):
    data = (folder / "picture.png").read_bytes()
    encoded = run("encode", "-", "-k", 9, stdin=data, check=0)
    assert encoded.stdout == kmq.encode(PICTURE, 9)
    assert encoded.stderr == b""
    decoded = run("decode", "-", stdin=encoded.stdout, check=0)
    with Image.open(io.BytesIO(decoded.stdout)) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(encoded.stdout))
    info = run("info", "-", "--json", stdin=encoded.stdout, check=0)
    assert json.loads(info.stdout)["total_bytes"] == len(encoded.stdout)


def test_info_tells_what_inspect_does(folder):
    run("encode", "picture.png", "-q", "-k", 16, check=0)
    ledger = kmq.inspect((folder / "picture.kmq").read_bytes(), PICTURE)
    told = json.loads(run("info", "picture.kmq", "--json", "--original", "picture.png", check=0).stdout)
    for name, value in told.items():
        if name.endswith("_bits"):
            assert value == 8 * told[name.replace("_bits", "_bytes")]
        else:
            assert value == getattr(ledger, name)
    text = run("info", "picture.kmq", "--original", "picture.png", check=0).stdout.decode()
    assert f"PSNR {ledger.psnr:.2f} dB" in text
    assert f"{ledger.total_bytes:,}" in text


def test_json_has_no_infinity(folder):
    run("encode", "picture.png", "-q", "-k", 65536, check=0)
    told = json.loads(run("info", "picture.kmq", "--json", "--original", "picture.png").stdout)
    assert told["squared_error"] == 0
    assert told["psnr"] is None


@pytest.mark.dev_full
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "missing.png"], "kmq: missing.png: No such file or directory"),
        (["decode", "missing.kmq"], "kmq: missing.kmq: No such file or directory"),
        (["info", "missing.kmq"], "kmq: missing.kmq: No such file or directory"),
        (["encode", "."], "kmq: .: Is a directory"),
        (["encode", "text"], "kmq: text: not a picture in a format that Pillow reads"),
        (["decode", "text"], "kmq: text: Magic at offset 0 is 6E 6F 20"),
        (["decode", "empty"], "kmq: empty: the file is empty: Magic at offset 0 takes 3 bytes"),
        (["encode", "empty"], "kmq: empty: not a picture"),
        (["encode", "cut.png"], "kmq: cut.png: Pillow can't read it: "),
        (
            ["encode", "picture.png", "-o", "text"],
            "kmq: text: exists; give another name, or --force overwrites it",
        ),
        (["encode", "picture.png", "-o", "no/where.kmq"], "kmq: no: no such folder"),
        (["encode", "picture.png", "-o", "nowhere/"], "kmq: nowhere/: no such folder"),
        (["decode", "picture.png"], "kmq: picture.png: Magic at offset 0 is 89 50 4E"),
        (["encode", "picture.png", "-o", "/dev/full"], "kmq: /dev/full: No space left on device"),
        (
            ["encode", "picture.png", "--max-pixels", "100"],
            "kmq: picture.png: the picture has more than 100 pixels",
        ),
        (["decode", "good.kmq", "--max-pixels", "100", "-o", "n.png"], "max_pixels allows 100"),
        (["info", "good.kmq", "--max-pixels", "100"], "max_pixels allows 100; --max-pixels can allow more"),
        (["info", "good.kmq", "--original", "text"], "kmq: text: not a picture"),
    ],
)
def test_an_error_is_one_line_with_the_name(folder, arguments, message):
    (folder / "text").write_text("no picture")
    (folder / "empty").touch()
    (folder / "cut.png").write_bytes((folder / "picture.png").read_bytes()[:500])
    kmq.save("good.kmq", PICTURE)
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    done = run(*arguments, check=1)
    assert done.stdout == b""
    assert done.stderr.decode().startswith(message) or message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["encode"], ["encode", "picture.png", "-k", "0"], ["encode", "picture.png", "-k", "x"],
        ["encode", "picture.png", "-k", "65537"], ["encode", "picture.png", "--tile", "24"],
        ["encode", "picture.png", "--tile", "8"], ["encode", "picture.png", "--tile", "some"],
        ["encode", "picture.png", "--coding", "zip"], ["encode", "picture.png", "--keep", "everything"],
        ["encode", "picture.png", "-o", "x.png"], ["encode", ""], ["encode", "picture.png", "-o", ""],
        ["encode", "picture.png", "--tol", "nan"], ["encode", "picture.png", "-o", "picture.png", "-f"],
        ["encode", "picture.png", "--max-bytes", 2**62 + 1], ["encode", "picture.png", "--n-init", 2**31],
        ["encode", "picture.png", "--max-iter", 2**31], ["info", "good.kmq", "--max-pixels", 2**62 + 1],
        ["decode", "good.kmq", "-o", "x.nothing"], ["decode", "good.kmq", "-o", "nosuffix"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2(folder, arguments):
    kmq.save("good.kmq", PICTURE)
    done = run(*arguments, check=2)
    assert done.stdout == b""
    assert done.stderr


@pytest.mark.posix
def test_a_name_that_cannot_be_printed_is_no_reason_to_fail(folder):
    name = os.fsdecode(b"z\xff.png")
    (folder / name).write_bytes((folder / "picture.png").read_bytes())
    for encoding in ("utf-8:strict", "ascii:strict"):
        done = run_started(["encode", name, "-f"], env=os.environ | {"PYTHONIOENCODING": encoding})
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


def test_commands_of_the_tests_have_the_environment_of_the_test(folder, monkeypatch):
    widest = []
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        widest.append(max(map(len, run("encode", "--help", check=0).stdout.decode().splitlines())))
    assert widest[0] <= 60 < widest[1] <= 100


def test_a_demo_into_a_file_is_told_plainly(folder):
    done = run("demo", "picture.png", "--force", check=1)
    assert done.stderr == b"kmq: picture.png: is a file; name a folder\n"


def test_names_cannot_write_to_the_terminal(folder):
    done = run("info", "\x1b[31mred\n.kmq", check=1)
    assert b"\x1b" not in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_there_is_no_colour_in_a_pipe(folder):
    for arguments in (["--help"], ["encode", "--help"], ["encode", "picture.png"], ["encode"]):
        done = run(*arguments)
        assert b"\x1b" not in done.stdout + done.stderr


def test_scikit_learn_is_loaded_only_to_cluster_and_zstandard_only_to_code(folder):
    program = (
        "import sys, kmq, numpy\n"
        "print([name for name in sys.modules if 'zstd' in name and 'kmq' not in name])\n"
        "data = kmq.encode(numpy.zeros((4, 4, 3), numpy.uint8)); kmq.decode(data); kmq.inspect(data)\n"
        "import kmq_cli.app, kmq_cli.encode.one, kmq_cli.encode.many\n"
        "import kmq_cli.decode.one, kmq_cli.decode.many, kmq_cli.pictures.export\n"
        "print('sklearn' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"[]", b"False", b"False"]


def test_the_demo_writes_three_files_and_can_be_run_again(folder):
    first = run("demo", "out", check=0)
    assert sorted(os.listdir("out")) == ["china.kmq", "china.png", "swatches.png"]
    data = (folder / "out" / "china.kmq").read_bytes()
    assert len(data) <= 136_640 + 48 + 20
    with Image.open("out/swatches.png") as sheet:
        assert np.array_equal(np.asarray(sheet)[16:443, 16:656], load_sample_image("china.jpg"))
        assert np.array_equal(np.asarray(sheet)[16:443, 672:1312], kmq.decode(data))
        for red, green, blue in kmq.KmqFile(data).palette.entries.tolist():
            assert (np.asarray(sheet)[484:547] == [red, green, blue]).all(axis=2).sum() > 2000
    with Image.open("out/china.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(data))
    assert "136,640" in first.stdout.decode()
    assert "china.kmq is packed" in first.stdout.decode()
    for coding in ("zstd", "adaptive", "context"):
        size = len(kmq.encode(load_sample_image("china.jpg"), 16, coding=coding))
        assert f"as {coding:12}{size:,} bytes in all" in first.stdout.decode()
    assert run("demo", "out", check=0).stdout == first.stdout
    run("demo", "out", "-k", 3, check=1)
    assert (folder / "out" / "china.kmq").read_bytes() == data


def test_help_and_version_answer(folder):
    assert b"encode" in run("--help", check=0).stdout
    assert b"Examples" in run("encode", "--help", check=0).stdout
    for command in ("encode", "decode", "info", "verify", "palette", "compare", "demo"):
        text = run(command, "--help", check=0, env=os.environ | {"COLUMNS": "80"}).stdout.decode()
        assert max(map(len, text.splitlines())) <= 80
        assert not re.search(r"\d{12}|\.\.\.}|\[\[", text)  # limits that are none; what the tool marks itself
    assert run("--version", check=0).stdout.startswith(b"kmq ")
