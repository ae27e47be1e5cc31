"""Work in a process of its own, for as long as it may take: any library can be stopped then."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

MINUTE = 60.0


class NotMeasured(Exception):  # noqa: N818  most are no errors, but peers that can't do something
    """There is no result that counts; the message says why, in a table's words."""


def not_within(seconds: float) -> str:
    """Return the words for what takes too long."""
    return f"not within {seconds:g} s"


def within(seconds: float, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that `work` took, and its result.

    Raises NotMeasured if it takes longer than `seconds`, or fails.
    """
    context = multiprocessing.get_context("fork")  # `work` needs no pickling, pictures no copying
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_done, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise NotMeasured(not_within(seconds))
        taken, result, problem = ours.recv()
    except EOFError:
        process.join()
        raise NotMeasured(f"ended by signal {-(process.exitcode or 0)}") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if problem is not None:
        raise NotMeasured(problem)
    return taken, result


def _done(pipe: Connection, work: Callable[[], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells parent and child; the parent ends both
    start = time.perf_counter()
    try:
        result, problem = work(), None
    except NotMeasured as error:
        result, problem = None, str(error)
    except Exception as error:  # noqa: BLE001  whatever a peer fails with is what its cell says
        result, problem = None, f"{type(error).__name__}: {error}"[:120]
    pipe.send((time.perf_counter() - start, result, problem))
    pipe.close()
