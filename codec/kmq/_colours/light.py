"""Linear light in integers: what mixes when small pixels are seen from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import in_channels
from kmq._colours.spaces import LIGHT, cube_root, value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE = 1 << 16
"""The light of white."""

HALF = WHITE // 2
"""Half of it: the last coordinate of an opaque colour's light."""

FINE, COARSE, ROOTS = 1 << 10, 4, 17 << 10
"""Roots in the table: one for each light below FINE, and from there one for each 2^COARSE up to 2^18."""


def _values() -> NDArray[np.int64]:
    values = np.rint(LIGHT * WHITE).astype(np.int64)
    values.setflags(write=False)
    return values


def _roots() -> NDArray[np.int32]:
    """Return the cube roots of lights in units of 2^-14; of several lights that share one, the middle's."""
    coarse = (np.arange(ROOTS - FINE) * (1 << COARSE) + (1 << COARSE) // 2) / WHITE
    lights = np.concatenate([np.arange(FINE) / WHITE, coarse])
    roots = np.rint(2 * cube_root(lights / 8) * (1 << 14)).astype(np.int32)
    roots.setflags(write=False)
    return roots


VALUES = _values()
CUBE_ROOTS = _roots()


def lights_of(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the lights of colours (n, c): (n, 4), int32, in units of 1 / WHITE.

    The first three coordinates are the mean of what the colour shows over a black and over a white
    backdrop, less a half: p - a / 2, for premultiplied light p and alpha a (Porter and Duff, "Compositing
    digital images", 1984). The last is half the difference of the two, a / 2. Grey has three equal parts.
    """
    channels = colours.shape[1]
    lights = np.empty((len(colours), 4), np.int32)
    values = VALUES[in_channels(colours, max(channels, 3))[:, :3]] - HALF
    if channels < 4:
        lights[:, :3], lights[:, 3] = values, HALF
    else:
        alpha = colours[:, 3:].astype(np.int64)
        lights[:, :3] = (2 * values * alpha + 255) // 510
        lights[:, 3:] = (2 * HALF * alpha + 255) // 510
    return lights


def colours_of_lights(lights: NDArray[np.int32], channels: int) -> NDArray[np.uint8]:
    """Return the 8-bit colours nearest to lights (n, 4): (n, channels), uint8."""
    halves = np.clip(lights[:, 3:], 0, HALF)
    straight = lights[:, :3] / np.maximum(2 * halves, WHITE // 512) + 0.5
    colours = np.empty((len(lights), channels), np.uint8)
    colours[:, : min(channels, 3)] = np.rint(255 * value_of(straight[:, : min(channels, 3)]))
    if channels == 4:
        colours[:, 3] = np.rint(255 * (halves[:, 0] / HALF))
        colours[colours[:, 3] == 0] = 0
    return colours
