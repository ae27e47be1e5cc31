"""How many bytes a picture takes by the side of its tiles, and the processor time of coding it.

    python bench/by_hand/tile_sides.py PICTURE... [-k N] [--coding NAME] [--crop N]

Prints a row for each picture, coding and side: the file's bytes, and how many more than in one tile.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from PIL import Image

import kmq
from kmq._coding.codings import CODINGS, CodingOptions
from kmq._container.writing import Writing, written

SIDES = (None, 2048, 1024, 512)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("-k", type=int, default=64, help="most colours (default 64)")
    parser.add_argument("--coding", choices=CODINGS, action="append", help="default: all of them")
    parser.add_argument("--crop", type=int, help="take only so many pixels from the left and the top")
    options = parser.parse_args()
    Image.MAX_IMAGE_PIXELS = None
    for path in options.pictures:
        with Image.open(path) as opened:
            side = options.crop or max(opened.size)
            image = opened.crop((0, 0, min(opened.width, side), min(opened.height, side)))
        made = kmq.KmqFile(kmq.encode(image, options.k, coding="packed", tile=None), max_pixels=None)
        plane, palette = made.indices(), made.palette
        for coding in options.coding or CODINGS:
            whole = 0
            for tile in SIDES:
                start = time.process_time()
                size = len(written(palette, plane, {}, Writing(coding, tile, 1, CodingOptions())))
                taken = time.process_time() - start
                whole = whole or size
                print(
                    f"{path.stem:28.28}{plane.width:6} x{plane.height:5}{palette.k:5}  {coding:8}"
                    f"{tile or 'one tile':>9}{size:12,}{100 * size / whole - 100:+8.2f} %{taken:7.1f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
