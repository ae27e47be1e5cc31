"""Bytes against PSNR and SSIMULACRA2 for whole ways from a picture to a small file."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

import kmq
from bench.peers.pipelines import LIMIT, OURS, PIPELINES
from bench.peers.ssimulacra2 import LEAST_SIDE, Scorer
from bench.pictures import Picture, Pixels, colours_at_most, digest
from bench.running.machine import codec_digest
from bench.running.within import NotMeasured
from kmq_cli.compare.quality import psnr

if TYPE_CHECKING:
    from bench.running.cache import Cache

MOST_PIXELS = 2_500_000
"""Larger pictures are left out, for the score takes so long; so is what has alpha or at most 256 colours."""

MOST_PSNR = 99.0
"""What stands for exact, whose PSNR is infinite."""


def measure(
    pictures: Sequence[Picture],
    ways: Sequence[str],
    versions: dict[str, str | None],
    cache: Cache,
    step: Callable[[str], None],
) -> list[list[object]]:
    """Return a row for each picture and way: names, pixels, and for each setting bytes, PSNR and score.

    In place of those three stands, in words, why they aren't there.
    """
    kmq.encode(np.arange(27, dtype=np.uint8).reshape(3, 3, 3), 2)
    looks = importlib.util.find_spec("ssimulacra2") is not None
    rows: list[list[object]] = []
    for number, picture in enumerate(pictures, 1):
        if not picture.quick and picture.count > MOST_PIXELS:
            continue
        pixels = picture.pixels()
        height, width, channels = pixels.shape
        if channels != 3 or min(height, width) < LEAST_SIDE or colours_at_most(pixels, 256):
            continue
        key = digest(pixels)
        scorer = Scorer(pixels) if looks else None

        def point(
            name: str, setting: float, pixels: Pixels = pixels, scorer: Scorer | None = scorer
        ) -> list[float | None]:
            data, shown = PIPELINES[name].work(pixels, setting)
            error = kmq.squared_error(pixels, shown)
            points = round(scorer.score(shown), 2) if scorer is not None else None
            return [len(data), round(min(psnr(error, 3), MOST_PSNR), 3), points]

        for name in ways:
            way = PIPELINES[name]
            cells: list[object] = []
            for setting in way.asked(quick=picture.quick):
                step(f"rd {number}/{len(pictures)} {picture.name}: {name} {setting:g}")
                library = "libavif" if name == "AVIF" else "libjpeg-turbo"
                made_by = (
                    codec_digest() if name in OURS else [versions.get(n) for n in way.needs or (library,)]
                )
                try:
                    work = lambda name=name, setting=setting: point(name, setting)  # noqa: E731
                    cells.append(cache.get(("rd", key, way.said, setting, made_by, looks), LIMIT, work))
                except NotMeasured as why:
                    cells.append(str(why))
            rows.append([picture.name, name, height * width, cells])
    return rows
