"""Any picture to canonical pixels: 8 bits a channel, sRGB, upright, grey or RGB or RGBA."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import ExifTags, Image

from kmq._colours.channels import PIXELS, checked_pixels, fewest_channels, without_hidden_colours
from kmq._indexed.index_plane import IndexPlane
from kmq._indexed.palette import Palette
from kmq._picture.source.density import density_of
from kmq._picture.source.mending import mended
from kmq._picture.source.orientation import in_place, orientation_of, turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

ImageLike: TypeAlias = "Image.Image | NDArray[np.uint8]"
"""A Pillow image, or an array (H, W) or (H, W, 1 | 3 | 4) of uint8."""

METADATA = ("icc", "exif", "xmp", "density")
"""Metadata that can be kept (spec section 7)."""

ALL = "all"
"""Stands for all of it."""

ACCEPTED = f"a Pillow image, or {PIXELS}"

NOT_METADATA = frozenset(
    {0x0112, 0x02BC, 0x8773}  # orientation, XMP, ICC: handled elsewhere
    | set(range(0x0100, 0x0104))  # TIFF 6.0: width, height, bits, compression,
    | {0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x011C, 0x013D, 0x0140, 0x0152, 0x0153}
    | set(range(0x0142, 0x0146))  # and the layout of colours, strips and tiles
)
"""TIFF tags that describe that file and mean nothing in another format."""

SCALES_OF_F = (1, 255, 65_535)
"""Values that white may have in Pillow's mode F, which doesn't define it."""

SCALES_OF_I = (255, 65_535)
"""The same of mode I. Files of whole numbers of 32 bits often hold 8 or 16."""

OVERSHOOT = 0.05
"""How far outside black and white, as a share of white, values of mode F may lie: resampling overshoots."""

BROKEN_EXIF = (
    SyntaxError, struct.error, ValueError, TypeError, KeyError, IndexError, OSError, AttributeError,
    ArithmeticError, UserWarning,
)  # fmt: skip
"""Errors that Pillow raises for damaged Exif metadata."""


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalImage:
    """A picture as the encoder sees it: sRGB of 8 bits a channel, upright.

    `pixels` has shape (H, W, c) and dtype uint8. c is 1 (grey), 3 (RGB) or 4 (RGBA: straight
    alpha; pixels of alpha 0 are black). `indexed` is the picture's own palette and index plane,
    if it has them. `metadata` maps "icc", "exif", "xmp" and "density", if kept,
    to their bytes.
    """

    pixels: NDArray[np.uint8]
    indexed: tuple[Palette, IndexPlane] | None = None
    metadata: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))


def canonical_image(image: ImageLike, keep: Iterable[str] = ()) -> CanonicalImage:
    """Return the canonical pixels of `image`, the first stage of encoding, and the metadata in `keep`.

    An array keeps its number of channels. A Pillow image is turned upright by its Exif
    orientation, converted from its ICC profile to sRGB (unless `keep` has "icc"), and given the
    fewest channels that lose nothing. 16 bits are rounded to 8. What a file says and Pillow overlooks is
    mended, as `open_picture` explains, if the image isn't loaded yet.

    Raises ValueError for anything else, and for unknown names in `keep`.
    """
    names = checked_keep(keep)
    if isinstance(image, Image.Image):
        return _from_pillow(image, names)
    if isinstance(image, np.ndarray):
        return CanonicalImage(without_hidden_colours(checked_pixels("image", image, ACCEPTED)))
    hint = " (PIL.Image.open reads a file)" if isinstance(image, (str, os.PathLike)) else ""
    raise ValueError(f"image is {type(image).__name__}; it must be {ACCEPTED}{hint}")


def checked_keep(keep: Iterable[str]) -> tuple[str, ...]:
    """Return `keep` as a tuple of names from `METADATA`, of which "all" is every one.

    Raises TypeError or ValueError for anything else.
    """
    try:
        names = (keep,) if isinstance(keep, str) else tuple(keep)
    except TypeError:
        raise TypeError(f"keep is {keep!r}; it must be names, such as ('icc', 'exif'), or ()") from None
    for name in names:
        if name not in (*METADATA, ALL):
            raise ValueError(f"keep has {name!r}; it can have {', '.join(METADATA)}, or {ALL}")
    return METADATA if ALL in names else names


def _from_pillow(image: Image.Image, keep: tuple[str, ...]) -> CanonicalImage:
    if 0 in image.size:
        raise ValueError(f"image is empty: its size is {image.size}")
    seen = mended(image)
    upright = _upright(seen)
    profile = upright.info.get("icc_profile") or b""
    kept = _kept_metadata(upright, _exif(seen, upright) if "exif" in keep else b"", keep)
    palette_size = len(upright.getpalette("RGB") or ()) // 3 if upright.mode == "P" else 0
    if palette_size:
        return _from_indexed(upright, b"" if "icc" in kept else profile, kept)
    plain = _eight_bits(upright)
    if profile and "icc" not in kept:
        from kmq._picture.colour_profile import to_srgb

        plain = to_srgb(plain, profile)
    elif plain.mode == "CMYK":
        plain = plain.convert("RGB")
    if plain.mode == "LA":
        plain = plain.convert("RGBA")
    pixels = without_hidden_colours(np.atleast_3d(np.asarray(plain)))
    # A kept ICC profile of RGB means nothing for grey.
    channels = fewest_channels(pixels, grey="icc" not in kept)
    pixels = pixels[:, :, :channels]
    return CanonicalImage(np.ascontiguousarray(pixels), None, kept)


def _from_indexed(image: Image.Image, profile: bytes, kept: Mapping[str, bytes]) -> CanonicalImage:
    indices = np.asarray(image)
    colours = np.array(image.getpalette("RGBA"), np.uint8).reshape(-1, 4)
    hidden = image.info.get("transparency")
    if isinstance(hidden, bytes):  # what lies past the palette means nothing
        alpha = np.frombuffer(hidden, np.uint8)[: len(colours)]
        colours[: len(alpha), 3] = alpha
    elif isinstance(hidden, int) and 0 <= hidden < len(colours):
        colours[hidden, 3] = 0
    missing = int(indices.max()) + 1 - len(colours)
    if missing > 0:  # a broken file; libpng and browsers show black here
        colours = np.concatenate([colours, np.full((missing, 4), (0, 0, 0, 255), np.uint8)])
    if profile:
        from kmq._picture.colour_profile import to_srgb

        row = Image.fromarray(colours[np.newaxis, :, :3])
        colours[:, :3] = np.asarray(to_srgb(row, profile))[0]
    palette = Palette(colours[:, : fewest_channels(colours, grey="icc" not in kept)])
    plane = IndexPlane(indices, palette.k)
    pixels = np.atleast_3d(palette.colours(plane))
    return CanonicalImage(without_hidden_colours(pixels), (palette, plane), kept)


def _upright(image: Image.Image) -> Image.Image:
    """Return a loaded picture turned by its orientation.

    The result is a copy, unless there is nothing to turn and no later step changes the image:
    for a large picture, a copy is a third of all the memory that encoding takes.
    """
    orientation = orientation_of(image)
    if orientation != 1:
        return turned(image, orientation)
    plain = image.mode in ("L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info
    return image if plain else image.copy()


def _exif(image: Image.Image, upright: Image.Image) -> bytes:
    """Return the Exif metadata, from the TIFF header on and without orientation; b"" if there is none."""
    given = upright.info.get("exif")
    try:
        return _rewritten(image, upright, given)
    except BROKEN_EXIF as error:
        if isinstance(given, bytes) and given.removeprefix(b"Exif\0\0")[:2] in (b"II", b"MM"):
            return in_place(given.removeprefix(b"Exif\0\0"))  # a damaged tag is no reason to lose the others
        warnings.warn(f"could not keep the Exif metadata: {error}", stacklevel=2)
        return b""


def _rewritten(image: Image.Image, upright: Image.Image, given: bytes | None) -> bytes:
    """Return what Pillow makes of Exif metadata. Raises one of `BROKEN_EXIF` if they are damaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        if given:
            own = Image.Exif()
            own.load(given)
            if upright is not image and orientation_of(image) != 1:
                own = upright.getexif()
                if ExifTags.Base.Orientation in own:
                    del own[ExifTags.Base.Orientation]
                given = own.tobytes()
                own.load(given)
            if own.get(0x0112, 1) == 1:
                return given.removeprefix(b"Exif\0\0")
        # TIFF files have Exif among their own tags. The copy leaves the caller's image unchanged.
        exif = Image.Exif()
        for tag, value in image.getexif().items():
            if tag in (0x8769, 0x8825):  # pointers to the Exif and GPS tables
                exif[tag] = dict(image.getexif().get_ifd(tag))
            elif tag not in NOT_METADATA:
                exif[tag] = value
        return exif.tobytes().removeprefix(b"Exif\0\0") if exif else b""


