"""Whole ways from a picture to a small file, lossy: each gives bytes and the pixels that they show."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import kmq
from bench.peers.coders import saved
from bench.running.within import run, within

if TYPE_CHECKING:
    from bench.pictures import Pixels

KS = (4, 8, 16, 32, 64, 128, 256)
LIMIT = 120.0
"""Seconds that an output may take."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A way: what it needs, how people know it, its settings, and what makes bytes and pixels with each."""

    needs: tuple[str, ...]
    said: str
    settings: tuple[float, ...]
    work: Callable[[Pixels, float], tuple[bytes, Pixels]]

    def asked(self, *, quick: bool) -> tuple[float, ...]:
        """Return the settings of a run."""
        return self.settings[::3] if quick else self.settings


def _rgb(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _kmq(dither: str) -> Pipeline:
    def work(pixels: Pixels, k: float) -> tuple[bytes, Pixels]:
        data = within(LIMIT, lambda: kmq.encode(pixels, int(k), dither=dither))[1]
        return data, kmq.decode(data, max_pixels=None)

    return Pipeline((), f"kmq encode -k K --dither {dither}", KS, work)


def _pillow(form: str, settings: tuple[float, ...], **options: Any) -> Pipeline:  # noqa: ANN401
    def work(pixels: Pixels, quality: float) -> tuple[bytes, Pixels]:
        image = Image.fromarray(pixels)
        data = within(LIMIT, lambda: saved(image, form, quality=int(quality), **options))[1]
        return data, _rgb(data)

    said = ", ".join(f"{name}={value}" for name, value in options.items())
    return Pipeline((), f"Pillow, quality=Q, {said}", settings, work)


def _program(needs: tuple[str, ...], said: str, suffix: str, settings: tuple[float, ...]) -> Pipeline:
    """Run programs, one after the other, with IN, OUT and the setting in place of Q."""

    def work(pixels: Pixels, setting: float) -> tuple[bytes, Pixels]:
        with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
            folder = Path(place)
            source, target, shown = folder / "in.png", folder / f"out{suffix}", folder / "shown.png"
            source.write_bytes(saved(Image.fromarray(pixels), "PNG", compress_level=1))
            words = {"IN": str(source), "OUT": str(target), "Q": f"{setting:g}"}
            name, *arguments = said.split()
            run([shutil.which(name) or name, *(words.get(word, word) for word in arguments)], folder, LIMIT)
            data = target.read_bytes()
            if suffix != ".jxl":
                return data, _rgb(data)
            run([shutil.which("djxl") or "djxl", str(target), str(shown)], folder, LIMIT)
            return data, _rgb(shown.read_bytes())

    return Pipeline(needs, said, settings, work)


def _pngquant() -> Pipeline:
    quantise = _program((), "pngquant --speed 1 --output OUT Q -- IN", ".png", KS)

    def work(pixels: Pixels, k: float) -> tuple[bytes, Pixels]:
        import oxipng  # noqa: PLC0415  it may not be there

        png = quantise.work(pixels, k)[0]
        strip = oxipng.StripChunks.all()
        data = within(LIMIT, lambda: oxipng.optimize_from_memory(png, level=6, strip=strip))[1]
        return data, _rgb(data)

    return Pipeline(("pngquant", "pyoxipng"), "pngquant --speed 1, then oxipng, level 6", KS, work)


PIPELINES: dict[str, Pipeline] = {
    "kmq": _kmq("none"),
    "kmq, dithered": _kmq("floyd-steinberg"),
    "pngquant + oxipng": _pngquant(),
    "WebP near-lossless": _program(
        ("cwebp",), "cwebp -quiet -near_lossless Q -m 6 IN -o OUT", ".webp", (0, 20, 40, 60, 80)
    ),
    "WebP": _program(
        ("cwebp",), "cwebp -quiet -m 6 -q Q IN -o OUT", ".webp", (5, 15, 30, 50, 65, 75, 85, 92, 98)
    ),
    "JPEG": _pillow("JPEG", (5, 12, 25, 40, 55, 70, 82, 90, 96), optimize=True, progressive=True),
    "AVIF": _pillow("AVIF", (10, 20, 30, 40, 50, 60, 70, 80, 90), speed=6, max_threads=1),
    "JPEG XL": _program(
        ("cjxl", "djxl"),
        "cjxl IN OUT -d Q -e 7 --num_threads=0 --quiet",
        ".jxl",
        (12, 8, 6, 4, 3, 2, 1.4, 1, 0.6),
    ),
}
"""By name. Those of kmq come first."""

OURS = tuple(name for name in PIPELINES if name.startswith("kmq"))


def missing(versions: dict[str, str | None]) -> dict[str, str]:
    """Return each pipeline that isn't there, with what it needs."""
    lacking = {name: [n for n in way.needs if versions.get(n) is None] for name, way in PIPELINES.items()}
    if not versions.get("libavif"):
        lacking["AVIF"] = ["Pillow with AVIF"]
    return {name: ", ".join(needs) for name, needs in lacking.items() if needs}
