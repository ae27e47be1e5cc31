"""Other programs: how to find them, ask for their version, and run them with a limit on their time."""

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
"""Most seconds that a program may take to print its version; after that, it is unknown."""

SAID = 200
"""Most letters that are quoted of what a program printed when it failed."""


class ProgramError(Exception):
    """A program failed, or took too long."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was found: its name, its path and its version ("" if unknown)."""

    name: str
    path: str
    version: str


def find_program(name: str, version_option: str) -> Program | None:
    """Return the program of a name from the folders of PATH, or None."""
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
    """Run a command in a folder, and return the first 4 kB that it printed.

    Raises ProgramError if it can't be run, fails, or takes longer; then it is stopped, with all it started.
    """
    # It prints to a file, not a pipe: reading a pipe would wait for a child that outlives the program.
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(  # noqa: S603  the commands are our own, and no shell reads them
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that all it starts can be stopped with it
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
    """Stop a process that is still running and, where the system has sessions, all it started."""
    if process.returncode is not None:
        return
    if sys.platform != "win32":
        os.killpg(process.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own
    else:
        process.kill()
    process.wait()
