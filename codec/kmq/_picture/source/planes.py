"""TIFF files that Pillow misreads or refuses: channels in planes of their own, and grey of unusual meaning.

Pillow takes planes of grey and alpha for other channels, and of 16 bits only the high 8 or the wrong ones.
Each plane is read as a grey picture instead, through a directory of tags that names only that plane.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image

from kmq._picture.source.deep import redrawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOURS = {0: 1, 1: 1, 2: 3}
"""Channels of colour by PhotometricInterpretation: white is zero, black is zero, RGB."""

BITS, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA = 258, 262, 277, 284, 338
FORMAT, PROFILE = 339, 34675
WHITE_IS_ZERO, SEPARATE, ASSOCIATED, UNASSOCIATED, UNSIGNED = 0, 2, 1, 2, 1

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
    made = _joined(image.tag_v2, data)  # type: ignore[attr-defined]
    return None if made is None else redrawn(image, made)


def read_unknown(data: bytes) -> Image.Image | None:
    """Return the picture of a TIFF whose depth or meaning Pillow doesn't know; None if it isn't known here.

    Raises what reading its tags and loading it do.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    made = _joined(tags, data)
    if made is None:
        return None
    made.getexif()[ExifTags.Base.Orientation] = tags.get(ExifTags.Base.Orientation, 1)
    if PROFILE in tags:
        made.info["icc_profile"] = tags[PROFILE]
    return made


def _joined(tags: Any, data: bytes) -> Image.Image | None:  # noqa: ANN401  Pillow's
    """Return the picture that the tags of a file describe, in 8 bits; None if its planes aren't known."""
    bits = tags.get(BITS, (1,))
    count = tags.get(SAMPLES, len(bits))
    colours = COLOURS.get(tags.get(PHOTOMETRIC), 0)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    sizes = {len(_tuple(tags[tag])) % count for tag in OFFSETS if tag in tags}
    known = set(bits) <= {8, 12, 16} and set(_tuple(tags.get(FORMAT, 1))) == {UNSIGNED}
    if order is None or not colours <= count or not colours or sizes != {0} or not known:
        return None
    if len(set(bits)) > 1 or (count > 1 and tags.get(PLANAR) != SEPARATE):
        return None
    extra = _tuple(tags.get(EXTRA, ()))
    alphas = [at for at, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)]
    chosen = [*range(colours), *(colours + at for at in alphas[:1] if colours + at < count)]
    planes = [_plane(data, order, tags, number, count) for number in chosen]
    most = (1 << bits[0]) - 1
    if tags[PHOTOMETRIC] == WHITE_IS_ZERO:
        planes[0] = most - planes[0]
    alpha = planes[colours] if len(planes) > colours else None
    shown = np.dstack(planes[:colours])
    if alpha is not None and extra[alphas[0]] == ASSOCIATED:
        divisor = np.maximum(alpha, 1)[:, :, None]
        shown = np.minimum((2 * most * shown + divisor) // (2 * divisor), most)
    values = shown if alpha is None else np.dstack([shown, alpha])
    return _image(((2 * 255 * values + most) // (2 * most)).astype(np.uint8))


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
    if fields[BITS] == (12,):  # which Pillow takes in this order; packed bits have none
        order, data = "<", b"II*\0" + data[4:]
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
