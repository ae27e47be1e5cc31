"""`kmq encode`: one file, or many."""

from __future__ import annotations

import contextlib
import io
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

import kmq
from kmq._file.decoder import MAX_PIXELS
from kmq._picture.colour_table import ColourTable, added_in_channels
from kmq_cli.batch.cluster import KILLED, cluster, done_on, outcomes_on
from kmq_cli.batch.report import Tally, Wording, pixels_bar, refuse_collisions, work_on, written_summary
from kmq_cli.batch.tasks import (
    Outcome,
    Task,
    check_no_folder,
    checked_folder,
    collisions,
    inputs,
    with_outputs,
)
from kmq_cli.batch.workers import Work, attempted, write_file
from kmq_cli.pictures.source import open_image, readable_suffixes
from kmq_cli.pictures.tiff import large_tiff
from kmq_cli.terminal.failures import complain, failures
from kmq_cli.terminal.ledger_report import compared, ledger_json, print_ledger
from kmq_cli.terminal.streams import (
    STANDARD,
    check_output,
    check_suffix,
    output_for,
    read_bytes,
    write_bytes,
)

if TYPE_CHECKING:
    from distributed import Client
    from PIL import Image

    from kmq_cli.pictures.tiff import TiffPicture
    from kmq_cli.terminal.options import Report

FIRST_FRAME = "has {frames} frames; the first was encoded"
TARGETS = frozenset({"psnr", "max_bytes", "bpp"})
WHOLE = TARGETS | {"dither", "strength", "keep"}
"""Options that need the whole picture at once."""

