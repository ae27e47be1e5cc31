"""`kmq palette` as a user runs it."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import read_terminal, run
from samples import PICTURE

CLEAR = np.dstack([PICTURE, np.full(PICTURE.shape[:2], 255, np.uint8)])
CLEAR[:9, :9] = 0
CLEAR[9:12, :9, 3] = 100


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    kmq.save("picture.kmq", PICTURE, 20)
    kmq.save("clear.kmq", CLEAR, 20)
    return folder


def entries_of(name):
    """Return the entries and counts of a .kmq file, without the code under test."""
    with kmq.open(name) as file:
        return file.palette.entries.tolist(), np.bincount(
            file.indices().indices.ravel(), minlength=file.k
        ).tolist()


def lines(done):
    return [line.split() for line in done.stdout.decode().splitlines()]


@pytest.fixture
def terminal():
    """Return a function that runs `kmq` on a terminal of 80 columns; it returns what it printed there."""
    if os.name != "posix":
        pytest.skip("needs a POSIX terminal")

    def on_terminal(*arguments, **environment):
        master, slave = os.openpty()
        plain = {name: os.environ[name] for name in os.environ.keys() - {"NO_COLOR", "FORCE_COLOR"}}
        looks = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "80"} | environment
        with subprocess.Popen(
            [sys.executable, "-m", "kmq_cli", *map(str, arguments)], stdout=slave, env=plain | looks
        ) as process:
            os.close(slave)
            printed = b""
            while part := read_terminal(master):
                printed += part
        os.close(master)
        assert process.returncode == 0
        return printed.decode().replace("\r\n", "\n")

    return on_terminal


@pytest.mark.parametrize("name", ["picture.kmq", "clear.kmq"])
def test_a_pipe_gets_a_line_for_each_entry_with_its_share(folder, name):
    entries, counts = entries_of(name)
    told = lines(run("palette", name, check=0))
    assert [int(line[0]) for line in told] == list(range(20))
    assert [line[1] for line in told] == ["#" + bytes(entry).hex().upper() for entry in entries]
    assert [f"{100 * count / 1200:.2f}" for count in counts] == [line[2] for line in told]


def test_json_has_the_exact_shares(folder):
    entries, counts = entries_of("clear.kmq")
    done = run("palette", "clear.kmq", "--json", check=0)
    assert done.stdout.count(b"\n") == 1
    told = json.loads(done.stdout)
    assert (told["source"], told["k"], told["channels"], told["pixels"]) == ("clear.kmq", 20, 4, 1200)
    assert [entry["index"] for entry in told["entries"]] == list(range(20))
    assert [list(bytes.fromhex(entry["hex"][1:])) for entry in told["entries"]] == entries
    assert [entry["pixels"] for entry in told["entries"]] == counts
    assert [entry["share"] for entry in told["entries"]] == [count / 1200 for count in counts]


def test_a_picture_gives_its_colours_as_they_come_and_counts_them(folder):
    told = json.loads(run("palette", "picture.png", "--json", check=0).stdout)
    colours = [bytes(colour).hex().upper() for colour in PICTURE.reshape(-1, 3)]
    assert [entry["hex"][1:] for entry in told["entries"]] == list(dict.fromkeys(colours))
    assert all(entry["pixels"] == colours.count(entry["hex"][1:]) for entry in told["entries"])


def test_an_indexed_picture_gives_its_palette_with_what_is_unused(folder):
    image = Image.fromarray(np.array([[0, 0, 2]], np.uint8))
    image.putpalette(bytes(range(9)))
    image.save("indexed.png")
    assert lines(run("palette", "indexed.png", check=0)) == [
        ["0", "#000102", "66.67", "%"], ["1", "#030405", "unused"], ["2", "#060708", "33.33", "%"]
    ]  # fmt: skip


def test_k_chooses_colours_as_encode_does(folder):
    told = json.loads(run("palette", "picture.png", "-k", 5, "--json", check=0).stdout)
    kmq.save("five.kmq", PICTURE, 5, coding="packed")
    entries, counts = entries_of("five.kmq")
    assert [list(bytes.fromhex(entry["hex"][1:])) for entry in told["entries"]] == entries
    assert [entry["pixels"] for entry in told["entries"]] == counts


def test_palette_files_and_names_have_no_shares(folder):
    (folder / "two.hex").write_text("ff0000\n01020304\n")
    assert lines(run("palette", "two.hex", check=0)) == [["0", "#FF0000FF"], ["1", "#01020304"]]
    told = json.loads(run("palette", "game-boy", "--json", check=0).stdout)
    assert told["pixels"] is None
    assert told["entries"][0] == {"index": 0, "hex": "#0F380F", "pixels": None, "share": None}


def test_standard_input_may_be_a_file_or_a_picture(folder):
    for name in ("picture.kmq", "picture.png"):
        data = (folder / name).read_bytes()
        assert run("palette", "-", stdin=data, check=0).stdout == run("palette", name, check=0).stdout


@pytest.mark.parametrize("suffix", [".gpl", ".hex", ".pal", ".act"])
def test_what_is_written_is_the_palette_that_encode_takes(folder, suffix):
    done = run("palette", "picture.kmq", "-o", f"out{suffix}", check=0)
    assert done.stdout + done.stderr == b""
    entries, _ = entries_of("picture.kmq")
    kmq.save("again.kmq", PICTURE, palette=f"out{suffix}")
    assert entries_of("again.kmq")[0] == entries
    piped = run("palette", "picture.kmq", "-o", "-", f"--format={suffix[1:]}", check=0)
    assert piped.stdout == (folder / f"out{suffix}").read_bytes()


def test_lost_alpha_is_told(folder):
    entries, _ = entries_of("clear.kmq")
    lost = sum(entry[3] < 255 for entry in entries)
    assert lost > 1
    done = run("palette", "clear.kmq", "-o", "x.pal", check=0)
    assert done.stderr.decode() == (
        f"kmq: x.pal: note: {lost} of 20 entries lost their alpha: .pal has no alpha\n"
    )
    done = run("palette", "clear.kmq", "-o", "x.act", check=0)
    assert done.stderr.decode() == (
        f"kmq: x.act: note: {lost - 1} of 20 entries lost their alpha: .act has at most one transparent "
        "entry\n"
    )
    for suffix in (".gpl", ".hex", ".json", ".png"):
        assert run("palette", "clear.kmq", "-o", f"x{suffix}", check=0).stderr == b""


def test_json_and_the_file_can_be_had_together(folder):
    told = run("palette", "picture.kmq", "--json", check=0).stdout
    assert run("palette", "picture.kmq", "-o", "x.json", check=0).stdout == b""
    assert (folder / "x.json").read_bytes() == told
    assert run("palette", "picture.kmq", "-o", "x.hex", "--json", check=0).stdout == told
    done = run("palette", "picture.kmq", "-o", "-", "--format=hex", "--json", check=0)
    assert (done.stdout, done.stderr) == ((folder / "x.hex").read_bytes(), told)


@pytest.mark.parametrize("k", [1, 20, 257, 5000])
def test_swatches_show_every_entry(folder, k):
    entries = np.random.default_rng(k).integers(0, 256, (k, 3), np.uint8)
    (folder / "x.hex").write_text("".join(bytes(entry).hex() + "\n" for entry in entries.tolist()))
    run("palette", "x.hex", "-o", "x.png", check=0)
    with Image.open("x.png") as sheet:
        assert sheet.width <= 1312
        shown = {colour for _, colour in sheet.getcolors(1 << 24)}
    assert set(map(tuple, entries.tolist())) <= shown


def test_swatches_of_translucent_colours_are_over_white_and_over_black(folder):
    (folder / "x.hex").write_text("ff000080\n00ff00ff\n")
    run("palette", "x.hex", "-o", "x.png", check=0)
    with Image.open("x.png") as sheet:
        shown = {colour for count, colour in sheet.getcolors(1 << 24) if count > 500}
    assert {(255, 127, 127), (128, 0, 0), (0, 255, 0), (255, 255, 255)} == shown


def test_a_terminal_gets_swatches_in_true_colour(folder, terminal):
    printed = terminal("palette", "clear.kmq")
    assert "clear.kmq" in printed.splitlines()[0]
    assert "20 RGBA entries for 1,200 pixels" in printed.splitlines()[0]
    entries, _ = entries_of("clear.kmq")
    for red, green, blue, alpha in entries:
        assert f"#{bytes((red, green, blue, alpha)).hex().upper()}" in printed
        if alpha == 255:
            assert printed.count(f"\x1b[48;2;{red};{green};{blue}m") == 2
    plain = re.sub(r"\x1b\[[0-9;]*m", "", printed)
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm", "COLORTERM": ""}]
)
def test_a_terminal_without_colour_gets_the_lines_of_a_pipe(folder, terminal, environment):
    assert (
        terminal("palette", "picture.kmq", **environment)
        == run("palette", "picture.kmq", check=0).stdout.decode()
    )


def test_a_terminal_gets_256_entries_unless_it_asks_for_all(folder, terminal):
    many = "".join(f"{number:06x}\n" for number in range(600))
    (folder / "many.hex").write_text(many)
    few = terminal("palette", "many.hex")
    assert "#0000FF" in few
    assert "#000100" not in few
    assert "and 344 more; --all prints them" in few
    every = terminal("palette", "many.hex", "--all", NO_COLOR="1")
    assert every == "".join(f"{number:3}  #{number:06X}\n" for number in range(600))
    assert run("palette", "many.hex", check=0).stdout.decode() == every


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["picture.kmq", "-k", "3"], "picture.kmq has its own palette: leave -k out"),
        (["pico-8", "-k", "3"], "pico-8 has its own palette"),
        (["picture.kmq", "-o", "x.kmq"], "kmq palette can't write .kmq; it writes .gpl .hex .pal"),
        (["picture.kmq", "-o", "x"], "can't write a file without a suffix"),
        (["picture.kmq", "-o", "-"], "add --format gpl"),
        (["picture.kmq", "--format=hex"], "--format is for a file: name one with -o"),
        (["picture.kmq", "-o", "picture.kmq", "--format=hex", "-f"], "input and output are the same file"),
        (["picture.kmq", "--format=txt", "-o", "x"], "--format"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_wrong_usage(folder, arguments, message):
    before = sorted(os.listdir())
    done = run("palette", *arguments, check=2, env=os.environ | {"COLUMNS": "200"})
    assert message in done.stderr.decode()
    assert done.stdout == b""
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["noise.png"], "kmq: noise.png: has 8"),
        (["wide.png", "-o", "x.act"], "kmq: x.act: an .act file has at most 256 colours; "),
        (["missing.gpl"], "kmq: missing.gpl: No such file or directory"),
        (["broken.gpl"], "kmq: broken.gpl: line 1 must be"),
        (["broken.kmq"], "kmq: broken.kmq: Magic at offset 0 is 6E 6F"),
        (["picture.kmq", "-o", "there.hex"], "kmq: there.hex: exists; give another name"),
        (["picture.kmq", "--max-pixels", "100"], "max_pixels allows 100; --max-pixels can allow more"),
        (["picture.png", "--max-pixels", "100"], "more than 100 pixels; --max-pixels can allow more"),
        (["picture.kmq", "-o", "x.xbm"], "kmq: x.xbm: XBM can't hold this picture ("),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_writes_nothing(folder, arguments, message):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save("noise.png")
    Image.fromarray(noise[:1]).save("wide.png")
    (folder / "broken.gpl").write_text("no palette")
    (folder / "broken.kmq").write_text("no file")
    (folder / "there.hex").write_text("mine")
    before = sorted(os.listdir())
    done = run("palette", *arguments, check=1)
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""
    assert sorted(os.listdir()) == before
    assert (folder / "there.hex").read_text() == "mine"


def test_force_overwrites(folder):
    (folder / "there.hex").write_text("mine")
    run("palette", "pico-8", "-o", "there.hex", "--force", check=0)
    assert (folder / "there.hex").read_text().startswith("000000\n1d2b53\n")
