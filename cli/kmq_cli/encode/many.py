"""`kmq encode` of many files: on this machine or on a cluster, with a palette for each or one for all."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import kmq
from kmq_cli.batch.cluster import KILLED, cluster, done_on, outcomes_on
from kmq_cli.batch.report import Tally, Wording, work_on, written_summary
from kmq_cli.batch.tasks import Outcome, Task, apart, checked_folder, inputs, left_as_it_is, with_outputs
from kmq_cli.batch.workers import Work, attempted, outcomes, write_file
from kmq_cli.encode.encoding import ENTRY_ADDED, FIRST_FRAME, Encoding, no_smaller, opened_for
from kmq_cli.pictures.formats import is_readable
from kmq_cli.terminal.streams import check_output, read_bytes

if TYPE_CHECKING:
    from distributed import Client

    from kmq_cli.terminal.options import Report

OF_PALETTE = ("k", "space", "effort", "dither", "strength", "n_init", "max_iter", "tol", "random_state")
"""Options of `kmq.fit_palette`."""


def encode_many(
    arguments: Sequence[str],
    output: str | None,
    encoding: Encoding,
    *,
    recursive: bool,
    jobs: int | None,
    report: Report,
    dask: str | None = None,
    shared_palette: bool = False,
    keep_suffix: bool = False,
    all_frames: bool = False,
) -> None:
    """Encode every file that the arguments name, report each, and leave with an exit code.

    `dask` names a cluster on which to do it; `shared_palette` chooses one palette for all pictures;
    `all_frames` makes a file of each frame.
    """
    folder = checked_folder(output, is_readable)
    encoding = replace(encoding.loaded(), skip_if_larger=encoding.skip_if_larger is not False)
    # Of a folder, .kmq files are what an earlier run made of its pictures.
    files, failed = inputs(arguments, recursive=recursive, kind="picture", takes=_is_source)
    tasks, refused = apart(with_outputs(files, folder, ".kmq", keep_suffix=keep_suffix))
    failed += refused
    if all_frames:
        tasks, refused = _of_each_frame(tasks, encoding)
        failed += refused
    wording = Wording("encoding", saves=True, summary=_summary)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(cluster(dask, jobs)) if dask is not None else None
        if shared_palette:
            encoding, tasks, failed = _with_shared_palette(encoding, tasks, failed, client)
        work: Work = partial(_encoded, encoding)
        if client is None:
            run = outcomes
        else:
            run = partial(outcomes_on, client, partial(_made, encoding), partial(_write, encoding))
        work_on(tasks, work, wording, failed=failed, jobs=jobs, report=report, run=run)


def _is_source(suffix: str) -> bool:
    return suffix != ".kmq" and is_readable(suffix)


def _of_each_frame(tasks: list[Task], encoding: Encoding) -> tuple[list[Task], list[Outcome]]:
    """Return a task for each frame of the files, whose outputs have its number in their names.

    A file of one frame keeps its name. What can't be opened is among the outcomes.
    """
    found: list[Task] = []

    def work(task: Task) -> Outcome:
        image, frames = opened_for(encoding, read_bytes(task.source, encoding.max_pixels), None)
        image.close()
        path, digits = Path(task.output), len(str(frames - 1))
        for frame in range(frames):
            number = f"-{frame:0{digits}}" if frames > 1 else ""
            found.append(Task(task.source, str(path.with_stem(path.stem + number)), frame))
        return Outcome(task.source, "written", task.output)

    tried = [attempted(work, task) for task in tasks]
    return found, [outcome for outcome in tried if outcome.status == "failed"]


def _with_shared_palette(
    encoding: Encoding, tasks: list[Task], failed: list[Outcome], client: Client | None
) -> tuple[Encoding, list[Task], list[Outcome]]:
    """Return how to encode all pictures with one palette, the tasks that can be, and what failed."""
    count = partial(_counted, encoding)
    counted = ((task, count(task)) for task in tasks) if client is None else done_on(client, count, tasks)
    colours: dict[Task, kmq.Histogram] = {}
    problems: dict[Task, Outcome] = {}
    for task, found in counted:
        if isinstance(found, kmq.Histogram):
            colours[task] = found
        else:
            problems[task] = found or Outcome(task.source, "failed", task.output, KILLED)
    failed = [*failed, *(problems[task] for task in tasks if task in problems)]
    tasks = [task for task in tasks if task in colours]
    if not tasks:
        return encoding, tasks, failed
    options = {name: encoding.options[name] for name in OF_PALETTE if encoding.options[name] is not None}
    palette = kmq.fit_palette([colours[task] for task in tasks], **options)
    return replace(encoding, options={**encoding.options, "k": None, "palette": palette}), tasks, failed


def _counted(encoding: Encoding, task: Task) -> kmq.Histogram | Outcome:
    """Count the colours of a file, or say why that failed."""
    counted = []

    def work(task: Task) -> Outcome:
        most = encoding.max_pixels
        image, _ = opened_for(encoding, read_bytes(task.source, most), _frame_of(encoding, task))
        with image:
            whole = kmq.histogram(image)
        counted.append(kmq.Histogram(whole.colours, whole.counts))  # its inverse is as large as the picture
        return Outcome(task.source, "written", task.output)

    outcome = attempted(work, task)
    return counted[0] if counted else outcome


def _frame_of(encoding: Encoding, task: Task) -> int | None:
    """Return the frame that was asked for, or None."""
    return encoding.frame if task.frame is None else task.frame


def _encoded(encoding: Encoding, task: Task) -> Outcome:
    """Encode one of many files. Raises what can go wrong."""
    outcome, data = _made(encoding, task)
    if data is not None:
        _write(encoding, task, data)
    return outcome


def _write(encoding: Encoding, task: Task, data: bytes) -> None:
    write_file(task, data, force=encoding.force, preserve=encoding.preserve)


def _made(encoding: Encoding, task: Task) -> tuple[Outcome, bytes | None]:
    """Return what is to become of one of many files, and the bytes to write, if any. Raises as `_encoded`."""
    if encoding.skip_existing and Path(task.output).is_file():
        return left_as_it_is(task), None
    check_output(task.source, task.output, force=encoding.force, makes_folders=True)
    given = read_bytes(task.source, encoding.max_pixels)
    frame = _frame_of(encoding, task)
    image, frames = opened_for(encoding, given, frame)
    with image:
        encoded = io.BytesIO()
        ledger = kmq.save(encoded, image, **encoding.options)
    data = encoded.getvalue()
    notes = [FIRST_FRAME.format(frames=frames)] if frames > 1 and frame is None else []
    if encoding.adds_entry(ledger.k):
        notes.append(ENTRY_ADDED)
    sizes = len(given), len(data)
    if encoding.skip_if_larger and len(data) >= len(given):
        left_out = Outcome(task.source, "skipped", task.output, no_smaller(*sizes), *sizes, tuple(notes))
        return left_out, None
    exact = ledger.squared_error == 0
    return Outcome(task.source, "written", task.output, None, *sizes, tuple(notes), exact=exact), data


def _summary(tally: Tally) -> str:
    before, after = tally.source_bytes, tally.output_bytes
    if not before:
        return written_summary(tally)
    relation = (
        f"{100 - 100 * after / before:.1f} % less"
        if after < before
        else f"{after / before:.2f} times as many"
    )
    return f"{written_summary(tally)}: {before:,} bytes became {after:,}, {relation}"
