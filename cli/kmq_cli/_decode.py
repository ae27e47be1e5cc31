"""`kmq decode`."""

from __future__ import annotations

import kmq
from kmq._reading import read_kmq
from kmq_cli._export import export, format_for
from kmq_cli._failures import complain, failures
from kmq_cli._streams import check_output, output_for, read_bytes, write_bytes


def run(source: str, output: str | None, *, threads: int, max_pixels: int | None, force: bool) -> None:
    """Decode `source` and write it in the format of the output's suffix."""
    target = output_for(source, output, ".png")
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    with (
        failures(source),
        kmq.KmqFile(read_bytes(source, max_pixels, read_kmq), threads=threads, **limit) as file,
    ):
        name = format_for(target)
        check_output(source, target, force=force)
        plane = file.indices()
        with failures(target):
            data, losses = export(file.palette, plane, file.metadata, name)
    write_bytes(target, data, force=force)
    for loss in losses:
        complain(target, f"note: {loss}")
