"""Writes inputs to begin with, into a folder for each harness: `python tests/fuzz/seeds.py FOLDER`."""

import hashlib
import io
import itertools
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import kmq

CODINGS = ("packed", "zstd", "context", "adaptive")
SIDES = {None: (5, 7), 16: (19, 18)}


def decode_seeds():
    """Yield the bytes of small .kmq files: every coding, kind of palette, tile and section."""
    rng = np.random.default_rng(0)
    for coding, channels, tile, k in itertools.product(CODINGS, (1, 3, 4), SIDES, (1, 2, 21)):
        table = rng.integers(0, 256, (k, channels), np.uint8)
        picture = table[rng.integers(0, k, SIDES[tile])]
        yield kmq.encode(picture, coding=coding, tile=tile)
    for coding, effort in itertools.product(CODINGS, ("fast", "default", "thorough")):
        wide = np.add.outer(np.arange(12), np.arange(40)).astype(np.uint8) // 3 * 9
        yield kmq.encode(wide, coding=coding, effort=effort)
        yield kmq.encode(np.kron(rng.integers(0, 3, (6, 6)), np.ones((8, 8), int)).astype(np.uint8),
                         coding=coding, effort=effort)  # fmt: skip
    for coding in CODINGS:
        many = np.arange(1200).astype(np.uint16).view(np.uint8).reshape(30, 40, 2)
        yield kmq.encode(np.dstack([many, many[:, :, :1]]), 300, coding=coding, max_iter=1)
        yield kmq.encode(_with_metadata(), coding=coding, keep=("exif", "xmp"))


def _with_metadata():
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) // 6)
    exif = picture.getexif()
    exif[270] = "a fuzzer's seed"
    file = io.BytesIO()
    picture.save(file, "png", exif=exif)
    image = Image.open(file)
    image.load()
    image.info["xmp"] = b"<x:xmpmeta/>"
    return image


def round_trip_seeds():
    """Yield random options before pictures that are noise, or of few values."""
    rng = np.random.default_rng(1)
    for mask, size in itertools.product((1, 3, 0xC0, 0xFF), (0, 12, 100, 800, 3000)):
        for _ in range(3):
            yield rng.bytes(14) + bytes(byte & mask for byte in rng.bytes(size))


def command_seeds():
    """Yield random arguments before a file for them: a .kmq file, or a picture in some format."""
    rng = np.random.default_rng(2)
    files = [*itertools.islice(decode_seeds(), 0, None, 7), *_pictures()]
    for _, file in itertools.product(range(6), files):
        yield bytes([0, 0]) + rng.bytes(22) + file


def _pictures():
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8))
    for mode, kind in (("P", "png"), ("RGB", "png"), ("RGBA", "png"), ("L", "gif"), ("RGB", "bmp")):
        file = io.BytesIO()
        noise.convert(mode).save(file, kind)
        yield file.getvalue()


def main():
    """Write the seeds below the folder that is named."""
    every = {"decode": decode_seeds(), "round_trip": round_trip_seeds(), "command": command_seeds()}
    for name, seeds in every.items():
        folder = Path(sys.argv[1], name)
        folder.mkdir(parents=True, exist_ok=True)
        for data in seeds:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)  # noqa: S324 - as libFuzzer names files


if __name__ == "__main__":
    main()