ENTRY_ADDED = "a transparent entry was added to the palette for its transparent pixels"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode a file: the options of `kmq.encode`, and what to do about files that are there or larger.

    `skip_if_larger` None is what is usual: only of many files are those left out that become no smaller.
    """

    options: Mapping[str, Any]
    max_pixels: int | None
    force: bool
    skip_existing: bool
    skip_if_larger: bool | None


def encode_one(source: str, output: str | None, encoding: Encoding, report: Report) -> None:
    """Encode `source`, write the file, and report; with the file on standard output only JSON, beside it."""
    target = output_for(source, output, ".kmq")
    check_suffix(target)
    if target == STANDARD and encoding.skip_if_larger:
        raise typer.BadParameter("--skip-if-larger: what is left out of standard output leaves an empty file")
    options = _with_palette(encoding.options)
    palette = options["palette"]
    with failures(source):
        check_no_folder(source)
        if encoding.skip_existing and target != STANDARD and Path(target).is_file():
            complain(source, f"left out: {_exists(target)}")
            return
        if _takes_parts(target, encoding):
            check_output(source, target, force=encoding.force)
            with large_tiff(source) as picture:
                if picture is not None:
                    _encode_parts(source, target, picture, encoding, report)
                    return
        given = read_bytes(source, encoding.max_pixels)
        check_output(source, target, force=encoding.force)
        encoded = io.BytesIO()
        image, frames = open_image(given, encoding.max_pixels)
        with image:
            if frames > 1:
                complain(source, f"note: {FIRST_FRAME.format(frames=frames)}")
            with Console(stderr=True).status(f"encoding {image.width:,} x {image.height:,} pixels"):
                ledger = kmq.save(encoded, image, **options)
                notes = []
                if report == "text" and target != STANDARD and options["dither"] != "none":
                    notes.append(("dithering", _cost_of_dithering(encoded.getvalue(), image, options)))
    if palette is not None and ledger.k > palette.k:
        complain(source, f"note: {ENTRY_ADDED}")
    if encoding.skip_if_larger and ledger.total_bytes >= len(given):
        complain(source, f"left out: {_no_smaller(len(given), ledger.total_bytes)}")
        return
    write_bytes(target, encoded.getvalue(), force=encoding.force)
    if report == "json":
        print(ledger_json(ledger), file=sys.stderr if target == STANDARD else sys.stdout)
    elif report == "text" and target != STANDARD:
        print(compared(source, len(given), target, ledger.total_bytes), end="\n\n")
        print_ledger(ledger, len(given), notes)


def _takes_parts(target: str, encoding: Encoding) -> bool:
    """Tell whether what is asked for can be done part by part."""
    options = encoding.options
    return (
        target != STANDARD
        and not encoding.skip_if_larger
        and options["dither"] == "none"
        and options["k"] != "auto"
        and not options["keep"]
        and all(options[name] is None for name in TARGETS)
    )


def _encode_parts(source: str, target: str, picture: TiffPicture, encoding: Encoding, report: Report) -> None:
    """Encode a picture that is read part by part, to the bytes that it would have as a whole, and report."""
    height, width = picture.shape[:2]
    limit = MAX_PIXELS if encoding.max_pixels is None else encoding.max_pixels
    if width * height > limit:
        raise kmq.LimitError(f"the picture has more than {limit:,} pixels")
    if picture.frames > 1:
        complain(source, f"note: {FIRST_FRAME.format(frames=picture.frames)}")
    options = _with_palette(encoding.options)
    palette = options["palette"]
    asked = {name: value for name, value in options.items() if name not in WHOLE}
    with pixels_bar(f"encoding {width:,} x {height:,} pixels") as progress:
        ledger = kmq.encode_tiles(
            picture, target, **asked, fewest_channels=True, overwrite=encoding.force, progress=progress
        )
    if palette is not None and ledger.k > palette.k:
        complain(source, f"note: {ENTRY_ADDED}")
    source_bytes = Path(source).stat().st_size
    if report == "json":
        print(ledger_json(ledger))
    elif report == "text":
        print(compared(source, source_bytes, target, ledger.total_bytes), end="\n\n")
        print_ledger(ledger, source_bytes)


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
) -> None:
    """Encode every file that the arguments name, report each, and leave with an exit code.

    `dask` names a cluster on which to do it; `shared_palette` chooses one palette for all pictures.
    """
    suffixes = readable_suffixes()
    folder = checked_folder(output, suffixes | {".kmq"})
    encoding = Encoding(
        _with_palette(encoding.options),
        encoding.max_pixels,
        encoding.force,
        encoding.skip_existing,
        skip_if_larger=encoding.skip_if_larger is not False,
    )
    files, failed = inputs(arguments, recursive=recursive, suffixes=suffixes)
    tasks = with_outputs(files, folder, ".kmq")
    refuse_collisions(collisions(tasks))
    wording = Wording("encoding", saves=True, summary=_summary)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(cluster(dask, jobs)) if dask is not None else None
        if shared_palette:
            encoding, tasks, failed = _with_shared_palette(encoding, tasks, failed, client)
        work: Work = partial(_encoded, encoding)
        if client is None:
            work_on(tasks, work, wording, failed=failed, jobs=jobs, report=report)
        write = partial(_write, encoding)
        run = partial(outcomes_on, client, partial(_made, encoding), write)
        work_on(tasks, work, wording, failed=failed, jobs=jobs, report=report, run=run)


def _with_shared_palette(
    encoding: Encoding, tasks: list[Task], failed: list[Outcome], client: Client | None
) -> tuple[Encoding, list[Task], list[Outcome]]:
    """Return how to encode all pictures with one palette, the tasks that can be, and what failed."""
    from kmq._encode.job import chosen_palette
    from kmq._encode.options import Request

    count = partial(attempted_table, encoding.max_pixels)
    counted = ((task, count(task)) for task in tasks) if client is None else done_on(client, count, tasks)
    tables: dict[Task, ColourTable] = {}
    problems: dict[Task, Outcome] = {}
    for task, found in counted:
        if isinstance(found, ColourTable):
            tables[task] = found
        else:
            problems[task] = found or Outcome(task.source, "failed", task.output, KILLED)
    failed = [*failed, *(problems[task] for task in tasks if task in problems)]
    tasks = [task for task in tasks if task in tables]
    if not tasks:
        return encoding, tasks, failed
    options = encoding.options
    request = Request(**options)
    palette = chosen_palette(added_in_channels([tables[task] for task in tasks]), request)
    return replace(encoding, options={**options, "k": None, "palette": palette}), tasks, failed


def attempted_table(max_pixels: int | None, task: Task) -> ColourTable | Outcome:
    """Count the colours of a file, or say why that failed."""
    tables = []

    def work(task: Task) -> Outcome:
        image, _ = open_image(read_bytes(task.source, max_pixels), max_pixels)
        with image:
            tables.append(ColourTable.of(kmq.histogram(image)))
        return Outcome(task.source, "written", task.output)

    outcome = attempted(work, task)
    return tables[0] if tables else outcome


def _encoded(encoding: Encoding, task: Task) -> Outcome:
    """Encode one of many files. Raises what can go wrong."""
    outcome, data = _made(encoding, task)
    if data is not None:
        _write(encoding, task, data)
    return outcome


def _write(encoding: Encoding, task: Task, data: bytes) -> None:
    write_file(task.output, data, force=encoding.force)


def _made(encoding: Encoding, task: Task) -> tuple[Outcome, bytes | None]:
    """Return what is to become of one of many files, and the bytes to write, if any. Raises as `_encoded`."""
    if encoding.skip_existing and Path(task.output).is_file():
        return Outcome(task.source, "skipped", task.output, _exists(task.output)), None
    check_output(task.source, task.output, force=encoding.force, makes_folders=True)
    given = read_bytes(task.source, encoding.max_pixels)
    image, frames = open_image(given, encoding.max_pixels)
    with image:
        data = kmq.encode(image, **encoding.options)
    notes = [f"note: {FIRST_FRAME.format(frames=frames)}"] if frames > 1 else []
    palette = encoding.options["palette"]
    if palette is not None and kmq.KmqFile(data, max_pixels=None).k > palette.k:
        notes.append(f"note: {ENTRY_ADDED}")
    sizes = len(given), len(data)
    if encoding.skip_if_larger and len(data) >= len(given):
        left_out = Outcome(task.source, "skipped", task.output, _no_smaller(*sizes), *sizes, tuple(notes))
        return left_out, None
    return Outcome(task.source, "written", task.output, None, *sizes, tuple(notes)), data


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


def _exists(output: str) -> str:
    return f"{output} exists; --force overwrites it"


def _no_smaller(source_bytes: int, output_bytes: int) -> str:
    return f"its .kmq has {output_bytes:,} bytes, it {source_bytes:,}; --no-skip-if-larger writes it anyway"


def _with_palette(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with the palette that they name, read once for all files."""
    named = options["palette"]
    if named is None:
        return dict(options)
    with failures("--palette"):
        try:
            return {**options, "palette": kmq.load_palette(named)}
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None


def _cost_of_dithering(data: bytes, image: Image.Image, options: dict[str, Any]) -> str:
    """Say how many more bytes the file has than one of the same entries, undithered.

    The palettes' own bytes are left out: that of the undithered file keeps its order, which may take more.
    """
    with kmq.KmqFile(data, max_pixels=None) as file:
        dithered, palette = file.ledger(), file.palette
    same = {name: options[name] for name in ("coding", "effort", "tile", "threads", "keep")}
    in_srgb = options["palette"] is not None or options["psnr"] is not None
    same["space"] = options["space"] or ("srgb" if in_srgb else "oklab")
    plain = kmq.encode(image, palette=palette, **same)
    undithered = kmq.inspect(plain, max_pixels=None)
    after, before = (ledger.total_bytes - ledger.palette_bytes for ledger in (dithered, undithered))
    more = f"{after - before:,} bytes more here"
    if undithered.coding != "packed":
        return more
    sizes = [
        len(zlib.compress(kmq.KmqFile(file, max_pixels=None).indices().indices.tobytes()))
        for file in (data, plain)
    ]
    return f"{more}; deflated, its indices take {sizes[0]:,} bytes, undithered {sizes[1]:,}"
