"""From exceptions to one clear line on standard error and an exit code."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

FAILED = 1
WRONG_USAGE = 2
MISSED = 3
"""A target can't be met."""

INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


class UsageError(Exception):
    """What was typed can't be done. The text says what to type instead."""


def complain(subject: str, problem: object) -> None:
    """Print one line about `subject`, usually a file, to standard error."""
    text = " ".join(filter(None, map(str.strip, str(problem).splitlines())))
    print(f"kmq: {printable(named(subject))}: {printable(text)}", file=sys.stderr)


def named(file: str) -> str:
    """Return what to call a file, or standard input, in a sentence."""
    return "standard input" if file == "-" else file


def printable(text: str) -> str:
    """Return a text, such as a file's name, with the characters that could steer a terminal escaped."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def fail(subject: str, problem: object, code: int = FAILED) -> NoReturn:
    """Complain, and exit with a code."""
    complain(subject, problem)
    raise SystemExit(code) from None


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: the file or option, why, and the exit code."""

    subject: str
    text: str
    code: int = FAILED


def problem_of(error: Exception, subject: str) -> Problem | None:
    """Return what an exception says about `subject`; None if it is a bug of ours.

    Errors of files, systems and data become a line; everything else is a bug.
    """
    if isinstance(error, OSError):
        text = str(error.strerror or error)
        if isinstance(error, FileExistsError):
            text = "exists; give another name, or --force overwrites it"
        return Problem(error.filename or subject, text)
    if isinstance(error, (ValueError, MemoryError)):
        return Problem(subject, str(error) or type(error).__name__)
    if _lacks_memory(error):
        return Problem(subject, "MemoryError")
    from kmq import KmqError, LimitError, TargetError  # only here: --help shouldn't wait for the codec

    if not isinstance(error, KmqError):
        return None
    hint = "; --max-pixels can allow more" if isinstance(error, LimitError) else ""
    return Problem(subject, f"{error}{hint}", MISSED if isinstance(error, TargetError) else FAILED)


def _lacks_memory(error: Exception) -> bool:
    """Tell whether there was too little memory to load a library or to start a thread."""
    if isinstance(error, ImportError):
        return bool(
            re.search("map segment|allocate memory|static TLS|cannot load any more object", str(error))
        )
    return isinstance(error, RuntimeError) and "can't start new thread" in str(error)


@contextlib.contextmanager
def notes(tell: Callable[[str], object]) -> Iterator[None]:
    """Pass warnings about a picture to `tell`, as notes."""

    def note(message: Warning | str, *_: object) -> None:
        tell(f"note: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = note  # type: ignore[assignment]
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)  # about the picture; others are for developers
        yield


@contextlib.contextmanager
def failures(subject: str) -> Iterator[None]:
    """Turn what can go wrong with `subject` into a line and an exit code, and show warnings as notes.

    A bug of ours still shows its traceback.
    """
    with notes(partial(complain, subject)):
        try:
            yield
        except KeyboardInterrupt:
            fail(subject, "interrupted", INTERRUPTED)
        except Exception as error:
            problem = problem_of(error, subject)
            if problem is None:
                raise
            fail(problem.subject, problem.text, problem.code)


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Turn what can go wrong with printing into a line and exit code 1; flush while that can be reported.

    Only errors of the system are caught, so that a bug of ours shows its traceback.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if sys.stdout is not None:  # drop the buffer, or the interpreter tries again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has had enough
            raise SystemExit(FAILED) from None
        fail(error.filename or "standard output", error.strerror or error)


class Interruption(KeyboardInterrupt):
    """An interrupt.

    If a KeyboardInterrupt itself leaves code that `exec` runs, as dataclasses do, `python -m` ends by SIGINT,
    whatever became of the interrupt.
    """


@contextlib.contextmanager
def interruption() -> Iterator[None]:
    """Turn an interrupt into a line and its exit code."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # else it is ignored, as in the background
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("kmq: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise Interruption
