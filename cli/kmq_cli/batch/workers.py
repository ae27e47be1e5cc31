"""Work on many files at once, in processes that end with this one, but never while they write a file."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import kmq
from kmq_cli.batch.ending import WRITING, prepare
from kmq_cli.batch.tasks import Outcome, Task
from kmq_cli.terminal.failures import UsageError, fail, notes, problem_of

KILLED = "the process that worked on it was killed, as when memory runs out; fewer --jobs take less"

GRACE = 10.0
"""Seconds that a worker has to finish the file it is writing: a pipe, say, may never take it."""

Work = Callable[[Task], Outcome]


def outcomes(work: Work, tasks: Iterable[Task], jobs: int) -> Generator[Outcome]:
    """Yield what becomes of each task as it is done: what `work` returns, or why it failed.

    One job works in this process and in the order of the tasks; for more, `work` must be picklable. At most
    `jobs` tasks are taken at a time. When the caller closes this or is interrupted, the workers end.
    """
    if jobs == 1:
        for task in tasks:
            yield attempted(work, task)
    else:
        yield from _in_processes(work, iter(tasks), jobs)


def attempted(work: Work, task: Task) -> Outcome:
    """Return what `work` makes of a task, or why it failed, with the notes made meanwhile."""
    said: list[str] = []
    with notes(said.append):
        try:
            outcome = work(task)
        except Exception as error:  # noqa: BLE001  one bad file doesn't stop the others
            outcome = Outcome(task.source, "failed", task.output or None, _reason(error, task.source))
    return replace(outcome, notes=(*said, *outcome.notes))


def write_file(output: str, data: bytes, *, force: bool) -> None:
    """Write a file whole or not at all, and make its folders; a worker doesn't end meanwhile.

    Raises OSError.
    """
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    with WRITING:
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


def _in_processes(work: Work, tasks: Iterator[Task], jobs: int) -> Generator[Outcome]:
    """Give each job a pool of one process, so that a killed one takes no other file with it."""
    context = multiprocessing.get_context("spawn")  # not fork: NumPy and OpenMP have started threads

    def pool() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, context, prepare)

    idle: list[ProcessPoolExecutor] = []
    running: dict[Future[Outcome], tuple[ProcessPoolExecutor, Task]] = {}
    try:
        with _unable():
            idle = [pool() for _ in range(jobs)]
        while True:
            while idle and (task := next(tasks, None)) is not None:
                worker = idle.pop()
                with _unable(), _interrupts_held():
                    try:
                        future = worker.submit(attempted, work, task)
                    except BrokenProcessPool:  # it was killed while it was idle
                        worker.shutdown()
                        worker = pool()
                        future = worker.submit(attempted, work, task)
                running[future] = worker, task
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker, task = running.pop(future)
                try:
                    outcome = future.result()
                except BrokenProcessPool:
                    worker.shutdown()
                    worker = pool()
                    outcome = Outcome(task.source, "failed", task.output or None, KILLED)
                idle.append(worker)
                yield outcome
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is ending already
        _end_all()
        raise
    finally:
        left = [*idle, *(worker for worker, _ in running.values())]
        if left:
            with ThreadPoolExecutor(len(left)) as ending:  # each waits until its interpreter has ended
                list(ending.map(ProcessPoolExecutor.shutdown, left))


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
