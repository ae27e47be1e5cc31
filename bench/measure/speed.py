"""Speed in turns with each peer; peak memory, start-up, and growth with pixels and with k."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import kmq
from bench.measure.size import planes
from bench.peers import quantisers
from bench.peers.coders import CODERS, Plane, djxl_seconds
from bench.peers.coders import missing as missing_coders
from bench.peers.quantisers import QUANTISERS
from bench.pictures import Picture, Pixels, colours_at_most
from bench.running.commands import COMMANDS, START_UP, missing_commands
from bench.running.timing import command, in_turns, seconds_of
from bench.running.within import NotMeasured
from kmq._coding.codings import CodingOptions
from kmq._container.writing import Writing, written

Step = Callable[[str], None]

ROUNDS, QUICK_ROUNDS = 3, 1
LEAST_PIXELS, MOST_PIXELS = 60_000, 700_000
"""Pictures of the middle: long enough to time, short enough for the slowest peers."""

CLASSES = 4
LIMIT = 120.0
MEGAPIXELS = (0.1, 0.3, 1, 3, 10, 30, 100)
QUICK_MEGAPIXELS = (0.1, 0.3)
KS = (2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096, 16384)
TIMED_TOOLS = (
    "kmq srgb",
    "kmq srgb, fast",
    "kmq oklab",
    "kmq oklab, dithered",
    "libimagequant, speed 1",
    "libimagequant",
    "libimagequant, speed 10",
    "libimagequant, dithered",
    "pngquant",
    "Pillow, median cut",
    "Pillow, octree",
    "ImageMagick",
    "MiniBatchKMeans, every pixel",
    "KMeans, every pixel",
)
GROWING = (
    "kmq srgb",
    "kmq srgb, fast",
    "libimagequant",
    "pngquant",
    "Pillow, median cut",
    "KMeans, every pixel",
)


def measure(
    pictures: Sequence[Picture],
    versions: dict[str, str | None],
    step: Step,
    *,
    quick: bool,
    coders: Sequence[str] = (),
) -> dict[str, Any]:
    """Return, by name: "rows" of coders, "palettes", "start-up", "growth", "colours", and who is missing.

    If `coders` names some, only these are measured, and nothing else.
    """
    kmq.encode(np.arange(27, dtype=np.uint8).reshape(3, 3, 3), 2)  # everything is imported
    rounds = QUICK_ROUNDS if quick else ROUNDS
    chosen = _chosen(pictures)
    coloured = _chosen([picture for picture in pictures if _has_colours(picture)])
    absent = missing_coders(versions) | quantisers.missing(versions) | missing_commands(versions)
    named = coders or [name for name in CODERS if name not in ("xz", "zstd")]
    asked = [name for name in named if name not in absent]
    tools = [name for name in TIMED_TOOLS if name not in absent]
    found: dict[str, Any] = {
        "missing": absent,
        "rounds": rounds,
        "rows": [row for picture in chosen for row in _coded(picture, asked, rounds, step)],
        "palettes": [],
        "start-up": [],
        "growth": [],
        "colours": [],
    }
    if not coders:
        found |= {
            "palettes": [row for picture in coloured for row in _quantised(picture, tools, rounds, step)],
            "start-up": _started(versions, 2 * rounds + 1, step),
            "growth": _grown(pictures, absent, step, QUICK_MEGAPIXELS if quick else MEGAPIXELS),
            "colours": _coloured(coloured, absent, step, KS[2:6:3] if quick else KS),
        }
    return found


def _chosen(pictures: Sequence[Picture]) -> list[Picture]:
    """Return of each class the largest picture of the middle; the largest of these."""
    best: dict[str, Picture] = {}
    for picture in pictures:
        if picture.quick or LEAST_PIXELS <= picture.count <= MOST_PIXELS:
            best[picture.kind] = picture  # they come in order of size
    return sorted(best.values(), key=lambda picture: -picture.count)[:CLASSES]


def _has_colours(picture: Picture) -> bool:
    """Tell whether a picture is one for every quantiser: opaque, of more colours than any is asked for."""
    if not (picture.quick or LEAST_PIXELS <= picture.count <= MOST_PIXELS):
        return False
    pixels = picture.pixels()
    return pixels.shape[2] == 3 and not colours_at_most(pixels, 256)


def _coded(picture: Picture, coders: Sequence[str], rounds: int, step: Step) -> list[list[Any]]:
    rows = []
    for label, make in planes(picture):
        if label not in ("16", "256", "exact"):
            continue
        plane = make()
        say = partial(_say, step, f"speed {picture.name}, {label}")
        with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
            made: dict[str, bytes] = {}
            encoding = in_turns(
                {name: partial(_encoding, name, plane, Path(place), made) for name in coders}, rounds, say
            )
            decoding = in_turns(
                {
                    name: partial(_decoding, name, made[name], plane, Path(place))
                    for name in coders
                    if name in made
                },
                rounds,
                say,
            )
        megapixels = round(plane.plane.indices.size / 1e6, 4)
        rows += [
            [f"{picture.name}, {label}", megapixels, name, encoding[name], decoding.get(name, "no output")]
            for name in coders
        ]
    return rows


def _say(step: Step, where: str, what: str) -> None:
    step(f"{where}: {what}")


def _encoding(name: str, plane: Plane, folder: Path, made: dict[str, bytes]) -> float:
    taken, made[name] = CODERS[name].encode(plane, folder, LIMIT)
    if not name.startswith("kmq"):
        return taken
    coding, _, effort = name.removeprefix("kmq ").partition(", ")
    writing = Writing(coding, None, 1, CodingOptions(effort or "default"))
    return seconds_of(lambda: written(plane.palette, plane.plane, {}, writing), LIMIT)


def _decoding(name: str, data: bytes, plane: Plane, folder: Path) -> float:
    if name == "JPEG XL":
        return djxl_seconds(data, folder, LIMIT)
    return seconds_of(lambda: CODERS[name].decode(data, plane, folder), LIMIT)


def _quantised(picture: Picture, tools: Sequence[str], rounds: int, step: Step) -> list[list[Any]]:
    pixels, rows = picture.pixels(), []
    for k in (16, 256):
        say = partial(_say, step, f"speed {picture.name}, k = {k}")
        found = in_turns({tool: partial(_palette, tool, pixels, k) for tool in tools}, rounds, say)
        rows += [[f"{picture.name}, k = {k}", picture.count / 1e6, tool, found[tool]] for tool in tools]
    return rows


def _palette(tool: str, pixels: Pixels, k: int) -> float:
    return QUANTISERS[tool].work(pixels, k, LIMIT)[0]


def _started(versions: dict[str, str | None], rounds: int, step: Step) -> list[list[Any]]:
    """Return milliseconds of the clock and of the processor of commands that do next to nothing."""
    with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
        folder = Path(place)
        icon = np.random.default_rng(0).integers(0, 4, (16, 16, 1), np.uint8) * np.array(
            [[[60, 70, 80]]], np.uint8
        )
        Image.fromarray(icon).save(folder / "in.png")
        rows: dict[str, list[list[float]]] = {}
        for turn in range(rounds):
            for name, (needs, words) in START_UP.items():
                if any(versions.get(need) is None for need in needs):
                    continue
                step(f"speed, start-up {turn + 1} of {rounds}: {name}")
                try:
                    took = command(words(folder), LIMIT)
                except NotMeasured as why:
                    rows[name] = [[float("nan"), float("nan")]]
                    step(f"{name}: {why}")
                    continue
                rows.setdefault(name, []).append([took["clock"], took["processor"]])
    return [
        [name, *(round(1e3 * float(np.median(column)), 1) for column in zip(*each, strict=True))]
        for name, each in rows.items()
    ]


def _grown(
    pictures: Sequence[Picture], absent: dict[str, str], step: Step, sizes: Sequence[float]
) -> list[list[Any]]:
    """Return rows of command, megapixels, processor's seconds and peak memory in MB."""
    photographs = [picture for picture in pictures if picture.path.suffix.lower() in (".jpg", ".jpeg")]
    source = (photographs or pictures)[-1]
    rows: list[list[Any]] = []
    too_slow: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
        folder = Path(place)
        for size in sizes:
            step(f"speed, growth: {source.name} resized to {size:g} megapixels")
            for path in folder.iterdir():  # of another size
                path.unlink()
            _resized(source, size, folder / "in.png")
            for name, (_, words) in COMMANDS.items():
                if name in absent:
                    continue
                step(f"speed, growth, {size:g} megapixels: {name}")
                try:
                    if name in too_slow:
                        raise NotMeasured(too_slow[name])
                    if "decode" in name and not (folder / "out.kmq").exists():
                        raise NotMeasured("nothing to decode")
                    took = command(words(folder), LIMIT)
                    rows.append([name, size, round(took["processor"], 3), round(took["peak"] / 1e6, 1)])
                except NotMeasured as why:
                    too_slow[name] = str(why)
                    rows.append([name, size, str(why), None])
    return rows


