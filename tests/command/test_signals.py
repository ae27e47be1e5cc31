"""Writers that are killed, interrupted, or overtaken by another, at every line of their writing."""

import contextlib
import io
import itertools
import os
import shutil
import signal
import subprocess
import sys
from fnmatch import fnmatch

import numpy as np
import pytest
from PIL import Image

import kmq

pytestmark = pytest.mark.posix

WRITING = ["/kmq/_ground/whole_files.py"]
TOGETHER = 8
"""So many commands run at the same time."""

PICTURES = [np.full((3, 5 + number, 3), (9, 99, number), np.uint8) for number in range(4)]


def files_of(number):
    """Return a picture as the name and the bytes of a .png and of a .kmq file."""
    out = io.BytesIO()
    Image.fromarray(PICTURES[number]).save(out, "PNG")
    return {f"{number}.png": out.getvalue(), f"{number}.kmq": kmq.encode(PICTURES[number])}


INPUTS = dict(itertools.chain.from_iterable(files_of(number).items() for number in range(len(PICTURES))))


def filled(folder, files):
    folder.mkdir(parents=True)
    for name, data in (INPUTS | files).items():
        (folder / name).write_bytes(data)
    return folder


def contents(folder):
    """Return the name of every file that was not there from the start, hidden ones too, with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in INPUTS}


def at_every_line(commands, place, files, arguments, number, *, after=None, step=1, within=WRITING):
    """Run a command that sends itself a signal at its first line `within`, at the one `step` after it, ...

    Each time in a folder that holds `files`. `after` is another command, which then runs to its end.
    Return of each time, and at last of one when there was no such line any more, what became of the
    command (and of the other one) and what was then in the folder.
    """
    ends = []
    for first in itertools.count(0, step * (TOGETHER if after is None else 1)):
        lines = range(first, first + step * (TOGETHER if after is None else 1), step)
        folders = [filled(place / str(line), files) for line in lines]
        requests = [
            {"arguments": arguments, "folder": str(folder), "signal": number, "line": line, "files": within}
            for folder, line in zip(folders, lines, strict=True)
        ]
        if after is None:
            became = [[end] for end in commands(*requests)]
        else:
            became = [commands(*requests, {"arguments": after, "folder": str(folders[0])})]
        for of_these, folder in zip(became, folders, strict=True):
            ends.append((*of_these, contents(folder)))
            shutil.rmtree(folder)
            if not of_these[0]["reached"]:
                return ends
    raise AssertionError


def names_its_files_late(folder):
    """Tell whether this file system has files without a name, that can be given one."""
    try:
        descriptor = os.open(folder, os.O_WRONLY | os.O_TMPFILE)
        os.link(f"/proc/self/fd/{descriptor}", folder / "probe", src_dir_fd=descriptor)
    except (AttributeError, OSError):
        return False
    os.close(descriptor)
    (folder / "probe").unlink()
    return True


def encode(number, *, force):
    return ["encode", f"{number}.png", "-qo", "x", "--coding=packed", *(["--force"] if force else [])]


def decode(number, *, force):
    return ["decode", f"{number}.kmq", "-o", "x.png", *(["--force"] if force else [])]


def save(number, *, force):
    return ["save", str(number), "x", "force" if force else "keep"]


MOUNTS = [pytest.mark.mounts, pytest.mark.slow]
FORCE = pytest.mark.parametrize("force", [False, True], ids=["new", "overwritten"])


def written_by(commands, place, arguments, name):
    """Return the file that a command writes when nothing happens to it."""
    folder = filled(place / " ".join(arguments), {})
    (end,) = commands({"arguments": arguments, "folder": str(folder)})
    assert (end["code"], end["err"]) == (0, "")
    return contents(folder)[name]


@pytest.mark.parametrize(
    ("place", "command"),
    [("forked", encode), pytest.param("without_proc", save, marks=MOUNTS)],
)
@FORCE
def test_one_that_is_killed_leaves_the_old_file_or_the_new_one(request, tmp_path, place, command, force):
    commands, arguments = request.getfixturevalue(place), command(0, force=force)
    old, new = b"old" if force else None, written_by(commands, tmp_path, arguments, "x")
    before = {"x": old} if force else {}
    *killed, (_, last) = at_every_line(commands, tmp_path, before, arguments, signal.SIGKILL)
    assert last == {"x": new}
    assert {end["code"] for end, _ in killed} == {-signal.SIGKILL}
    assert {found.pop("x", None) for _, found in killed} == {old, new}
    # What else there is, is what the text of write_atomically allows.
    assert max(len(found) for _, found in killed) <= 1
    left = dict(itertools.chain.from_iterable(found.items() for _, found in killed))
    assert all(fnmatch(other, ".kmq-*.tmp") for other in left)
    if place == "forked" and names_its_files_late(tmp_path):
        assert set(left.values()) == ({new} if force else set())
    else:
        assert all(new.startswith(data) for data in left.values())


@FORCE
def test_one_that_is_killed_within_the_writing_leaves_what_was_there(forked, tmp_path, force):
    before = {"x": b"old"} if force else {}
    size = len(written_by(forked, tmp_path, encode(0, force=force), "x"))
    folders = [filled(tmp_path / str(most), before) for most in range(size)]
    ends = forked(
        *(
            {"arguments": encode(0, force=force), "folder": str(folder), "most": most}
            for most, folder in enumerate(folders)
        )
    )
    assert {end["code"] for end in ends} == {-signal.SIGXFSZ}
    for folder in folders:
        found = contents(folder)
        assert found.pop("x", None) == before.get("x")
        assert not found or not names_its_files_late(tmp_path)


@pytest.mark.parametrize(
    ("place", "command", "name", "force"),
    [
        ("forked", encode, "x", False),
        ("forked", decode, "x.png", True),
        pytest.param("without_proc", save, "x", False, marks=MOUNTS),
        pytest.param("without_proc", save, "x", True, marks=MOUNTS),
    ],
)
def test_one_that_is_interrupted_says_so_and_leaves_nothing_else(
    request, tmp_path, place, command, name, force
):
    commands, arguments = request.getfixturevalue(place), command(0, force=force)
    old, new = b"old" if force else None, written_by(commands, tmp_path, arguments, name)
    before = {name: old} if force else {}
    *interrupted, _ = at_every_line(commands, tmp_path, before, arguments, signal.SIGINT)
    for end, _ in interrupted:
        assert (end["code"], end["out"]) == (130, "")
        # An encoder names the picture as long as it looks at it, then the file it writes.
        named = {name, "0.png"} if command is encode else {name}
        said = {f"kmq: {one}: interrupted\n" for one in named}
        assert end["err"] in ({"save: interrupted\n"} if command is save else said)
    assert {found.pop(name, None) for _, found in interrupted} == {old, new}
    assert not any(found for _, found in interrupted)


@pytest.mark.parametrize("command", [encode, decode])
def test_an_interrupt_anywhere_is_one_line(forked, tmp_path, command):
    cli = ["encode/one", "decode/one", "pictures/export", "terminal/ledger_report", "pictures/source"]
    codec = ["_coding/packed", "_container/header", "_encode/encoder", "_file/decoder", "_file/kmq_file"]
    codec += ["_picture/canonical", "_indexed/index_plane", "_indexed/palette"]
    within = [f"/kmq_cli/{name}.py" for name in [*cli, "terminal/streams"]]
    within += [f"/kmq/{name}.py" for name in codec]
    arguments, name = command(0, force=False), "x.png" if command is decode else "x"
    new = written_by(forked, tmp_path, arguments, name)
    *interrupted, _ = at_every_line(forked, tmp_path, {}, arguments, signal.SIGINT, step=17, within=within)
    assert interrupted
    for end, found in interrupted:
        assert (end["code"], end["out"], end["err"].count("\n")) == (130, "", 1)
        assert end["err"].startswith("kmq: ")
        assert end["err"].endswith("interrupted\n")
        assert found in ({}, {name: new})


def interrupted(process):
    """Interrupt a process that is about to wait; return what it says on standard error.

    Python tells a signal between two of its instructions. One that comes just before the process begins to
    wait is told when the wait is over, so interrupt it again, as a person would.
    """
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=10)[1]
    process.kill()
    process.communicate()
    raise AssertionError("it waits for its input, whatever it is sent")


@pytest.mark.parametrize("command", ["encode", "decode", "info"])
def test_an_interrupt_while_it_waits_for_input_is_one_line(tmp_path, command):
    os.mkfifo(tmp_path / "pipe")
    output = [] if command == "info" else ["-o", "x.png" if command == "decode" else "x.kmq"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kmq_cli", command, "pipe", *output],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        # What a shell starts in the background ignores interrupts, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    with open(tmp_path / "pipe", "wb"):  # returns when the command has opened the other end
        said = interrupted(process)
    assert (process.returncode, said) == (130, b"kmq: pipe: interrupted\n")
    assert os.listdir(tmp_path) == ["pipe"]


def test_an_interrupt_in_code_that_exec_runs_is_one_line(tmp_path):
    (tmp_path / "program.py").write_text(
        "from kmq_cli.terminal.failures import interruption\n"
        "with interruption(): exec('import os, signal\\nos.kill(os.getpid(), signal.SIGINT)\\nwhile 1: 1')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "program"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert (done.returncode, done.stderr) == (130, b"kmq: interrupted\n")


def test_an_interrupt_while_it_waits_for_its_reader_is_one_line(tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (300, 300), np.uint8)  # more than a pipe holds
    kmq.save(tmp_path / "x.kmq", picture, coding="packed")
    process = subprocess.Popen(
        [sys.executable, "-m", "kmq_cli", "decode", tmp_path / "x.kmq", "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == b"kmq: interrupted\n"
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize(
    ("place", "force"),
    [
        ("forked", False),
        ("forked", True),
        pytest.param("without_proc", False, marks=MOUNTS),
    ],
)
def test_of_one_that_is_overtaken_and_the_other_each_knows_who_won(request, tmp_path, place, force):
    commands = request.getfixturevalue(place)
    saves = [save(number, force=force) for number in range(2)]
    files = [written_by(commands, tmp_path, arguments, "x") for arguments in saves]
    *overtaken, _ = at_every_line(commands, tmp_path, {}, saves[0], signal.SIGSTOP, after=saves[1])
    winners = set()
    for *ends, found in overtaken:
        assert list(found) == ["x"]
        winner = files.index(found["x"])
        winners.add(winner)
        for number, end in enumerate(ends):
            won = force or number == winner
            assert (end["code"], end["err"]) == ((0, "") if won else (1, "save: x: File exists\n"))
    assert winners == {0, 1}


LOST = {
    encode: "kmq: x: exists; give another name, or --force overwrites it\n",
    save: "save: x: File exists\n",
}


@FORCE
@pytest.mark.parametrize("command", LOST)
def test_of_many_at_the_same_time_one_wins(forked, tmp_path, command, force):
    files = [written_by(forked, tmp_path, command(n, force=force), "x") for n in range(4)]
    for attempt in range(3):
        folder = filled(tmp_path / f"round {attempt}", {})
        ends = forked(*({"arguments": command(n, force=force), "folder": str(folder)} for n in range(4)))
        found = contents(folder)
        assert list(found) == ["x"]
        winner = files.index(found["x"])
        for number, end in enumerate(ends):
            won = force or number == winner
            assert (end["code"], end["err"]) == ((0, "") if won else (1, LOST[command]))
