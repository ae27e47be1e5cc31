"""`kmq decode`."""

from __future__ import annotations

import kmq
from kmq_cli._export import export, format_for
from kmq_cli._failures import failures
from kmq_cli._streams import check_output, output_for, read_bytes, write_bytes


def run(source: str, output: str | None, *, max_pixels: int | None, force: bool) -> None:
    """Decode `source` and write it in the format of the output's suffix."""
    target = output_for(source, output, ".png")
    name = format_for(target)
    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    with failures(source):
        check_output(source, target, force=force)
        with kmq.KmqFile(read_bytes(source), **limit) as file:
            data = export(file, name)
        write_bytes(target, data, force=force)
