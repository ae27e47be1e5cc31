"""Conversion from embedded ICC profiles to sRGB, by Little CMS through Pillow."""

from __future__ import annotations

import io
import warnings
from typing import cast

import numpy as np
from PIL import Image, ImageCms

from kmq._picture.source.profiles import CREATOR

MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's mode for the colour space of a profile."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return the image (mode L, LA, RGB, RGBA or CMYK) in sRGB: mode L, LA, RGB or RGBA.

    A profile within one level of sRGB is not applied, so that exact colours stay exact. A
    profile that is broken, or for another kind of pixels, is ignored with a warning; browsers
    ignore it too.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    base = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODE_OF_SPACE.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and base.mode == "L":
            base = base.convert("RGB")
        if mode != base.mode:
            raise ImageCms.PyCMSError(f"it is for {source.profile.xcolor_space.strip()} pixels")
        flags = ImageCms.Flags.NOOPTIMIZE if profile[80:84] == CREATOR else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        problem = "a name in it isn't ASCII" if isinstance(error, UnicodeDecodeError) else error
        warnings.warn(f"ignored the ICC profile: {problem}", stacklevel=2)
        transform = None
    converted = base.convert("RGB") if base.mode == "CMYK" else base
    if transform is not None and _changes_colours(transform, base.mode):
        converted = _applied(transform, base)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _changes_colours(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Return whether any of 17³ colours (or 17 greys) moves by more than one level of 255."""
    if mode == "CMYK":
        return True
    levels = np.rint(np.linspace(0, 255, 17)).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    probe = Image.fromarray(grid) if mode == "RGB" else Image.fromarray(levels[np.newaxis])
    moved = np.asarray(_applied(transform, probe)).astype(int)
    return bool(np.abs(moved - np.asarray(probe.convert("RGB"))).max() > 1)


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    return cast("Image.Image", ImageCms.applyTransform(image, transform))  # None only when it works in place


def keeps_meaning(image: Image.Image, profile: bytes) -> bool:
    """Return whether the profile still describes the pixels when they are stored as grey, RGB or RGBA."""
    try:
        space = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False
    if space == "GRAY":  # grey with alpha is stored as RGBA, where a grey profile means nothing
        return image.mode in ("L", "I;16") and not image.has_transparency_data
    return space == "RGB" and image.mode in ("RGB", "RGBA", "RGBX", "P", "PA")
