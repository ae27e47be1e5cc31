"""`kmq decode` of one file, or of a region of it."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import kmq
from kmq_cli.batch.tasks import Outcome, check_no_folder, exists
from kmq_cli.pictures.export import export, format_for, suffix_of
from kmq_cli.terminal.failures import UsageError, complain, failures
from kmq_cli.terminal.streams import (
    STANDARD,
    check_output,
    open_kmq,
    output_for,
    read_bytes,
    size_of,
    write_bytes,
)

if TYPE_CHECKING:
    from kmq_cli.terminal.options import Report

HEADER = ".h"
"""The suffix of a C header."""

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
    preserve: bool = False


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
        if decoding.format is None and Path(target).suffix.lower() == HEADER:
            check_output(source, target, force=decoding.force)
            data, losses = _in_c(source, target, region, decoding)
        else:
            data, losses = _decoded(source, target, region, decoding)
    write_bytes(target, data, force=decoding.force, source=source, preserve=decoding.preserve)
    for loss in losses:
        complain(target, f"note: {loss}")
    if report == "json":
        import json

        notes = tuple(f"note: {loss}" for loss in losses)
        outcome = Outcome(source, "written", target, None, size_of(source), len(data), notes)
        print(json.dumps(asdict(outcome)), file=sys.stderr if target == STANDARD else sys.stdout)


def _decoded(source: str, target: str, region: Region | None, decoding: Decoding) -> tuple[bytes, list[str]]:
    """Return the picture in the target's format, and what that lost."""
    with open_kmq(source, decoding.max_pixels, decoding.threads) as file:
        name = format_for(target, decoding.format)
        check_output(source, target, force=decoding.force)
        plane = file.indices() if region is None else _region(file, region)
        with failures(target):
            return export(file.palette, plane, file.metadata, name, decoding.background)


def _in_c(source: str, target: str, region: Region | None, decoding: Decoding) -> tuple[bytes, list[str]]:
    """Return the .kmq file, verified, as an array in C, for flash memory; and what to know about it."""
    if region is not None:
        raise UsageError("--region: a C header has the whole file; cut the picture first")
    data = read_bytes(source, decoding.max_pixels)
    with kmq.open(io.BytesIO(data), max_pixels=decoding.max_pixels or kmq.MAX_PIXELS) as file:
        file.verify()
        is_small = file.coding == "packed" and file.k <= 256
    name = re.sub(r"\W|^(?=\d)", "_", Path(target).stem, flags=re.ASCII)
    rows = "".join(
        f"    {', '.join(f'0x{byte:02X}' for byte in data[start : start + 12])},\n"
        for start in range(0, len(data), 12)
    )
    told = "kmq.h, the decoder for displays, reads only --coding packed with up to 256 colours"
    array = f"static const unsigned char {name}_kmq[{len(data)}] = {{\n{rows}}};\n"
    return array.encode("ascii"), [] if is_small else [told]


def _region(file: kmq.KmqFile, region: Region) -> kmq.IndexPlane:
    try:
        return file.indices(region)
    except ValueError as error:
        raise ValueError(f"--region: {error}") from None
