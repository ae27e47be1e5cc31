"""kmq: a compact image file format. A k-means palette, packed indices, and the codec for both.

In the order the data flows::

    image - canonical - histogram - fit_palette - map_indices - pack_indices - encode, save - .kmq
    .kmq - open, decode, inspect - unpack_indices - Palette.colours - pixels

Pillow's Image.open and Image.save know .kmq files from then on: see `kmq.pillow`.
"""

from kmq._ground.loops import check_loops

check_loops()  # before anything imports one

# ruff: noqa: E402
from kmq import pillow
from kmq._coding.packed import pack_indices, unpack_indices
from kmq._colours.loss import squared_error
from kmq._encode.encoder import encode, save
from kmq._encode.tiles import encode_tiles
from kmq._file.decoder import MAX_PIXELS, decode
from kmq._file.kmq_file import KmqFile
from kmq._file.ledger import Ledger
from kmq._file.opening import inspect
from kmq._file.opening import open_file as open  # noqa: A004  as in Image.open; the builtin is not used here
from kmq._ground.errors import (
    FormatError,
    KmqError,
    LimitError,
    TargetError,
    TruncatedError,
    UnsupportedError,
)
from kmq._ground.whole_files import write_whole
from kmq._indexed.index_plane import IndexPlane
from kmq._indexed.palette import Palette
from kmq._palette.files import save_palette
from kmq._palette.fitting import fit_palette
from kmq._palette.given import PALETTES, load_palette
from kmq._picture.canonical import CanonicalImage
from kmq._picture.canonical import canonical_image as canonical
from kmq._picture.histogram import Histogram, histogram
from kmq._picture.map_tiles import MapTiles
from kmq._plane.mapping import map_indices

__all__ = [
    "MAX_PIXELS",
    "PALETTES",
    "CanonicalImage",
    "FormatError",
    "Histogram",
    "IndexPlane",
    "KmqError",
    "KmqFile",
    "Ledger",
    "LimitError",
    "MapTiles",
    "Palette",
    "TargetError",
    "TruncatedError",
    "UnsupportedError",
    "canonical",
    "decode",
    "encode",
    "encode_tiles",
    "fit_palette",
    "histogram",
    "inspect",
    "load_palette",
    "map_indices",
    "open",
    "pack_indices",
    "pillow",
    "save",
    "save_palette",
    "squared_error",
    "unpack_indices",
    "write_whole",
]

__version__ = "0.1.0"
"""The library's; the format has one of its own. `kmq --version` prints it as it was installed."""
