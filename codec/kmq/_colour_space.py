"""The spaces in which colours are clustered and compared, as integer points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._arguments import checked_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = 255 * 255
"""What 1.0 is in a coordinate: 255 · 255, so that premultiplied 8-bit colours are integers."""

OPAQUE = 1 << 18
"""How much farther out the fourth coordinate of opaque colours lies than that of translucent ones.

More than the largest distance there can be otherwise, 2 · UNIT, so that no cluster mixes the two.
"""

# Björn Ottosson, "A perceptual color space for image processing", 2020: linear sRGB to cone
# responses, and their cube roots to lightness, green-red and blue-yellow.
TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """A way to place colours so that squared distance says how different they are.

    `place` takes opaque colours (n, 1 | 3) uint8 to (n, 1 | 3) float64, where 1.0 is the
    distance from black to white; `show` goes back, clipped to what 8 bits can show.
    """

    name: str
    place: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    show: Callable[[NDArray[np.float64]], NDArray[np.uint8]]


def points_of(colours: NDArray[np.uint8], space: ColourSpace) -> NDArray[np.int32]:
    """Return the points of colours (n, c), shape (n, 4), in units of 1 / UNIT.

    With alpha they are premultiplied, alpha last; so the less a colour shows the less its
    hue counts (Porter and Duff, "Compositing digital images", 1984). Unused coordinates
    are zero.
    """
    points = np.zeros((len(colours), 4), np.int32)
    for start in range(0, len(colours), 1 << 14):  # the floats are many times as large
        part = slice(start, start + (1 << 14))
        if colours.shape[1] == 4:
            alpha = colours[part, 3:].astype(np.float64)
            points[part, :3] = np.rint(space.place(colours[part, :3]) * (255 * alpha))
            points[part, 3] = 255 * alpha[:, 0]
        else:
            points[part, : colours.shape[1]] = np.rint(space.place(colours[part]) * UNIT)
    return points


def colours_at(points: NDArray[np.int32], channels: int, space: ColourSpace) -> NDArray[np.uint8]:
    """Return the 8-bit colours nearest to points (n, 4), shape (n, channels)."""
    if channels < 4:
        return space.show(points[:, :channels] / UNIT)
    alpha = np.clip(np.rint(points[:, 3] / 255), 0, 255)
    shown = space.show(points[:, :3] / (255 * np.maximum(alpha, 1))[:, np.newaxis])
    colours = np.concatenate([shown, alpha[:, np.newaxis].astype(np.uint8)], axis=1)
    colours[alpha == 0] = 0
    return colours


def _eight_bits(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def _as_they_are(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    return colours / 255


def _to_linear() -> NDArray[np.float64]:
    """Return the linear light of each 8-bit sRGB value (IEC 61966-2-1)."""
    values = np.arange(256) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _from_linear(light: NDArray[np.float64]) -> NDArray[np.float64]:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    light = _to_linear()[colours]
    if colours.shape[1] == 1:
        return np.cbrt(light)  # grey has equal cone responses, and no a and b
    points: NDArray[np.float64] = np.cbrt(light @ np.transpose(TO_CONES)) @ np.transpose(TO_OKLAB)
    return points


def _from_oklab(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    if points.shape[1] == 1:
        return _eight_bits(_from_linear(points**3))
    cones = (points @ np.linalg.inv(np.transpose(TO_OKLAB))) ** 3
    return _eight_bits(_from_linear(cones @ np.linalg.inv(np.transpose(TO_CONES))))


COLOUR_SPACES = MappingProxyType(
    {
        "oklab": ColourSpace("oklab", _to_oklab, _from_oklab),
        "srgb": ColourSpace("srgb", _as_they_are, _eight_bits),
    }
)
"""The spaces by their names: Oklab, near to what the eye sees, and sRGB, for least squared error."""


def checked_space(space: object) -> ColourSpace:
    """Return the space of that name. Raises ValueError or TypeError, naming the argument."""
    return COLOUR_SPACES[checked_name("space", space, COLOUR_SPACES)]
