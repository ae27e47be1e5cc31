"""Sizes and speeds of kmq's codings and of four lossless peers, on the same palette pictures.

    python bench/coding.py FOLDER... [--only GLOB] [--cache FILE] [--runs 3]

The pictures are those of the folders that have at most 256 colours, as they are; and of Kodak's
(kodim*.png) what kmq makes of them with 16, 64 and 256 colours, kind "kodak", and of four of them
the same dithered, kind "dither". Every other kind is the name of the picture's folder.

Prints a row for every picture: bytes of each peer, of each coding of kmq (whole files), and their
ratio to the smallest peer. Then for each coding and kind: totals, total ratio, geometric mean of
the ratios, largest ratio. Then megapixels a second, encoding and decoding, of kmq and of cjxl and
cwebp, by kind: all pixels by all seconds, and the ratios of these. Everything is on one processor, in one
thread; commands with their start and with reading and writing files, but decoding is that of Pillow for
cwebp, and for cjxl what djxl says of itself.

Peers: pip install pyoxipng, and the commands zopflipng, cwebp, cjxl and djxl. PNG optimisers get the
picture as an indexed and as a plain PNG, and the smaller output counts; the others expand
palettes, so they get the plain one. Every output is decoded and compared: one that differs doesn't
count. A peer that isn't there is named.

--cache keeps what the peers gave, by pixels, command and version; then a second run needs no peers.
--only takes part of the pictures, as in --only 'kodak/*-16'.

Exits with 1 if a file of kmq doesn't decode to its picture, or nothing was measured.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import kmq
from corpus import PICTURES
from kmq_cli._export import indexed_image

COLUMNS: tuple[tuple[str, dict[str, str]], ...] = (
    ("packed", {"coding": "packed"}),
    ("zstd", {"coding": "zstd"}),
    ("fast", {"coding": "context", "effort": "fast"}),
    ("default", {"coding": "context"}),
    ("max", {"coding": "context", "effort": "thorough"}),
)
"""Label, and what to ask kmq.encode for. What this kmq doesn't have is named and left out."""

MOST_COLOURS = 256  # what an indexed PNG can have
KODAK_COLOURS = (16, 64, 256)
DITHERED = {"kodim03", "kodim09", "kodim15", "kodim21"}
LARGE_PIXELS = 2_000_000  # above it, zopflipng gets one iteration: it takes so long
TIMED_PIXELS = 200_000  # below it, starting a command is much of its time


@dataclass(frozen=True)
class Peer:
    """A lossless compressor: the command, the suffix of its files, and which PNGs it is given."""

    command: tuple[str, ...]
    suffix: str
    forms: tuple[str, ...]


PEERS = {
    "oxipng": Peer(("oxipng", "--opt", "6", "IN", "OUT"), ".png", ("indexed", "plain")),  # as a module
    "zopflipng": Peer(("zopflipng", "-y", "IN", "OUT"), ".png", ("indexed", "plain")),
    "cwebp": Peer(
        ("cwebp", "-quiet", "-lossless", "-z", "9", "-exact", "IN", "-o", "OUT"), ".webp", ("plain",)
    ),
    "cjxl": Peer(
        ("cjxl", "IN", "OUT", "-d", "0", "-e", "9", "--num_threads=0", "--quiet"), ".jxl", ("plain",)
    ),
}
LARGE = {"zopflipng": ("zopflipng", "-y", "--iterations=1", "IN", "OUT")}  # commands for large pictures
TIMED = ("cjxl", "cwebp")
MISSING = "MISSING"


@dataclass(frozen=True)
class Case:
    """A picture of few colours: what kmq is given, and its pixels."""

    kind: str
    name: str
    source: Image.Image | np.ndarray
    pixels: np.ndarray
    packed: bytes

    @property
    def size(self) -> int:
        """How many pixels it has."""
        return self.pixels.shape[0] * self.pixels.shape[1]

    def png(self, form: str) -> bytes:
        """Return the picture as an indexed or as a plain PNG."""
        if form == "plain":
            image = Image.fromarray(self.pixels)
        else:
            with kmq.KmqFile(self.packed, max_pixels=None) as file:
                image = indexed_image(file.indices().indices, file.palette, "PNG")
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True)
        return out.getvalue()


