"""The commands whose memory, start-up and growth are measured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from bench.running.machine import magick

Words = Callable[[Path], list[str]]
"""A command in a folder that has in.png, and where it may write."""

Command = tuple[tuple[str, ...], Words]
"""What it needs, and its words."""


def _kmq(*arguments: str) -> Words:
    start = [sys.executable, "-c", "import sys; from kmq_cli import main; sys.exit(main())"]
    return lambda folder: [
        *start,
        *(str(folder / a) if a.startswith(("in.", "out.")) else a for a in arguments),
    ]


def _words(*words: str) -> Words:
    return lambda folder: [str(folder / word) if word.startswith(("in.", "out.")) else word for word in words]


_ALL = ("--max-pixels", "1000000000", "--threads", "1")
_ENCODE = ("encode", "in.png", "-o", "out.kmq", "--force", "-k", "256", *_ALL)
_DECODE = ("decode", "out.kmq", "--force", *_ALL, "-o")

COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "kmq encode": ((), _kmq(*_ENCODE)),
        "kmq decode": ((), _kmq(*_DECODE, "out.bmp")),
        "kmq encode --coding zstd": ((), _kmq(*_ENCODE, "--coding", "zstd")),
        "kmq encode --coding packed": ((), _kmq(*_ENCODE, "--coding", "packed")),
        "kmq decode (packed)": ((), _kmq(*_DECODE, "out.bmp")),
        "pngquant": (
            ("pngquant",),
            _words("pngquant", "--force", "--output", "out.png", "256", "--", "in.png"),
        ),
        "ImageMagick": (("ImageMagick",), _words(magick() or "", "in.png", "-colors", "256", "out.png")),
        "cwebp -lossless": (("cwebp",), _words("cwebp", "-quiet", "-lossless", "in.png", "-o", "out.webp")),
        "cjxl -d 0 -e 3": (
            ("cjxl",),
            _words("cjxl", "in.png", "out.jxl", "-d", "0", "-e", "3", "--num_threads=0", "--quiet"),
        ),
    }
)
"""On a photograph that grows; in this order, for decoding needs a file."""

START_UP: Mapping[str, Command] = MappingProxyType(
    {
        "python -c pass": ((), lambda _: [sys.executable, "-c", "pass"]),
        "kmq --version": ((), _kmq("--version")),
        "kmq encode, 16 x 16": ((), _kmq(*_ENCODE)),
        "kmq decode, 16 x 16": ((), _kmq(*_DECODE, "out.png")),
        "pngquant, 16 x 16": (
            ("pngquant",),
            _words("pngquant", "--force", "--output", "out.2.png", "256", "--", "in.png"),
        ),
        "zopflipng, 16 x 16": (("zopflipng",), _words("zopflipng", "-y", "in.png", "out.3.png")),
        "cwebp, 16 x 16": (("cwebp",), _words("cwebp", "-quiet", "-lossless", "in.png", "-o", "out.webp")),
        "cjxl, 16 x 16": (("cjxl",), _words("cjxl", "in.png", "out.jxl", "-d", "0", "--quiet")),
    }
)
"""On an icon of four colours."""


def missing_commands(versions: Mapping[str, str | None]) -> dict[str, str]:
    """Return each command that isn't there, with what it needs."""
    lacking = {name: [n for n in needs if versions.get(n) is None] for name, (needs, _) in COMMANDS.items()}
    return {name: ", ".join(needs) for name, needs in lacking.items() if needs}