def _resized(source: Picture, megapixels: float, path: Path) -> None:
    with Image.open(source.path) as image:
        scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = round(image.width * scale), round(image.height * scale)
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, compress_level=1)


def _coloured(
    chosen: Sequence[Picture], absent: dict[str, str], step: Step, ks: Sequence[int]
) -> list[list[Any]]:
    """Return rows of tool, k and processor's seconds, of the chosen picture that has most colours."""
    most = max(chosen, key=lambda picture: len(kmq.histogram(picture.pixels())), default=None)
    if most is None:
        return []
    pixels, rows = most.pixels(), []
    for tool in GROWING:
        for k in ks:
            if tool in absent or (k > 256 and not tool.startswith("kmq")) or colours_at_most(pixels, k):
                continue
            step(f"speed, {most.name}, k = {k}: {tool}")
            try:
                rows.append([tool, k, float(f"{_palette(tool, pixels, k):.3g}"), most.name])
            except NotMeasured as why:
                rows.append([tool, k, str(why), most.name])
                break
    for k in ks:
        if not colours_at_most(pixels, k):
            with kmq.KmqFile(kmq.encode(pixels, k, coding="packed"), max_pixels=None) as file:
                palette, plane = file.palette, file.indices()
            for coding in ("adaptive", "context"):
                step(f"speed, {most.name}, k = {k}: {coding} coding")
                writing = Writing(coding, None, 1, CodingOptions("default"))
                data = written(palette, plane, {}, writing)
                for name, work in (
                    (f"kmq {coding}, coding", partial(written, palette, plane, {}, writing)),
                    (f"kmq {coding}, decoding", partial(kmq.decode, data, max_pixels=None)),
                ):
                    rows.append([name, k, float(f"{seconds_of(work, LIMIT):.3g}"), most.name])
    return rows
