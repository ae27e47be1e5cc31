"""Squared error, SSIMULACRA2 and time of palettes of 8 to 256 colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import kmq
from bench.peers.quantisers import OURS, QUANTISERS, Quantiser
from bench.peers.ssimulacra2 import Scorer, scored
from bench.pictures import Picture, Pixels, colours_at_most, digest
from bench.running.machine import codec_digest
from bench.running.within import NotMeasured

if TYPE_CHECKING:
    from bench.running.cache import Cache

KS = (8, 16, 64, 256)
QUICK_KS = (16, 256)
LARGE_PIXELS = 4_000_000
"""Above, 256 colours only."""

Cell = list[float | None] | str
"""Squared error, score or None, and seconds; or, in words, why there are none."""


def measure(
    pictures: Sequence[Picture],
    tools: Sequence[str],
    versions: dict[str, str | None],
    cache: Cache,
    seconds: float,
    step: Callable[[str], None],
    *,
    looks: bool = True,
) -> list[list[object]]:
    """Return a row for each picture and k that it has more colours than: name, k, and each tool's cell.

    Without `looks` there are no scores.
    """
    kmq.encode(
        np.arange(27, dtype=np.uint8).reshape(3, 3, 3), 2
    )  # what is imported to cluster takes no time later
    rows: dict[tuple[str, int], dict[str, Cell]] = {}
    for slow in (False, True):  # what takes longest comes last
        names = [name for name in tools if QUANTISERS[name].slow == slow]
        for number, picture in enumerate(pictures, 1):
            pixels = picture.pixels()
            key = digest(pixels)
            scorer = Scorer(pixels) if looks and scored(pixels) else None
            ks = QUICK_KS if picture.quick else KS if picture.count <= LARGE_PIXELS else KS[-1:]
            too_slow: dict[str, str] = {}
            for k in ks:
                if colours_at_most(pixels, k):
                    continue
                row = rows.setdefault((picture.name, k), {})
                for name in names:
                    step(f"palette {number}/{len(pictures)} {picture.name}, k = {k}: {name}")
                    tool = QUANTISERS[name]
                    made_by = (
                        codec_digest()
                        if name in OURS
                        else [versions.get(n) for n in tool.needs or ("Pillow",)]
                    )
                    judge = scorer if tool.looks else None
                    said = ("palette, processor", key, k, name, tool.settings, made_by, judge is not None)
                    try:
                        if name in too_slow:
                            raise NotMeasured(too_slow[name])
                        work = lambda t=tool, p=pixels, k=k, j=judge: _cell(t, p, k, seconds, j)  # noqa: E731
                        row[name] = cache.get(said, seconds, work)
                    except NotMeasured as why:
                        row[name] = str(why)
                        if name not in too_slow and str(why).startswith("not within"):
                            too_slow[name] = f"{why} for k = {k}"
    return [[name, k, [row[tool] for tool in tools]] for (name, k), row in sorted(rows.items())]


def _cell(tool: Quantiser, pixels: Pixels, k: int, seconds: float, scorer: Scorer | None) -> Cell:
    if pixels.shape[2] == 4 and not tool.alpha:
        raise NotMeasured("takes no alpha")
    if tool.most is not None and pixels.shape[0] * pixels.shape[1] > tool.most:
        raise NotMeasured(f"not asked above {tool.most / 1e6:g} megapixels")
    taken, shown = tool.work(pixels, k, seconds)
    shown = np.asarray(Image.fromarray(shown).convert("RGBA" if pixels.shape[2] == 4 else "RGB"))
    if not colours_at_most(shown, k):
        raise NotMeasured("shows more colours than it was asked for")
    error = kmq.squared_error(pixels, shown)
    points = round(scorer.score(shown), 2) if scorer is not None else None
    return [float(f"{error:.6g}"), points, float(f"{taken:.3g}")]