def _kept_metadata(image: Image.Image, exif: bytes, keep: tuple[str, ...]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    profile = image.info.get("icc_profile")
    if "icc" in keep and profile:
        from kmq._picture.colour_profile import keeps_meaning

        if keeps_meaning(image, profile):
            found["icc"] = profile
    if exif:
        found["exif"] = exif
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if "xmp" in keep and packet:
        found["xmp"] = packet.encode() if isinstance(packet, str) else packet
    if "density" in keep and (density := density_of(image)):
        found["density"] = density
    return MappingProxyType(found)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the image in mode L, LA, RGB, RGBA or CMYK."""
    mode = image.mode
    if mode in ("L", "RGB", "RGBA", "LA", "CMYK") and "transparency" not in image.info:
        return image
    if mode.startswith("I") or mode == "F":
        return _scaled(image)
    hidden = image.info.get("transparency")
    if mode == "RGB" and isinstance(hidden, tuple) and max(hidden) > 255:
        # The image was loaded before it came here: of 16 bits, Pillow has kept the high 8 of the pixels.
        image.info["transparency"] = tuple(value >> 8 for value in hidden)
    if image.has_transparency_data:
        return image.convert("LA" if mode in ("1", "L", "La") else "RGBA")
    return image.convert("L" if mode in ("1", "L") else "RGB")


def _scaled(image: Image.Image) -> Image.Image:
    """Scale modes I;16, I and F to 8 bits, rounding to the nearest.

    I;16 goes from 0 to 65,535. Modes I and F have no defined white: the smallest of `SCALES_OF_I` or
    `SCALES_OF_F` that holds every value, `OVERSHOOT` aside, is taken; or 1 for a few highlights above it.
    """
    values = np.asarray(image)
    least, most = float(values.min()), float(values.max())
    scales: tuple[int, ...] = {"F": SCALES_OF_F, "I": SCALES_OF_I}.get(image.mode, (65_535,))
    slack = OVERSHOOT if image.mode == "F" else 0.0
    for scale in scales:
        if -slack * scale <= least and most <= (1 + slack) * scale:  # False for NaN
            break
    else:
        raise ValueError(f"image of mode {image.mode} goes from {least} to {most}; 0 to 65535 is allowed")
    if image.mode == "I" and scale == 255 and most > 0:
        warnings.warn(f"values go from {least:g} to {most:g}, so that 255 was taken as white", stacklevel=2)
    if image.mode == "F" and scale > 1 and _has_highlights(values, least):
        scale = 1
        warnings.warn(f"values go to {most:g}: 1 was taken as white, and what is above it cut", stacklevel=2)
    white = np.clip(values.astype(np.float64) / scale, 0, 1)
    grey = np.rint(255 * white).astype(np.uint8)
    if "transparency" not in image.info:
        return Image.fromarray(grey)
    alpha = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])


def _has_highlights(values: NDArray[np.float32], least: float) -> bool:
    """Tell whether values of mode F that exceed 1 are those of a picture whose white is 1.

    Its values aren't whole, and half of those above black are at most 1.
    """
    lit = values[values > 0]
    return least >= -OVERSHOOT and float(np.median(lit)) <= 1 and bool((lit != np.rint(lit)).any())
