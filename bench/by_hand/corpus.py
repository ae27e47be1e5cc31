"""Encode and decode every picture of a folder, and print what each took.

    python bench/by_hand/corpus.py FOLDER... [-k N] [--coding NAME]

Every file that Pillow opens is encoded, decoded and measured against the original; files that
PngSuite names x… are corrupted and left out. Beside the .kmq file stands the size of the same
pixels as an indexed PNG (Pillow, optimize=True; up to 256 colours). Exits with 1 if any fails.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import kmq
from kmq_cli.pictures.export import indexed_image

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}


def png_size(data: bytes) -> int:
    """Return the size of the picture as an indexed PNG."""
    out = io.BytesIO()
    with kmq.KmqFile(data, max_pixels=None) as file:
        indexed_image(file.indices(), file.palette, "PNG").save(out, "PNG", optimize=True)
    return len(out.getvalue())


def main() -> None:
    """Print a row for every picture, then the totals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("-k", type=int, default=256, help="most colours (default 256)")
    parser.add_argument("--coding", default="auto", choices=["auto", "packed", "zstd", "context", "adaptive"])
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    paths = sorted(
        path
        for folder in options.folders
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith("x")
    )
    print(
        f"{'picture':44}{'pixels':>12}{'k':>6}{'source':>11}{'packed':>11}{'kmq':>11}{'as PNG':>11}{'bpp':>8}"
        f"{'MSE':>9}{'PSNR':>7}{'encode s':>10}{'decode s':>10}"
    )
    failed, source_bytes, packed_bytes, kmq_bytes, png_bytes = 0, 0, 0, 0, 0
    for path in paths:
        try:
            with Image.open(path) as image, warnings.catch_warnings():
                warnings.simplefilter("error")
                image.load()
                out = io.BytesIO()
                start = time.perf_counter()
                ledger = kmq.save(out, image, options.k, coding=options.coding)
                middle = time.perf_counter()
                decoded = kmq.decode(out.getvalue(), max_pixels=None)
                end = time.perf_counter()
                if np.atleast_3d(decoded).shape != (ledger.height, ledger.width, ledger.channels):
                    raise AssertionError(f"decoded to {decoded.shape}")
                if ledger.total_bytes != len(out.getvalue()):
                    raise AssertionError("the ledger doesn't sum to the file")
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted and shown
            failed += 1
            print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        png = png_size(out.getvalue()) if ledger.k <= 256 else None
        png_bytes += png or 0
        source_bytes += path.stat().st_size
        packed_bytes += ledger.packed_bytes
        kmq_bytes += ledger.total_bytes
        name, size = f"{path.parent.name}/{path.name}", path.stat().st_size
        print(
            f"{name:44.44}{ledger.pixels:12,}{ledger.k:6}{size:11,}"
            f"{ledger.packed_bytes:11,}{ledger.total_bytes:11,}"
            f"{'-' if png is None else f'{png:,}':>11}"
            f"{ledger.bits_per_pixel:8.3f}{ledger.squared_error:9.2f}{ledger.psnr:7.2f}"
            f"{middle - start:10.2f}{end - middle:10.3f}",
            flush=True,
        )
    done = len(paths) - failed
    print(f"{done} of {len(paths)} pictures; bytes: {source_bytes:,} sources, {packed_bytes:,} packed,")
    print(f"{kmq_bytes:,} .kmq, {png_bytes:,} indexed PNG")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
