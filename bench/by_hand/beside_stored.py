"""What kmq writes now, beside the peers' bytes in stored results: no peer has to run.

    python -m bench.by_hand.beside_stored FOLDER [--results DIR] [--coding NAME]...

Makes the index planes of `python -m bench FOLDER --only size` and codes each as `kmq encode` does, cut into
tiles where that does. Prints, by class and by kind of plane, geometric means of the file's bytes divided by
those of the smallest of four peers, and where the file is larger. A plane that differs from the stored one is
left out and named: another processor or another version of scikit-learn chooses other palettes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bench.measure.size import identity, planes
from bench.pictures import find_pictures
from bench.report.means import number, ratios
from bench.report.results import read_results
from bench.report.size_tables import BEST
from kmq._coding.codings import CODINGS, CodingOptions
from kmq._container.writing import Writing, written

if TYPE_CHECKING:
    from bench.peers.coders import Plane

RESULTS = Path(__file__).parents[1] / "results"
TINY_PIXELS = 4096
"""Most pixels of a picture that counts as tiny too, whatever its class."""

Cell = tuple[str, int, float | None]
"""A plane's name, our bytes, and those of the smallest peer if all four have some."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="bench/results")
    parser.add_argument("--coding", action="append", choices=["auto", *CODINGS], help="default: auto")
    options = parser.parse_args()
    stored = read_results(options.results / "size.json")
    if stored is None:
        parser.error(f"no size.json in {options.results}")
    Image.MAX_IMAGE_PIXELS = None
    known = {(name, label): (digest, sizes) for name, label, _, _, digest, sizes in stored["rows"]}
    codings = options.coding or ["auto"]
    groups: dict[str, dict[str, list[Cell]]] = {coding: {} for coding in codings}
    for picture in find_pictures([options.folder], quick=False)[0]:
        for label, make in planes(picture):
            digest, sizes = known.get((picture.name, label), ("", []))
            plane = make()
            if identity(plane)[0][:8] != digest:
                print(f"left out: {picture.name}, {label}", flush=True)
                continue
            size = dict(zip(stored["coders"], sizes, strict=True))
            peers = [number(size.get(peer)) for peer in BEST]
            best = None if None in peers else min(filter(None, peers))
            for coding in codings:
                cell = f"{picture.name}, {label}", len(file_of(plane, coding)), best
                kinds = [picture.kind, f"k: {label}", "all"]
                kinds += ["up to 4,096 pixels"] if picture.count <= TINY_PIXELS else []
                for kind in kinds:
                    groups[coding].setdefault(kind, []).append(cell)
    for coding, by_kind in groups.items():
        show(coding, by_kind)


def file_of(plane: Plane, coding: str) -> bytes:
    """Return the file that `kmq encode` writes of a plane."""
    return written(plane.palette, plane.plane, {}, Writing(coding, "auto", 1, CodingOptions()))


def show(coding: str, by_kind: dict[str, list[Cell]]) -> None:
    """Print the means of a coding by kind, and the planes whose file is larger than the best peer's."""
    print(f"\n{coding}, bytes / those of the smallest of {', '.join(BEST)}\n")
    for kind in sorted(by_kind):
        found = ratios(by_kind[kind])
        if found.pairs:
            worst, name = found.worst
            print(f"{kind:24.24}{len(found):5}{found.mean:8.3f}   worst {worst:.3f}, {name}")
    for ratio, name in sorted(ratios(by_kind["all"]).pairs, reverse=True):
        if ratio > 1:
            print(f"larger: {name}: {ratio:.3f}")


if __name__ == "__main__":
    main()
