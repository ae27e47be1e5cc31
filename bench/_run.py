"""A run: find pictures and peers, measure part by part, write results and what is made of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench import _coders, _results, _size
from bench._cache import Cache, default_folder
from bench._machine import machine, versions
from bench._pictures import Picture, find_pictures


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arguments ask for."""

    folders: Sequence[Path]
    parts: Sequence[str]
    quick: bool
    results: Path
    cache: Path | None
    seconds: float
    report: bool
    gate: bool


def step(what: str) -> None:
    """Say what is about to be done: on a terminal on one line, else a line each."""
    end = "" if sys.stderr.isatty() else "\n"
    start = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{start}{what}", end=end, file=sys.stderr, flush=True)


def run(asked: Asked) -> int:
    """Do it, and return the exit code."""
    Image.MAX_IMAGE_PIXELS = None
    there = versions()
    pictures, unreadable = find_pictures(asked.folders, quick=asked.quick)
    for problem in unreadable:
        print(f"can't be read, left out: {problem}", file=sys.stderr)
    cache = Cache(asked.cache or default_folder())
    if "size" in asked.parts:
        absent = _coders.missing(there)
        coders = [name for name in _coders.CODERS if name not in absent]
        rows = _size.measure(pictures, coders, there, cache, asked.seconds, step)
        about = _about(asked, "size", pictures, there, absent)
        _results.write(asked.results / "size.json", {**about, "coders": coders, "rows": rows})
    if "palette" in asked.parts:
        from bench import _palette, _quantisers  # noqa: PLC0415  scikit-learn takes long to import

        absent = _quantisers.missing(there)
        tools = [name for name in _quantisers.QUANTISERS if name not in absent]
        rows = _palette.measure(pictures, tools, there, cache, asked.seconds, step)
        about = _about(asked, "palette", pictures, there, absent)
        _results.write(asked.results / "palette.json", {**about, "tools": tools, "rows": rows})
    if "rd" in asked.parts:
        from bench import _pipelines, _rd  # noqa: PLC0415

        absent = _pipelines.missing(there)
        ways = [name for name in _pipelines.PIPELINES if name not in absent]
        rows = _rd.measure(pictures, ways, there, cache, asked.seconds, step)
        about = _about(asked, "rd", pictures, there, absent)
        settings = {
            name: [_pipelines.PIPELINES[name].said, *_pipelines.PIPELINES[name].settings] for name in ways
        }
        _results.write(asked.results / "rd.json", {**about, "ways": settings, "rows": rows})
    return 1 if unreadable else 0


def _about(
    asked: Asked, part: str, pictures: Sequence[Picture], there: dict[str, str | None], absent: dict[str, str]
) -> dict[str, Any]:
    return {
        "command": f"python -m bench FOLDER --only {part}" + (" --quick" if asked.quick else ""),
        "pictures": len(pictures),
        "time limit": asked.seconds,
        "machine": machine(),
        "versions": {name: version for name, version in there.items() if version is not None},
        "missing": absent,
    }
