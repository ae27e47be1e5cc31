"""Other programs: found, asked for their version, and run with a limit on their time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

VERSION_SECONDS = 10
"""A program that takes longer to say its version has none that is known."""

SAID = 200
"""Most letters of what a program says of a failure that are passed on."""


class ProgramError(Exception):
    """A program failed, or took too long."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is there: its name, its path and its version, "" if it doesn't say it."""

    name: str
    path: str
    version: str


def find_program(name: str, version_option: str) -> Program | None:
    """Return the program of a name, from the folders of PATH, or None."""
    path = shutil.which(name)
    if path is None:
        return None
    with tempfile.TemporaryDirectory(prefix="kmq-") as folder:
        try:
            said = run_program([path, version_option], Path(folder), VERSION_SECONDS)
        except ProgramError:
            said = ""
    found = re.search(r"\d+(\.\d+)+", said)
    return Program(name, path, found[0] if found else "")


def run_program(command: list[str], folder: Path, seconds: float) -> str:
    """Run a command in a folder, and return what it printed, 4 kB at most.

    Raises ProgramError if it can't be run, fails, or takes longer: then it is stopped, with what it started.
    """
    # To a file, not a pipe: a pipe that a stopped program's child still holds would be waited for.
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(  # noqa: S603  the commands are ours, and no shell reads them
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # what it starts can be stopped with it
            )
        except OSError as error:
            raise ProgramError(f"can't be run: {error.strerror or error}") from None
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"took more than {seconds:g} s") from None
        finally:
            _stop(process)
        printed.seek(0)
        said = printed.read(4096).decode("utf-8", "replace")
    if code != 0:
        ended = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise ProgramError(": ".join(filter(None, [ended, " ".join(said.split())[:SAID]])))
    return said


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process that hasn't ended and, where the system has sessions, what it started."""
    if process.returncode is not None:
        return
    if sys.platform != "win32":
        os.killpg(process.pid, signal.SIGKILL)  # nobody has waited for it yet, so the number is still its own
    else:
        process.kill()
    process.wait()
