"""Work in a process of its own, for as much of the processor's time as it may take.

The processor's time, not the clock's: it hardly depends on what else the machine does.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kmq_cli.compare.program import ProgramError, run_program

WAIT = 30
"""How many times the seconds of the processor may pass on the clock."""


class NotMeasured(Exception):  # noqa: N818  most are no errors, but peers that can't do something
    """There is no result that counts; the message says why, in a table's words."""


def not_within(seconds: float) -> str:
    """Return the words for what takes too long."""
    return f"not within {seconds:g} s"


def within(seconds: float, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor's seconds that `work` took, with programs that it ran, and its result.

    Raises NotMeasured if it takes longer than `seconds`, or fails.
    """
    context = multiprocessing.get_context("fork")  # `work` needs no pickling, pictures no copying
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_done, args=(theirs, seconds, work), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(WAIT * seconds):
            raise NotMeasured(not_within(seconds))
        taken, result, problem = ours.recv()
    except EOFError:
        process.join()
        slow = process.exitcode == -signal.SIGXCPU
        raise NotMeasured(
            not_within(seconds) if slow else f"ended by signal {-(process.exitcode or 0)}"
        ) from None
    finally:
        process.terminate()  # it ends what it runs, if it can
        process.join(2)
        process.kill()
        process.join()
        ours.close()
    if problem is not None:
        raise NotMeasured(problem)
    return taken, result


def run(command: list[str], folder: Path, seconds: float) -> None:
    """Run a program in a folder, as a part of `work`.

    Raises NotMeasured if it fails, or takes longer than `seconds` of the processor.
    """
    try:
        run_program(command, folder, WAIT * seconds)
    except ProgramError as error:
        slow = f"signal {signal.SIGXCPU}" in str(error) or "took more than" in str(error)
        raise NotMeasured(not_within(seconds) if slow else str(error)) from None


def _seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _done(pipe: Connection, seconds: float, work: Callable[[], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells parent and child; the parent ends both
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    most = int(_seconds() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))  # programs that it runs have it, too
    start = _seconds()
    try:
        result, problem = work(), None
    except NotMeasured as error:
        result, problem = None, str(error)
    except Exception as error:  # noqa: BLE001  whatever a peer fails with is what its cell says
        result, problem = None, f"{type(error).__name__}: {error}"[:120]
    pipe.send((_seconds() - start, result, problem))
    pipe.close()
