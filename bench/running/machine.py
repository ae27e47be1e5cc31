"""What was run, and on what: versions of peers and a description of the machine."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from PIL import features

import kmq
from kmq_cli.compare.program import find_program

PROGRAMS = {
    "zopflipng": "--help",
    "cwebp": "-version",
    "cjxl": "--version",
    "djxl": "--version",
    "pngquant": "--version",
}
"""The programs, and how each is asked for its version."""

MAGICK = ("magick", "convert-im6.q16", "convert-im6")
MODULES = {"oxipng": "pyoxipng", "imagequant": "imagequant", "ssimulacra2": "ssimulacra2", "qoi": "qoi"}
"""Python's modules, and the packages that they come in."""

CODEC = {"libwebp": "webp", "libavif": "avif", "libjpeg-turbo": "jpg", "zlib": "zlib", "zlib-ng": "zlib_ng"}
"""Libraries that come with Pillow."""

LIBRARIES = ("numpy", "scikit-learn", "Pillow")


def magick() -> str | None:
    """Return the name of ImageMagick's program, None if it isn't there."""
    return next((name for name in MAGICK if shutil.which(name)), None)


def codec_digest() -> str:
    """Return what tells this state of kmq from others: a digest of its sources, for a cache."""
    folder = Path(kmq.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def versions() -> dict[str, str | None]:
    """Return the version of each peer, None for one that isn't there."""
    found: dict[str, str | None] = {"kmq": importlib.metadata.version("kmq")}
    for name, option in PROGRAMS.items():
        program = find_program(name, option)
        found[name] = None if program is None else program.version or _digest_of(program.path)
    name = magick()
    program = None if name is None else find_program(name, "-version")
    found["ImageMagick"] = None if program is None else program.version
    for module, package in MODULES.items():
        there = importlib.util.find_spec(module) is not None
        found[package] = importlib.metadata.version(package) if there else None
    if found["imagequant"] is not None:
        found["libimagequant"] = _libimagequant()
    for library in LIBRARIES:
        found[library] = importlib.metadata.version(library)
    for library, feature in CODEC.items():
        if version := _feature(feature):
            found[library] = version
    return found


def _feature(name: str) -> str | None:
    known = {*features.modules, *features.codecs, *features.features}
    return features.version(name) if name in known and features.check(name) else None


def _libimagequant() -> str:
    import imagequant  # noqa: PLC0415  it may not be there

    number = imagequant.lib.liq_version()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _digest_of(path: str) -> str:
    """Return what tells a program that doesn't say its version from others."""
    return f"digest {hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]}"


def machine() -> dict[str, Any]:
    """Return what the machine is, and how busy it was: its load, 1 for each process that wants to run."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        model = f"{model}, {names[0]}" if names else model
    load = round(os.getloadavg()[2], 1) if hasattr(os, "getloadavg") else None
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "load": load,
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }
