"""Write the same index planes in every coding, and print the bytes and the speed of each.

    python bench/speed.py PICTURE... [-k N] [--tile N] [--threads N]

A row for each picture, coding and effort: the bytes of the file, what that is of packing's,
and megapixels a second of coding and of decoding to indices, the best of some runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

import kmq
from kmq._coding import CODINGS, CodingOptions
from kmq._writing import Writing, written

EFFORTS = ("fast", "default", "thorough")


def seconds(work: Callable[[], object], runs: int) -> float:
    """Return the shortest time that `work` takes, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("-k", type=int, default=256, help="most colours (default 256)")
    parser.add_argument("--tile", type=int, help="side of a tile (default: one tile)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="runs of decoding (default 3); coding has one")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    print(
        f"{'picture':32}{'MP':>6}{'k':>7}  {'coding':16}{'bytes':>11}{'of packed':>10}{'MP/s':>8}{'back':>7}"
    )
    for path in options.pictures:
        with Image.open(path) as image:
            made = kmq.KmqFile(kmq.encode(image, options.k, coding="packed"), max_pixels=None)
        plane, palette = made.indices(), made.palette
        megapixels = plane.indices.size / 1e6
        for name in CODINGS:
            for effort in ("default",) if name == "packed" else EFFORTS:
                writing = Writing(name, options.tile, options.threads, CodingOptions(effort))
                start = time.perf_counter()
                data = written(palette, plane, {}, writing)
                taken = time.perf_counter() - start
                file = kmq.KmqFile(data, max_pixels=None, threads=options.threads)
                if file.indices() != plane:
                    raise AssertionError(f"{path}: {name}: decoded to another plane")
                ledger = file.ledger()
                print(
                    f"{path.stem:32.32}{megapixels:6.1f}{palette.k:7,}  {f'{name}, {effort}':16}"
                    f"{ledger.total_bytes:11,}{100 * ledger.total_bytes / ledger.packed_bytes:9.1f}%"
                    f"{megapixels / taken:8.1f}{megapixels / seconds(file.indices, options.runs):7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
