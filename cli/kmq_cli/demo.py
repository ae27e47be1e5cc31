"""`kmq demo`: the whole way, on a real photograph."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Annotated

import typer

from kmq_cli.terminal.failures import failures

EXAMPLES = "Example:\n\n- with 8 colours: `kmq demo -k 8`\n"

CREDIT = "Photograph: china.jpg of scikit-learn, by danielbuechele, CC BY 2.0"


def demo(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Where to write; made if it doesn't exist.")
    ] = "kmq-demo",
    k: Annotated[
        int, typer.Option("-k", "--k", min=1, max=65536, metavar="N", help="Most colours in the palette.")
    ] = 16,
    force: Annotated[
        bool, typer.Option("-f", "--force", metavar="", help="Overwrite other files of these names.")
    ] = False,
) -> None:
    """Encode a real photograph that comes with scikit-learn, decode it, and show what it took.

    Writes the .kmq file, the decoded PNG, and a picture of both sides with the palette's
    swatches. Files that are there already, just so, are no obstacle.
    """
    from PIL import Image
    from rich.console import Console

    import kmq
    from kmq._coding.codings import CODINGS, PACKED
    from kmq_cli.palette.swatches import side_by_side
    from kmq_cli.pictures.export import export
    from kmq_cli.terminal.ledger_report import print_ledger
    from kmq_cli.terminal.streams import write_bytes

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
