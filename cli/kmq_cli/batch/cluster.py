"""Work on many files on a Dask cluster: done there, written here.

In: a task for each file, with paths that lead to the same files on every worker. Out: what became of each, in
the order in which they are done. If a worker dies, Dask does its task again. Only this process writes, so
that no file is written twice.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from kmq_cli.batch.tasks import Outcome, Task
from kmq_cli.batch.workers import Work, attempted
from kmq_cli.terminal.failures import UsageError, fail
from kmq_cli.terminal.options import cores

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
"""The address of a cluster on this machine alone, which ends with the command."""

AHEAD = 4
"""Files that are handed out for each thread of the cluster."""

KILLED = "the workers that did it were killed, as when memory runs out"

Made = TypeVar("Made")


@contextlib.contextmanager
def cluster(address: str, jobs: int | None) -> Iterator[Client]:
    """Yield a client of the cluster at `address`; if that is LOCAL, of `jobs` processes (None: all cores)."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError("--dask needs Dask: pip install 'kmq[dask]'") from None
    with contextlib.ExitStack() as stack:
        try:
            if address == LOCAL:
                local = LocalCluster(
                    n_workers=jobs or cores(),
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,  # failures are reported file by file
                )
                address = stack.enter_context(local)
            client = stack.enter_context(Client(address))
        except (OSError, ValueError) as error:
            fail("--dask", f"can't reach a cluster at {address}: {error}")
        yield client


def done_on(
    client: Client, work: Callable[[Task], Made], tasks: Iterable[Task]
) -> Generator[tuple[Task, Made | None]]:
    """Yield each task with what `work` returns on the cluster; None if its workers were killed."""
    from distributed import wait
    from distributed.scheduler import KilledWorker

    left = iter(tasks)
    running: dict[Any, Task] = {}
    while True:
        most = AHEAD * max(1, sum(client.nthreads().values()))
        while len(running) < most and (task := next(left, None)) is not None:
            running[client.submit(work, task, pure=False)] = task
        if not running:
            return
        for future in wait(list(running), return_when="FIRST_COMPLETED").done:
            task = running.pop(future)
            try:
                yield task, future.result()
            except KilledWorker:
                yield task, None


@contextlib.contextmanager
def outcomes_on(
    client: Client,
    make: Callable[[Task], tuple[Outcome, bytes | None]],
    write: Callable[[Task, bytes], None],
    _work: Work,
    tasks: Sequence[Task],
    _jobs: int,
) -> Iterator[Iterator[Outcome]]:
    """Give what becomes of each task: `make` makes the file on the cluster, `write` writes it here."""
    with contextlib.closing(done_on(client, partial(_attempt, make), tasks)) as done:
        yield (_outcome(write, task, made) for task, made in done)


def _outcome(
    write: Callable[[Task, bytes], None], task: Task, made: tuple[Outcome, bytes | None] | None
) -> Outcome:
    """Write what was made on the cluster, and return what became of the task."""
    if made is None:
        return Outcome(task.source, "failed", task.output or None, KILLED)
    outcome, data = made
    return outcome if data is None else attempted(partial(_written, write, outcome, data), task)


def _attempt(
    make: Callable[[Task], tuple[Outcome, bytes | None]], task: Task
) -> tuple[Outcome, bytes | None]:
    """Return what `make` makes of a task, or why it failed."""
    made: list[bytes | None] = [None]

    def work(task: Task) -> Outcome:
        outcome, made[0] = make(task)
        return outcome

    return attempted(work, task), made[0]


def _written(write: Callable[[Task, bytes], None], outcome: Outcome, data: bytes, task: Task) -> Outcome:
    write(task, data)
    return outcome
