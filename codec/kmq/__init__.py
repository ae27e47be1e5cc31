"""kmq: a compact image file format with a k-means palette, and its codec.

In the order the data flows::

    image - canonical - histogram - fit_palette - map_indices - pack_indices - encode, save - .kmq
    .kmq - open, decode, inspect - unpack_indices - Palette.colours - pixels

After `import kmq`, Pillow's Image.open and Image.save handle .kmq files: see `kmq.pillow`.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from PIL import Image

from kmq._ground.loops import check_loops

check_loops()  # before anything imports one

if TYPE_CHECKING:
    from kmq import pillow
    from kmq._coding.packed import pack_indices, unpack_indices
    from kmq._colours.loss import squared_error
    from kmq._encode.encoder import encode, save
    from kmq._encode.tiles import encode_tiles
    from kmq._file.decoder import decode
    from kmq._file.kmq_file import KmqFile
    from kmq._file.ledger import Ledger
    from kmq._file.opening import inspect
    from kmq._file.opening import open_file as open  # noqa: A004  as in Image.open
    from kmq._ground.errors import (
        FormatError,
        KmqError,
        LimitError,
        TargetError,
        TruncatedError,
        UnsupportedError,
    )
    from kmq._ground.reading import MAX_PIXELS
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
    from kmq._picture.source.opening import OpenedPicture, open_picture
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
    "OpenedPicture",
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
    "open_picture",
    "pack_indices",
    "pillow",
    "save",
    "save_palette",
    "squared_error",
    "unpack_indices",
    "write_whole",
]

__version__ = "0.1.0"
"""The version of the library; the format has its own. `kmq --version` prints the installed one."""

_PLACES = MappingProxyType(
    {
        "pack_indices": ("_coding.packed", "pack_indices"),
        "unpack_indices": ("_coding.packed", "unpack_indices"),
        "squared_error": ("_colours.loss", "squared_error"),
        "encode": ("_encode.encoder", "encode"),
        "save": ("_encode.encoder", "save"),
        "encode_tiles": ("_encode.tiles", "encode_tiles"),
        "MAX_PIXELS": ("_ground.reading", "MAX_PIXELS"),
        "decode": ("_file.decoder", "decode"),
        "KmqFile": ("_file.kmq_file", "KmqFile"),
        "Ledger": ("_file.ledger", "Ledger"),
        "inspect": ("_file.opening", "inspect"),
        "open": ("_file.opening", "open_file"),
        "FormatError": ("_ground.errors", "FormatError"),
        "KmqError": ("_ground.errors", "KmqError"),
        "LimitError": ("_ground.errors", "LimitError"),
        "TargetError": ("_ground.errors", "TargetError"),
        "TruncatedError": ("_ground.errors", "TruncatedError"),
        "UnsupportedError": ("_ground.errors", "UnsupportedError"),
        "write_whole": ("_ground.whole_files", "write_whole"),
        "IndexPlane": ("_indexed.index_plane", "IndexPlane"),
        "Palette": ("_indexed.palette", "Palette"),
        "save_palette": ("_palette.files", "save_palette"),
        "fit_palette": ("_palette.fitting", "fit_palette"),
        "PALETTES": ("_palette.given", "PALETTES"),
        "load_palette": ("_palette.given", "load_palette"),
        "CanonicalImage": ("_picture.canonical", "CanonicalImage"),
        "canonical": ("_picture.canonical", "canonical_image"),
        "Histogram": ("_picture.histogram", "Histogram"),
        "histogram": ("_picture.histogram", "histogram"),
        "MapTiles": ("_picture.map_tiles", "MapTiles"),
        "OpenedPicture": ("_picture.source.opening", "OpenedPicture"),
        "open_picture": ("_picture.source.opening", "open_picture"),
        "map_indices": ("_plane.mapping", "map_indices"),
    }
)
"""Where each public name is: the module, and its name there. It is imported when it is first used."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever has that name
    if name in _PLACES:
        module, inner = _PLACES[name]
        found = getattr(importlib.import_module(f"kmq.{module}"), inner)
    elif name == "pillow":
        found = importlib.import_module("kmq.pillow")
    else:
        raise AttributeError(f"module 'kmq' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _opened(file: IO[bytes], name: str | bytes) -> pillow.KmqImageFile:
    from kmq.pillow import KmqImageFile

    return KmqImageFile(file, name)


def _saved(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    from kmq.pillow import save

    save(image, file, name)


# These stand for the plugin until it is needed; when it is imported, it takes their places.
Image.register_open("KMQ", _opened, lambda prefix: prefix.startswith(b"KMQ"))
Image.register_save("KMQ", _saved)
Image.register_extension("KMQ", ".kmq")
Image.register_mime("KMQ", "image/x-kmq")
