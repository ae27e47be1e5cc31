"""Lossless coders: each makes bytes of the same indices and palette, and gives the pixels back."""

from __future__ import annotations

import io
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

import kmq
from bench.pictures import Pixels, as_seen
from bench.running.within import NotMeasured, run, within
from kmq._coding.codings import CodingOptions
from kmq._container.writing import Writing, written
from kmq_cli.pictures.export import indexed_image

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MANY_PIXELS = 1_100_000
PLAIN_TOO = 65_536
"""Up to so many pixels, PNG optimisers also get a PNG without a palette, and the smaller output counts."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Indices, palette and the pixels that they stand for."""

    palette: kmq.Palette
    plane: kmq.IndexPlane
    pixels: Pixels

    @property
    def grey(self) -> bool:
        """Whether all entries are opaque greys."""
        entries = self.palette.entries
        return entries.shape[1] == 1 or (entries.shape[1] == 3 and bool((entries == entries[:, :1]).all()))

    def indexed(self, form: str = "PNG") -> Image.Image:
        """Return an image of mode P."""
        return indexed_image(self.plane, self.palette, form)

    def png(self, *, plain: bool = False) -> bytes:
        """Return it as an indexed PNG, or as one without a palette."""
        if not plain:
            return saved(self.indexed(), "PNG", optimize=True)
        image = Image.fromarray(self.pixels)
        return saved(image.convert("L") if self.grey else image, "PNG", optimize=True)


Decode: TypeAlias = "Callable[[bytes, Plane, Path], Pixels]"
"""What gives the pixels back; it may look at the plane, and write into the folder."""


@dataclass(frozen=True, slots=True)
class Coder:
    """A coder: what it needs, how people know its settings, and what makes bytes and pixels.

    `encode` takes a plane, a folder and the seconds it may take, and returns seconds and bytes; `decode`
    takes the bytes, the plane that they are of and a folder.
    """

    needs: tuple[str, ...]
    settings: str
    encode: Callable[[Plane, Path, float], tuple[float, bytes]]
    decode: Decode


