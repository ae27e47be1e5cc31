"""`kmq decode` of many files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kmq_cli.batch.report import Wording, work_on, written_summary
from kmq_cli.batch.tasks import (
    Outcome,
    Task,
    apart,
    checked_folder,
    inputs,
    is_kmq,
    left_as_it_is,
    with_outputs,
)
from kmq_cli.batch.workers import write_file
from kmq_cli.pictures.export import export, format_for, suffix_of
from kmq_cli.pictures.formats import is_writable
from kmq_cli.terminal.streams import check_output, open_kmq, size_of

if TYPE_CHECKING:
    from kmq_cli.decode.one import Decoding
    from kmq_cli.terminal.options import Report


def decode_many(
    arguments: Sequence[str],
    output: str | None,
    decoding: Decoding,
    *,
    recursive: bool,
    jobs: int | None,
    report: Report,
) -> None:
    """Decode every file that the arguments name, report each, and exit."""
    folder = checked_folder(output, is_writable)
    suffix = suffix_of(decoding.format)
    files, failed = inputs(arguments, recursive=recursive, kind=".kmq", takes=is_kmq)
    tasks, refused = apart(with_outputs(files, folder, suffix))
    failed += refused
    wording = Wording("decoding", saves=False, summary=written_summary)
    work_on(tasks, partial(_decoded, decoding), wording, failed=failed, jobs=jobs, report=report)


def _decoded(decoding: Decoding, task: Task) -> Outcome:
    """Decode one of many files. Raises what can go wrong."""
    if decoding.skip_existing and Path(task.output).is_file():
        return left_as_it_is(task)
    check_output(task.source, task.output, force=decoding.force, makes_folders=True)
    with open_kmq(task.source, decoding.max_pixels, decoding.threads) as file:
        name = format_for(task.output, decoding.format)
        data, losses = export(file.palette, file.indices(), file.metadata, name, decoding.background)
    write_file(task, data, force=decoding.force, preserve=decoding.preserve)
    notes = tuple(f"note: {loss}" for loss in losses)
    return Outcome(task.source, "written", task.output, None, size_of(task.source), len(data), notes)
