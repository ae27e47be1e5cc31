"""Work on many files that is interrupted, or whose processes are killed."""

import contextlib
import os
import select
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import kmq
from commands import KMQ, files_below, lines
from samples import png, small_picture


@pytest.fixture
def pinned(folder):
    """Return what starts a command that is kept waiting at pipes; see `Pinned`."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, pipes: stack.enter_context(Pinned(arguments, pipes))


class Pinned:
    """A command that reads some pipes, which are among its arguments: at each a process waits."""

    def __init__(self, arguments, pipes):
        for name in pipes:
            os.mkfifo(name)
        self.process = subprocess.Popen(
            [*KMQ, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # What a shell starts in the background ignores interrupts, and so do its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        self.pipes = {name: open(name, "wb") for name in pipes}  # noqa: SIM115  returns when it is read

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for pipe in self.pipes.values():
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def deserted(self):
        """Wait until nobody reads one of the pipes any more; return its name."""
        poll = select.poll()
        names = {pipe.fileno(): name for name, pipe in self.pipes.items()}
        for number in names:
            poll.register(number, select.POLLERR)
        return names[poll.poll()[0][0]]

    def workers(self):
        """Return the ids of the command's worker processes."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(status.read_text("utf-8").rpartition(")")[2].split()[1])
                if parent == self.process.pid:
                    found.append(int(status.parent.name))
        return found


@pytest.mark.posix
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("whom", ["the command", "all of its group, as a terminal does"])
def test_an_interrupt_leaves_only_whole_files_and_no_process(folder, pinned, jobs, whom):
    for number in range(12):
        Path(f"{number}.png").write_bytes(png(small_picture(number)))
    names = [f"{number}.png" for number in range(12)]
    command = pinned("encode", *names, "pipe.png", "-o", "out", "--jobs", jobs, pipes=["pipe.png"])
    process = command.process
    for _ in range(5):
        assert process.stdout.readline()
    (process.send_signal if whom == "the command" else lambda s: os.killpg(process.pid, s))(signal.SIGINT)
    # Its workers have these pipes too: that they end says that all processes did.
    printed, said = process.communicate()
    assert process.returncode == 130
    (line,) = lines(said)
    assert line.startswith("kmq: interrupted: after ")
    assert line.endswith(" of 13 files; every file that was written is whole")
    written = files_below(folder / "out")
    assert len(written) >= 5 + len(lines(printed))
    assert written == {name: kmq.encode(small_picture(int(name[:-4]))) for name in written}
    assert command.deserted() == "pipe.png"


@pytest.mark.posix
def test_a_file_that_is_being_written_when_the_interrupt_comes_is_finished(folder, pinned):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)
    Path("noise.png").write_bytes(png(noise))
    expected = kmq.encode(noise, coding="packed")
    assert len(expected) > 2 * 65_536  # more than a pipe takes
    os.mkfifo("noise.kmq")
    flags = ["--no-skip-if-larger", "--coding=packed", "--jobs=2"]
    command = pinned("encode", *flags, "noise.png", "pipe.png", pipes=["pipe.png"])
    with open("noise.kmq", "rb") as output:  # returns when it is being written
        first = output.read(1)
        command.process.send_signal(signal.SIGINT)
        assert command.deserted() == "pipe.png"  # the other worker has ended
        assert first + output.read() == expected
    command.process.communicate()
    assert command.process.returncode == 130


@pytest.mark.proc
def test_a_worker_that_is_killed_costs_its_file_and_no_other(folder, pinned):
    pipes, names = ["pipe0.png", "pipe1.png"], [f"{number}.png" for number in range(8)]
    for number, name in enumerate(names):
        Path(name).write_bytes(png(small_picture(number)))
    command = pinned("encode", "--jobs=2", "-o", "out", *pipes, *names, pipes=pipes)
    one, _ = command.workers()
    os.kill(one, signal.SIGKILL)
    lost = command.deserted()
    for _ in names:  # the others don't wait for the pipe that is left
        assert command.process.stdout.readline()
    (left,) = {*pipes} - {lost}
    command.pipes[left].write(png(small_picture(9)))
    command.pipes[left].close()
    printed, said = command.process.communicate()
    assert command.process.returncode == 1
    (line,) = lines(said)
    assert line.startswith(f"kmq: {lost}: the process that worked on it was killed")
    assert lines(printed)[-1].startswith("9 written, 1 failed: ")
    expected = {name: kmq.encode(small_picture(number)) for number, name in enumerate(names)}
    expected[left] = kmq.encode(small_picture(9))
    assert files_below(folder / "out") == {
        name.replace("png", "kmq"): data for name, data in expected.items()
    }


@pytest.mark.posix
def test_workers_end_with_the_command_that_is_killed(folder, pinned):
    pipes = ["pipe0.png", "pipe1.png"]
    command = pinned("encode", "--jobs=2", "-o", "out", *pipes, pipes=pipes)
    command.process.kill()
    command.process.communicate()  # until the last of them has let go of its output
    assert command.deserted()
