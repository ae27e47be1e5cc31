"""A Pillow image as its file means it: what Pillow gets wrong is mended by what the file's own fields say.

Takes an image, loaded or not. What the fields of the file tell before it is loaded is lost afterwards, so
that an image that was opened by Pillow should come here as it is.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from kmq._picture.source.png import Cicp, PngFacts

GREY_SCALES = {"L;2": (3, 85), "L;4": (15, 17)}
"""The largest sample of shallow grey in PNG, and what Pillow multiplies samples by."""

ALPHA_OFTEN_UNUSED = frozenset({"BMP", "DIB", "ICO", "TGA"})
"""Formats whose writers often leave the fourth byte of a pixel 0."""

MOST_HEAD = 1 << 16
"""Bytes of an AVIF file that are searched for its colour space."""


def mended(image: Image.Image) -> Image.Image:
    """Return the image, loaded, or another one that shows what its file means. Raises what loading does.

    Its `info` has the colour space as "icc_profile", whatever way the file names it.
    """
    kind = image.format
    if not kind and "gamma" not in image.info:
        image.load()
        return image
    waiting = bool(getattr(image, "tile", ()))
    file: IO[bytes] | None = getattr(image, "fp", None) if waiting else None
    cicp: Cicp | None = None
    if kind == "PNG":
        image, cicp = _mended_png(image, file)
    elif waiting and file is not None and kind in ("TGA", "AVIF"):
        cicp = _cicp_of_avif(image, file) if kind == "AVIF" else None
        image = _mended_tga(image, file)
    elif waiting and file is not None:
        image = _of_planes(image, file) or (_rounded(image, file, None) if _is_deep(image) else image)
    image.load()
    if kind == "TIFF":
        from kmq._picture.source.tiff import mended_tiff

        image = mended_tiff(image)
    elif kind == "GIF":
        from kmq._picture.source.gif import with_clear_surround

        image = with_clear_surround(image)
    elif kind == "XBM":  # a bit that is set is the foreground, black; Pillow shows it as white
        image = _redrawn(image, Image.fromarray(~np.asarray(image)))
    elif kind == "PPM" and image.mode == "I":  # 16 bits
        image = _redrawn(image, Image.fromarray(np.asarray(image).astype(np.uint16)))
    if kind in ALPHA_OFTEN_UNUSED and image.mode in ("RGBA", "LA"):
        image = _warned_of_hidden(image)
    if cicp is not None or "gamma" in image.info:
        image = _name_colours(image, cicp)
    return image


def _mended_png(image: Image.Image, file: IO[bytes] | None) -> tuple[Image.Image, Cicp | None]:
    """Return the image, loaded, with the key colour of its depth and 16 bits rounded; and its code points."""
    if file is None:
        return image, None
    from kmq._picture.source.png import png_facts, readable_png

    with _kept_position(file):
        facts = png_facts(file)
    if facts is None:
        return image, None
    if facts.has_late_texts:  # which Pillow would come to as it loads
        frame = image.tell()
        with _kept_position(file):
            file.seek(0)
            image = type(image)(io.BytesIO(readable_png(file.read())), "")  # type: ignore[call-arg]
        if frame:
            image.seek(frame)
        file = image.fp  # type: ignore[attr-defined]
    key = image.info.get("transparency")
    if _is_deep(image) and not getattr(image, "is_animated", False):
        wanted = key if facts.colour_type == 2 and isinstance(key, tuple) else None
        return _rounded(image, file, wanted, linear=facts.cicp is None), facts.cicp
    return _with_key(image, facts, key), facts.cicp


def _with_key(image: Image.Image, facts: PngFacts, key: object) -> Image.Image:
    """Return the image, or a copy with the key colour as its pixels are: of the bits that a sample has."""
    tiles: Any = getattr(image, "tile", ())
    most, scale = GREY_SCALES.get(tiles[0].args, (255, 1)) if len(tiles) == 1 else (255, 1)
    if facts.bits > 8 or image.mode not in ("L", "RGB"):
        return image
    known: object = key
    if isinstance(key, int):
        known = (key & most) * scale
    elif isinstance(key, tuple):
        known = tuple(value & most for value in key)
    if known == key:
        return image
    made = image.copy()
    made.info = {**image.info, "transparency": known}
    made.format = image.format
    return made


def _mended_tga(image: Image.Image, file: IO[bytes]) -> Image.Image:
    """Return the image, without alpha if its header says that no bits of a pixel are that."""
    if image.format != "TGA":
        return image
    with _kept_position(file):
        file.seek(17)
        attributes = file.read(1)
    if not attributes or attributes[0] & 15 or image.mode not in ("RGBA", "LA"):
        return image
    return image.convert("RGB" if image.mode == "RGBA" else "L")


def _cicp_of_avif(image: Image.Image, file: IO[bytes]) -> Cicp | None:
    """Return the code points of a colour box (nclx of ISO/IEC 23008-12); None beside a profile."""
    if image.info.get("icc_profile"):
        return None
    from kmq._picture.source.png import Cicp

    with _kept_position(file):
        file.seek(0)
        head = file.read(MOST_HEAD)
    at = head.find(b"colrnclx") + len(b"colrnclx")
    if at < len(b"colrnclx") or len(head) < at + 7:
        return None
    primaries, transfer, _ = struct.unpack_from(">HHH", head, at)
    return Cicp(primaries, transfer, 0, full=True)  # the decoder has undone the matrix and the range


def _name_colours(image: Image.Image, cicp: Cicp | None) -> Image.Image:
    """Return the image, or a copy in sRGB or with a profile, whose colour space the file names in numbers.

    By the precedence of PNG's third edition: cICP, ICC profile, sRGB, then gAMA and cHRM.
    """
    from kmq._picture.source.profiles import gamma_of, profile_of_cicp

    grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
    profile, gamma = None, None
    if cicp is not None and (cicp.matrix or not cicp.full):
        warnings.warn("ignored cICP, whose matrix or range no RGB picture has", stacklevel=2)
    elif cicp is not None:
        profile = profile_of_cicp(cicp, grey=grey)
    if profile is None and not image.info.get("icc_profile") and "srgb" not in image.info:
        try:
            found = gamma_of(image.info, grey=grey)
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
            found = 0, None
        if found is not None:
            gamma, profile = found
    if profile is None and gamma is None:
        return image
    made = _redrawn(image, image.copy())
    _forget_colours(made)
    if profile is not None:
        made.info["icc_profile"] = profile
    elif gamma:
        made = _without_gamma(made, gamma)
    return made


def _gamma_alone(info: Mapping[Any, Any]) -> float | None:
    """Return the gAMA of a PNG whose colours are sRGB's but for that; None if they are another matter."""
    from kmq._picture.source.profiles import gamma_of

    if "gamma" not in info or info.get("icc_profile") or "srgb" in info:
        return None
    with contextlib.suppress(ValueError):
        found = gamma_of(info, grey=False)
        if found is not None and found[1] is None:
            return found[0]
    return None


