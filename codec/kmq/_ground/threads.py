"""Work on many tiles at once, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from kmq._ground.arguments import checked_integer

MOST_THREADS = 256

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield `work` of each item, in the order of the items, done by up to `threads` threads.

    No more than twice as many items are taken ahead, so that what they hold stays small. Of several
    that raise, the first in order does, whatever the number of threads; where `items` itself raises, those
    before come first.
    """
    if threads == 1:
        yield from map(work, items)
        return
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
    """Yield the items up to where they raise, which is put into `failed`."""
    try:
        yield from items
    except Exception as error:  # noqa: BLE001  it is raised again, later
        failed.append(error)


def checked_threads(threads: object) -> int:
    """Return the argument. Raises ValueError or TypeError unless it is a number from 1 to 256."""
    return checked_integer("threads", threads, 1, MOST_THREADS)
