"""Tools that choose a palette: each takes pixels and k, and gives the pixels that it shows."""

from __future__ import annotations

import io
import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

import kmq
from bench.peers.coders import saved
from bench.peers.wu import wu_centres
from bench.pictures import Pixels
from bench.running.machine import magick
from bench.running.within import NotMeasured, run, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

Timed = tuple[float, Pixels]
"""The seconds of palette and mapping, and the pixels."""


@dataclass(frozen=True, slots=True)
class Quantiser:
    """A tool: what it needs, its settings, and what it does with pixels and k in so many seconds.

    `alpha` says that it takes RGBA. `looks` says that its pictures are scored. `slow` ones come last, and
    `most` is the most pixels that one is asked for.
    """

    needs: tuple[str, ...]
    settings: str
    work: Callable[[Pixels, int, float], Timed]
    dithers: bool = False
    alpha: bool = True
    slow: bool = False
    most: int | None = None
    looks: bool = True


def _kmq(space: str, effort: str = "default", dither: str = "none") -> Quantiser:
    options = {"space": space, "effort": effort, "dither": dither}

    def work(pixels: Pixels, k: int, seconds: float) -> Timed:
        taken, data = within(seconds, lambda: kmq.encode(pixels, k, coding="packed", **options))
        return taken, kmq.decode(data, max_pixels=None)

    said = f"--space {space} --effort {effort} --dither {dither}"
    most = 1_100_000 if effort == "thorough" else None
    return Quantiser((), said, work, dithers=dither != "none", most=most)


def libimagequant(pixels: Pixels, k: int, *, speed: int, dither: float) -> Pixels:
    """Return what libimagequant shows: its package's own call has no speed, and spends its time on lists."""
    from imagequant import ffi, lib  # noqa: PLC0415  it may not be there

    rgba = np.ascontiguousarray(np.asarray(Image.fromarray(pixels).convert("RGBA")))
    height, width = rgba.shape[:2]
    attributes = lib.liq_attr_create()
    lib.liq_set_max_colors(attributes, k)
    lib.liq_set_speed(attributes, speed)
    image = lib.liq_image_create_rgba(attributes, ffi.from_buffer(rgba), width, height, 0)
    result = ffi.new("liq_result**")
    code = lib.liq_image_quantize(image, attributes, result)
    if code != lib.LIQ_OK:
        raise NotMeasured(f"failed with code {code}")
    lib.liq_set_dithering_level(result[0], dither)
    indices = np.empty((height, width), np.uint8)
    lib.liq_write_remapped_image(result[0], image, ffi.from_buffer("char[]", indices), indices.size)
    found = lib.liq_get_palette(result[0])
    entries = [(e.r, e.g, e.b, e.a) for e in (found.entries[i] for i in range(found.count))]
    lib.liq_result_destroy(result[0])
    lib.liq_image_destroy(image)
    lib.liq_attr_destroy(attributes)
    return np.array(entries, np.uint8)[indices]


def _liq(speed: int, dither: float = 0.0) -> Quantiser:
    work = partial(libimagequant, speed=speed, dither=dither)
    return _in_process(("imagequant",), f"speed {speed}, dithering {dither:g}", work, dithers=dither > 0)


def _in_process(
    needs: tuple[str, ...],
    settings: str,
    work: Callable[[Pixels, int], Pixels],
    *,
    dithers: bool = False,
    alpha: bool = True,
    slow: bool = False,
    most: int | None = None,
    looks: bool = True,
) -> Quantiser:
    def timed(pixels: Pixels, k: int, seconds: float) -> Timed:
        return within(seconds, lambda: work(pixels, k))

    return Quantiser(needs, settings, timed, dithers, alpha, slow, most, looks)


def _program(needs: tuple[str, ...], name: str | None, arguments: str, *, dithers: bool = False) -> Quantiser:
    def work(pixels: Pixels, k: int, seconds: float) -> Timed:
        with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
            source, target = Path(place) / "in.png", Path(place) / "out.png"
            source.write_bytes(saved(Image.fromarray(pixels), "PNG", compress_level=1))
            words = {"IN": str(source), "OUT": str(target), "K": str(k)}
            command = [shutil.which(name or "") or "", *(words.get(word, word) for word in arguments.split())]
            taken, _ = within(seconds, lambda: run(command, Path(place), seconds))
            with Image.open(io.BytesIO(target.read_bytes())) as image:
                return taken, np.asarray(image.convert("RGBA"))

    return Quantiser(needs, f"{name} {arguments}", work, dithers)


def _pillow(pixels: Pixels, k: int, method: Image.Quantize, kmeans: int = 0) -> Pixels:
    image = Image.fromarray(pixels).quantize(k, method, kmeans, dither=Image.Dither.NONE)
    return np.asarray(image.convert("RGBA" if pixels.shape[2] == 4 else "RGB"))


