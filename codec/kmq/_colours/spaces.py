"""Colour spaces, Oklab and sRGB: colours become integer points, to cluster and compare."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._ground.arguments import checked_name

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNIT = 255 * 255
"""A coordinate of 1.0 as an integer. In sRGB, it makes 8-bit colours without alpha exact integers."""

OPAQUE = 1 << 18
"""What clustering adds to the fourth coordinate of opaque colours, to part them from translucent ones.

It is more than the largest distance otherwise possible, 2 · UNIT, so every colour is nearest to a
centre of its own kind.
"""

# Björn Ottosson, "A perceptual color space for image processing", 2020. The first matrix takes
# linear sRGB to cone responses; the second their cube roots to lightness, green-red and blue-yellow.
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
    """A space in which squared distance measures how different colours are.

    `place` takes opaque colours (n, 1 | 3) uint8 to places (n, 1 | 3) float64. Black is at the
    origin, white at `white`. `show` goes back, rounded and clipped to 8 bits.
    """

    name: str
    white: tuple[float, float, float]
    place: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    show: Callable[[NDArray[np.float64]], NDArray[np.uint8]]


def points_of(colours: NDArray[np.uint8], space: ColourSpace) -> NDArray[np.int32]:
    """Return the points of colours (n, c): (n, 4), int32, in units of 1 / UNIT.

    With alpha, the squared distance between two points is the mean of the squared distances
    over a black and over a white backdrop. Let p be a premultiplied place (Porter and Duff,
    "Compositing digital images", 1984), a its alpha and w white. Over black it shows p, over
    white p - a w, measured from white. The first three coordinates are their mean, p - a w / 2.
    The fourth is half their gap, a w / 2, of which only the length matters. Unused coordinates
    are zero.
    """
    points = np.zeros((len(colours), 4), np.int32)
    white = np.array(space.white)
    for start in range(0, len(colours), 1 << 14):  # the floats take many times the memory
        part = slice(start, start + (1 << 14))
        if colours.shape[1] == 4:
            alpha = colours[part, 3:] / 255
            points[part, :3] = np.rint((space.place(colours[part, :3]) - white / 2) * alpha * UNIT)
            points[part, 3] = np.rint(alpha[:, 0] * _alpha_unit(space))
        else:
            points[part, : colours.shape[1]] = np.rint(space.place(colours[part]) * UNIT)
    return points


def colours_at(points: NDArray[np.int32], channels: int, space: ColourSpace) -> NDArray[np.uint8]:
    """Return the 8-bit colours nearest to points (n, 4): (n, channels), uint8."""
    if channels < 4:
        return space.show(points[:, :channels] / UNIT)
    alpha = np.clip(points[:, 3:] / _alpha_unit(space), 0, 1)
    shown = space.show(points[:, :3] / (np.maximum(alpha, 1 / 512) * UNIT) + np.array(space.white) / 2)
    eight_bits = np.rint(255 * alpha).astype(np.uint8)
    colours = np.concatenate([shown, eight_bits], axis=1)
    colours[eight_bits[:, 0] == 0] = 0
    return colours


def _alpha_unit(space: ColourSpace) -> float:
    """Return the fourth coordinate of an opaque colour: half the distance from black to white."""
    return UNIT * math.hypot(*space.white) / 2


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
    return _times(np.cbrt(_times(light, TO_CONES)), TO_OKLAB)


def _from_oklab(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    if points.shape[1] == 1:
        return _eight_bits(_from_linear(points**3))
    cones = _times(points, np.linalg.inv(TO_OKLAB)) ** 3
    return _eight_bits(_from_linear(_times(cones, np.linalg.inv(TO_CONES))))


def _times(rows: NDArray[np.float64], matrix: ArrayLike) -> NDArray[np.float64]:
    """Multiply each row by `matrix`, without BLAS, whose sums can depend on the number of threads."""
    product: NDArray[np.float64] = np.einsum("nj,ij->ni", rows, np.asarray(matrix))
    return product


COLOUR_SPACES = MappingProxyType(
    {
        "oklab": ColourSpace("oklab", (1, 0, 0), _to_oklab, _from_oklab),
        "srgb": ColourSpace("srgb", (1, 1, 1), _as_they_are, _eight_bits),
    }
)
"""The spaces by name: Oklab, close to what the eye sees, and sRGB, for the least squared error."""


def checked_space(space: object) -> ColourSpace:
    """Return the space named `space`. Raises ValueError or TypeError, naming the argument."""
    return COLOUR_SPACES[checked_name("space", space, COLOUR_SPACES)]
