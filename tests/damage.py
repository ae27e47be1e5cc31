"""Damages every valid vector in every way there is room for, and counts what kmq rejects.

    python tests/damage.py [--bursts 2000] [--jobs 2]

Every single bit flipped, every length cut off, and random bursts of 1 to 64 bytes at random places. pytest
does the same with fewer places of the largest vectors.
"""

import argparse
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import kmq

VALID = Path(__file__).parents[1] / "spec" / "vectors" / "valid"


def flipped(data):
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield damaged


def cut_off(data):
    return (data[:size] for size in range(len(data)))


def bursts(data, count, seed):
    draw = random.Random(seed)
    for _ in range(count):
        burst = draw.randbytes(draw.randint(1, min(64, len(data))))
        at = draw.randint(0, len(data) - len(burst))
        damaged = data[:at] + burst + data[at + len(burst) :]
        if damaged != data:
            yield damaged


def rejections(path, count):
    """Return [damaged, rejected] for each kind of damage to a vector."""
    data = path.read_bytes()
    kmq.decode(data)
    totals = []
    for damaged in (flipped(data), cut_off(data), bursts(data, count, path.name)):
        tried = rejected = 0
        for file in damaged:
            tried += 1
            try:
                kmq.decode(file)
            except kmq.KmqError:
                rejected += 1
        totals.append((tried, rejected))
    return totals


def main():
    parser = argparse.ArgumentParser(description="Damage every valid vector and count what kmq rejects.")
    parser.add_argument("--bursts", type=int, default=2000, help="bursts a vector (2000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    options = parser.parse_args()
    paths = sorted(VALID.glob("*.kmq"))
    with ProcessPoolExecutor(options.jobs) as pool:
        found = list(pool.map(rejections, paths, [options.bursts] * len(paths)))
    missed = 0
    for name, totals in zip(("flipped bits", "truncations", "bursts"), zip(*found, strict=True), strict=True):
        tried, rejected = (sum(column) for column in zip(*totals, strict=True))
        missed += tried - rejected
        print(f"{name:13}{rejected:>10,} of {tried:,} rejected")
    print(f"{len(paths)} vectors")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
