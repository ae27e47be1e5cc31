"""Work on many files at once, in processes that end with this one, but never while they write a file."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import kmq
from kmq_cli.batch.ending import WRITING, prepare
from kmq_cli.batch.tasks import Outcome, Task
from kmq_cli.terminal.failures import UsageError, fail, notes, problem_of
from kmq_cli.terminal.streams import made_like

KILLED = "the process that worked on it was killed, as when memory runs out; fewer --jobs take less"

GRACE = 10.0
"""Seconds that a worker has to finish the file it is writing: a pipe, say, may never take it."""

FEW_BYTES = 1 << 14
"""Bytes of sources that aren't worth a process: icons of 1 KB take 5 ms each, two processes some 30."""

Work = Callable[[Task], Outcome]


@contextlib.contextmanager
def outcomes(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Iterator[Outcome]]:
    """Work on the tasks; give what becomes of each as it is done: what `work` returns, or why it failed.

    One job works in this process and in the order of the tasks, as do any that are too few bytes to share.
    Otherwise each job is a process of its own, started here, before this process starts threads. When the
    caller leaves this or is interrupted, they end.
    """
    if jobs == 1 or _is_little(tasks):
        yield (attempted(work, task) for task in tasks)
        return
    with _workers(work, jobs) as workers:
        yield _shared_out(workers, work, iter(tasks))


def _is_little(tasks: Sequence[Task]) -> bool:
    """Tell whether starting processes would take longer than the work."""
    left = FEW_BYTES
    for task in tasks:
        try:
            status = Path(task.source).stat()
        except (OSError, ValueError):
            return False
        left -= status.st_size if stat.S_ISREG(status.st_mode) else FEW_BYTES  # a pipe can have any number
        if left <= 0:
            return False
    return True


def attempted(work: Work, task: Task) -> Outcome:
    """Return what `work` makes of a task, or why it failed, with the notes made meanwhile."""
    said: list[str] = []
    with notes(said.append):
        try:
            outcome = work(task)
        except Exception as error:  # noqa: BLE001  one bad file doesn't stop the others
            there = isinstance(error, FileExistsError) and error.filename == task.output
            reason = _reason(error, task.source)
            outcome = Outcome(task.source, "failed", task.output or None, reason, exists=there)
    return replace(outcome, notes=(*said, *outcome.notes))


def write_file(task: Task, data: bytes, *, force: bool, preserve: bool) -> None:
    """Write a file whole or not at all, and make its folders; a worker doesn't end meanwhile.

    It is no more readable than its source, and with `preserve` as old. Raises OSError.
    """
    output = task.output
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    with WRITING, made_like(task.source, output, preserve=preserve):
        kmq.write_whole(output, data, overwrite=force)


def _reason(error: Exception, source: str) -> str:
    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, FileExistsError):
        return f"{error.filename} exists; --force overwrites it, --skip-existing leaves it as it is"
    problem = problem_of(error, source)
    if problem is None:
        return f"{type(error).__name__}: {error}: a bug of kmq; run on this file alone, it prints a traceback"
    return problem.text if problem.subject == source else f"{problem.subject}: {problem.text}"


class _Worker(NamedTuple):
    """A process that works on one task after another, and the connection that they come by."""

    process: BaseProcess
    connection: Any  # a Connection, or a PipeConnection on Windows


@contextlib.contextmanager
def _workers(work: Work, jobs: int) -> Iterator[list[_Worker]]:
    """Start workers. They have ended when this is left; those that were put into the list meanwhile too."""
    workers: list[_Worker] = []
    try:
        # Forked, they have all loaded modules. Only Linux can be relied on for that, and not once OpenMP has
        # started threads, as scikit-learn makes it do.
        forked = sys.platform == "linux" and "sklearn" not in sys.modules
        workers.extend(_started(work, "fork" if forked else "spawn") for _ in range(jobs))
        yield workers
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is ending already
        _end_all()
        raise
    for worker in workers:
        with contextlib.suppress(OSError):  # it has ended
            worker.connection.send(None)
        worker.process.join()


def _started(work: Work, method: str) -> _Worker:
    context = multiprocessing.get_context(method)
    with _unable(), _interrupts_held():
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(work, theirs), daemon=True)  # type: ignore[attr-defined]
        process.start()
    theirs.close()  # or the end of the worker would not end the connection
    return _Worker(process, ours)


def _serve(work: Work, connection: Connection) -> None:
    """Work on the tasks that come, in a worker, until None does."""
    prepare()
    with contextlib.suppress(EOFError, OSError):  # the command has ended
        while (task := connection.recv()) is not None:
            connection.send(attempted(work, task))


def _shared_out(workers: list[_Worker], work: Work, tasks: Iterator[Task]) -> Iterator[Outcome]:
    """Yield what becomes of the tasks, each given to the next worker that has nothing to do.

    A worker that was killed is replaced; only the file that it worked on is lost.
    """
    idle, running = list(workers), dict[Any, tuple[_Worker, Task]]()

    def replaced(worker: _Worker) -> _Worker:
        workers.remove(worker)
        worker.connection.close()
        worker.process.join()
        workers.append(_started(work, "spawn"))  # not forked: there may be threads by now
        return workers[-1]

    while True:
        while idle and (task := next(tasks, None)) is not None:
            worker = idle.pop()
            try:
                worker.connection.send(task)
            except OSError:  # it was killed while it was idle
                worker = replaced(worker)
                worker.connection.send(task)
            running[worker.connection] = worker, task
        if not running:
            return
        for connection in wait(list(running)):
            worker, task = running.pop(connection)
            try:
                outcome = worker.connection.recv()
            except (EOFError, OSError):
                outcome = Outcome(task.source, "failed", task.output or None, KILLED)
                worker = replaced(worker)
            idle.append(worker)
            yield outcome


@contextlib.contextmanager
def _unable() -> Iterator[None]:
    try:
        yield
    except (OSError, NotImplementedError, ImportError) as error:
        fail("--jobs", f"can't start processes ({error}); --jobs 1 needs none")


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold SIGINT back. A process that is started meanwhile never gets it, not even before `prepare`."""
    if sys.platform == "win32":  # which can't hold signals back
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_all() -> None:
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(GRACE)
        if worker.is_alive():
            worker.kill()
