"""Signs of life on a terminal while one long thing is done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from kmq_cli.terminal.styles import is_terminal


@contextlib.contextmanager
def working(text: str) -> Iterator[None]:
    """Show a text on a terminal while something is done."""
    if not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextlib.contextmanager
def pixels_bar(verb: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how far work on one large picture is; the yielded function takes done and total."""
    if not is_terminal(sys.stderr):
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [TextColumn(verb), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("left")]
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        bar = progress.add_task("", total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
