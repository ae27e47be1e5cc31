"""A run: find pictures and peers, measure part by part, write results and what is made of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bench.measure import palette, rd, size, speed
from bench.peers import coders, pipelines, quantisers
from bench.pictures import Picture, find_pictures
from bench.report import pages
from bench.report.gate import Regression, errors_of, regressions, sizes_of
from bench.report.results import read_results, write_results
from bench.report.summary import fill
from bench.running.cache import Cache, default_folder
from bench.running.machine import machine, versions


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arguments ask for."""

    folders: Sequence[Path]
    parts: Sequence[str]
    quick: bool
    results: Path
    cache: Path | None
    seconds: float
    kept: bool = False
    coders: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """What all parts need: the pictures, the peers' versions, what is kept, and the seconds of an output."""

    asked: Asked
    pictures: Sequence[Picture]
    versions: dict[str, str | None]
    cache: Cache

    def about(self, part: str, absent: dict[str, str]) -> dict[str, Any]:
        """Return how a part was measured."""
        quick = " --quick" if self.asked.quick else ""
        limit = f" --time-limit {self.asked.seconds:g}"
        limit += "".join(f" --coder '{name}'" for name in self.asked.coders)
        return {
            "command": f"python -m bench FOLDER --only {part}{quick}{limit}",
            "pictures": len(self.pictures),
            "time limit": self.asked.seconds,
            "machine": machine(),
            "default coding": "adaptive",
            "versions": {name: version for name, version in self.versions.items() if version is not None},
            "missing": absent,
        }


def step(what: str) -> None:
    """Say what is about to be done: on a terminal on one line, else a line each."""
    terminal = sys.stderr.isatty()
    print(f"\r\033[K{what}" if terminal else what, end="" if terminal else "\n", file=sys.stderr, flush=True)


def started(asked: Asked) -> tuple[Bench, list[str]]:
    """Find pictures and peers; return also what can't be read."""
    Image.MAX_IMAGE_PIXELS = None
    cache = Cache(asked.cache or default_folder(), asked.kept)
    pictures, unreadable = find_pictures(asked.folders, quick=asked.quick)
    return Bench(asked, pictures, versions(), cache), unreadable


def run(asked: Asked) -> int:
    """Measure, write results, tables and plots, and return the exit code."""
    bench, unreadable = started(asked)
    parts = {"size": sizes, "palette": palettes, "rd": curves, "speed": speeds}
    for part in asked.parts:
        if asked.kept and part == "speed":
            continue
        found = parts[part](bench)
        for name, needs in found["missing"].items():
            print(f"\nnot there, left out: {name}, which needs {needs}", file=sys.stderr)
        write_results(asked.results / f"{part}.json", found)
    pages.write_report(asked.results)
    print(f"\nwritten: {asked.results}/README.md", file=sys.stderr)
    for problem in unreadable:
        print(f"can't be read, left out: {problem}", file=sys.stderr)
    return 1 if unreadable or not bench.pictures else 0


def gate(asked: Asked) -> int:
    """Measure kmq's bytes and squared errors, and compare them with what is stored: 1 if they got worse."""
    bench, unreadable = started(asked)
    worse: list[Regression] = []
    compared = 0
    for part, measured, figures in (
        ("size", sizes, sizes_of),
        ("palette", palettes, errors_of),
    ):
        stored = read_results(asked.results / f"{part}.json")
        if part in asked.parts and stored is not None:
            worse += regressions(figures(stored), figures(measured(bench, only_ours=True)))
            compared += 1
    for problem in unreadable:
        print(f"can't be read, left out: {problem}", file=sys.stderr)
    if not compared:
        print(f"nothing to compare with in {asked.results}", file=sys.stderr)
    step("")
    for regression in worse:
        print(regression)
    print("worse than stored" if worse else "not worse than stored")
    return 1 if worse or unreadable or not compared else 0


def sizes(bench: Bench, *, only_ours: bool = False) -> dict[str, Any]:
    """Measure bytes of the same indices."""
    absent = coders.missing(bench.versions)
    names = [name for name in bench.asked.coders or coders.CODERS if name not in absent]
    if only_ours:
        names = list(coders.OURS)
    rows = size.measure(bench.pictures, names, bench.versions, bench.cache, bench.asked.seconds, step)
    settings = {name: coders.CODERS[name].settings for name in names}
    return {**bench.about("size", absent), "coders": names, "settings": settings, "rows": rows}


def palettes(bench: Bench, *, only_ours: bool = False) -> dict[str, Any]:
    """Measure palettes."""
    absent = quantisers.missing(bench.versions)
    tools = [name for name in quantisers.QUANTISERS if name not in absent]
    if only_ours:
        tools = list(quantisers.OURS)
    rows = palette.measure(
        bench.pictures, tools, bench.versions, bench.cache, bench.asked.seconds, step, looks=not only_ours
    )
    return {
        **bench.about("palette", absent),
        "tools": tools,
        "settings": {name: quantisers.QUANTISERS[name].settings for name in tools},
        "pixels": {picture.name: picture.count for picture in bench.pictures},
        "rows": rows,
    }


def curves(bench: Bench) -> dict[str, Any]:
    """Measure bytes against quality."""
    absent = pipelines.missing(bench.versions)
    ways = [name for name in pipelines.PIPELINES if name not in absent]
    rows = rd.measure(bench.pictures, ways, bench.versions, bench.cache, step)
    quick = bench.asked.quick
    said = {name: [pipelines.PIPELINES[name].said] for name in ways}
    for name in ways:
        said[name] += pipelines.PIPELINES[name].asked(quick=quick)
    return {**bench.about("rd", absent), "ways": said, "rows": rows}


def speeds(bench: Bench) -> dict[str, Any]:
    """Measure speed, memory, start-up and growth."""
    asked = bench.asked
    found = speed.measure(bench.pictures, bench.versions, step, quick=asked.quick, coders=asked.coders)
    return {**bench.about("speed", found.pop("missing")), **found}


def report(results: Path, page: Path | None) -> int:
    """Write tables and plots again, and the small table into a page."""
    pages.write_report(results)
    if page is not None:
        fill(page, results)
    return 0
