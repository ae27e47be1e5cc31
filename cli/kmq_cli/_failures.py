"""From exceptions to one clear line on standard error and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

FAILED = 1
INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


def complain(subject: str, problem: object) -> None:
    """Print one line about `subject`, usually a file, to standard error."""
    text = " ".join(str(problem).split())
    print(f"kmq: {subject}: {text}", file=sys.stderr)


@contextlib.contextmanager
def failures(subject: str) -> Iterator[None]:
    """Turn what can go wrong with `subject` into a line and exit code 1; show warnings as notes.

    A bug of ours still shows its traceback: only errors of files, systems and data are caught.
    """
    from PIL import UnidentifiedImageError

    from kmq import KmqError, LimitError

    def note(message: Warning | str, *_: object) -> None:
        complain(subject, f"note: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = note  # type: ignore[assignment]
        warnings.simplefilter("always")
        try:
            yield
        except UnidentifiedImageError:
            complain(subject, "not a picture in a format that Pillow reads")
            raise SystemExit(FAILED) from None
        except LimitError as error:
            complain(subject, f"{error}; --max-pixels can allow more")
            raise SystemExit(FAILED) from None
        except BrokenPipeError:
            # Who read our output has had enough. Keep the interpreter from flushing again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(FAILED) from None
        except FileExistsError as error:
            complain(error.filename or subject, "exists; use --force to overwrite it, or -o for another name")
            raise SystemExit(FAILED) from None
        except OSError as error:
            complain(error.filename or subject, error.strerror or error)
            raise SystemExit(FAILED) from None
        except (
            KmqError,
            ValueError,
            SyntaxError,
            MemoryError,
        ) as error:  # SyntaxError: Pillow, of broken files
            complain(subject, error or type(error).__name__)
            raise SystemExit(FAILED) from None
        except KeyboardInterrupt:
            complain(subject, "interrupted")
            raise SystemExit(INTERRUPTED) from None
