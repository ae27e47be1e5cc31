"""Atomic writing: a run that fails or is killed leaves no file half-written."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from kmq._ground.arguments import checked_type

Content: TypeAlias = "bytes | Callable[[BinaryIO], None]"
"""Bytes to write, or a function that writes them to a seekable file. It may be called twice."""

COPIED = 1 << 20
"""Bytes copied at a time."""


def write_atomically(path: str | os.PathLike[str], data: Content, *, overwrite: bool = True) -> None:
    """Write all of `data` to `path`, or leave what was there.

    The bytes go to a file without a name where the system has such files, or else to a temporary
    name in the same folder. The file is flushed, and takes the name `path` only when it is whole.
    A link is followed, and an existing file keeps its permissions. A path that is no regular file,
    such as a pipe or a device, is written to directly.

    An interrupted process leaves nothing behind. A killed one can leave:

    - a whole `.kmq-….tmp` next to `path`, if it is killed just before the file takes its name;
    - a partial `.kmq-….tmp`, on systems where every file has a name;
    - an empty file at `path`, where there was none, on file systems without hard links, if
      `overwrite` is false.

    Raises FileExistsError if `path` exists and `overwrite` is false, even if another process creates
    it in the meantime; and any other OSError of the system.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  unlike Path.exists, raises for a loop of links
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        _write_as_it_is(Path(path), data)
        return
    if not overwrite:
        check_free(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".kmq-{os.urandom(8).hex()}.tmp")
    try:
        try:
            _write_beside(temporary, target, data, mode, overwrite=overwrite)
        finally:
            _remove(temporary)
    except OSError as error:
        if error.filename is not None or not callable(
            data
        ):  # the caller knows `path`, not our temporary name
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:  # again: an interrupt can come just before the first attempt
        _remove(temporary)


def write_whole(file: str | os.PathLike[str] | BinaryIO, data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to a path, whole or not at all, or all of it to a binary file that is open for writing.

    The new file takes the path only once it is complete and flushed. Until then, and if anything fails, the
    old file stays. A link is followed, and an existing file keeps its permissions. A pipe or a device is
    written to directly.

    Raises OSError if the file can't be written; FileExistsError if the path exists and `overwrite` is false,
    also if another process makes it in the meantime; TypeError for anything else.
    """
    checked_type("data", data, bytes, "bytes")
    check_destination(file, overwrite=overwrite)
    if isinstance(file, (str, os.PathLike)):
        write_atomically(file, data, overwrite=overwrite)
    else:
        write_stream(file, data)


def check_destination(file: object, *, overwrite: bool) -> None:
    """Raise TypeError for what can't be written to; FileExistsError if it mustn't be overwritten."""
    if isinstance(file, (str, os.PathLike)):
        if not overwrite:
            check_free(file)
    elif not hasattr(file, "write"):
        raise TypeError(f"file is {type(file).__name__}; it must be a path or a file open for writing")


def check_free(path: str | os.PathLike[str]) -> None:
    """Raise FileExistsError if there is a regular file at `path`."""
    if Path(path).is_file():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))


def _write_beside(temporary: Path, target: Path, data: Content, mode: int | None, *, overwrite: bool) -> None:
    """Write a file, then give it the name `target`. It may leave a file named `temporary`."""
    if not overwrite and _write_nameless(target, data):
        return
    if not _write_nameless(temporary, data):
        _write_named(temporary, data)
    if mode is not None:
        temporary.chmod(stat.S_IMODE(mode))
    if overwrite:
        temporary.replace(target)
    else:
        _replace_nothing(temporary, target)


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


def _write_nameless(path: Path, data: Content) -> bool:
    """Write a nameless file and give it its name when it is whole. Return False if the system can't.

    Raises FileExistsError if the name was taken in the meantime, OSError if writing fails.
    """
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, 0o666)
    except OSError:  # not on this file system
        return False
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        _write_and_flush(file, data)
        try:
            # src_dir_fd only makes Python follow the link: the path is absolute
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
        except FileExistsError:
            raise
        except OSError:  # no /proc, or a file system without links
            return False
    return True


def _write_named(path: Path, data: Content) -> None:
    binary = getattr(os, "O_BINARY", 0)  # else Windows translates line ends
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        _write_and_flush(file, data)


def _write_and_flush(file: BinaryIO, data: Content) -> None:
    if callable(data):
        data(file)
    else:
        left = memoryview(data)
        while left:
            left = left[os.write(file.fileno(), left) :]
    os.fsync(file.fileno())


def write_stream(file: BinaryIO, data: bytes) -> None:
    """Write all of `data`, in several writes if an unbuffered stream takes less at a time."""
    left = memoryview(data)
    while left:
        written = file.write(left)
        if written is None and isinstance(file, io.RawIOBase):
            raise BlockingIOError(errno.EAGAIN, "the stream takes no more bytes now", len(data) - len(left))
        left = left[len(left) if written is None else written :]


def write_copied(file: BinaryIO, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a seekable temporary file, then copy that to the stream `file`."""
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as whole:
        write(cast("Any", whole))  # on Windows it has a type of its own
        whole.seek(0)
        shutil.copyfileobj(whole, file, COPIED)


def _write_as_it_is(path: Path, data: Content) -> None:
    if not callable(data):
        path.write_bytes(data)
        return
    with path.open("wb") as file:
        write_copied(file, data)


def _replace_nothing(temporary: Path, target: Path) -> None:
    """Rename `temporary`, replacing nothing. Raises FileExistsError if the name is taken."""
    try:
        os.link(temporary, target)  # unlike a rename, fails if the name is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name first, then replace it
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            temporary.replace(target)
        except BaseException:
            target.unlink()
            raise
