"""Work on several tiles at once, with the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from kmq._ground.arguments import checked_integer

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_THREADS = 256

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield `work(item)` for each item, in the order of the items, on up to `threads` threads.

    At most `2 * threads` items are taken ahead, to bound what they hold in memory. The first error in
    the order of the items is raised, whatever the number of threads. If `items` itself raises, the
    results of the earlier items come first.
    """
    if threads == 1:
        yield from map(work, items)
        return
    from concurrent.futures import ThreadPoolExecutor

    ahead: deque[Future[Result]] = deque()
    failed: list[Exception] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in _until_failed(items, failed):
                if len(ahead) == 2 * threads:
                    yield ahead.popleft().result()
                ahead.append(pool.submit(work, item))
            while ahead:
                yield ahead.popleft().result()
            if failed:
                raise failed.pop()
        finally:
            for future in ahead:
                future.cancel()


def _until_failed(items: Iterable[Item], failed: list[Exception]) -> Iterator[Item]:
    """Yield the items; if their iterator raises, stop and put the error into `failed`."""
    try:
        yield from items
    except Exception as error:  # noqa: BLE001  it is raised later
        failed.append(error)


def checked_threads(threads: object) -> int:
    """Return `threads`, an integer from 1 to 256. Raises ValueError or TypeError for anything else."""
    return checked_integer("threads", threads, 1, MOST_THREADS)
