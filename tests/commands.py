"""The kmq command as a user runs it, in a process of its own: forked where that can be, which is quicker."""

import atexit
import functools
import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

from forked_commands import PIPE_BYTES, ForkedCommands

KMQ = [sys.executable, "-m", "kmq_cli"]

BUFFERED, UNBUFFERED = (os.environ | {"PYTHONUNBUFFERED": value} for value in ("", "1"))
"""Python buffers standard output, or it passes on what the system takes of it, which may be less."""

MEASURED = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "kmq_cli", *sys.argv[1:]]).returncode
# A process begins with the peak of the one that started it, which here is a small one, not pytest.
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""A program that runs `kmq` and says last on standard error how much memory its processes had."""


CHANGED = """
import importlib
from kmq_cli import main
for module, values in {constants!r}.items():
    vars(importlib.import_module(module)).update(values)
main()
"""
"""The command with other values of some constants."""


def run(*arguments, stdin=b"", check=None, env=None, constants=MappingProxyType({})):
    """Run `kmq` in the folder of the tests, and their environment or `env`; `check` is its exit code.

    `constants` are other values of modules' constants, by the modules' names and their own.
    """
    words = [str(argument) for argument in arguments]
    if hasattr(os, "fork") and len(stdin) <= PIPE_BYTES:
        done = run_forked(words, stdin, env, dict(constants))
    else:
        done = run_started(words, stdin, env, dict(constants))
    if check is not None:
        assert done.returncode == check, (done.stdout, done.stderr)
    assert b"Traceback" not in done.stderr
    return done


def run_started(words, stdin=b"", env=None, constants=None):
    """Start a new interpreter, as the command does."""
    command = [*KMQ, *words]
    if constants:
        command[1:3] = ["-c", CHANGED.format(constants=constants)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=env)


def run_forked(words, stdin, env, constants=None):
    """Fork a process that has kmq loaded."""
    command = {
        "arguments": words,
        "folder": str(Path.cwd()),
        "stdin": stdin.decode("latin-1"),
        "env": dict(os.environ if env is None else env),  # as it is now, not when the forking one was started
        "constants": constants or {},
    }
    (done,) = forker(later=True)(command)
    out, err = (done[name].encode("latin-1") for name in ("out", "err"))
    return subprocess.CompletedProcess(words, done["code"], out, err)


@functools.cache
def forker(*, later):
    """Return the process that forks, one of each kind for all tests."""
    commands = ForkedCommands(later=later)
    atexit.register(commands.close)
    return commands


def lines(output):
    """Return the lines that a command printed."""
    return output.decode().splitlines()


def read_terminal(descriptor):
    """Return what was printed next on a terminal, b"" at its end."""
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # what Linux gives when the other end is closed
        return b""


def check(forked, folder, line, code, said):
    """Run a command, check how it ends and what it says; return its standard output."""
    (end,) = forked({"arguments": line.split(), "folder": str(folder)})
    assert (end["code"], end["err"]) == (code, said)
    return end["out"]


def filled(folder, files):
    """Make a folder with files, which are names and bytes, and return it."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def files_below(folder):
    """Return the name of every file in a folder and those in it, hidden ones too, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
