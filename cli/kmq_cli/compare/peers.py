"""Other formats and programs on the same picture. Each output is decoded, and compared or measured."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image, features

from kmq_cli.compare.program import Program, ProgramError, find_program, run_program
from kmq_cli.compare.quality import Quality, quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG_QUALITIES = range(1, 101)
PNG_OPTIONS = MappingProxyType({"optimize": True})
JPEG_OPTIONS = MappingProxyType({"optimize": True})
WEBP_OPTIONS = MappingProxyType({"lossless": True, "exact": True, "quality": 100, "method": 4})

PILLOWS: MappingProxyType[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "PNG-24": (("zlib_ng", "zlib"), "8 bits a channel; Pillow's, optimize"),
        "PNG-8": (("zlib_ng", "zlib"), "kmq's own indices and palette; Pillow's, optimize"),
        "WebP": (("webp",), "lossless; Pillow's, quality 100, method 4"),
        "JPEG": (
            ("libjpeg_turbo", "jpg"),
            "4:2:0, optimize; Pillow's, of the qualities 1 to 100 the nearest in size",
        ),
    }
)
"""Codecs that come with Pillow: the names under which it may know their library's version, and settings."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to run a program: the option for its version, its arguments, its files' suffix, and its decoder."""

    version: str
    arguments: tuple[str, ...]
    suffix: str
    decoder: str | None = None


COMMANDS = MappingProxyType(
    {
        "oxipng": Command("--version", ("--opt", "4", "--strip", "all", "--out", "OUT", "IN"), ".png"),
        "cwebp": Command("-version", ("-quiet", "-lossless", "-exact", "IN", "-o", "OUT"), ".webp"),
        "cjxl": Command("--version", ("IN", "OUT", "-d", "0", "--quiet"), ".jxl", "djxl"),
        "pngquant": Command(
            "--version", ("--speed", "1", "--nofs", "--output", "OUT", "K", "--", "IN"), ".png"
        ),
    }
)
"""The programs. IN, OUT and K stand for a PNG, the output, and a number of colours."""

LOSSY = "pngquant"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a codec made of a picture.

    `quality` is None if nothing is lost. `bytes` is None if no output counts; `problem` says why.
    """

    codec: str
    bytes: int | None
    seconds: float | None = None
    quality: Quality | None = None
    settings: str = ""
    problem: str = ""


Work: TypeAlias = tuple[str, Callable[[], Measured]]
"""A codec's name, and what measures it."""


@dataclass(frozen=True, slots=True)
class Peers:
    """The programs that were found, the names of missing ones, and the seconds that a run may take."""

    programs: Mapping[str, Program]
    decoders: Mapping[str, Program]
    missing: tuple[str, ...]
    seconds: float

    def versions(self) -> dict[str, str]:
        """Return each codec's version ("" if unknown); for those of Pillow, their library's."""
        found = {codec: _library(names) for codec, (names, _) in PILLOWS.items()}
        return found | {name: self.programs[name].version for name in COMMANDS if name in self.programs}


def _library(names: Sequence[str]) -> str:
    """Return the first of these libraries that Pillow has, with its version; "" if it has none."""
    known = (*features.modules, *features.codecs, *features.features)
    for name in names:
        number = features.version(name) if name in known else None
        if number:
            return f"{name.replace('_', '-')} {number}"
    return ""


def find_peers(seconds: float) -> Peers:
    """Look for the programs. One whose decoder is missing counts as missing too."""
    programs, decoders, missing = {}, {}, []
    for name, command in COMMANDS.items():
        needed = [name, *filter(None, [command.decoder])]
        found = {each: find_program(each, command.version) for each in needed}
        there = {each: program for each, program in found.items() if program is not None}
        missing += [each for each in needed if each not in there]
        if len(there) == len(needed):
            programs[name] = there.pop(name)
            decoders.update(there)
    return Peers(MappingProxyType(programs), MappingProxyType(decoders), tuple(missing), seconds)


def how_asked(codec: str) -> str:
    """Return a codec's settings, or how a program is run, for people."""
    return " ".join((codec, *COMMANDS[codec].arguments)) if codec in COMMANDS else PILLOWS[codec][1]


def lossless(pixels: NDArray[np.uint8], peers: Peers) -> Iterator[Work]:
    """Yield the work that measures a picture, (H, W, c), in each lossless format."""
    image = as_image(pixels)
    yield "PNG-24", partial(_pillow, "PNG-24", image, "PNG", PNG_OPTIONS, pixels)
    yield "WebP", partial(_pillow, "WebP", image, "WEBP", WEBP_OPTIONS, pixels)
    for name in peers.programs:
        if name != LOSSY:
            yield name, partial(_program, name, peers, image, pixels)


