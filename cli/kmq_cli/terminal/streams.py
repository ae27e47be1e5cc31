"""Where bytes come from and go to: files, or `-` for standard input and output."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import kmq
from kmq_cli.terminal.failures import UsageError, failures, standard_output

STANDARD = "-"

DEVICES = ("/dev/", "/dev/fd/", "/proc/")
"""Folders whose entries are devices, or open files of a process."""

BYTES_A_PIXEL, BYTES_BESIDE = 8, 1 << 26
"""Most bytes of a picture's file: 16-bit RGBA as it is, and 64 MiB of metadata and later frames."""

STEP = 1 << 20
"""Bytes that are read at a time."""


def read_bytes(source: str, max_pixels: int | None) -> bytes:
    """Return all bytes of a file, or of standard input for `-`.

    Raises OSError, and LimitError if there are more than `max_pixels` (None: 89,478,485) allow.
    """
    limit = kmq.MAX_PIXELS if max_pixels is None else max_pixels
    most = BYTES_A_PIXEL * limit + BYTES_BESIDE
    read = io.BytesIO()
    with _opened(source) as file:
        while part := file.read(STEP):
            read.write(part)
            if read.tell() > most:
                raise kmq.LimitError(
                    f"the file has more than {most:,} bytes, too many for the {limit:,} pixels that "
                    "max_pixels allows"
                )
    if part is None:
        raise BlockingIOError(errno.EAGAIN, "has no more bytes yet, and doesn't wait for them")
    return read.getvalue()


@contextlib.contextmanager
def open_kmq(source: str, max_pixels: int | None, threads: int = 1) -> Iterator[kmq.KmqFile]:
    """Open a .kmq file, or standard input for `-`, which is read only as far as is asked for.

    It isn't mapped: where a disk fails under a mapped file, the system ends the process. Raises what
    `kmq.open` does.
    """
    limit = kmq.MAX_PIXELS if max_pixels is None else max_pixels
    with _opened(source) as file:
        stream = file
        if file.seekable() and file.tell():  # standard input that somebody has read a part of
            stream = io.BytesIO(read_bytes(source, limit))
        with kmq.open(stream, max_pixels=limit, threads=threads) as opened:
            yield opened


@contextlib.contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    """Open a file for reading, or take standard input for `-`, which stays open. Raises OSError."""
    if source != STANDARD:
        with Path(source).open("rb") as file:
            yield file
    elif sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    else:
        yield sys.stdin.buffer


def size_of(source: str) -> int | None:
    """Return how many bytes a file has; None for what isn't a regular file, like a pipe."""
    path = Path(source)
    return path.stat().st_size if source != STANDARD and path.is_file() else None


def is_device(name: str) -> bool:
    """Tell whether a name is that of a device, or of an open file, beside which no file should be made."""
    folder = f"{Path(os.path.abspath(name)).parent}/"  # noqa: PTH100  links are names of their own here
    if folder in DEVICES[:2] or folder.startswith(DEVICES[2]):
        return True
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def _is_standard_output(output: str) -> bool:
    """Tell whether a name, such as /dev/stdout, is another one of standard output."""
    if output == STANDARD or sys.stdout is None or not is_device(output):
        return output == STANDARD
    with contextlib.suppress(OSError, ValueError):
        return os.path.samestat(Path(output).stat(), os.fstat(sys.stdout.fileno()))
    return False


def output_for(source: str, output: str | None, suffix: str, *, keep_suffix: bool = False) -> str:
    """Return `output`, or the source's name with its suffix changed; `-` if the source is `-` or a device.

    If `output` is a folder, the file will be in that. `keep_suffix` puts the suffix after the source's own.
    """
    if not source:
        raise UsageError("the name of the input is empty")
    if output is not None:
        if not output:
            raise UsageError("the name of the output is empty")
        output = STANDARD if _is_standard_output(output) else output
        if output == STANDARD and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError("a terminal can't show a file; name one with -o, or use a pipe")
        if source != STANDARD and Path(source).name and Path(output).is_dir():
            return str(with_suffix(Path(output, Path(source).name), suffix, keep=keep_suffix))
        return output
    if source == STANDARD or is_device(source):
        return output_for(source, STANDARD, suffix)
    name = Path(source)
    if not name.name:  # "." or "/": not readable
        return source + suffix
    return str(with_suffix(name, suffix, keep=keep_suffix))


def with_suffix(path: Path, suffix: str, *, keep: bool = False) -> Path:
    """Return the path with another suffix, or with one more to `keep` its own.

    Only a suffix that a picture's format has is replaced: scan.1 becomes scan.1.kmq. a.png.kmq becomes a.png,
    not a.png.png.
    """
    from kmq_cli.pictures.formats import named_by

    if keep or (path.suffix and suffix and named_by(path.suffix.lower()) is None):
        return path.with_name(path.name + suffix)
    stem = path.with_suffix("")
    return stem if stem.suffix.lower() == suffix else path.with_suffix(suffix)


def check_suffix(output: str) -> None:
    """Refuse to give a .kmq file the suffix of another format."""
    from kmq_cli.pictures.formats import KMQ, named_by

    suffix = Path(output).suffix.lower()
    if named_by(suffix) not in (None, KMQ):
        raise UsageError(f"{output}: kmq encode writes .kmq files, not {suffix}")


def check_output(source: str, output: str, *, force: bool, makes_folders: bool = False) -> None:
    """Refuse, before any work, an output that exists or is the input. Raises OSError.

    `makes_folders` says that missing folders on the way to it will be made.
    """
    if output == STANDARD:
        return
    path = Path(output)
    if output.endswith(("/", os.sep)) and not path.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", output)
    if source != STANDARD and path.exists() and path.samefile(source):
        raise UsageError(f"input and output are the same file, {output}")
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file with -o", output)
    if path.is_file() and not force:
        raise FileExistsError(errno.EEXIST, "File exists", output)
    if not makes_folders and not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))


def check_standard_output() -> None:
    """Raise OSError if standard output is closed: print() would say nothing."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "is closed")


@contextlib.contextmanager
def made_like(source: str, output: str, *, preserve: bool = False) -> Iterator[None]:
    """Let the file `output`, if it is made meanwhile, be no more readable than `source`; or as old too.

    Raises OSError.
    """
    if STANDARD in (source, output) or not Path(source).is_file():
        yield
        return
    status = Path(source).stat()
    before = os.umask(0o777)
    os.umask(before | (0o066 & ~status.st_mode))
    try:
        yield
    finally:
        os.umask(before)
    if preserve and Path(output).is_file():
        os.utime(output, ns=(status.st_atime_ns, status.st_mtime_ns))


def write_bytes(
    output: str, data: bytes, *, force: bool, source: str = STANDARD, preserve: bool = False
) -> None:
    """Write all bytes to a file, whole or not at all, or to standard output for `-`.

    The file is no more readable than `source`, and with `preserve` as old. A failure is reported with the
    output's name and ends the command.
    """
    if output == STANDARD:
        with standard_output():
            check_standard_output()
            kmq.write_whole(sys.stdout.buffer, data)
    else:
        with failures(output), made_like(source, output, preserve=preserve):
            kmq.write_whole(output, data, overwrite=force)
