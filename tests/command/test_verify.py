"""`kmq verify`, and what of a file `kmq decode --region` reads: real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import MEASURED, lines, run
from kmq import UnsupportedError
from samples import PICTURE
from small_files import BAD_FILES, SMALL_FILES
from writing import build, uleb


def test_every_requirement_is_checked_and_what_breaks_one_is_told_in_a_line(folder):
    for number, (rule, _, data) in enumerate(BAD_FILES):
        Path(f"{rule}-{number}.kmq").write_bytes(data)
    for name, data in SMALL_FILES.items():
        Path(f"good {name}.kmq").write_bytes(data)
    before = sorted(os.listdir())
    done = run("verify", "*.kmq", "--jobs=2", check=1)
    said = lines(done.stderr)
    assert len(said) == len(BAD_FILES)
    for number, (rule, _, _) in enumerate(BAD_FILES):
        (line,) = (line for line in said if line.startswith(f"kmq: {rule}-{number}.kmq: "))
        assert f"(spec {rule})" in line
    unread = sum(error is UnsupportedError for _, error, _ in BAD_FILES)
    bad = len(BAD_FILES) - unread
    total = len(BAD_FILES) + len(SMALL_FILES)
    assert lines(done.stdout) == [f"{total} files: {len(SMALL_FILES)} good, {bad} bad, {unread} not checked"]
    assert sorted(os.listdir()) == before


def test_good_files_are_counted(folder):
    for number, data in enumerate(SMALL_FILES.values()):
        Path(f"{number}.kmq").write_bytes(data)
    done = run("verify", ".", check=0)
    assert run("verify", "--recursive", ".", check=0).stdout == done.stdout
    assert (done.stdout.decode(), done.stderr) == (f"{len(SMALL_FILES)} files, all good\n", b"")
    done = run("verify", "0.kmq", "--quiet", check=0)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert run("verify", "0.kmq", check=0).stdout == b"1 file, good\n"
    assert run("verify", "-", stdin=SMALL_FILES["rgba"], check=0).stdout == b"1 file, good\n"
    assert run("verify", "-", stdin=SMALL_FILES["rgba"][:-1], check=1).stderr.startswith(
        b"kmq: standard input: "
    )


@pytest.mark.parametrize("coding", ["packed", "zstd", "context", "adaptive"])
def test_any_changed_byte_makes_a_file_bad(folder, coding):
    data = kmq.encode(PICTURE[:20, :20], tile=16, coding=coding, k=9)
    places = sorted({0, 3, 4, len(data) // 2, len(data) - 1, *range(0, len(data), len(data) // 12)})
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 0x10
        Path(f"{place}.kmq").write_bytes(changed)
    Path("good.kmq").write_bytes(data)
    done = run("verify", "*.kmq", "--json", check=1)
    told = {line["source"]: line["status"] for line in map(json.loads, lines(done.stdout))}
    assert len(told) == len(places) + 1
    assert {name for name, status in told.items() if status == "good"} == {"good.kmq"}


def test_lines_of_json_tell_what_is_bad_from_what_could_not_be_checked(folder):
    Path("good.kmq").write_bytes(build())
    Path("bad.kmq").write_bytes(build(tail=b"x"))
    Path("short.kmq").write_bytes(build()[:-1])
    Path("later.kmq").write_bytes(build(version=2))
    kmq.save("large.kmq", np.zeros((30, 30), np.uint8))
    names = ["good.kmq", "bad.kmq", "short.kmq", "later.kmq", "large.kmq", "missing.kmq"]
    done = run("verify", "--json", "--jobs=1", "--max-pixels=100", *names, check=1)
    told = [json.loads(line) for line in lines(done.stdout)]
    assert [line["source"] for line in told] == names
    assert [line["status"] for line in told] == ["good", "bad", "bad", "failed", "failed", "failed"]
    assert told[0]["source_bytes"] == 27
    assert told[1]["problem"].endswith("(spec M2)")
    assert "--max-pixels can allow more" in told[4]["problem"]
    assert told[5]["problem"] == "No such file or directory"
    assert lines(done.stderr)[-1] == "6 files: 1 good, 2 bad, 3 not checked"


@pytest.mark.parametrize("coding", ["packed", "zstd", "context", "adaptive"])
@pytest.mark.parametrize("tile", [None, 16])
def test_a_region_is_decoded_as_that_part_of_the_picture_is(folder, coding, tile):
    kmq.save("x.kmq", PICTURE, 16, coding=coding, tile=tile)
    expected = kmq.decode(Path("x.kmq").read_bytes())[5:20, 7:30]
    run("decode", "x.kmq", "--region", "7,5,23,15", "-o", "part.png", check=0)
    with Image.open("part.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGB")), expected)
    data = Path("x.kmq").read_bytes()
    done = run("decode", "-", "--region=7,5,23,15", "--format=webp", stdin=data, check=0)
    Path("part.webp").write_bytes(done.stdout)
    with Image.open("part.webp") as image:
        assert image.format == "WEBP"
        assert np.array_equal(np.asarray(image), expected)


@pytest.mark.parametrize("region", ["", "1,2,3", "1,2,3,4,5", "a,0,1,1", "-1,0,1,1", "1,2,3,٣", "1, 2,3,4"])
def test_a_region_that_is_none_is_wrong_usage(folder, region):
    kmq.save("x.kmq", PICTURE)
    done = run("decode", "x.kmq", f"--region={region}", check=2, env=os.environ | {"COLUMNS": "200"})
    assert "is not X,Y,WIDTH,HEIGHT" in done.stderr.decode()


@pytest.mark.parametrize("region", ["40,0,1,1", "0,30,1,1", "30,20,11,1", "0,0,0,1", "0,0,1,9999999999"])
def test_a_region_outside_the_picture_is_one_line(folder, region):
    kmq.save("x.kmq", PICTURE)
    done = run("decode", "x.kmq", "--region", region, check=1)
    assert done.stderr.startswith(b"kmq: x.kmq: --region: ")
    assert b"it must be " in done.stderr
    assert os.listdir() == ["x.kmq"]


@pytest.mark.posix
def test_of_a_packed_file_no_more_is_read_than_the_region(folder):
    """The picture has 1.6 gigabytes of indices, a hole in the disk, which would take that memory."""
    side, palette = 40_000, bytes(range(256))
    header = build(
        flags=0,
        width=uleb(side - 1),
        height=uleb(side - 1),
        entries=uleb(255),
        palette=palette,
        payloads=[],
        tile_crcs=[bytes(4)],
    )
    region = np.random.default_rng(0).integers(0, 256, (50, 60), np.uint8)
    with open("large.kmq", "wb") as file:
        file.write(header)
        file.truncate(len(header) + side * side)
        for row, indices in enumerate(region):
            file.seek(len(header) + (30_000 + row) * side + 20_000)
            file.write(indices.tobytes())
    kmq.save("small.kmq", region, 256, coding="packed")
    peaks = []
    for name, flags in (("small.kmq", "0,0,60,50"), ("large.kmq", "20000,30000,60,50")):
        arguments = ["decode", name, "--region", flags, "-o", f"{name}.png"]
        done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, check=True)
        peaks.append(int(done.stderr))
        with Image.open(f"{name}.png") as image:
            assert np.array_equal(np.asarray(image.convert("L")), region)
    print(f"peak memory in kB: {peaks[0]} of a small file, {peaks[1]} of a large one")
    assert peaks[1] - peaks[0] < 30_000
    assert run("decode", "large.kmq", check=1).stderr.endswith(b"--max-pixels can allow more\n")


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (["--format=webp", "-o-"], "WEBP"),
        (["--format=JPG", "-o", "x.unknown"], "JPEG"),
        (["--format=.gif", "-o", "x"], "GIF"),
        (["--format=tiff"], "TIFF"),
        (["--format=jpeg", "-o", "x.jpg"], "JPEG"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(folder, flags, kind):
    kmq.save("p.kmq", PICTURE)
    done = run("decode", "p.kmq", *flags, check=0)
    (made,) = [name for name in os.listdir() if name != "p.kmq"] or ["-"]
    if made == "-":
        made = "out"
        Path(made).write_bytes(done.stdout)
    with Image.open(made) as image:
        assert image.format == kind


@pytest.mark.parametrize("flags", [["--format=zip"], ["--format="], ["--format=png", "-o", "x.webp"]])
def test_a_format_that_is_none_or_another_is_wrong_usage(folder, flags):
    kmq.save("p.kmq", PICTURE)
    assert b"--format" in run("decode", "p.kmq", *flags, check=2).stderr
    assert os.listdir() == ["p.kmq"]