def same_pixels(shown: NDArray[np.uint8], indexed: Image.Image | None, peers: Peers) -> Iterator[Work]:
    """Yield the work that measures a decoded picture, (H, W, c), in each format without further loss.

    `indexed` is the same with the palette and the indices of the .kmq file; None for more than 256 entries.
    """
    if indexed is not None:
        yield "PNG-8", partial(_pillow, "PNG-8", indexed, "PNG", PNG_OPTIONS, shown)
    image = as_image(shown)
    for name in peers.programs:
        source = indexed if name == "oxipng" else image  # the others expand palettes
        if name != LOSSY and source is not None:
            yield name, partial(_program, name, peers, source, shown)


def quantised(original: NDArray[np.uint8], k: int, peers: Peers) -> Iterator[Work]:
    """Yield the work that measures what pngquant makes of a picture, (H, W, c), in `k` colours, if it can."""
    if LOSSY in peers.programs and 2 <= k <= 256:
        yield LOSSY, partial(_program, LOSSY, peers, as_image(original), original, k)


def jpeg_sizes(original: NDArray[np.uint8]) -> dict[int, int]:
    """Return the bytes of a JPEG of each quality of a picture (H, W, c); none if it has alpha."""
    if original.shape[2] == 4:
        return {}
    image = as_image(original)
    if max(image.size) > 65_500:  # the most that libjpeg writes
        return {}
    return {level: len(_saved(image, "JPEG", JPEG_OPTIONS | {"quality": level})) for level in JPEG_QUALITIES}


def jpeg_at(size: int, sizes: Mapping[int, int], original: NDArray[np.uint8]) -> Measured:
    """Return the JPEG whose size is nearest to `size` bytes."""
    level = min(sizes, key=lambda quality: (abs(sizes[quality] - size), quality))
    options = JPEG_OPTIONS | {"quality": level}
    return _pillow("JPEG", as_image(original), "JPEG", options, original, f"quality {level}")


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return pixels, (H, W, c), as a Pillow image."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _saved(image: Image.Image, kind: str, options: Mapping[str, Any]) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _pillow(
    codec: str,
    image: Image.Image,
    kind: str,
    options: Mapping[str, Any],
    original: NDArray[np.uint8],
    settings: str = "",
) -> Measured:
    start = time.perf_counter()
    try:
        data = _saved(image, kind, options)
    except (OSError, ValueError) as error:  # such as a side that is too long for the format
        return Measured(codec, None, settings=settings, problem=str(error))
    return _judged(codec, data, time.perf_counter() - start, original, settings, lossy=kind == "JPEG")


def _program(
    name: str, peers: Peers, image: Image.Image, original: NDArray[np.uint8], k: int | None = None
) -> Measured:
    command, program = COMMANDS[name], peers.programs[name]
    settings = "" if k is None else f"{k} colours"
    with tempfile.TemporaryDirectory(prefix="kmq-") as place:
        folder = Path(place)
        source, target, decoded = folder / "in.png", folder / f"out{command.suffix}", folder / "decoded.png"
        source.write_bytes(_saved(image, "PNG", {"compress_level": 1}))
        words = {"IN": str(source), "OUT": str(target), "K": str(k)}
        arguments = [words.get(word, word) for word in command.arguments]
        try:
            start = time.perf_counter()
            run_program([program.path, *arguments], folder, peers.seconds)
            seconds = time.perf_counter() - start
            data = shown = target.read_bytes()
            if command.decoder is not None:
                decoder = peers.decoders[command.decoder].path
                run_program([decoder, str(target), str(decoded)], folder, peers.seconds)
                shown = decoded.read_bytes()
        except ProgramError as error:
            return Measured(name, None, settings=settings, problem=str(error))
        except FileNotFoundError:
            return Measured(name, None, settings=settings, problem="it wrote no file")
    measured = _judged(name, shown, seconds, original, settings, lossy=name == LOSSY)
    return measured if measured.bytes is None else replace(measured, bytes=len(data))


def _judged(
    codec: str, data: bytes, seconds: float, original: NDArray[np.uint8], settings: str, *, lossy: bool
) -> Measured:
    """Decode an output: a lossless one counts if it equals the picture; a lossy one's loss is measured."""
    channels = original.shape[2]
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.size != (original.shape[1], original.shape[0]):
                raise ValueError(f"its output is {image.width} x {image.height} pixels")
            shown = image.convert("RGBA")
            if lossy:
                plain = np.atleast_3d(np.asarray(shown.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])))
                return Measured(codec, len(data), seconds, quality(original, plain), settings)
            same = np.array_equal(_visible(shown), _visible(as_image(original).convert("RGBA")))
    except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
        return Measured(codec, None, settings=settings, problem=str(error) or type(error).__name__)
    if same:
        return Measured(codec, len(data), seconds, None, settings)
    return Measured(codec, None, settings=settings, problem="its output differs from the picture")


def _visible(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGBA pixels, (H, W, 4); transparent ones are black."""
    pixels = np.array(image)
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels
