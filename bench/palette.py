"""Palettes of kmq and of other tools, on the same pictures in the same run.

    python bench/palette.py FOLDER... [-k 16,64,256] [--only error,time,looks,growth] [--runs 5]

error   Squared error, undithered, in sRGB: kmq (each effort), libimagequant, pngquant, Wu, Wu followed by
        k-means until nothing changes, scikit-learn with ten starts, Pillow, ImageMagick.
time    Palette and mapping together, on one processor: kmq, libimagequant at its default speed, the
        plain pipeline (KMeans on every pixel, then a look-up); and counting against np.unique.
looks   SSIMULACRA2 (90 visually lossless, 70 high, 50 medium, 30 low): kmq in both spaces,
        undithered and dithered, against pngquant's better of undithered and dithered.
growth  Time and peak memory of each stage from 0.4 to 24 megapixels.

Peers: pip install imagequant ssimulacra2, and the commands pngquant and ImageMagick. What isn't there is
named and left out. Every figure is against a peer of the same run; ratios are geometric means.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import io
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

import kmq
from _wu import wu_centres

EFFORTS = ("fast", "default", "thorough")
DITHERED = {"dither": "floyd-steinberg"}


def encoded(picture: np.ndarray, k: int, **options: object) -> np.ndarray:
    """Return what kmq shows of a picture with k colours."""
    return kmq.decode(kmq.encode(picture, k, coding="packed", **options))


def quantised(picture: np.ndarray, k: int, *, dither: bool = False) -> np.ndarray:
    """Return libimagequant's picture, at its default speed."""
    import imagequant  # noqa: PLC0415  it may not be there

    level = 1.0 if dither else 0.0
    image = imagequant.quantize_pil_image(Image.fromarray(picture), dithering_level=level, max_colors=k)
    return np.asarray(image.convert("RGB"))


def through(command: list[str], picture: np.ndarray) -> np.ndarray:
    """Return the picture that a command makes of a PNG on its standard input."""
    png = io.BytesIO()
    Image.fromarray(picture).save(png, "PNG", compress_level=1)
    done = subprocess.run(command, input=png.getvalue(), capture_output=True, check=True)  # noqa: S603
    return np.asarray(Image.open(io.BytesIO(done.stdout)).convert("RGB"))


def pngquant(picture: np.ndarray, k: int, *, dither: bool = False) -> np.ndarray:
    """Return pngquant's picture, at its best speed."""
    return through(["pngquant", "--speed", "1", *([] if dither else ["--nofs"]), str(k), "-"], picture)


def from_centres(picture: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the picture with every pixel the nearest of centres, rounded to 8 bits."""
    palette = kmq.Palette(np.unique(np.clip(np.rint(centres), 0, 255).astype(np.uint8), axis=0))
    return palette.colours(kmq.map_indices(picture, palette, space="srgb"))


def kmeans(picture: np.ndarray, k: int, start: np.ndarray | None = None) -> np.ndarray:
    """Return scikit-learn's picture: from `start` until nothing changes, or the best of ten starts."""
    counted = kmq.histogram(picture)
    options = {"n_init": 10, "random_state": 0}
    if start is not None:
        options = {"init": start, "n_init": 1, "max_iter": 10_000, "tol": 0}
    fitted = KMeans(k, **options).fit(counted.colours.astype(np.float64), sample_weight=counted.counts)
    return from_centres(picture, fitted.cluster_centers_)


def wu(picture: np.ndarray, k: int) -> np.ndarray:
    """Return Wu's centres."""
    counted = kmq.histogram(picture)
    return wu_centres(counted.colours, counted.counts, k)


def pillow(picture: np.ndarray, k: int, method: Image.Quantize) -> np.ndarray:
    """Return Pillow's picture."""
    image = Image.fromarray(picture).quantize(k, method, dither=Image.Dither.NONE)
    return np.asarray(image.convert("RGB"))


def magick() -> list[str]:
    """Return the command of ImageMagick, or nothing."""
    names = ("magick", "convert-im6.q16", "convert-im6", "convert")
    return next(([found] for name in names if (found := shutil.which(name))), [])


def peers() -> dict[str, Callable[[np.ndarray, int], np.ndarray]]:
    """Return the tools that are there; name the others."""
    found: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
        f"kmq, {effort}": lambda p, k, e=effort: encoded(p, k, space="srgb", effort=e) for effort in EFFORTS
    }
    found["Wu + k-means"] = lambda p, k: kmeans(p, k, wu(p, k))
    found["KMeans, 10 starts"] = kmeans
    found["Wu"] = lambda p, k: from_centres(p, wu(p, k))
    if shutil.which("pngquant"):
        found["pngquant"] = pngquant
    if importlib.util.find_spec("imagequant"):
        found["libimagequant"] = quantised
    methods = (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE, Image.Quantize.FASTOCTREE)
    for name, method in zip(("median cut", "max coverage", "octree"), methods, strict=True):
        found[f"Pillow {name}"] = lambda p, k, m=method: pillow(p, k, m)
    if command := magick():
        found["ImageMagick"] = lambda p, k: through(
            [*command, "png:-", "+dither", "-colors", str(k), "png:-"], p
        )
    for name, there in (
        ("pngquant", "pngquant" in found),
        ("imagequant", "libimagequant" in found),
        ("ImageMagick", "ImageMagick" in found),
        ("ssimulacra2", importlib.util.find_spec("ssimulacra2") is not None),
    ):
        if not there:
            print(f"not there, left out: {name}")
    return found


def squared_error(picture: np.ndarray, shown: np.ndarray) -> float:
    """Return the mean over pixels of the squared distance."""
    return float(((picture.astype(np.int64) - shown) ** 2).sum(axis=2).mean())


def geometric(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def show_error(pictures: dict[str, np.ndarray], ks: list[int]) -> None:
    """Print the squared error of every tool on every picture, then the ratios."""
    tools = peers()
    errors: dict[tuple[str, int], list[float]] = {}
    for k in ks:
        print(f"\nSquared error (MSE, summed over R, G and B), k = {k}\n")
        print(f"{'':20}" + "".join(f"{name[:9]:>10}" for name in pictures) + f"{'ratio':>9}")
        for tool, run in tools.items():
            errors[tool, k] = [squared_error(picture, run(picture, k)) for picture in pictures.values()]
            base = errors["kmq, default", k] if tool != "kmq, fast" else errors[tool, k]
            ratio = geometric([a / b for a, b in zip(errors[tool, k], base, strict=True)])
            row = "".join(f"{error:10.2f}" for error in errors[tool, k])
            print(f"{tool:20}{row}" + (f"{ratio:9.3f}" if tool != "kmq, fast" else f"{'-':>9}"), flush=True)
    print("\nGeometric means of ratios, over the pictures, by k and over all\n")
    for ours in EFFORTS:
        for theirs in ("Wu + k-means", "KMeans, 10 starts", "pngquant", "libimagequant"):
            if theirs in tools:
                by_k = [
                    [a / b for a, b in zip(errors[f"kmq, {ours}", k], errors[theirs, k], strict=True)]
                    for k in ks
                ]
                each = "".join(f"{geometric(ratios):8.4f}" for ratios in by_k)
                whole = geometric([ratio for ratios in by_k for ratio in ratios])
                print(f"kmq {ours:10} / {theirs:18}{each}   all {whole:.4f}")


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the median time of several runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2]


def palette_and_mapping(picture: np.ndarray, k: int, **options: str) -> kmq.IndexPlane:
    """Count, choose and map: what a quantiser does."""
    space = options.get("space", "oklab")
    counted = kmq.histogram(picture)
    return kmq.map_indices(counted, kmq.fit_palette(counted, k, **options), space=space)


def plain_pipeline(picture: np.ndarray, k: int) -> np.ndarray:
    """Do what a first program does: KMeans on every pixel, then the labels."""
    pixels = picture.reshape(-1, 3).astype(np.float64)
    fitted = KMeans(k, n_init=1, random_state=0).fit(pixels)
    return fitted.cluster_centers_[fitted.predict(pixels)]


