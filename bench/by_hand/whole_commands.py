"""Whole commands, from the shell to the file: `kmq encode` and `kmq decode` beside other programs.

    python -m bench.by_hand.whole_commands PICTURE... [-k 256] [--runs 7]

For each picture, prints the bytes of the file that each program wrote, and the processor time and the time on
the clock of the whole process: medians, with the programs in turn in each run. pngquant chooses a palette of
its own. The programs that don't choose one, cwebp and cjxl, get the picture that kmq decoded, so their files
hold the same pixels. A program that isn't installed is left out. The first line is Python alone with NumPy
and Pillow: no command in Python can take less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and the file that it writes, or None."""

    name: str
    words: list[str]
    written: Path | None


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("-k", type=int, default=256, help="colours: 256")
    parser.add_argument("--runs", type=int, default=7, help="how often each command runs: 7")
    asked = parser.parse_args()
    for path in asked.pictures:
        with tempfile.TemporaryDirectory() as folder:
            show(path, commands(path.resolve(), asked.k, Path(folder)), asked.runs)


def commands(picture: Path, k: int, folder: Path) -> list[Command]:
    """Return the commands in an order in which each finds its source."""
    kmq = shutil.which("kmq", path=str(Path(sys.executable).parent)) or "kmq"
    file, shown, own = folder / "a.kmq", folder / "a.png", folder / "q.png"
    webp, jxl = folder / "a.webp", folder / "a.jxl"
    found = [
        Command("Python, numpy, PIL", [sys.executable, "-c", "import numpy, PIL.Image"], None),
        Command("kmq encode", [kmq, "encode", f"{picture}", "-k", f"{k}", "-qf", "-o", f"{file}"], file),
        Command("kmq decode", [kmq, "decode", f"{file}", "-qf", "-o", f"{shown}"], shown),
        Command(
            "pngquant --speed 4",
            ["pngquant", "--speed", "4", "--force", "-o", f"{own}", f"{min(k, 256)}", f"{picture}"],
            own,
        ),
        Command("cwebp -lossless", ["cwebp", "-quiet", "-lossless", f"{shown}", "-o", f"{webp}"], webp),
        Command("dwebp", ["dwebp", "-quiet", f"{webp}", "-o", f"{folder / 'w.png'}"], None),
        Command("cjxl -d 0", ["cjxl", "--quiet", "-d", "0", f"{shown}", f"{jxl}"], jxl),
        Command("djxl", ["djxl", "--quiet", f"{jxl}", f"{folder / 'j.png'}"], None),
    ]
    return [command for command in found if shutil.which(command.words[0])]


def show(picture: Path, found: list[Command], runs: int) -> None:
    """Run the commands in turn, and print a table."""
    times: dict[str, list[tuple[float, float]]] = {command.name: [] for command in found}
    for _ in range(runs + 1):  # the first only fills the caches
        for command in found:
            times[command.name].append(run(command.words))
    with Image.open(picture) as image:
        print(f"\n{picture.name}, {image.width} x {image.height}, {picture.stat().st_size:,} bytes")
    print(f"{'':20}{'bytes':>11}{'processor s':>13}{'clock s':>9}")
    for command in found:
        size = "" if command.written is None else f"{command.written.stat().st_size:,}"
        used, clock = (median(each) for each in zip(*times[command.name][1:], strict=True))
        print(f"{command.name:20}{size:>11}{used:13.3f}{clock:9.3f}", flush=True)


def run(words: list[str]) -> tuple[float, float]:
    """Return the processor time and the time on the clock of a command. Raises if it fails."""
    start = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return used.ru_utime + used.ru_stime, time.perf_counter() - start


if __name__ == "__main__":
    main()
