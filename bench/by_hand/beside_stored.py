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
from typing import Any

from PIL import Image

from bench.measure.size import identity, planes
from bench.pictures import find_pictures
from bench.report.results import read_results
from bench.report.size_tables import SMALLEST, against
from kmq._coding.codings import AUTO, CODINGS, CodingOptions
from kmq._container.writing import Writing, written

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="bench/results")
    parser.add_argument("--coding", action="append", choices=[AUTO, *CODINGS], help="default: auto")
    options = parser.parse_args()
    stored = read_results(options.results / "size.json")
    if stored is None:
        parser.error(f"no size.json in {options.results}")
    Image.MAX_IMAGE_PIXELS = None
    codings = options.coding or [AUTO]
    coders = [*stored["coders"], *(f"now {coding}" for coding in codings)]
    found = {"coders": coders, "rows": measured(stored, options.folder, codings)}
    for coding in codings:
        show(found, f"now {coding}")


def measured(stored: dict[str, Any], folder: Path, codings: list[str]) -> list[list[Any]]:
    """Return the stored rows of the planes that are still the same, with the bytes of files in `codings`."""
    known = {(row[0], row[1]): row for row in stored["rows"]}
    rows = []
    for picture in find_pictures([folder], quick=False)[0]:
        for label, make in planes(picture):
            *row, sizes = known.get((picture.name, label), [None, []])
            plane = make()
            if not row[-1] or identity(plane)[0][:8] != row[-1]:
                print(f"left out: {picture.name}, {label}", flush=True)
                continue
            writings = (Writing(coding, "auto", 1, CodingOptions()) for coding in codings)
            now = [len(written(plane.palette, plane.plane, {}, writing)) for writing in writings]
            rows.append([*row, [*sizes, *now]])
    return rows


def show(found: dict[str, Any], ours: str) -> None:
    """Print the means of a coding by kind, and the planes whose file is larger than the best peer's."""
    print(f"\nbytes of {ours} / those of {SMALLEST}\n")
    names = {name.split("/")[0] for name, *_ in found["rows"]} | {label for _, label, *_ in found["rows"]}
    for kind in [*sorted(names), ""]:
        one = against(found, ours, SMALLEST, [kind] if kind else [])
        if one.pairs:
            worst, name = one.worst
            print(f"{kind or 'all':16}{len(one):5}{one.mean:8.3f}   worst {worst:.3f}, {name}")
    for ratio, name in sorted(against(found, ours, SMALLEST).pairs, reverse=True):
        if ratio > 1:
            print(f"larger: {name}: {ratio:.3f}")


if __name__ == "__main__":
    main()