def _forget_colours(image: Image.Image) -> None:
    for name in ("gamma", "chromaticity", "srgb"):
        image.info.pop(name, None)


def _without_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Return an image in sRGB, given that of a PNG with a gAMA."""
    from kmq._picture.source.profiles import table_of_gamma

    if image.mode == "P":
        colours = np.array(image.getpalette("RGB"), np.uint8)
        image.putpalette(table_of_gamma(gamma, 255)[colours].tobytes())
        return image
    if image.mode.startswith("I"):
        values = np.asarray(image)
        grey = Image.fromarray(table_of_gamma(gamma, 65_535)[values])
        key = image.info.pop("transparency", None)
        if key is not None:
            grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
        return _redrawn(image, grey)
    if "transparency" in image.info:
        image = image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    table = table_of_gamma(gamma, 255).tolist()
    same = list(range(256))
    tables = {"LA": table + same, "RGB": table * 3, "RGBA": table * 3 + same}.get(image.mode, table)
    return image if image.mode == "1" else image.point(tables)


def _warned_of_hidden(image: Image.Image) -> Image.Image:
    """Return the image; or, with a warning, a copy without its format if all its colours are transparent."""
    if image.getchannel("A").getextrema() != (0, 0) or image.convert("RGB").getbbox() is None:
        return image
    warnings.warn(
        "every pixel is transparent (alpha 0), which may not be meant: --opaque shows the colours",
        stacklevel=2,
    )
    return image.copy()


def _of_planes(image: Image.Image, file: IO[bytes]) -> Image.Image | None:
    if image.format != "TIFF":
        return None
    from kmq._picture.source.planes import has_planes, joined

    if not has_planes(image):
        return None
    with _kept_position(file):
        file.seek(0)
        return joined(image, file.read())


def _is_deep(image: Image.Image) -> bool:
    tiles: Any = getattr(image, "tile", ())
    if not tiles or ";16" not in str(tiles[0].args):
        return False
    from kmq._picture.source.deep import is_deep

    return is_deep(tiles)


def _rounded(
    image: Image.Image, file: IO[bytes], key: tuple[int, ...] | None, *, linear: bool = False
) -> Image.Image:
    """Return an image of 16 bits a channel in 8; in sRGB, if it is `linear` to a gAMA that says all."""
    from kmq._picture.source.deep import rounded

    gamma = _gamma_alone(image.info) if linear else None
    table = None
    if gamma:
        from kmq._picture.source.profiles import table_of_gamma

        table = table_of_gamma(gamma, 65_535)
    with _kept_position(file):
        file.seek(0)
        data = file.read()
    made = rounded(image, data, key, table)
    if gamma:
        _forget_colours(made)
    return made


def _redrawn(image: Image.Image, made: Image.Image) -> Image.Image:
    from kmq._picture.source.deep import redrawn

    return redrawn(image, made)


@contextlib.contextmanager
def _kept_position(file: IO[bytes]) -> Iterator[None]:
    before = file.tell()
    try:
        yield
    finally:
        file.seek(before)
