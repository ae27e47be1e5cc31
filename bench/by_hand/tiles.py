"""What a large picture takes: memory and time of encoding it part by part, of a region, and of decoding it.

    python bench/by_hand/tiles.py [--side N] [--coding NAME]... [--threads N]... [--one-tile] [--folder PATH]

Makes a picture of side x side pixels (20,000 unless told otherwise; 1.2 GB) in a file, and encodes it
with each coding and number of threads, each in a process of its own. Then, on as many threads as were named
last, a region is read and the whole zoomed out, it is decoded a row of tiles after the other of which nothing
is kept, and it is decoded whole, which takes 4 bytes a pixel; each in a process of its own too. For the last
two the file is read by calls, not mapped. Of memory, the most that the process ever had is shown,
less what it had once everything was imported; seconds are by the clock, and of processors.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import kmq

K = 64
BAND = 256
REGION = 256
BY_BANDS, WHOLE = "by bands", "whole"


class Raw:
    """A file of RGB pixels, read by calls: pages of a memory map would count as memory of the process."""

    def __init__(self, path: Path, side: int) -> None:
        self._file = path.open("rb")
        self._side = side
        self.shape, self.dtype = (side, side, 3), np.dtype(np.uint8)

    def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
        """Return a part."""
        rows, columns = key
        width = columns.stop - columns.start
        part = np.empty((rows.stop - rows.start, width, 3), np.uint8)
        for row in range(len(part)):
            start = ((rows.start + row) * self._side + columns.start) * 3
            read = os.pread(self._file.fileno(), width * 3, start)
            part[row] = np.frombuffer(read, np.uint8).reshape(width, 3)
        return part


def make(path: Path, side: int) -> None:
    """Write a picture of waves with grain, as a photograph has."""
    random = np.random.default_rng(5)
    x = np.arange(side)
    with path.open("wb") as file:
        for start in range(0, side, BAND):
            y = np.arange(start, min(start + BAND, side))[:, None]
            grain = random.normal(0, 2, (len(y), side))
            red = 128 + 90 * np.sin(x / 311 + y / 173) + 30 * np.sin(x * y / 91_000)
            green = 128 + 90 * np.sin(x / 97 - y / 411)
            blue = 128 + 100 * np.cos((x + y) / 733)
            planes = [plane + grain for plane in (red, green, blue)]
            file.write(np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8).tobytes())


def most_memory() -> int:
    """Return the most bytes that this process has had."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def measured(label: str, pixels: int, start: tuple[float, float, int]) -> None:
    """Print a row of what was taken since `start`."""
    clock, processor, memory = start
    seconds, worked = time.perf_counter() - clock, time.process_time() - processor
    print(
        f"{label:34}{pixels / 1e6 / seconds:8.2f} MP/s{seconds:9.1f} s{worked:9.1f} s"
        f"{(most_memory() - memory) / 1e6:8.0f} MB",
        flush=True,
    )


def now() -> tuple[float, float, int]:
    """Return the clock, the processor time, and the most memory so far."""
    return time.perf_counter(), time.process_time(), most_memory()


def encode(raw: Path, side: int, coding: str, threads: int, tile: str | None) -> None:
    """Encode in this process, and print a row."""
    file = raw.with_suffix(".kmq")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    kmq.encode(noise, 16, coding=coding)  # everything is imported
    start = now()
    ledger = kmq.encode_tiles(Raw(raw, side), file, K, coding=coding, threads=threads, tile=tile)
    measured(f"encode {coding}, {threads} threads{'' if tile else ', one tile'}", side * side, start)
    print(
        f"    {ledger.total_bytes:,} bytes, {100 * ledger.total_bytes / ledger.packed_bytes:.1f} % of packed"
    )


def read(raw: Path, threads: int) -> None:
    """Read a region and the whole zoomed out in this process, and print rows."""
    with kmq.open(raw.with_suffix(".kmq"), max_pixels=None, threads=threads) as file:
        pixels = file.width * file.height
        times = []
        for number in range(20):  # each in another tile
            place = number * (min(file.width, file.height) - REGION) // 20
            start = time.perf_counter()
            file.read(place, place, REGION, REGION)
            times.append(time.perf_counter() - start)
        print(
            f"region of {REGION} x {REGION}, {file.coding}: median {1000 * sorted(times)[10]:.1f} ms, "
            f"most {1000 * max(times):.1f} ms"
        )
        start_all = now()
        file.thumbnail(1000)
        measured(f"thumbnail {file.coding}, {threads} threads", pixels, start_all)


def decode(raw: Path, how: str, threads: int) -> None:
    """Decode everything in this process, in rows of tiles or whole, and print a row."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for coding in ("packed", "zstd", "context", "adaptive"):
        kmq.decode(kmq.encode(noise, 16, coding=coding))  # everything is imported
    with (
        raw.with_suffix(".kmq").open("rb") as stream,
        kmq.open(stream, max_pixels=None, threads=threads) as file,
    ):
        start = now()
        if how == WHOLE:
            file.pixels()
        else:
            for top in range(0, file.height, file.tile or BAND):
                file[top : top + (file.tile or BAND)]
        measured(f"decode {how} {file.coding}, {threads} threads", file.width * file.height, start)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=20_000, help="default: 20,000")
    parser.add_argument("--coding", action="append", help="default: packed, zstd")
    parser.add_argument("--threads", type=int, action="append", help="default: 1, 2")
    parser.add_argument("--one-tile", action="store_true", help="also in one tile")
    parser.add_argument("--folder", type=Path, help="where the files are made (default: a temporary one)")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--decode", choices=[BY_BANDS, WHOLE], help=argparse.SUPPRESS)
    options = parser.parse_args()
    codings, threads = options.coding or ["packed", "zstd"], options.threads or [1, 2]
    if options.of:
        if options.decode:
            decode(options.of, options.decode, threads[0])
        elif options.coding:
            tile = None if options.one_tile else "auto"
            encode(options.of, options.side, codings[0], threads[0], tile)
        else:
            read(options.of, threads[0])
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        raw = Path(folder, "picture.raw")
        make(raw, options.side)
        again = [sys.executable, __file__, "--of", str(raw), "--side", str(options.side)]
        print(f"{options.side:,} x {options.side:,} pixels; load {os.getloadavg()[0]:.1f}")
        for coding in codings:
            for number in threads:
                for one in [["--one-tile"], []] if options.one_tile else [[]]:  # read below: the tiled one
                    subprocess.run([*again, "--coding", coding, "--threads", str(number), *one], check=True)  # noqa: S603
            for more in ([], ["--decode", BY_BANDS], ["--decode", WHOLE]):
                subprocess.run([*again, "--threads", str(threads[-1]), *more], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
