"""Many files in one command: real processes, folders, faults, interrupts and terminals."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import KMQ, MEASURED, files_below, lines, run
from samples import PICTURE, png, small_picture


@pytest.fixture
def four(folder):
    """Four pictures at three depths of a folder, beside files that are none, or hidden."""
    names = ["a.png", "sub/b.png", "sub/c.gif", "sub/deep/d.PNG"]
    (folder / "in/sub/deep").mkdir(parents=True)
    (folder / "in/.hidden").mkdir()
    for number, name in enumerate(names):
        Image.fromarray(small_picture(number)).save(folder / "in" / name)
    for name in ("notes.txt", ".hidden/x.png", ".x.png", "movie.mpg"):
        (folder / "in" / name).write_bytes((folder / "in/a.png").read_bytes())
    with contextlib.suppress(OSError, NotImplementedError):
        (folder / "in/sub/loop").symlink_to(folder / "in", target_is_directory=True)
    return names


def encoded(name):
    with Image.open(name) as image:
        return kmq.encode(image)


@pytest.mark.slow
def test_of_a_thousand_files_ten_are_broken_and_the_others_are_written_in_flat_memory(folder):
    peaks = []
    sources = [png(small_picture(number), padding=100_000) for number in range(9)]
    expected = [kmq.encode(small_picture(number)) for number in range(9)]
    for number, source in enumerate(sources):
        (folder / f"source{number}").write_bytes(source)
    (folder / "broken").write_bytes(sources[0][:200])
    for count in (100, 1000):
        place = folder / f"in{count}"
        place.mkdir()
        for number in range(count):
            broken = number % 100 == 42
            (place / f"{number}.png").hardlink_to("broken" if broken else f"source{number % 9}")
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "encode", "-r", place, "-o", f"out{count}", "--jobs=2"],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        *complaints, peak = lines(done.stderr)
        peaks.append(int(peak))
        broken = [number for number in range(count) if number % 100 == 42]
        problem = "Pillow can't read it: image file is truncated; --truncated takes what there is"
        said = sorted(f"kmq: {place / f'{number}.png'}: {problem}" for number in broken)
        assert sorted(complaints) == said
        assert files_below(folder / f"out{count}") == {
            f"{number}.kmq": expected[number % 9] for number in range(count) if number not in broken
        }
        *listed, summary = lines(done.stdout)
        assert len(listed) == count - len(broken)
    assert summary.startswith("990 written, 10 failed: ")
    print(f"peak memory in kB: {peaks[0]} for 100 files, {peaks[1]} for 1,000")
    assert peaks[1] - peaks[0] < 8_000  # what was read is 100 MB


@pytest.mark.parametrize("jobs", [1, 3])
def test_folders_keep_their_structure_below_the_output(folder, four, jobs):
    done = run("encode", "--recursive", "in", "-o", "out/new", "--jobs", jobs, check=0)
    names = {str(Path(name).with_suffix(".kmq")): encoded(folder / "in" / name) for name in four}
    assert files_below(folder / "out/new") == names
    assert lines(done.stdout)[-1].startswith("4 written: ")
    assert done.stderr == b""
    for name in four:
        sizes = [
            path.stat().st_size for path in (Path("in", name), Path("out/new", name).with_suffix(".kmq"))
        ]
        output = Path("out/new", name).with_suffix(".kmq")
        start = f"in/{name} has {sizes[0]:,} bytes, {output} {sizes[1]:,}: "
        assert any(line.startswith(start) for line in lines(done.stdout))


def test_without_an_output_each_file_is_beside_its_source(folder, four):
    before = files_below(folder)
    run("encode", "-rq", "in", "--jobs=1", check=0)
    names = {str(Path("in", name).with_suffix(".kmq")): encoded(folder / "in" / name) for name in four}
    assert files_below(folder) == before | names
    assert run("decode", "-r", "in", "-o", "back", "--format", "webp", "--jobs=1", check=0).stderr == b""
    assert sorted(files_below(folder / "back")) == ["a.webp", "sub/b.webp", "sub/c.webp", "sub/deep/d.webp"]
    for name in four:
        with Image.open(Path("back", name).with_suffix(".webp")) as after:
            assert np.array_equal(np.asarray(after), kmq.decode(encoded(folder / "in" / name)))


def test_patterns_that_a_shell_left_alone_are_expanded_and_each_file_is_taken_once(folder, four):
    done = run("encode", "in/**/*.png", "in/a.png", "./in/../in/a.png", "-o", "out", "--jobs=1", check=0)
    assert sorted(os.listdir("out")) == ["a.kmq", "b.kmq"]
    assert len(lines(done.stdout)) == 3
    Path("[a].png").write_bytes(Path("in/a.png").read_bytes())
    run("encode", "[a].png", check=0)  # a file of this name is no pattern
    assert Path("[a].kmq").exists()
    done = run("encode", "in/*.png", "*.nothing", "-fo", "out", "--jobs=1", check=1)
    assert done.stderr == b"kmq: *.nothing: matches no file\n"
    assert lines(done.stdout)[-1].startswith("1 written, 1 failed: ")


def test_a_folder_needs_to_be_asked_for(folder, four):
    (folder / "empty").mkdir()
    assert run("encode", "in", check=1).stderr.startswith(b"kmq: in: Is a directory; --recursive takes")
    done = run("encode", "in", "in/a.png", "-o", "out", "--jobs=1", check=1)
    assert done.stderr == b"kmq: in: Is a directory; --recursive takes the files in it\n"
    assert sorted(os.listdir("out")) == ["a.kmq"]
    assert run("encode", "-r", "empty", check=1).stderr == b"kmq: empty: has no picture files\n"
    assert run("verify", "-r", "in", check=1).stderr == b"kmq: in: has no .kmq files\n"


@pytest.mark.parametrize("jobs", [1, 2])
def test_options_reach_every_file(folder, four, jobs):
    flags = ["-k5", "--palette=pico-8", "--dither=ordered", "--coding=zstd"][1:]
    run("encode", "-r", "in", "-qo", "out", "--jobs", jobs, *flags, check=0)
    for name in four:
        with Image.open(folder / "in" / name) as image:
            data = kmq.encode(image, palette="pico-8", dither="ordered", coding="zstd")
        assert Path("out", name).with_suffix(".kmq").read_bytes() == data


def test_two_files_that_would_become_one_are_refused_and_the_others_encoded(folder):
    for name in ("a.png", "a.gif", "b.png"):
        Image.fromarray(PICTURE).save(name)
    done = run("encode", "a.png", "b.png", "a.gif", "-o", "out", "--force", check=1)
    assert lines(done.stderr) == [
        "kmq: a.png: would become out/a.kmq, and so would a.gif; --keep-suffix makes a.png.kmq of it",
        "kmq: a.gif: would become out/a.kmq, and so would a.png; --keep-suffix makes a.png.kmq of it",
    ]
    assert lines(done.stdout)[-1].startswith("1 written, 2 failed")
    assert os.listdir("out") == ["b.kmq"]
    run("encode", "a.png", "b.png", "a.gif", "-o", "both", "--keep-suffix", check=0)
    assert sorted(os.listdir("both")) == ["a.gif.kmq", "a.png.kmq", "b.png.kmq"]
    run("decode", "both/a.png.kmq", "both/a.gif.kmq", "-o", "back", check=0)
    assert sorted(os.listdir("back")) == ["a.gif.png", "a.png"]
    for name in ("x", "y"):
        (folder / name).mkdir()
        (folder / name / "a.png").write_bytes(Path("a.png").read_bytes())
    done = run("encode", "x/a.png", "y/a.png", "-o", "one", check=1)
    assert lines(done.stderr)[0].endswith("make them one after the other, with a folder for each, -o")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_batch_in_place_can_be_run_again(folder, four, jobs):
    again = ("encode", "-r", "in", "--jobs", jobs, "--no-skip-if-larger")
    run(*again, check=0)
    made = {name: data for name, data in files_below(folder).items() if name.endswith(".kmq")}
    assert len(made) == len(four)
    done = run(*again, check=1)
    assert lines(done.stdout) == ["0 written, 4 there already"]
    said = "kmq: 4 files: there already: --skip-existing leaves them as they are, --force overwrites them"
    assert lines(done.stderr) == [said]
    Path(next(iter(made))).unlink()
    done = run(*again, "--skip-existing", check=0)
    assert "1 written, 3 there already" in lines(done.stdout)[-1]
    assert done.stderr == b""
    run(*again, "--force", check=0)
    assert {name: data for name, data in files_below(folder).items() if name.endswith(".kmq")} == made


def test_no_input_is_ever_overwritten_by_the_output_of_another(folder):
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE).save(name)
    data = Path("a.png").read_bytes()
    Path("a.kmq").write_bytes(data)  # a picture in disguise
    done = run("encode", "a.png", "a.kmq", "b.png", "--force", check=1)
    assert "kmq: a.kmq: would become a.kmq, and so would a.png" in done.stderr.decode()
    assert Path("a.kmq").read_bytes() == data
    assert Path("b.kmq").read_bytes() == kmq.encode(PICTURE)
    done = run("encode", "a.kmq", "b.png", "--force", "--jobs=1", check=1)
    assert "kmq: a.kmq: input and output are the same file" in done.stderr.decode()
    (folder / "out").mkdir()
    Path("out/a.kmq").write_bytes(data)
    done = run("encode", "a.png", "out/a.kmq", "--force", "-o", "out", check=1)
    assert Path("a.kmq").read_bytes() == Path("out/a.kmq").read_bytes() == data


def test_what_exists_fails_is_overwritten_or_is_left_out(folder):
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE).save(name)
    Path("a.kmq").write_bytes(b"mine")
    done = run("encode", "a.png", "b.png", "--jobs=1", check=1)
    said = "kmq: 1 file: there already: --skip-existing leaves them as they are, --force overwrites them\n"
    assert done.stderr.decode() == said
    assert lines(done.stdout)[-1].startswith("1 written, 1 there already: ")
    done = run("encode", "a.png", "b.png", "--skip-existing", "--jobs=1", check=0)
    assert lines(done.stdout) == ["0 written, 2 there already"]
    assert done.stderr == b""
    assert Path("a.kmq").read_bytes() == b"mine"
    run("encode", "a.png", "b.png", "--force", "--jobs=1", check=0)
    assert Path("a.kmq").read_bytes() == kmq.encode(PICTURE)
    Path("a.png").write_bytes(b"mine")
    assert "2 files: there already" in run("decode", "a.kmq", "b.kmq", "--jobs=1", check=1).stderr.decode()
    run("decode", "a.kmq", "b.kmq", "--skip-existing", "--jobs=1", check=0)
    assert run("encode", "b.png", "--skip-existing", check=0).stderr.startswith(
        b"kmq: b.png: left out: b.kmq"
    )
    assert Path("a.png").read_bytes() == b"mine"


def test_what_would_be_no_smaller_is_left_out_unless_it_is_wanted(folder):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save("noise.jpg", quality=5)
    Image.fromarray(PICTURE).save("small.png")
    quick = ("-k64", "--coding=packed")
    done = run("encode", "noise.jpg", "small.png", "-o", "out", *quick, "--jobs=1", check=0)
    assert os.listdir("out") == ["small.kmq"]
    (line,) = lines(done.stderr)
    size = Path("noise.jpg").stat().st_size
    assert line.startswith("kmq: noise.jpg: left out: its .kmq would have ")
    assert f"bytes, and it has {size:,}; --no-skip-if-larger writes it anyway" in line
    assert lines(done.stdout)[-1].startswith("1 written (1 not exact), 1 left out: ")
    run("encode", "noise.jpg", "small.png", "-fo", "out", "--no-skip-if-larger", *quick, "--jobs=1", check=0)
    assert sorted(os.listdir("out")) == ["noise.kmq", "small.kmq"]
    assert b"left out" in run("encode", "noise.jpg", "--skip-if-larger", *quick, check=0).stderr
    assert not Path("noise.kmq").exists()
    run("encode", "noise.jpg", *quick, check=0)
    assert Path("noise.kmq").exists()


def test_lines_of_json_tell_all_and_nothing_else_is_on_standard_output(folder, four):
    (folder / "in/broken.png").write_bytes(b"no picture")
    Path("out").mkdir()
    Path("out/a.kmq").write_bytes(b"mine")
    done = run("encode", "-r", "in", "*.none", "-o", "out", "--json", "--jobs=2", "--skip-existing", check=1)
    told = {line["source"]: line for line in map(json.loads, lines(done.stdout))}
    assert len(told) == len(lines(done.stdout)) == 6
    for name in four[1:]:
        output = Path("out", name).with_suffix(".kmq")
        assert told[f"in/{name}"] == {
            "source": f"in/{name}",
            "status": "written",
            "output": str(output),
            "problem": None,
            "source_bytes": Path("in", name).stat().st_size,
            "output_bytes": output.stat().st_size,
            "notes": [],
            "exists": False,
            "exact": True,
        }
    assert (told["in/a.png"]["status"], told["in/a.png"]["exists"]) == ("skipped", True)
    assert told["*.none"]["problem"] == "matches no file"
    broken = told["in/broken.png"]
    assert (broken["status"], broken["problem"]) == ("failed", "not a picture in a format that Pillow reads")
    assert sorted(lines(done.stderr)) == [
        "3 written, 2 failed, 1 there already: " + lines(done.stderr)[-1].partition(": ")[2],
        "kmq: *.none: matches no file",
        "kmq: in/broken.png: not a picture in a format that Pillow reads",
    ]
    done = run("decode", "out/sub/b.kmq", "--json", check=0)
    assert json.loads(done.stdout)["output"] == "out/sub/b.png"


def test_pictures_that_lose_colours_are_counted(folder):
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE).save(name)
    Image.new("RGB", (40, 40), "red").save("plain.png")
    names = ("a.png", "b.png", "plain.png", "-k2", "--jobs=1", "--no-skip-if-larger")
    done = run("encode", *names, check=0)
    assert lines(done.stdout)[-1].startswith("3 written (2 not exact): ")
    done = run("encode", *names, "--force", "--json", check=0)
    assert [json.loads(line)["exact"] for line in lines(done.stdout)] == [False, False, True]


def test_quiet_leaves_only_errors(folder, four):
    (folder / "in/broken.png").write_bytes(b"no picture")
    done = run("encode", "-rq", "in", "-o", "out", "--jobs=1", check=1)
    assert done.stdout == b""
    assert done.stderr == b"kmq: in/broken.png: not a picture in a format that Pillow reads\n"


def test_notes_are_told_with_the_name(folder):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(PICTURE).save("odd.png", icc_profile=b"no profile at all")
    done = run("encode", "two.gif", "odd.png", "--jobs=2", "-o", "out", "--json", check=0)
    told = {line["source"]: line["notes"] for line in map(json.loads, lines(done.stdout))}
    said = "note: has 2 frames; the first was encoded (--frame takes another, or all)"
    assert told["two.gif"] == [said]
    assert told["odd.png"][0].startswith("note: ignored the ICC profile")
    assert f"kmq: two.gif: {said}\n" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "a.png", "-"], "standard input can't be one of several inputs"),
        (["encode", "a.png", ""], "an empty name can't be one of several inputs"),
        (["encode", "a.png", "b.png", "-o", "-"], "several files can't go to standard output"),
        (["encode", "a.png", "b.png", "-o", "a.png"], "a.png is a file"),
        (["encode", "a.png", "b.png", "-o", "c.kmq"], "c.kmq is the name of a file"),
        (["decode", "a.kmq", "b.kmq", "-o", "c.webp"], "c.webp is the name of a file"),
        (["decode", "a.kmq", "b.kmq", "--format", "zip"], "--format zip"),
        (["decode", "a.kmq", "b.kmq", "--region", "0,0,1,1"], "--region works on one file only"),
        (["encode", "a.png", "-o", "-", "--skip-if-larger"], "--skip-if-larger"),
        (["encode", "a.png", "b.png", "--jobs", "0"], "--jobs"),
    ],
)
def test_what_cannot_be_done_with_many_files_is_wrong_usage(folder, arguments, message):
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE).save(name)
    before = files_below(folder)
    done = run(*arguments, check=2, env=os.environ | {"COLUMNS": "200"})
    assert message in done.stderr.decode()
    assert files_below(folder) == before


def on_a_terminal(*arguments, stdout, **environment):
    """Run the command with standard error on a terminal; return what that showed, and standard output."""
    master, terminal = os.openpty()
    with subprocess.Popen(
        [*KMQ, *map(str, arguments)],
        stdout=terminal if stdout == "terminal" else subprocess.PIPE,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"} | environment,
    ) as process:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while part := os.read(master, 65_536):
                shown += part
        os.close(master)
        printed = process.stdout.read() if process.stdout else b""
    return shown.decode(), printed.decode()


@pytest.mark.posix
def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(folder, four):
    (folder / "in/broken.png").write_bytes(b"no picture")
    shown, printed = on_a_terminal("encode", "-r", "in", "-o", "out", stdout="pipe")
    assert "encoding" in shown
    assert "5/5" in shown
    assert " saved" in shown
    assert "kmq: in/broken.png: not a picture" in shown
    assert len(printed.splitlines()) == 5
    assert "\x1b" not in printed
    again = ("encode", "-rf", "in", "-o", "out", "--jobs=1")
    shown, _ = on_a_terminal(*again, stdout="terminal")
    assert "4 written, 1 failed: " in shown
    assert " has " not in shown.replace("has no", "")
    for more in ({"TERM": "dumb"}, {}):
        quiet = [] if more else ["-q"]
        shown, printed = on_a_terminal(*again, *quiet, stdout="pipe", **more)
        assert shown == "kmq: in/broken.png: not a picture in a format that Pillow reads\r\n"
        assert len(printed.splitlines()) == (5 if more else 0)


@pytest.mark.posix
def test_json_stays_whole_beside_a_bar(folder, four):
    shown, printed = on_a_terminal("encode", "-r", "in", "-o", "out", "--json", stdout="pipe")
    assert "4/4" in shown
    assert len([json.loads(line) for line in printed.splitlines()]) == 4
    again = ("encode", "-rf", "in", "-o", "out", "--jobs=1")
    colours, _ = on_a_terminal(*again, stdout="pipe")
    plain, _ = on_a_terminal(*again, stdout="pipe", NO_COLOR="1")
    assert "\x1b[38;5" in colours or "\x1b[3" in colours
    assert "\x1b[38;5" not in plain


@pytest.mark.posix
def test_a_reader_that_stops_early_ends_the_work(folder):
    for number in range(60):
        Path(f"{number}.png").write_bytes(png(small_picture(number)))
    script = f"{' '.join(KMQ)} encode *.png -o out --jobs 2 | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)  # noqa: S607
    assert done.returncode == 1
    assert done.stderr == b""
    assert 1 <= len(os.listdir("out")) < 60


@pytest.mark.posix
def test_a_pipe_among_many_files_has_no_size_to_compare(folder):
    data = kmq.encode(PICTURE)
    Path("b.kmq").write_bytes(data)
    os.mkfifo("a.kmq")
    command = [*KMQ, "decode", "a.kmq", "b.kmq", "-o", "out", "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        Path("a.kmq").write_bytes(data)
        printed, said = process.communicate()
    assert (process.returncode, said) == (0, b"")
    size = (folder / "out" / "a.png").stat().st_size
    assert lines(printed)[0] == f"out/a.png has {size:,} bytes"
    assert (folder / "out" / "a.png").read_bytes() == (folder / "out" / "b.png").read_bytes()
