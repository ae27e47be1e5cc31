"""`kmq demo`: from a real photograph to a file and back."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import TYPE_CHECKING

from kmq_cli.terminal.failures import failures
from kmq_cli.usage.declared import Argument, Command, Option
from kmq_cli.usage.kinds import whole

if TYPE_CHECKING:
    from kmq import Ledger

EXAMPLES = "Example:\n\n- with 8 colours: `kmq demo -k 8`\n"

CREDIT = "Photograph: china.jpg of scikit-learn, by danielbuechele, CC BY 2.0"

PACKED = "china.kmq is packed, so that its sums are easy to check. kmq encode compresses more by default."

OTHER_CODINGS = ("zstd", "adaptive", "context")

FOLDER = Argument("folder", "FOLDER", "Where to write; made if it doesn't exist.", default="kmq-demo")
K = Option("k", ("-k", "--k"), "Most colours in the palette.", whole("N", 1, 65_536), default=16)
FORCE = Option("force", ("-f", "--force"), "Overwrite other files of the same names.", default=False)


def demo(*, folder: str, k: int, force: bool) -> None:
    """Encode a real photograph, which comes with scikit-learn; decode it; print the ledger.

    Writes the .kmq file, the decoded PNG, and a picture of both side by side with the palette's swatches.
    You can run it again: files that already have the right content are kept.
    """
    from kmq_cli.terminal.ledger_report import print_ledger
    from kmq_cli.terminal.streams import write_bytes

    place = Path(folder)
    with failures(folder):
        files, ledger, sizes = _made(k)
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file; name a folder", folder)
        place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = place / name
        with failures(str(path)):
            there = path.is_file() and path.read_bytes() == content
        if not there:
            write_bytes(str(path), content, force=force)
        print(f"{path}  {len(content):,} bytes")
    print()
    print_ledger(
        ledger,
        notes=[
            (f"as {name}", f"{size:,} bytes in all, {100 * size / ledger.total_bytes:.1f} % of packed")
            for name, size in sizes.items()
        ],
    )
    print(f"\n{PACKED}\n{CREDIT}")


def _made(k: int) -> tuple[dict[str, bytes], Ledger, dict[str, int]]:
    """Return the files by their names, the ledger of the packed one, and the sizes in other codings."""
    from PIL import Image

    import kmq
    from kmq_cli.palette.swatches import side_by_side
    from kmq_cli.pictures.export import export
    from kmq_cli.terminal.progress import working

    with working("reading scikit-learn's china.jpg"):
        from sklearn.datasets import load_sample_image

        original = load_sample_image("china.jpg")
    encoded, pair = io.BytesIO(), io.BytesIO()
    with working(f"choosing {k} colours and encoding"):
        ledger = kmq.save(encoded, original, k, coding="packed")
        sizes = {name: len(kmq.encode(original, k, coding=name)) for name in OTHER_CODINGS}
    with kmq.KmqFile(encoded.getvalue()) as file:
        decoded, _ = export(file.palette, file.indices(), file.metadata, "PNG")
        side_by_side(Image.fromarray(original), file, CREDIT).save(pair, "PNG", optimize=True)
    files = {"china.kmq": encoded.getvalue(), "china.png": decoded, "swatches.png": pair.getvalue()}
    return files, ledger, sizes


COMMAND = Command("demo", demo, FOLDER, (K, FORCE), EXAMPLES)
