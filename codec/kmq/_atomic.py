"""Writing a file so that a failed or killed run leaves nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = True) -> None:
    """Write `data` to `path`: all of it, or nothing and what was there stays.

    The bytes are written and flushed to a file that has no name yet, where the system has
    such files, or else a temporary name in the same folder; only whole does it take the
    name `path`. What is not a regular file (a pipe, a device) is written to as it is. A
    link is followed, and an existing file's permissions are kept.

    Raises FileExistsError if `path` exists and `overwrite` is false, also if another process
    makes it in the meantime; and any other OSError of the system.
    """
    target = Path(os.path.realpath(path))
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        target.write_bytes(data)
        return
    if not overwrite:
        check_free(path)
    temporary = target.with_name(f".kmq-{secrets.token_hex(8)}.tmp")
    try:
        _write_whole(temporary, data)
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        if overwrite:
            temporary.replace(target)
        else:
            _name_if_free(temporary, target)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_free(path: str | os.PathLike[str]) -> None:
    """Raise FileExistsError if there is a regular file at `path`."""
    if Path(path).is_file():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))


def _write_whole(path: Path, data: bytes) -> None:
    """Write and flush a new file that appears under its name only once it is whole, if possible."""
    if hasattr(os, "O_TMPFILE"):
        with contextlib.suppress(OSError):  # not on every file system; then the next way reports
            descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, 0o666)
            with os.fdopen(descriptor, "wb") as file:
                _write_and_flush(file.fileno(), data)
                # src_dir_fd makes Python follow the link; with an absolute path it is not used
                os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
            return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        _write_and_flush(file.fileno(), data)


def _write_and_flush(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _name_if_free(temporary: Path, target: Path) -> None:
    """Rename without replacing: a link fails if the name was taken meanwhile, a rename doesn't."""
    try:
        os.link(temporary, target)
    except OSError:  # taken, or a file system without links
        check_free(target)
        temporary.replace(target)
