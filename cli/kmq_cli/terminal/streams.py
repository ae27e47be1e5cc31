"""Where bytes come from and go to: files, or `-` for standard input and output."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import typer

from kmq._file.decoder import MAX_PIXELS
from kmq._ground.reading import read_bounded
from kmq._ground.whole_files import write_atomically, write_stream
from kmq_cli.terminal.failures import failures, standard_output

STANDARD = "-"


def read_bytes(
    source: str, max_pixels: int | None, read: Callable[[BinaryIO, int], bytes] = read_bounded
) -> bytes:
    """Return all bytes of a file, or of standard input for `-`, by way of `read`.

    Raises OSError, LimitError if there are more than `max_pixels` (None: 89,478,485) allow, and as `read`.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if source != STANDARD:
        with Path(source).open("rb") as file:
            return read(file, limit)
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return read(sys.stdin.buffer, limit)


def output_for(source: str, output: str | None, suffix: str) -> str:
    """Return `output`, or the source's name with its suffix changed; `-` if the source is `-`."""
    if not source:
        raise typer.BadParameter("the name of the input is empty")
    if output is not None:
        if not output:
            raise typer.BadParameter("the name of the output is empty")
        if output == STANDARD and sys.stdout is not None and sys.stdout.isatty():
            raise typer.BadParameter("a terminal can't show a file; name one with -o, or use a pipe")
        return output
    if source == STANDARD:
        return output_for(source, STANDARD, suffix)
    name = Path(source)
    return str(name.with_suffix(suffix)) if name.name else source + suffix  # "." or "/": not readable


def check_suffix(output: str) -> None:
    """Refuse to give a .kmq file the suffix of another format."""
    from PIL import Image

    from kmq.pillow import FORMAT

    suffix = Path(output).suffix.lower()
    if Image.registered_extensions().get(suffix, FORMAT) != FORMAT:
        raise typer.BadParameter(f"{output}: kmq encode writes .kmq files, not {suffix}")


def check_output(source: str, output: str, *, force: bool, makes_folders: bool = False) -> None:
    """Refuse, before any work, an output that exists or is the input. Raises OSError.

    `makes_folders` says that folders on the way to it are made where they are missing.
    """
    if output == STANDARD:
        return
    path = Path(output)
    if output.endswith(("/", os.sep)) and not path.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", output)
    if source != STANDARD and path.exists() and path.samefile(source):
        raise typer.BadParameter(f"input and output are the same file, {output}")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file with -o", output)
    if path.is_file() and not force:
        raise FileExistsError(errno.EEXIST, "File exists", output)
    if not makes_folders and not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))


def check_standard_output() -> None:
    """Raise OSError if standard output is closed, because print() wouldn't."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "is closed")


def write_bytes(output: str, data: bytes, *, force: bool) -> None:
    """Write all bytes to a file, whole or not at all, or to standard output for `-`.

    A failure is reported with the output's name and ends the command.
    """
    if output == STANDARD:
        with standard_output():
            check_standard_output()
            write_stream(sys.stdout.buffer, data)  # which Python doesn't buffer if it is told not to
    else:
        with failures(output):
            write_atomically(output, data, overwrite=force)
