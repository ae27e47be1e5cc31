"""From exceptions to one clear line on standard error and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import NoReturn

FAILED = 1
MISSED = 3
"""A target can't be met."""

INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


def complain(subject: str, problem: object) -> None:
    """Print one line about `subject`, usually a file, to standard error."""
    line = " ".join(f"kmq: {subject}: {problem}".split())
    print("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line), file=sys.stderr)


def fail(subject: str, problem: object, code: int = FAILED) -> NoReturn:
    """Complain, and leave with an exit code."""
    complain(subject, problem)
    raise SystemExit(code) from None


@contextlib.contextmanager
def failures(subject: str) -> Iterator[None]:
    """Turn what can go wrong with `subject` into a line and exit code 1; show warnings as notes.

    A bug of ours still shows its traceback: only errors of files, systems and data are caught.
    """

    def note(message: Warning | str, *_: object) -> None:
        complain(subject, f"note: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = note  # type: ignore[assignment]
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)  # of the picture; the others are for developers
        try:
            yield
        except FileExistsError as error:
            fail(error.filename or subject, "exists; --force overwrites it, or give another name")
        except OSError as error:
            fail(error.filename or subject, error.strerror or error)
        except (ValueError, MemoryError) as error:
            fail(subject, error if str(error) else type(error).__name__)
        except KeyboardInterrupt:
            fail(subject, "interrupted", INTERRUPTED)
        except Exception as error:
            from kmq import KmqError, LimitError, TargetError  # only now: --help needn't wait for the codec

            if not isinstance(error, KmqError):
                raise
            if isinstance(error, TargetError):
                fail(subject, error, MISSED)
            hint = "; --max-pixels can allow more" if isinstance(error, LimitError) else ""
            fail(subject, f"{error}{hint}")


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Turn what can go wrong with printing into a line and exit code 1, and flush before it is too late.

    Only errors of the system are caught, so that a bug of ours shows its traceback.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if sys.stdout is not None:  # what is still buffered goes nowhere, lest the interpreter try again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # who reads it has had enough
            raise SystemExit(FAILED) from None
        fail(error.filename or "standard output", error.strerror or error)


@contextlib.contextmanager
def interruption() -> Iterator[None]:
    """Turn an interrupt into a line and its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        print("kmq: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