def _every_pixel(pixels: Pixels, k: int, kind: type[KMeans | MiniBatchKMeans]) -> Pixels:
    """Do what a first program does: k-means on every pixel, then the labels."""
    points = pixels.reshape(-1, pixels.shape[2]).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = kind(k, n_init=1, random_state=0).fit(points)
    centres = np.clip(np.rint(fitted.cluster_centers_), 0, 255).astype(np.uint8)
    return centres[fitted.labels_].reshape(pixels.shape)


def _from_centres(pixels: Pixels, centres: NDArray[np.float64]) -> Pixels:
    palette = kmq.Palette(np.unique(np.clip(np.rint(centres), 0, 255).astype(np.uint8), axis=0))
    return palette.colours(kmq.map_indices(pixels, palette, space="srgb"))


def _wu(pixels: Pixels, k: int) -> Pixels:
    counted = kmq.histogram(pixels)
    return _from_centres(pixels, wu_centres(counted.colours, counted.counts, k))


def _of_colours(pixels: Pixels, k: int, *, from_wu: bool) -> Pixels:
    """K-means on distinct colours: from Wu's centres until nothing changes, or the best of ten starts."""
    counted = kmq.histogram(pixels)
    options: dict[str, object] = {"n_init": 10, "random_state": 0}
    if from_wu:
        centres = wu_centres(counted.colours, counted.counts, k)
        options = {"init": centres, "n_init": 1, "max_iter": 10_000, "tol": 0}
        k = len(centres)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(k, **options).fit(counted.colours.astype(np.float64), sample_weight=counted.counts)
    return _from_centres(pixels, fitted.cluster_centers_)


def _yardstick(settings: str, *, from_wu: bool) -> Quantiser:
    work = partial(_of_colours, from_wu=from_wu)
    return _in_process((), settings, work, alpha=False, slow=True, most=500_000, looks=False)


QUANTISERS: dict[str, Quantiser] = {
    **{
        f"kmq srgb{'' if e == 'default' else ', ' + e}": _kmq("srgb", e)
        for e in ("default", "fast", "thorough")
    },
    **{
        f"kmq oklab{'' if e == 'default' else ', ' + e}": _kmq("oklab", e)
        for e in ("default", "fast", "thorough")
    },
    "kmq srgb, dithered": _kmq("srgb", dither="floyd-steinberg"),
    "kmq oklab, dithered": _kmq("oklab", dither="floyd-steinberg"),
    "kmq oklab, ordered": _kmq("oklab", dither="ordered"),
    "libimagequant, speed 1": _liq(1),
    "libimagequant": _liq(4),
    "libimagequant, speed 10": _liq(10),
    "libimagequant, dithered": _liq(4, 1.0),
    "pngquant": _program(("pngquant",), "pngquant", "--speed 1 --nofs --output OUT K -- IN"),
    "pngquant, dithered": _program(("pngquant",), "pngquant", "--speed 1 --output OUT K -- IN", dithers=True),
    "Pillow, median cut": _in_process((), "", partial(_pillow, method=Image.Quantize.MEDIANCUT), alpha=False),
    "Pillow, median cut + k-means": _in_process(
        (), "kmeans=100", partial(_pillow, method=Image.Quantize.MEDIANCUT, kmeans=100), alpha=False
    ),
    "Pillow, max coverage": _in_process(
        (), "", partial(_pillow, method=Image.Quantize.MAXCOVERAGE), alpha=False
    ),
    "Pillow, octree": _in_process((), "", partial(_pillow, method=Image.Quantize.FASTOCTREE)),
    "ImageMagick": _program(("ImageMagick",), magick(), "IN +dither -colors K OUT"),
    "KMeans, every pixel": _in_process(
        (), "n_init=1", partial(_every_pixel, kind=KMeans), slow=True, most=1_100_000
    ),
    "MiniBatchKMeans, every pixel": _in_process(
        (), "n_init=1", partial(_every_pixel, kind=MiniBatchKMeans), slow=True, most=4_000_000
    ),
    "Wu": _in_process((), "", _wu, alpha=False, looks=False),
    "Wu + k-means": _yardstick("", from_wu=True),
    "KMeans, 10 starts": _yardstick("on distinct colours", from_wu=False),
}
"""By name. Those of kmq come first."""

OURS = tuple(name for name in QUANTISERS if name.startswith("kmq"))


def missing(versions: dict[str, str | None]) -> dict[str, str]:
    """Return each tool that isn't there, with what it needs."""
    lacking = {name: [n for n in tool.needs if versions.get(n) is None] for name, tool in QUANTISERS.items()}
    return {name: ", ".join(needs) for name, needs in lacking.items() if needs}
