"""`kmq decode`: one file or a region of it, or many."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import kmq
from kmq_cli.batch.report import Wording, work_on, written_summary
from kmq_cli.batch.tasks import (
    Outcome,
    Task,
    apart,
    check_no_folder,
    checked_folder,
    exists,
    inputs,
    left_as_it_is,
    with_outputs,
)
from kmq_cli.batch.workers import write_file
from kmq_cli.pictures.export import export, format_for, suffix_of, writable_suffixes
from kmq_cli.terminal.failures import complain, failures
from kmq_cli.terminal.streams import STANDARD, check_output, open_kmq, output_for, size_of, write_bytes

if TYPE_CHECKING:
    from kmq_cli.terminal.options import Report

KMQ = frozenset([".kmq"])

Region = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decode a file: to which format (None: that of the output's suffix), and within which limits.

    Where the format has no transparency, the picture is laid over `background`.
    """

    format: str | None
    threads: int
    max_pixels: int | None
    force: bool
    skip_existing: bool
    background: str = "white"


def decode_one(
    source: str, output: str | None, region: Region | None, decoding: Decoding, report: Report
) -> None:
    """Decode `source`, or a region of it, and write the picture."""
    target = output_for(source, output, suffix_of(decoding.format))
    with failures(source):
        check_no_folder(source)
        if decoding.skip_existing and target != STANDARD and Path(target).is_file():
            complain(source, f"left out: {exists(target)}")
            return
        with open_kmq(source, decoding.max_pixels, decoding.threads) as file:
            name = format_for(target, decoding.format)
            check_output(source, target, force=decoding.force)
            plane = file.indices() if region is None else _region(file, region)
            with failures(target):
                data, losses = export(file.palette, plane, file.metadata, name, decoding.background)
    write_bytes(target, data, force=decoding.force)
    for loss in losses:
        complain(target, f"note: {loss}")
    if report == "json":
        notes = tuple(f"note: {loss}" for loss in losses)
        outcome = Outcome(source, "written", target, None, size_of(source), len(data), notes)
        print(json.dumps(asdict(outcome)), file=sys.stderr if target == STANDARD else sys.stdout)


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
    folder = checked_folder(output, writable_suffixes())
    suffix = suffix_of(decoding.format)
    files, failed = inputs(arguments, recursive=recursive, suffixes=KMQ)
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
    write_file(task.output, data, force=decoding.force)
    notes = tuple(f"note: {loss}" for loss in losses)
    return Outcome(task.source, "written", task.output, None, size_of(task.source), len(data), notes)


def _region(file: kmq.KmqFile, region: Region) -> kmq.IndexPlane:
    try:
        return file.indices(region)
    except ValueError as error:
        raise ValueError(f"--region: {error}") from None