def unique(picture: np.ndarray) -> object:
    """Count colours with NumPy."""
    wide = picture.astype(np.uint32)
    keys = wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
    return np.unique(keys, return_inverse=True, return_counts=True)


def show_time(pictures: dict[str, np.ndarray], ks: list[int], runs: int) -> None:
    """Print milliseconds of palette and mapping, and of counting, on one processor."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    liq = importlib.util.find_spec("imagequant") is not None
    print(f"\nPalette and mapping, ms, median of {runs} runs on one processor\n")
    print(
        f"{'':12}{'k':>5}"
        + "".join(f"{name:>10}" for name in ("fast", "default", "liq", "ratio", "plain"))
        + f"{'times':>8}"
    )
    for k in ks:
        ratios, times = [], []
        for number, (name, picture) in enumerate(pictures.items()):
            fast, ours = (
                median_seconds(lambda e=e: palette_and_mapping(picture, k, space="srgb", effort=e), runs)  # noqa: B023
                for e in ("fast", "default")
            )
            theirs = median_seconds(lambda: quantised(picture, k), runs) if liq else math.nan  # noqa: B023
            ratios.append(ours / theirs)
            plain = math.nan
            if number % 4 == 0:  # it takes so long
                plain = median_seconds(lambda: plain_pipeline(picture, k), 1)  # noqa: B023
                times.append(plain / ours)
            columns = "".join(f"{1e3 * seconds:10.1f}" for seconds in (fast, ours, theirs))
            print(
                f"{name[:11]:12}{k:5}{columns}{ours / theirs:10.2f}{1e3 * plain:10.0f}{plain / ours:8.0f}",
                flush=True,
            )
        print(f"k = {k}: kmq / libimagequant {geometric(ratios):.2f}, plain / kmq {geometric(times):.0f}\n")
    print(f"Counting, ms per megapixel\n\n{'':12}{'colours':>9}{'kmq':>8}{'NumPy':>8}{'times':>8}")
    for name, picture in pictures.items():
        size = picture.shape[0] * picture.shape[1] / 1e6
        ours = median_seconds(lambda: kmq.histogram(picture), runs) * 1e3 / size  # noqa: B023
        theirs = median_seconds(lambda: unique(picture), runs) * 1e3 / size  # noqa: B023
        colours = len(kmq.histogram(picture))
        print(f"{name[:11]:12}{colours:9,}{ours:8.1f}{theirs:8.1f}{theirs / ours:8.1f}")


def show_looks(pictures: dict[str, np.ndarray], ks: list[int]) -> None:
    """Print SSIMULACRA2 scores, and by how much kmq is above pngquant."""
    from ssimulacra2 import compute_ssimulacra2  # noqa: PLC0415  it may not be there

    folder = Path(tempfile.mkdtemp())
    ways: dict[str, dict[str, str]] = {
        "srgb": {"space": "srgb"},
        "oklab": {},
        "dithered": DITHERED,
        "ordered": {"dither": "ordered"},
        "srgb, dith.": DITHERED | {"space": "srgb"},
    }

    def score(picture: np.ndarray, shown: np.ndarray) -> float:
        for name, pixels in (("a.png", picture), ("b.png", shown)):
            Image.fromarray(pixels).save(folder / name, compress_level=1)
        return float(compute_ssimulacra2(str(folder / "a.png"), str(folder / "b.png")))

    for k in ks:
        print(f"\nSSIMULACRA2 (and MSE), k = {k}\n")
        print(
            f"{'':12}{'pngquant':>16}{'dithered':>16}"
            + "".join(f"{way:>16}" for way in ways)
            + f"{'above':>8}"
        )
        above: list[list[float]] = []
        for name, picture in pictures.items():
            shown = [pngquant(picture, k), pngquant(picture, k, dither=True)]
            shown += [encoded(picture, k, **way) for way in ways.values()]
            scores = [score(picture, each) for each in shown]
            best = max(scores[:2])
            above.append([each - best for each in scores[2:]])
            cells = (f"{a:8.1f} {squared_error(picture, b):7.1f}" for a, b in zip(scores, shown, strict=True))
            print(f"{name[:11]:12}{''.join(cells)}{max(scores[3:5]) - best:8.1f}", flush=True)
        columns = list(zip(*above, strict=True))
        for way, column in zip(ways, columns, strict=True):
            mean = sum(column) / len(column)
            print(f"  {way:12} above pngquant's better by {mean:6.2f}, least {min(column):6.2f}")
        better = [max(row[1:3]) for row in above]
        print(
            f"  better of oklab and dithered:    {sum(better) / len(better):6.2f}, least {min(better):6.2f}"
        )
    shutil.rmtree(folder)


def measured_apart(source: Path, megapixels: float) -> None:
    """Print time and peak memory of each stage, in a process of its own."""
    program = f"""
