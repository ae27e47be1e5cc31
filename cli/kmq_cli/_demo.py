"""`kmq demo`: the whole way, on a real photograph."""

from __future__ import annotations

import errno
import io
from pathlib import Path

from PIL import Image
from rich.console import Console

import kmq
from kmq._coding import CODINGS, PACKED
from kmq_cli._export import export
from kmq_cli._failures import failures
from kmq_cli._ledger_report import print_ledger
from kmq_cli._streams import write_bytes
from kmq_cli._swatches import side_by_side

CREDIT = "Photograph: china.jpg of scikit-learn, by danielbuechele, CC BY 2.0"


def run(folder: str, k: int, *, force: bool) -> None:
    """Write china.kmq, china.png and swatches.png into `folder`; print the ledger."""
    place = Path(folder)
    with failures(folder):
        with Console(stderr=True).status("reading scikit-learn's china.jpg"):
            from sklearn.datasets import load_sample_image

            original = load_sample_image("china.jpg")
        encoded = io.BytesIO()
        with Console(stderr=True).status(f"choosing {k} colours and encoding"):
            ledger = kmq.save(encoded, original, k, coding=PACKED.name)
            others = {
                name: len(kmq.encode(original, k, coding=name)) for name in CODINGS if name != PACKED.name
            }
        data = encoded.getvalue()
        with kmq.KmqFile(data) as file:
            decoded, _ = export(file.palette, file.indices(), file.metadata, "PNG")
            pair = io.BytesIO()
            side_by_side(Image.fromarray(original), file, CREDIT).save(pair, "PNG", optimize=True)
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file; name a folder", folder)
        place.mkdir(parents=True, exist_ok=True)
    files = {"china.kmq": data, "china.png": decoded, "swatches.png": pair.getvalue()}
    for name, content in files.items():
        path = place / name
        with failures(str(path)):
            there = path.is_file() and path.read_bytes() == content  # the demo can be run again
        if not there:
            write_bytes(str(path), content, force=force)
        print(f"{path}  {len(content):,} bytes")
    print()
    print_ledger(
        ledger,
        notes=[
            (f"as {name}", f"{size:,} bytes in all, {100 * size / len(data):.1f} % of packed")
            for name, size in others.items()
        ],
    )
    print(f"\n{CREDIT}")
