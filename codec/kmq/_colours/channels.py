"""The channels of colours: leave out those that say nothing, add missing ones, clear hidden colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


PIXELS = "a uint8 array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


def checked_pixels(name: str, pixels: NDArray[np.uint8], accepted: str) -> NDArray[np.uint8]:
    """Return the pixels of a picture, (H, W, c).

    Raises ValueError, naming the argument, for other arrays, and TypeError for one with masked pixels.
    """
    check_unmasked(name, pixels)
    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))):
        raise ValueError(f"{name} is an array of {pixels.dtype}, shape {shape}; it must be {accepted}")
    if pixels.size == 0:
        raise ValueError(f"{name} is empty: its shape is {shape}")
    return np.atleast_3d(np.asarray(pixels))


def check_unmasked(name: str, pixels: object) -> None:
    """Raise TypeError for a masked array of NumPy in which something is masked."""
    if np.any(getattr(pixels, "mask", False)):
        raise TypeError(
            f"{name} has masked pixels, which would be shown; fill them ({name}.filled(0)), or give RGBA "
            "with alpha 0 where they are"
        )


def without_hidden_colours(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels (H, W, c) with fully transparent ones black: hidden colours take no palette entry."""
    if pixels.shape[2] == 4:
        hidden = pixels[:, :, 3] == 0
        if pixels[hidden].any():
            pixels = pixels.copy()
            pixels[hidden] = 0
    return pixels


def fewest_channels(colours: NDArray[np.uint8], *, grey: bool = True) -> int:
    """Return the fewest channels, 1, 3 or 4, that hold `colours` (..., c) without loss.

    Alpha is left out if all colours are opaque. If `grey`, grey colours keep only the first channel.
    """
    channels = int(colours.shape[-1])
    if channels == 1 or (channels == 4 and not has_idle_alpha(colours)):
        return channels
    all_grey = all((colours[..., 0] == colours[..., i]).all() for i in (1, 2))
    return 1 if grey and all_grey else 3


def has_idle_alpha(colours: NDArray[np.uint8]) -> bool:
    """Tell whether colours (..., c) have alpha, but all are opaque."""
    return colours.shape[-1] == 4 and bool((colours[..., 3] == 255).all())


def in_channels(colours: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return colours (n, c) with at least `channels` channels: grey is repeated, alpha is opaque."""
    if colours.shape[1] == 1 < channels:
        colours = np.repeat(colours, min(channels, 3), axis=1)
    if colours.shape[1] == 3 < channels:
        colours = np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    return colours