import sys
import numpy as np
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
image = Image.open({str(source)!r}).convert("RGB")
scale = ({megapixels} * 1e6 / (image.width * image.height)) ** 0.5
size = round(image.width * scale), round(image.height * scale)
np.save(sys.argv[1], np.asarray(image.resize(size, Image.Resampling.BICUBIC)))
"""
    measure = """
import sys, time
from pathlib import Path
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
t = [time.perf_counter()]
counted = kmq.histogram(picture); t.append(time.perf_counter())
palette = kmq.fit_palette(counted, 256); t.append(time.perf_counter())
plane = kmq.map_indices(counted, palette); t.append(time.perf_counter())
data = kmq.pack_indices(plane); t.append(time.perf_counter())
colours = len(counted)
del counted, palette, plane, data
start = time.perf_counter(); kmq.encode(picture, 256, coding="packed"); whole = time.perf_counter() - start
stages = "".join(f"{1e3 * (b - a):10.1f}" for a, b in zip(t, t[1:]))
peak = (memory("VmHWM") - before) / pixels
print(f"{pixels / 1e6:7.1f}{colours:10,}{stages}{1e3 * whole:10.1f}{peak:8.1f}")
"""
    with tempfile.TemporaryDirectory() as folder:
        made = str(Path(folder) / "picture.npy")
        for text in (program, measure):
            subprocess.run([sys.executable, "-c", text, made], check=True)  # noqa: S603


def show_growth(source: Path) -> None:
    """Print how time and memory grow with the picture."""
    print(f"\n{source.name}, resized; k = 256; ms, and peak memory in bytes a pixel above interpreter and")
    print("libraries, the picture's own 3 included\n")
    columns = ("colours", "count", "palette", "map", "pack", "encode")
    print(f"{'MP':>7}" + "".join(f"{name:>10}" for name in columns) + f"{'B/px':>8}")
    sys.stdout.flush()
    for megapixels in (0.4, 1, 2, 4, 8, 16, 24):
        measured_apart(source, megapixels)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("-k", default="16,64,256", help="numbers of colours (default 16,64,256)")
    parser.add_argument("--only", default="error,time,looks,growth", help="what to measure")
    parser.add_argument("--match", default="*", help="names of pictures (default *; kodim* for Kodak's)")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median counts")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    ks = [int(k) for k in options.k.split(",")]
    paths = sorted(
        path for folder in options.folders for path in folder.glob(options.match) if path.is_file()
    )
    pictures = {}
    for path in paths:
        with Image.open(path) as image:
            if image.mode == "RGB":
                pictures[path.stem] = np.asarray(image)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    if any(os.environ.get(name) != "1" for name in threads):  # read when the libraries load
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | threads)  # noqa: S606
    version = importlib.metadata.version("kmq")
    print(f"{len(pictures)} RGB pictures; kmq {version}, Python {sys.version.split()[0]}")
    wanted = options.only.split(",")
    if "error" in wanted:
        show_error(pictures, ks)
    if "looks" in wanted:
        show_looks(pictures, ks)
    if "growth" in wanted:
        show_growth(max(paths, key=lambda path: path.stat().st_size))
    if "time" in wanted:
        show_time(pictures, ks, options.runs)


if __name__ == "__main__":
    main()
