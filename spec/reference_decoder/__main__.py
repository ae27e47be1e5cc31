"""Decode a file from the command line: `python spec/reference_decoder picture.kmq > picture.ppm`."""

import argparse
import sys
from pathlib import Path

if not __package__:  # it is run by its path, and so Python looks for modules in this folder
    sys.path[0] = str(Path(__file__).parents[1])

from reference_decoder import Rejected, decode
from reference_decoder.reading import portable


def main():
    parser = argparse.ArgumentParser(description="Decode a .kmq file to a PGM, PPM or PAM file, slowly.")
    parser.add_argument("file", help="the .kmq file, or - for standard input")
    parser.add_argument("output", nargs="?", default="-", help="by default standard output")
    parser.add_argument("--max-pixels", type=int, help="refuse larger pictures")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="print every coded bit: its p and what it is; of a symbol (D.2) low and freq",
    )
    options = parser.parse_args()
    if options.file == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(options.file, "rb") as file:
            data = file.read()
    trace = (lambda *coded: print(*coded, file=sys.stderr)) if options.trace else None
    try:
        picture = portable(*decode(data, options.max_pixels, trace))
    except Rejected as error:
        sys.exit(f"{options.file}: {error}")
    if options.output == "-":
        sys.stdout.buffer.write(picture)
    else:
        with open(options.output, "wb") as file:
            file.write(picture)


if __name__ == "__main__":
    main()
