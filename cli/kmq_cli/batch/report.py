"""How work on many files is reported: a progress bar, lines, JSON, and a summary."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from kmq_cli.batch.workers import outcomes
from kmq_cli.terminal.failures import FAILED, INTERRUPTED, complain, fail
from kmq_cli.terminal.ledger_report import compared
from kmq_cli.terminal.options import cores
from kmq_cli.terminal.styles import is_terminal

if TYPE_CHECKING:
    from kmq_cli.batch.tasks import Outcome, Task
    from kmq_cli.batch.workers import Work
    from kmq_cli.terminal.options import Report


@dataclass(frozen=True, slots=True)
class Tally:
    """How many files had which status, and the bytes of those that were written, before and after.

    Files whose output exists are not in `counts`: `existing` counts them, and `refused` those of them that
    failed for it. `inexact` counts the written pictures that lost colours.
    """

    counts: Mapping[str, int]
    existing: int = 0
    refused: int = 0
    source_bytes: int = 0
    output_bytes: int = 0
    inexact: int = 0

    @property
    def files(self) -> int:
        """All files."""
        return sum(self.counts.values()) + self.existing

    @property
    def failures(self) -> int:
        """Files that failed or are bad: any makes the command fail."""
        return self.counts.get("failed", 0) + self.counts.get("bad", 0) + self.refused

    def in_words(self, words: Mapping[str, str]) -> str:
        """Return the counts, with a word for each status; only the first is shown if it is 0."""
        first = next(iter(words))
        counts = {word: self.counts.get(status, 0) for status, word in words.items()}
        counts["there already"] = self.existing
        return ", ".join(f"{n:,} {word}" for word, n in counts.items() if n or word == words[first])

    def plus(self, outcome: Outcome) -> Tally:
        """Return the tally with one more file."""
        if outcome.exists:
            refused = self.refused + (outcome.status == "failed")
            return replace(self, existing=self.existing + 1, refused=refused)
        counts = Counter(self.counts)
        counts[outcome.status] += 1
        if outcome.status != "written":
            return replace(self, counts=counts)
        source, output = outcome.source_bytes or 0, outcome.output_bytes or 0
        return replace(
            self,
            counts=counts,
            source_bytes=self.source_bytes + source,
            output_bytes=self.output_bytes + output,
            inexact=self.inexact + (outcome.exact is False),
        )


@dataclass(frozen=True, slots=True)
class Wording:
    """How a command words its work: the verb before the bar, whether the bar shows savings, the summary."""

    verb: str
    saves: bool
    summary: Callable[[Tally], str]


def work_on(
    tasks: Sequence[Task],
    work: Work,
    wording: Wording,
    *,
    failed: Sequence[Outcome],
    jobs: int | None,
    report: Report,
    run: Callable[[Work, Sequence[Task], int], AbstractContextManager[Iterator[Outcome]]] = outcomes,
) -> NoReturn:
    """Do `work` on all tasks, show how it goes, and exit.

    `failed` has what failed before; `jobs` None is one for each core. `run` does the work, wherever, and
    yields what becomes of each task.
    """
    total = len(tasks) + len(failed)
    jobs = max(1, min(cores() if jobs is None else jobs, len(tasks)))
    tally = Tally({})
    has_bar = (
        report != "none" and is_terminal(sys.stderr) and not (report == "json" and is_terminal(sys.stdout))
    )
    lists = report == "text" and not (has_bar and is_terminal(sys.stdout))
    try:
        with (
            run(work, tasks, jobs) as done,
            _bar(wording, total, shown=has_bar) as advance,  # it starts a thread, so after the processes
        ):
            for outcome in itertools.chain(failed, done):
                tally = tally.plus(outcome)
                _tell(outcome, report, lists=lists)
                advance(tally)
    except KeyboardInterrupt:
        fail(
            "interrupted",
            f"after {tally.files:,} of {total:,} files; every file that was written is whole",
            INTERRUPTED,
        )
    if report != "none":
        print(wording.summary(tally), file=sys.stdout if report == "text" else sys.stderr)
    if tally.refused:
        those = f"{tally.refused:,} file{'s' * (tally.refused != 1)}"
        complain(those, "there already: --skip-existing leaves them as they are, --force overwrites them")
    raise SystemExit(FAILED if tally.failures else 0)


def written_summary(tally: Tally) -> str:
    """Say how many files were written, how many of them lost colours, and how many weren't written."""
    written = f"written ({tally.inexact:,} not exact)" if tally.inexact else "written"
    return tally.in_words({"written": written, "skipped": "left out", "failed": "failed"})


def _tell(outcome: Outcome, report: Report, *, lists: bool) -> None:
    """Show one outcome: failures and notes always, the rest if `report` and `lists` ask for it.

    Files whose output exists are only counted: there may be thousands when a batch is taken up again.
    """
    for note in outcome.notes:
        complain(outcome.source, note)
    if outcome.status in ("failed", "bad") and not outcome.exists:
        complain(outcome.source, outcome.problem)
    if report == "json":
        print(json.dumps(asdict(outcome)), flush=True)
    elif report == "text" and outcome.status == "skipped" and not outcome.exists:
        complain(outcome.source, f"left out: {outcome.problem}")
    elif lists and outcome.status == "written" and outcome.output is not None:
        line = compared(outcome.source, outcome.source_bytes, outcome.output, outcome.output_bytes or 0)
        print(line, flush=True)


@contextlib.contextmanager
def _bar(wording: Wording, total: int, *, shown: bool) -> Iterator[Callable[[Tally], None]]:
    """Show a progress bar on standard error; the yielded function moves it."""
    if not shown:
        yield lambda _tally: None
        return
    from rich.console import Console
    from rich.filesize import decimal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    saves = wording.saves and console.width >= 60
    columns = [TextColumn(wording.verb), BarColumn(max(4, min(40, console.width - 55)))]
    columns += [MofNCompleteColumn(), *[TextColumn("{task.fields[saved]}")] * saves]
    columns += [TimeRemainingColumn(), TextColumn("left")]
    # Standard output may go elsewhere than to the terminal that has the bar.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        bar = progress.add_task("", total=total, saved="")

        def advance(tally: Tally) -> None:
            saved = tally.source_bytes - tally.output_bytes
            text = f"{decimal(abs(saved))} {'saved' if saved >= 0 else 'more'}"
            progress.update(bar, completed=tally.files, saved=text)

        yield advance
