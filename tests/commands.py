"""The kmq command as a user runs it, in a process of its own: forked where that can be, which is quicker."""

import atexit
import functools
import os
import subprocess
import sys
from pathlib import Path

from forked_commands import PIPE_BYTES, ForkedCommands


def run(*arguments, stdin=b"", check=None, env=None):
    """Run `kmq` in the folder of the tests, and their environment or `env`; `check` is its exit code."""
    words = [str(argument) for argument in arguments]
    forked = hasattr(os, "fork") and len(stdin) <= PIPE_BYTES
    done = (run_forked if forked else run_started)(words, stdin, env)
    if check is not None:
        assert done.returncode == check, (done.stdout, done.stderr)
    assert b"Traceback" not in done.stderr
    return done


def run_started(words, stdin=b"", env=None):
    """Start a new interpreter, as the command does."""
    command = [sys.executable, "-m", "kmq_cli", *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=env)


def run_forked(words, stdin, env):
    """Fork a process that has kmq loaded."""
    command = {
        "arguments": words,
        "folder": str(Path.cwd()),
        "stdin": stdin.decode("latin-1"),
        "env": dict(os.environ if env is None else env),  # as it is now, not when the forking one was started
    }
    (done,) = forker()(command)
    out, err = (done[name].encode("latin-1") for name in ("out", "err"))
    return subprocess.CompletedProcess(words, done["code"], out, err)


@functools.cache
def forker():
    """Return the process that forks, one for all tests."""
    commands = ForkedCommands()
    atexit.register(commands.close)
    return commands
