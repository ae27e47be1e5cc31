"""Bytes of the same indices and palettes in every lossless coder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import kmq
from bench.peers.coders import CODERS, OURS, Plane, coded
from bench.pictures import Picture, Pixels, colours_at_most
from bench.running.machine import codec_digest
from bench.running.within import NotMeasured

if TYPE_CHECKING:
    from bench.running.cache import Cache

SMALL_PIXELS = 1_100_000
"""Up to so many pixels, a picture is quantised to 16 and to 256 colours; above, to 256 only."""

DITHERED_PIXELS = 500_000
"""And up to so many, also to 64 dithered."""


def planes(picture: Picture) -> Iterator[tuple[str, Callable[[], Plane]]]:
    """Give what makes each plane of a picture: itself if it has at most 256 colours, else kmq's of it."""
    if colours_at_most(picture.pixels(), 256):
        yield "exact", cache(partial(_plane, picture, 256))
        return
    small = picture.quick or picture.count <= SMALL_PIXELS
    for k in (16, 256) if small else (256,):
        yield str(k), cache(partial(_plane, picture, k))
    if picture.quick or picture.count <= DITHERED_PIXELS:
        yield "64, dithered", cache(partial(_plane, picture, 64, "floyd-steinberg"))


def _plane(picture: Picture, k: int, dither: str = "none") -> Plane:
    source: Image.Image | Pixels = picture.pixels()
    if k == 256 and dither == "none" and not picture.quick:
        source = Image.open(picture.path)  # an indexed picture keeps its palette, a grey one its channel
    data = kmq.encode(source, k, coding="packed", dither=dither)
    if isinstance(source, Image.Image):
        source.close()
    with kmq.KmqFile(data, max_pixels=None) as file:
        palette, plane = file.palette, file.indices()
    shown = palette.colours(plane)
    return Plane(palette, plane, np.repeat(shown[:, :, None], 3, axis=2) if shown.ndim == 2 else shown)


def measure(
    pictures: Sequence[Picture],
    coders: Sequence[str],
    versions: dict[str, str | None],
    kept: Cache,
    seconds: float,
    step: Callable[[str], None],
) -> list[list[object]]:
    """Return a row for each plane: name, what it is, pixels, k, a digest, and the bytes of each coder.

    In place of bytes stands, in words, why there are none.
    """
    rows: list[list[object]] = []
    state = codec_digest()
    for number, picture in enumerate(pictures, 1):
        for label, plane in planes(picture):
            about = lambda plane=plane: identity(plane())  # noqa: E731
            try:
                key, pixels, k = kept.get(("plane", picture.digest, label, state), seconds, about)
            except NotMeasured:  # only what is kept is asked for
                continue
            sizes: list[int | str] = []
            for name in coders:
                step(f"size {number}/{len(pictures)} {picture.name}, {label}: {name}")
                coder = CODERS[name]
                made_by = (
                    state if name in OURS else [versions.get(need) for need in coder.needs or ("Pillow",)]
                )
                try:
                    sizes.append(
                        kept.get(
                            ("size", key, name, coder.settings, made_by),
                            seconds,
                            lambda coder=coder, plane=plane: len(coded(coder, plane(), seconds)[1]),
                        )
                    )
                except NotMeasured as why:
                    sizes.append(str(why))
            rows.append([picture.name, label, pixels, k, key[:8], sizes])
    return rows


def identity(plane: Plane) -> tuple[str, int, int]:
    """Return what tells a plane from others, its pixels and k."""
    indices, entries = plane.plane.indices, plane.palette.entries
    told = hashlib.sha256(repr(indices.shape).encode() + indices.tobytes() + entries.tobytes())
    return told.hexdigest(), indices.size, len(entries)
