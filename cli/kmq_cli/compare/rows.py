"""How k trades size against quality and time for one picture, and what other formats do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import kmq
from kmq_cli.compare.peers import (
    Measured,
    Peers,
    Work,
    as_image,
    jpeg_at,
    jpeg_sizes,
    lossless,
    quantised,
    same_pixels,
)
from kmq_cli.compare.preview import Preview, make_preview
from kmq_cli.compare.quality import Quality, quality
from kmq_cli.palette.counted import CountedPalette
from kmq_cli.pictures.export import indexed_image

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from kmq import Ledger


CONTEXT = "context"
"""The coding of the smallest files, which are compared with those that kmq writes by default."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one number of colours gives.

    `ledger` is that of the file that kmq writes by default, and `context_bytes` the size of the context-coded
    one. `seconds` are those of the former: encoding, with the choice of the palette, and decoding. `peers`
    are the same pixels in other formats, and then the lossy ones.
    """

    asked: int
    ledger: Ledger
    context_bytes: int
    quality: Quality
    seconds: tuple[float, float]
    colours: CountedPalette
    peers: tuple[Measured, ...]
    preview: Preview | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A picture: what it is, how small it gets without loss, and a row for each number of colours."""

    source: str
    source_bytes: int
    width: int
    height: int
    channels: int
    lossless: tuple[Measured, ...]
    rows: tuple[Row, ...]
    preview: Preview | None

    def bits_per_pixel(self, size: int) -> float:
        """Return the bits that a file of `size` bytes has for each pixel."""
        return 8 * size / (self.width * self.height)


def compare(
    source: str,
    source_bytes: int,
    image: Image.Image,
    ks: Sequence[int],
    options: dict[str, Any],
    peers: Peers,
    step: Callable[[str], None],
    *,
    previews: bool,
) -> Comparison:
    """Encode `image` with each of `ks`, and with the peers; measure.

    `options` are those of `kmq.encode`. `step` is called with what is about to be done.
    """
    original = kmq.canonical(image).pixels
    # What only clustering imports takes 1.5 s on a busy machine: the first row's time shouldn't include that.
    kmq.encode(np.arange(27, dtype=np.uint8).reshape(3, 3, 3), 2)
    without_loss = tuple(_run(lossless(original, peers), step, "without loss"))
    step("JPEG, every quality")
    sizes = jpeg_sizes(original)
    rows = tuple(_row(image, original, k, options, peers, sizes, step, previews=previews) for k in ks)
    height, width, channels = original.shape
    preview = make_preview(as_image(original)) if previews else None
    return Comparison(source, source_bytes, width, height, channels, without_loss, rows, preview)


def most_steps(ks: Sequence[int], peers: Peers) -> int:
    """Return the most steps that `compare` reports."""
    programs = len(peers.programs)
    return 3 + programs + len(ks) * (4 + programs)


def _row(
    image: Image.Image,
    original: NDArray[np.uint8],
    k: int,
    options: dict[str, Any],
    peers: Peers,
    sizes: dict[int, int],
    step: Callable[[str], None],
    *,
    previews: bool,
) -> Row:
    step(f"k = {k}, kmq")
    start = time.perf_counter()
    data = kmq.encode(image, k, **options)
    encoded = time.perf_counter()
    with kmq.KmqFile(data, max_pixels=None) as file:
        palette, plane = file.palette, file.indices()
        shown = np.atleast_3d(palette.colours(plane))
        decoded = time.perf_counter()
        ledger = file.ledger(original, indices=plane)
    context_bytes = len(data)
    if ledger.coding != CONTEXT:
        step(f"k = {k}, kmq, {CONTEXT}")
        context_bytes = len(kmq.encode(image, k, coding=CONTEXT, **options))
    indexed = indexed_image(plane, palette, "PNG") if palette.k <= 256 else None
    measured = _run(same_pixels(shown, indexed, peers), step, f"k = {k}")
    if sizes:
        step(f"k = {k}, JPEG")
        measured.append(jpeg_at(len(data), sizes, original))
    measured += _run(quantised(original, k, peers), step, f"k = {k}")
    return Row(
        k,
        ledger,
        context_bytes,
        quality(original, shown),
        (encoded - start, decoded - encoded),
        CountedPalette.of(palette, plane),
        tuple(measured),
        make_preview(as_image(shown)) if previews else None,
    )


def _run(works: Iterable[Work], step: Callable[[str], None], what: str) -> list[Measured]:
    measured = []
    for name, work in works:
        step(f"{what}, {name}")
        measured.append(work())
    return measured
