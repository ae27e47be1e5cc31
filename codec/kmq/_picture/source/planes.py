"""TIFF files whose channels are planes of their own (PlanarConfiguration 2), where Pillow misreads them.

Pillow takes planes of grey and alpha for other channels, and of 16 bits only the high 8 or the wrong ones.
Each plane is read as a grey picture instead, through a directory of tags that names only that plane.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kmq._picture.source.deep import redrawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOURS = {1: 1, 2: 3}
"""Channels of colour by PhotometricInterpretation: black is zero, RGB."""

BITS, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA = 258, 262, 277, 284, 338
SEPARATE, ASSOCIATED, UNASSOCIATED = 2, 1, 2

OFFSETS = (273, 279, 324, 325)
"""Tags with a value for each strip or tile of each plane: offsets and sizes."""

SHORTS, LONGS = (259, 266, 317, 339), (256, 257, 278, 322, 323)
"""Other tags that a plane needs, with their types SHORT and LONG."""


def has_planes(image: Image.Image) -> bool:
    """Tell whether an image that isn't loaded is a TIFF of planes that Pillow misreads."""
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(PLANAR) != SEPARATE or tags.get(PHOTOMETRIC) not in COLOURS:
        return False
    bits = tags.get(BITS, ())
    return len(bits) > 1 and (set(bits) == {16} or (set(bits) == {8} and image.mode in ("LA", "La")))


def joined(image: Image.Image, data: bytes) -> Image.Image | None:
    """Return the picture in `data`, of which `image` is open, in 8 bits; None if its planes can't be found.

    Raises what loading does.
    """
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    count = tags.get(SAMPLES, len(tags[BITS]))
    colours = COLOURS[tags[PHOTOMETRIC]]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    sizes = {len(_tuple(tags[tag])) % count for tag in OFFSETS if tag in tags}
    if order is None or count < colours or sizes != {0}:
        return None
    extra = _tuple(tags.get(EXTRA, ()))
    alphas = [at for at, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)]
    chosen = [*range(colours), *(colours + at for at in alphas[:1] if colours + at < count)]
    planes = [_plane(data, order, tags, number, count) for number in chosen]
    most = (1 << tags[BITS][0]) - 1
    alpha = planes[colours] if len(planes) > colours else None
    shown = np.dstack(planes[:colours])
    if alpha is not None and extra[alphas[0]] == ASSOCIATED:
        divisor = np.maximum(alpha, 1)[:, :, None]
        shown = np.minimum((2 * most * shown + divisor) // (2 * divisor), most)
    values = shown if alpha is None else np.dstack([shown, alpha])
    pixels = ((510 * values + most) // (2 * most)).astype(np.uint8)
    return redrawn(image, _image(pixels))


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    return Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())


def _plane(data: bytes, order: str, tags: Any, number: int, count: int) -> NDArray[np.int64]:  # noqa: ANN401
    """Return the values of one plane, (H, W)."""
    fields: dict[int, tuple[int, ...]] = {BITS: (tags[BITS][0],), PHOTOMETRIC: (1,), SAMPLES: (1,)}
    fields |= {tag: _tuple(tags[tag])[:1] for tag in (*SHORTS, *LONGS) if tag in tags}
    for tag in OFFSETS:
        if tag in tags:
            values = _tuple(tags[tag])
            part = len(values) // count
            fields[tag] = values[number * part : (number + 1) * part]
    start = len(data) + len(data) % 2
    whole = data[:4] + struct.pack(f"{order}I", start) + data[8:] + bytes(len(data) % 2)
    with Image.open(io.BytesIO(whole + _directory(order, fields, start)), formats=["TIFF"]) as plane:
        return np.asarray(plane).astype(np.int64)


def _directory(order: str, fields: dict[int, tuple[int, ...]], start: int) -> bytes:
    """Return a directory of tags at an offset (TIFF 6.0, section 2), with what doesn't fit into it behind."""
    table, behind = struct.pack(f"{order}H", len(fields)), b""
    for tag, values in sorted(fields.items()):
        kind, form = (4, "I") if tag in (*LONGS, *OFFSETS) else (3, "H")
        data = struct.pack(f"{order}{len(values)}{form}", *values)
        if len(data) > 4:
            place = start + 2 + 12 * len(fields) + 4 + len(behind)
            behind += data
            data = struct.pack(f"{order}I", place)
        table += struct.pack(f"{order}HHI4s", tag, kind, len(values), data)
    return table + bytes(4) + behind


def _tuple(value: Any) -> tuple[int, ...]:  # noqa: ANN401  a tag's
    return value if isinstance(value, tuple) else (value,)