@dataclass(frozen=True)
class Measured:
    """What a compressor made of a picture. No bytes: nothing that counts."""

    bytes: int | None
    encode_seconds: float | None = None
    decode_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A picture's sizes and times, by the names of peers and codings."""

    case: Case
    peers: dict[str, Measured]
    codings: dict[str, Measured]

    @property
    def best(self) -> tuple[str, int] | None:
        """The smallest peer, and its bytes."""
        sizes = {name: peer.bytes for name, peer in self.peers.items() if peer.bytes is not None}
        return min(sizes.items(), key=lambda item: item[1], default=None)


def rgba(image: Image.Image | np.ndarray) -> np.ndarray:
    """Return pixels as RGBA, (H, W, 4)."""
    return np.asarray((Image.fromarray(image) if isinstance(image, np.ndarray) else image).convert("RGBA"))


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """Return the median time of several runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[runs // 2]


def geometric(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


# The pictures


def cases(folders: list[Path], only: str) -> Iterator[Case]:
    """Make the pictures, in the order of their names; say which have too many colours."""
    paths = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})
    too_many = []
    for path in (path for path in paths if path.suffix.lower() in PICTURES):
        if fnmatch.fnmatch(path.name, "kodim*.png"):
            yield from quantised(path, only)
            continue
        name = f"{path.parent.name}/{path.stem}"
        if fnmatch.fnmatch(name, only):
            try:
                image = opened(path)
            except (OSError, SyntaxError) as error:  # what Pillow raises for broken files
                print(f"{name}: left out, unreadable: {error}")
                continue
            if len(kmq.histogram(image)) > MOST_COLOURS:
                too_many.append(name)
            else:
                packed = kmq.encode(image, MOST_COLOURS, coding="packed")
                pixels = kmq.decode(packed, max_pixels=None)
                yield Case(path.parent.name, name, image, pixels, packed)
    if too_many:
        print(f"\nMore than {MOST_COLOURS} colours, left out: {', '.join(too_many)}")


def opened(path: Path) -> Image.Image:
    """Return the picture of a file, read to its end."""
    with Image.open(path) as image:
        image.load()
        return image


def quantised(path: Path, only: str) -> Iterator[Case]:
    """Make the pictures of few colours of a photograph; kmq gets their pixels, so nothing clusters again."""
    for kind, dither in (("kodak", "none"), ("dither", "floyd-steinberg")):
        if kind == "dither" and path.stem not in DITHERED:
            continue
        for k in KODAK_COLOURS:
            name = f"{kind}/{path.stem}-{k}"
            if fnmatch.fnmatch(name, only):
                packed = kmq.encode(opened(path), k, dither=dither, coding="packed")
                pixels = kmq.decode(packed)
                if kmq.encode(pixels, k, coding="packed") != packed:
                    raise AssertionError(f"{name}: the pixels give another file than the photograph")
                yield Case(kind, name, pixels, pixels, packed)


# The peers


def versions() -> dict[str, str | None]:
    """Return each peer's version, and None for one that isn't there; name those."""
    found: dict[str, str | None] = dict.fromkeys(PEERS)
    if importlib.util.find_spec("oxipng"):
        found["oxipng"] = importlib.metadata.version("pyoxipng")
    if path := shutil.which("zopflipng"):  # it doesn't say its version: a digest of the program
        found["zopflipng"] = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]
    for name, option in (("cwebp", "-version"), ("cjxl", "--version")):
        if path := shutil.which(name):
            done = subprocess.run([path, option], capture_output=True, text=True, check=True)  # noqa: S603
            found[name] = next(word for word in done.stdout.split() if re.match(r"v?\d", word)).lstrip("v")
    if not shutil.which("djxl"):  # nothing of cjxl's can be compared without it
        found["cjxl"] = None
    for name, version in found.items():
        print(f"{name}: {version or f'{MISSING}: only what the cache has of it is shown'}")
    return found


class Cache:
    """What peers gave, by pixels, command and version: in a file, or in memory only."""

    def __init__(self, path: Path | None) -> None:
        """Read the file, if there is one."""
        self.path = path
        self.kept: dict[str, dict[str, object]] = {}
        self.used = 0
        if path is not None and path.exists():
            self.kept = json.loads(path.read_text("utf-8"))

    def get(self, key: str, version: str | None) -> Measured | None:
        """Return what is kept; without a version, of the one that was kept last."""
        keys = [key + version] if version else [each for each in self.kept if each.startswith(key)]
        found = self.kept.get(keys[-1]) if keys else None
        self.used += found is not None
        return None if found is None else Measured(**found)

    def put(self, key: str, version: str, measured: Measured) -> None:
        """Keep it, and write the file at once: a run may be stopped."""
        self.kept[key + version] = vars(measured)
        if self.path is not None:
            half = self.path.with_name(self.path.name + ".tmp")
            half.write_text(json.dumps(self.kept, indent=0), "utf-8")
            half.replace(self.path)


def asked(case: Case, name: str, version: str | None, cache: Cache, runs: int) -> Measured:
    """Return what a peer makes of a picture, from the cache if it is there."""
    large = case.size > LARGE_PIXELS and name in LARGE
    command = LARGE[name] if large else PEERS[name].command
    digest = hashlib.sha256(repr(case.pixels.shape).encode() + case.pixels.tobytes()).hexdigest()
    key = f"{digest} {' '.join(command)} "
    if (kept := cache.get(key, version)) is not None:
        return kept
    if version is None:
        return Measured(None, note=MISSING)
    each = [compressed(case, name, form, command, runs) for form in PEERS[name].forms]
    best = min(each, key=lambda one: math.inf if one.bytes is None else one.bytes)
    notes = "; ".join(one.note for one in each if one.note)
    best = Measured(best.bytes, best.encode_seconds, best.decode_seconds, notes)
    if best.bytes is not None:
        cache.put(key, version, best)
    return best


def compressed(case: Case, name: str, form: str, command: tuple[str, ...], runs: int) -> Measured:
    """Run a peer on a PNG; decode and compare what it gives."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.png", Path(folder) / f"out{PEERS[name].suffix}"
        source.write_bytes(case.png(form))
        try:
            start = time.perf_counter()
            if name == "oxipng":
                oxipng(source, target)
            else:
                files = {"IN": str(source), "OUT": str(target)}
                subprocess.run([files.get(word, word) for word in command], capture_output=True, check=True)  # noqa: S603
            seconds = time.perf_counter() - start
            shown = rgba(decoded(target))
        except subprocess.CalledProcessError as error:
            said = error.stderr if isinstance(error.stderr, str) else error.stderr.decode(errors="replace")
            return Measured(None, note=f"{form} failed with {error.returncode}: {said.strip()}")
        except (OSError, ValueError) as error:  # Pillow's, of a file that it can't read
            return Measured(None, note=f"{form} failed: {error}")
        if not np.array_equal(shown, rgba(case.pixels)):
            return Measured(None, note=f"{form} differs from the picture")
        timed = name in TIMED and case.size >= TIMED_PIXELS
        reading = decode_seconds(target, case, runs) if timed else None
        return Measured(target.stat().st_size, seconds, reading)