def saved(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401  Pillow's options
    """Return what Pillow writes."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _opened(data: bytes, _plane: Plane, _folder: Path) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


# kmq


def _kmq(coding: str, effort: str) -> Coder:
    writing = Writing(coding, None, 1, CodingOptions(effort))

    def encode(plane: Plane, _folder: Path, seconds: float) -> tuple[float, bytes]:
        return within(seconds, lambda: written(plane.palette, plane.plane, {}, writing))

    settings = f"--coding {coding}" + ("" if effort == "default" else f" --effort {effort}")
    return Coder((), settings, encode, lambda data, *_: kmq.decode(data, max_pixels=None))


# Libraries


def _library(
    needs: tuple[str, ...], settings: str, work: Callable[[Plane], bytes], decode: Decode = _opened
) -> Coder:
    return Coder(
        needs, settings, lambda plane, _folder, seconds: within(seconds, lambda: work(plane)), decode
    )


def _oxipng(plane: Plane, _folder: Path, seconds: float) -> tuple[float, bytes]:
    import oxipng  # noqa: PLC0415  it may not be there

    def work(png: bytes) -> bytes:
        return oxipng.optimize_from_memory(png, level=6, strip=oxipng.StripChunks.all())

    return _smaller(plane, lambda png: within(seconds, lambda: work(png)))


def _smaller(plane: Plane, work: Callable[[bytes], tuple[float, bytes]]) -> tuple[float, bytes]:
    taken, data = work(plane.png())
    if plane.grey or plane.plane.indices.size <= PLAIN_TOO:
        more, other = work(plane.png(plain=True))
        return taken + more, min(data, other, key=len)
    return taken, data


def _gif(plane: Plane) -> bytes:
    entries = plane.palette.entries
    alpha = entries[:, 3] if entries.shape[1] == 4 else np.full(len(entries), 255)
    if not set(alpha.tolist()) <= {0, 255}:
        raise NotMeasured("can't hold this alpha")
    return saved(plane.indexed("GIF"), "GIF", optimize=True)


def _qoi(plane: Plane) -> bytes:
    import qoi  # noqa: PLC0415  it may not be there

    return bytes(qoi.encode(plane.pixels))


def _from_qoi(data: bytes, *_: object) -> Pixels:
    import qoi  # noqa: PLC0415

    return np.asarray(qoi.decode(data))


def _bytes(pack: Callable[[bytes], bytes]) -> Callable[[Plane], bytes]:
    return lambda plane: pack(plane.plane.indices.tobytes()) + plane.palette.entries.tobytes()


def _from_bytes(unpack: Callable[[bytes], bytes]) -> Callable[[bytes, Plane, Path], Pixels]:
    def decode(data: bytes, plane: Plane, _folder: Path) -> Pixels:
        colours = plane.palette.entries.nbytes
        indices = np.frombuffer(unpack(data[:-colours]), plane.plane.indices.dtype)
        entries = np.frombuffer(data[-colours:], np.uint8).reshape(-1, plane.palette.channels)
        return entries[indices.reshape(plane.plane.indices.shape)]

    return decode


# Programs


def _program(settings: str, suffix: str, *, needs: tuple[str, ...] = (), decode: Decode = _opened) -> Coder:
    name, *arguments = settings.split()

    def once(png: bytes, folder: Path, seconds: float) -> bytes:
        source, target = folder / "in.png", folder / f"out{suffix}"
        source.write_bytes(png)
        words = {"IN": str(source), "OUT": str(target)}
        path = shutil.which(name) or name
        run([path, *(words.get(word, word) for word in arguments)], folder, seconds)
        return target.read_bytes()

    def encode(plane: Plane, folder: Path, seconds: float) -> tuple[float, bytes]:
        if suffix == ".png":
            return _smaller(plane, lambda png: within(seconds, lambda: once(png, folder, seconds)))
        png = plane.png(plain=True)  # the others expand palettes
        return within(seconds, lambda: once(png, folder, seconds))

    return Coder((name, *needs), settings, encode, decode)


def _zopflipng() -> Coder:
    usual, quick = (_program(f"zopflipng -y{more} IN OUT", ".png") for more in ("", " --iterations=1"))

    def encode(plane: Plane, folder: Path, seconds: float) -> tuple[float, bytes]:
        coder = usual if plane.plane.indices.size <= MANY_PIXELS else quick
        return coder.encode(plane, folder, seconds)

    said = f"{usual.settings}; --iterations=1 above {MANY_PIXELS / 1e6:g} megapixels: it takes so long"
    return Coder(usual.needs, said, encode, usual.decode)


def from_jxl(data: bytes, _plane: object, folder: Path) -> Pixels:
    """Return what djxl makes of a JPEG XL file."""
    source, target = folder / "shown.jxl", folder / "shown.png"
    source.write_bytes(data)
    run([shutil.which("djxl") or "djxl", str(source), str(target)], folder, 600)
    with Image.open(target) as image:
        return np.asarray(image.convert("RGBA"))


def djxl_seconds(data: bytes, folder: Path, seconds: float) -> float:
    """Return the seconds that djxl says it takes to decode a JPEG XL file to pixels."""
    source = folder / "timed.jxl"
    source.write_bytes(data)
    command = [shutil.which("djxl") or "djxl", str(source), "--num_threads=0", "--num_reps=3"]

    def work() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stderr  # noqa: S603

    said = within(seconds, work)[1]
    found = re.search(r"(\d+) x (\d+).*?([\d.]+) MP/s", said, re.DOTALL)
    if found is None:
        raise NotMeasured("djxl says no speed")
    return int(found[1]) * int(found[2]) / 1e6 / float(found[3])


CODERS: dict[str, Coder] = {
    "kmq packed": _kmq("packed", "default"),
    "kmq zstd, fast": _kmq("zstd", "fast"),
    "kmq zstd": _kmq("zstd", "default"),
    "kmq zstd, thorough": _kmq("zstd", "thorough"),
    "kmq adaptive": _kmq("adaptive", "default"),
    "kmq context, fast": _kmq("context", "fast"),
    "kmq context": _kmq("context", "default"),
    "kmq context, thorough": _kmq("context", "thorough"),
    "PNG-8, Pillow": _library((), "optimize=True", lambda plane: plane.png()),
    "PNG-8, oxipng": Coder(("pyoxipng",), "level 6, strip all", _oxipng, _opened),
    "PNG-8, zopflipng": _zopflipng(),
    "GIF": _library((), "Pillow, optimize=True", _gif),
    "WebP lossless": _program("cwebp -quiet -lossless -z 9 -exact IN -o OUT", ".webp"),
    "JPEG XL": _program(
        "cjxl IN OUT -d 0 -e 9 --num_threads=0 --quiet", ".jxl", needs=("djxl",), decode=from_jxl
    ),
    "QOI": _library(("qoi",), "", _qoi, _from_qoi),
    "xz": _library(
        (),
        "preset 9e, of a byte for each index",
        _bytes(lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)),
        _from_bytes(lzma.decompress),
    ),
    "zstd": _library(
        (),
        "level 19, of a byte for each index",
        _bytes(lambda data: zstd.compress(data, level=19)),
        _from_bytes(zstd.decompress),
    ),
}
"""By name. Those of kmq come first."""

OURS = tuple(name for name in CODERS if name.startswith("kmq"))


def missing(versions: dict[str, str | None]) -> dict[str, str]:
    """Return each coder that isn't there, with what it needs."""
    lacking = {
        name: [need for need in coder.needs if versions.get(need) is None] for name, coder in CODERS.items()
    }
    return {name: ", ".join(needs) for name, needs in lacking.items() if needs}


def coded(coder: Coder, plane: Plane, seconds: float) -> tuple[float, bytes]:
    """Return the seconds that a coder took, and its bytes, which gave the pixels back.

    Raises NotMeasured.
    """
    with tempfile.TemporaryDirectory(prefix="kmq-bench-") as place:
        taken, data = coder.encode(plane, Path(place), seconds)
        try:
            same = np.array_equal(as_seen(coder.decode(data, plane, Path(place))), as_seen(plane.pixels))
        except Exception as error:
            raise NotMeasured(f"its output can't be read: {error}") from error
    if not same:
        raise NotMeasured("its output differs from the picture")
    return taken, data
