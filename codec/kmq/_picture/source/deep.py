"""Colours of 16 bits a channel, of which Pillow keeps the high 8: read with the low 8 too, and rounded.

Pillow has unpackers of both byte orders. Each takes the byte that is high in its order, so the other one
takes the low byte. Grey with alpha, whose four bytes a pixel are unpacked as RGBA, comes whole.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

OTHER_ORDER = {"B": "L", "L": "B"}

DECODERS = frozenset({"zip", "raw", "libtiff"})
"""Decoders of Pillow that unpack what the mode of a tile says."""

PREMULTIPLIED = "RGBa"

GREY_ALPHA = "LA;16B"

BAND = 1 << 20
"""Pixels that are rounded at a time."""


def is_deep(tiles: Any) -> bool:  # noqa: ANN401  Pillow's
    """Tell whether the tiles of an image that isn't loaded have colours of 16 bits a channel."""
    return all(tile.codec_name in DECODERS and _other(tile.args) is not None for tile in tiles)


def rounded(
    image: Image.Image, data: bytes, key: tuple[int, ...] | None, table: NDArray[np.uint8] | None = None
) -> Image.Image:
    """Return an image of `data` in 8 bits a channel, rounded; `image` is the same, opened but not loaded.

    Pixels of the colour `key`, compared in all 16 bits, become transparent. `table` has what 16 bits become,
    if that isn't the nearest of 8. Raises what loading does.
    """
    tiles: Any = image.tile  # type: ignore[attr-defined]
    first = tiles[0].args
    low = _again(image, data, [tile._replace(args=_other(tile.args)) for tile in tiles])
    if str(first[0] if isinstance(first, tuple) else first).startswith(PREMULTIPLIED):
        straight = [tile._replace(args=_other(_other(tile.args))) for tile in tiles]
        return _redrawn(image, _divided(_again(image, data, straight), low), "RGBA")
    if first == GREY_ALPHA:
        low.load()
        both = np.asarray(low)
        image.load()
        grey = _to_8(both[:, :, 0], both[:, :, 1], table)
        alpha = _to_8(both[:, :, 2], both[:, :, 3])
        return _redrawn(image, np.dstack([grey, alpha]), "LA")
    high = np.asarray(image)
    below = np.asarray(low)
    pixels = _to_8(high, below, table)
    if table is not None and image.mode == "RGBA":
        pixels[:, :, 3] = _to_8(high[:, :, 3], below[:, :, 3])
    if key is None:
        return _redrawn(image, pixels, image.mode)
    same = np.logical_and.reduce(
        [(high[:, :, at] == key[at] >> 8) & (below[:, :, at] == key[at] & 255) for at in range(3)]
    )
    opaque = np.where(same, 0, 255).astype(np.uint8)
    return _redrawn(image, np.dstack([pixels, opaque]), "RGBA")


def redrawn(image: Image.Image, made: Image.Image) -> Image.Image:
    """Give a new image the metadata of another one, and return it."""
    made.info = dict(image.info)
    with contextlib.suppress(Exception):  # of damaged Exif, of which `info` has what there is
        made._exif = image.getexif()  # noqa: SLF001  a TIFF has it only there, and tables that it points to
    return made


def _again(image: Image.Image, data: bytes, tiles: list[Any]) -> Image.Image:
    """Open the same frame once more, to unpack it in another way."""
    other: Any = type(image)(io.BytesIO(data), "")  # type: ignore[call-arg]
    if hasattr(image, "tell") and image.tell():
        other.seek(image.tell())
    other.tile = tiles
    return cast("Image.Image", other)


def _divided(high: Image.Image, low: Image.Image) -> NDArray[np.uint8]:
    """Return straight RGBA, given the bytes of premultiplied values. Transparent pixels are black."""
    values = np.asarray(high).astype(np.int64) << 8 | np.asarray(low)
    alpha = values[:, :, 3:]
    straight: NDArray[np.int64] = np.minimum((2 * 255 * values + alpha) // np.maximum(2 * alpha, 1), 255)
    straight[:, :, 3:] = (alpha + 128) // 257
    pixels: NDArray[np.uint8] = (straight * (alpha > 0)).astype(np.uint8)
    return pixels


def _redrawn(image: Image.Image, pixels: NDArray[np.uint8], mode: str) -> Image.Image:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    made = redrawn(image, Image.frombytes(mode, (width, height), data))
    made.info.pop("transparency", None)
    return made


def _to_8(
    high: NDArray[np.uint8], low: NDArray[np.uint8], table: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return 16 bits, given as two times 8, in 8 bits: by a table, or 255 · v / 65535 to the nearest."""
    made = np.empty(high.shape, np.uint8)
    rows = max(1, BAND // high.shape[1])
    for top in range(0, len(high), rows):
        values = high[top : top + rows].astype(np.uint32) << 8 | low[top : top + rows]
        made[top : top + rows] = (values + 128) // 257 if table is None else table[values]
    return made


def _other(args: Any) -> Any:  # noqa: ANN401  Pillow's: a mode, or a tuple that begins with one
    """Return the arguments of a tile that make its decoder take the low bytes; None if there are none."""
    if isinstance(args, tuple):
        first = _other(args[0]) if args else None
        return None if first is None else (first, *args[1:])
    if not isinstance(args, str) or not args.partition(";")[2].startswith("16"):
        return None
    if args == GREY_ALPHA:
        return "RGBA"
    name, _, order = args.partition(";16")
    if name not in ("RGB", "RGBA", "RGBX", "RGBa", "CMYK") or order not in ("B", "L", "N"):
        return None
    name = name.replace("RGBa", "RGBA")  # the division by alpha is done here, with all 16 bits
    given = order if order != "N" else "L" if sys.byteorder == "little" else "B"
    return f"{name};16{OTHER_ORDER[given]}"