def oxipng(source: Path, target: Path) -> None:
    """Do what oxipng --opt 6 --strip all does."""
    import oxipng as module  # noqa: PLC0415  it may not be there

    target.write_bytes(
        module.optimize_from_memory(source.read_bytes(), level=6, strip=module.StripChunks.all())
    )


def decoded(path: Path) -> Image.Image:
    """Return the picture of a peer's file."""
    if path.suffix == ".jxl":
        png = path.with_suffix(".shown.png")
        djxl(path, str(png))
        path = png
    return opened(path)


def djxl(path: Path, *options: str) -> str:
    """Run djxl and return what it says."""
    done = subprocess.run(["djxl", str(path), *options], capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stderr


def decode_seconds(path: Path, case: Case, runs: int) -> float:
    """Return the time to decode to pixels: in this process with Pillow, or as djxl says it."""
    if path.suffix != ".jxl":
        return median_seconds(lambda: decoded(path), runs)
    said = djxl(path, "--num_threads=1", f"--num_reps={runs}")
    speed = re.search(r"([\d.]+) MP/s", said)
    if speed is None:
        raise ValueError(f"djxl says no speed: {said}")
    return case.size / 1e6 / float(speed[1])


# kmq


def codings() -> dict[str, dict[str, str]]:
    """Return the columns that this kmq has; name the others."""
    found = {}
    for label, options in COLUMNS:
        try:
            kmq.encode(np.zeros((1, 1), np.uint8), **options)
        except (TypeError, ValueError) as error:
            print(f"not in this kmq, left out: {label} ({error})")
        else:
            found[label] = options
    return found


def encoded(case: Case, options: dict[str, str], runs: int) -> Measured:
    """Encode and decode a picture with kmq, and compare."""
    data = kmq.encode(case.source, MOST_COLOURS, **options)
    shown = kmq.decode(data, max_pixels=None)
    if shown.shape != case.pixels.shape or not np.array_equal(shown, case.pixels):
        return Measured(None, note="DIFFERS")
    return Measured(
        len(data),
        median_seconds(lambda: kmq.encode(case.source, MOST_COLOURS, **options), runs),
        median_seconds(lambda: kmq.decode(data, max_pixels=None), runs),
    )


# What is printed


def number(size: int | None) -> str:
    """Return a size for a column; a dash for none."""
    return "-" if size is None else f"{size:,}"


def print_heading(labels: list[str]) -> None:
    """Print what the columns of the rows are."""
    ours = "".join(f"{label:>12}{'/best':>7}" for label in labels)
    theirs = "".join(f"{name:>11}" for name in PEERS)
    print(f"\n{'picture':36}{'pixels':>11}{'k':>5}{theirs}  {'best':10}{ours}")


def print_row(row: Row) -> None:
    """Print a picture's sizes and ratios, and what is to be said about them."""
    best = row.best
    with kmq.KmqFile(row.case.packed, max_pixels=None) as file:
        k = file.palette.k
    theirs = "".join(f"{number(peer.bytes):>11}" for peer in row.peers.values())
    ours = ""
    for coding in row.codings.values():
        ratio = "-" if best is None or coding.bytes is None else f"{coding.bytes / best[1]:.3f}"
        ours += f"{number(coding.bytes):>12}{ratio:>7}"
    name = row.case.name if len(row.case.name) <= 35 else f"{row.case.name[:32]}..."
    print(f"{name:36}{row.case.size:11,}{k:5}{theirs}  {best[0] if best else '-':10}{ours}", flush=True)
    for label, measured in (row.peers | row.codings).items():
        if measured.note and measured.note != MISSING:  # that is said once
            print(f"    {label}: {measured.note}")


def print_kinds(rows: list[Row], label: str) -> None:
    """Print a coding against the best of the peers, by kind and for all."""
    print(
        f"\n{f'{label}, by kind':24}{'pictures':>9}{'best peers':>13}{label:>13}{'ratio':>8}{'geo. mean':>11}"
        f"{'largest':>9}"
    )
    kinds = list(dict.fromkeys(row.case.kind for row in rows))
    for kind in [*sorted(kinds), "all"]:
        pairs = [
            (row.codings[label].bytes, row.best[1], row.case.name)
            for row in rows
            if kind in {row.case.kind, "all"} and row.best and row.codings[label].bytes
        ]
        if not pairs:
            continue
        ours, theirs = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
        mean = geometric([a / b for a, b, _ in pairs])
        largest, name = max((a / b, name) for a, b, name in pairs)
        print(
            f"{kind:24}{len(pairs):9}{theirs:13,}{ours:13,}{ours / theirs:8.4f}{mean:11.4f}{largest:9.3f}"
            f"  {name}"
        )


def print_peers(rows: list[Row]) -> None:
    """Print each peer's total, by kind, over the pictures that all of them took."""
    print(f"\n{'peers, by kind':24}{'pictures':>9}" + "".join(f"{name:>13}" for name in PEERS))
    kinds = list(dict.fromkeys(row.case.kind for row in rows))
    for kind in [*sorted(kinds), "all"]:
        sizes = [
            [peer.bytes for peer in row.peers.values()] for row in rows if kind in {row.case.kind, "all"}
        ]
        whole = [each for each in sizes if None not in each]
        if whole:
            totals = "".join(f"{sum(column):13,}" for column in zip(*whole, strict=True))
            print(f"{kind:24}{len(whole):9}{totals}")


def print_speed(rows: list[Row], labels: list[str], runs: int, cached: int) -> None:
    """Print megapixels a second over the larger pictures, and as ratios to the timed peers."""
    rows = [row for row in rows if row.case.size >= TIMED_PIXELS]
    others = [name for name in TIMED if any(row.peers[name].bytes for row in rows)]
    names = [*others, *labels]
    rows = [row for row in rows if all((row.peers | row.codings)[name].bytes for name in names)]
    if not rows:
        print(f"\nMP/s: no picture of {TIMED_PIXELS:,} pixels or more that every column took")
        return
    heads = "".join(f"{f'/ {name}':>9}" for name in others)
    print(
        f"\nMP/s; pictures of {TIMED_PIXELS:,} pixels or more; median of {runs} runs, but peers encode once\n"
        + ("The peers' seconds are of the run that filled the cache\n" if cached else "")
        + f"\n{'':14}{'pictures':>9}{'MP':>7}  {'':10}{'encode':>9}{heads}{'decode':>12}{heads}"
    )
    for kind in ["all", *sorted({row.case.kind for row in rows})]:
        timed = [row for row in rows if kind in {row.case.kind, "all"}]
        megapixels = sum(row.case.size for row in timed) / 1e6
        encode, decode = (
            {
                name: megapixels / sum(getattr((row.peers | row.codings)[name], way) for row in timed)
                for name in names
            }
            for way in ("encode_seconds", "decode_seconds")
        )
        for name in names:
            cells = "".join(
                f"{speeds[name]:{width}.3f}"
                + "".join(f"{speeds[name] / speeds[other]:9.2f}" for other in others)
                for speeds, width in ((encode, 9), (decode, 12))
            )
            print(f"{kind:14}{len(timed):9}{megapixels:7.1f}  {name:10}{cells}")


def main() -> None:
    """Print a row for every picture, then the means, totals and speeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--only", default="*", metavar="GLOB", help="names of pictures, as kind/name")
    parser.add_argument("--cache", type=Path, metavar="FILE", help="keeps what the peers gave")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts (default 3)")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    os.environ["RAYON_NUM_THREADS"] = "1"  # oxipng reads it when it starts
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"kmq {importlib.metadata.version('kmq')}, Python {sys.version.split()[0]}")
    there, columns, cache = versions(), codings(), Cache(options.cache)
    print_heading(list(columns))
    rows = []
    for case in cases(options.folders, options.only):
        peers = {name: asked(case, name, version, cache, options.runs) for name, version in there.items()}
        ours = {label: encoded(case, asking, options.runs) for label, asking in columns.items()}
        rows.append(Row(case, peers, ours))
        print_row(rows[-1])
    print_peers(rows)
    for label in columns:
        print_kinds(rows, label)
    print_speed(rows, list(columns), options.runs, cache.used)
    wrong = [row.case.name for row in rows if any(coding.bytes is None for coding in row.codings.values())]
    if wrong:
        print(f"kmq doesn't give back: {', '.join(wrong)}", file=sys.stderr)
    sys.exit(1 if wrong or not rows else 0)


if __name__ == "__main__":
    main()
