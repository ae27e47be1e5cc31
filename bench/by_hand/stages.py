"""How the stages of encoding grow with the picture, and counting beside NumPy's.

    python bench/by_hand/stages.py PICTURE... [--megapixels 0.4,1,2,4,8,16,24]

The first picture is resized to each of the sizes and encoded with 256 colours, in a process of its own: the
processor's milliseconds of each stage, and the peak memory in bytes a pixel above interpreter and libraries,
the picture's own 3 included. Then, for every picture, the milliseconds a megapixel of counting its colours,
and of np.unique with its inverse, in turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import kmq

RESIZE = """
import sys
import numpy as np
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
image = Image.open(sys.argv[1]).convert("RGB")
scale = (float(sys.argv[3]) * 1e6 / (image.width * image.height)) ** 0.5
size = round(image.width * scale), round(image.height * scale)
np.save(sys.argv[2], np.asarray(image.resize(size, Image.Resampling.BICUBIC)))
"""

MEASURE = """
import sys
from pathlib import Path
from time import process_time
import numpy as np
import kmq, sklearn.cluster, threadpoolctl
def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))
kmq.encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), 16)
before = memory("VmRSS")
picture = np.load(sys.argv[1])
pixels = picture.shape[0] * picture.shape[1]
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what there is
t = [process_time()]
counted = kmq.histogram(picture); t.append(process_time())
palette = kmq.fit_palette(counted, 256); t.append(process_time())
plane = kmq.map_indices(counted, palette); t.append(process_time())
data = kmq.pack_indices(plane); t.append(process_time())
colours = len(counted)
del counted, palette, plane, data
start = process_time(); kmq.encode(picture, 256, coding="packed"); whole = process_time() - start
stages = "".join(f"{1e3 * (b - a):10.1f}" for a, b in zip(t, t[1:]))
peak = (memory("VmHWM") - before) / pixels
print(f"{pixels / 1e6:7.1f}{colours:10,}{stages}{1e3 * whole:10.1f}{peak:8.1f}")
"""

RUNS = 5


def unique(picture: np.ndarray) -> object:
    """Count colours with NumPy."""
    wide = picture.astype(np.uint32)
    keys = wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
    return np.unique(keys, return_inverse=True, return_counts=True)


def show_growth(source: Path, sizes: list[str]) -> None:
    """Print a row for each size."""
    print(f"{source.stem}, resized; k = 256; ms of the processor, and peak memory in bytes a pixel\n")
    columns = ("colours", "count", "palette", "map", "pack", "encode")
    print(f"{'MP':>7}" + "".join(f"{name:>10}" for name in columns) + f"{'B/px':>8}", flush=True)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            made = str(Path(folder) / "picture.npy")
            for words in ((RESIZE, str(source), made, size), (MEASURE, made)):
                subprocess.run([sys.executable, "-c", *words], check=True)  # noqa: S603


def show_counting(paths: list[Path]) -> None:
    """Print a row for each picture."""
    print(f"\nCounting, ms of the processor a megapixel, median of {RUNS}\n")
    print(f"{'':24}{'MP':>6}{'colours':>10}{'kmq':>8}{'NumPy':>8}{'times':>8}")
    for path in paths:
        with Image.open(path) as image:
            picture = np.asarray(image.convert("RGB"))
        megapixels = picture.shape[0] * picture.shape[1] / 1e6
        times: dict[str, list[float]] = {"kmq": [], "NumPy": []}
        for _ in range(RUNS):
            for name, work in (("kmq", kmq.histogram), ("NumPy", unique)):
                start = time.process_time()
                work(picture)
                times[name].append(1e3 * (time.process_time() - start) / megapixels)
        ours, theirs = (statistics.median(each) for each in times.values())
        ratio = statistics.median(b / a for a, b in zip(*times.values(), strict=True))
        colours = len(kmq.histogram(picture))
        print(
            f"{path.stem[:23]:24}{megapixels:6.1f}{colours:10,}{ours:8.1f}{theirs:8.1f}{ratio:8.1f}",
            flush=True,
        )


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("--megapixels", default="0.4,1,2,4,8,16,24", help="sizes (default 0.4,1,2,4,8,16,24)")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    show_growth(options.pictures[0], options.megapixels.split(","))
    show_counting(options.pictures)


if __name__ == "__main__":
    main()
