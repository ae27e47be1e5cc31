"""`kmq verify`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from kmq_cli.terminal.options import (
    JOBS,
    JSON_LINES,
    MAX_PIXELS,
    QUIET,
    RECURSIVE,
    THREADS,
    files,
    reported,
    threads_for,
)
from kmq_cli.usage.declared import Command

if TYPE_CHECKING:
    from kmq_cli.batch.report import Tally
    from kmq_cli.batch.tasks import Outcome, Task

EXAMPLES = (
    "Examples:\n\n"
    "- two files: `kmq verify a.kmq b.kmq`\n"
    "- all of a folder: `kmq verify archive`\n"
    "- the names of damaged ones: `kmq verify --json *.kmq | jq -r 'select(.status == \"bad\").source'`\n"
)


ALWAYS = RECURSIVE._replace(help="Not needed: the files in folders are always taken.")
OPTIONS = (ALWAYS, JOBS, THREADS, MAX_PIXELS, QUIET, JSON_LINES)


def verify(
    *,
    sources: Sequence[str],
    recursive: bool,  # noqa: ARG001  folders are always walked
    jobs: int | None,
    threads: int | None,
    max_pixels: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Check .kmq files: every checksum and every requirement of the format. Writes no file.

    Prints a line for each file that is bad or can't be checked; if there is one, the exit code is 1.
    """
    from kmq_cli.batch.report import Wording, work_on
    from kmq_cli.batch.tasks import Outcome, Task, inputs, is_kmq
    from kmq_cli.terminal.streams import STANDARD

    tasks, failed = [Task(STANDARD)], list[Outcome]()
    if list(sources) != [STANDARD]:
        found, failed = inputs(sources, recursive=True, kind=".kmq", takes=is_kmq)
        tasks = [Task(file.path) for file in found]
    work_on(
        tasks,
        partial(_verified, max_pixels, threads_for(threads, one_file=len(tasks) == 1)),
        Wording("verifying", saves=False, summary=_summary),
        failed=failed,
        jobs=jobs,
        report=reported(quiet=quiet, as_json=as_json),
    )


def _verified(max_pixels: int | None, threads: int, task: Task) -> Outcome:
    """Check one file. Raises what keeps it from being checked."""
    import kmq
    from kmq_cli.batch.tasks import Outcome
    from kmq_cli.terminal.streams import open_kmq, size_of

    try:
        with open_kmq(task.source, max_pixels, threads) as file:
            file.verify()
    except (kmq.FormatError, kmq.TruncatedError) as error:
        return Outcome(task.source, "bad", problem=str(error), source_bytes=size_of(task.source))
    return Outcome(task.source, "good", source_bytes=size_of(task.source))


def _summary(tally: Tally) -> str:
    files = f"{tally.files:,} file{'s' * (tally.files != 1)}"
    if not tally.failures:
        return f"{files}, all good" if tally.files != 1 else f"{files}, good"
    return f"{files}: {tally.in_words({'good': 'good', 'bad': 'bad', 'failed': 'not checked'})}"


COMMAND = Command("verify", verify, files("archive/*.kmq", "folders"), OPTIONS, EXAMPLES)
