"""Colour spaces, Oklab and sRGB: colours become integer points, to cluster and compare."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kmq._ground.arguments import checked_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

Matrix: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

UNIT = 255 * 255
"""A coordinate of 1.0 as an integer. In sRGB, it makes 8-bit colours without alpha exact integers."""

OPAQUE = 1 << 18
"""What clustering adds to the fourth coordinate of opaque colours, to part them from translucent ones.

It is more than the largest distance otherwise possible, 2 · UNIT, so every colour is nearest to a
centre of its own kind.
"""

# Björn Ottosson, "A perceptual color space for image processing", 2020. The first matrix takes
# linear sRGB to cone responses; the second their cube roots to lightness, green-red and blue-yellow.
TO_CONES: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_OKLAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


# Their inverses, written out, because a solver may round differently on another machine.
FROM_CONES: Matrix = (
    (4.076741661347994, -3.3077115904081933, 0.2309699287294279),
    (-1.2684380040921763, 2.6097574006633715, -0.3413193963102196),
    (-0.004196086541837079, -0.7034186144594495, 1.7076147009309446),
)
FROM_OKLAB: Matrix = (
    (0.9999999984505197, 0.3963377921737678, 0.21580375806075877),
    (1.0000000088817607, -0.10556134232365633, -0.0638541747717059),
    (1.0000000546724108, -0.08948418209496574, -1.2914855378640917),
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
    return UNIT * math.sqrt(sum(part * part for part in space.white)) / 2


def _eight_bits(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def _as_they_are(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    return colours / 255


def _light_of_values() -> NDArray[np.float64]:
    """Return the linear light of each 8-bit sRGB value (IEC 61966-2-1)."""
    values = np.arange(256) / 255
    bases = (values + 0.055) / 1.055
    squares = bases * bases
    roots = np.ones(256)  # they become the fifth roots of the squares, by Newton's method
    for _ in range(20):
        fourth = roots * roots * roots * roots
        roots = (4 * roots + squares / fourth) / 5
    powers = squares * roots  # `bases` to the power 2.4
    light: NDArray[np.float64] = np.where(values <= 0.04045, values / 12.92, powers)
    light.setflags(write=False)
    return light


LIGHT = _light_of_values()


def value_of(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sRGB values, 0 to 1, of linear light."""
    light = np.clip(light, 0, 1)
    some = np.maximum(light, 0.003)  # below it, the other branch holds
    fifth = some * some * some * some * some
    powers = cube_root(np.sqrt(np.sqrt(fifth)))  # to the power 5 / 12 = 1 / 2.4
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * powers - 0.055)


def cube_root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cube roots of values from 0 to 1; 0 for those below 1e-30.

    Only by operations that IEEE 754 rounds alike on every machine, which np.cbrt isn't. A third of the
    exponent is a first guess, right within 5 %. Each step of Halley's method trebles the correct digits.
    """
    something = values > 1e-30
    values = np.maximum(values, 1e-30)
    roots: NDArray[np.float64] = (values.view(np.int64) // 3 + (715_094_163 << 32)).view(np.float64)
    for _ in range(3):
        cubes = roots * roots * roots
        roots = roots * ((cubes + 2 * values) / (2 * cubes + values))
    return roots * something


def _to_oklab(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    light = LIGHT[colours]
    if colours.shape[1] == 1:
        return cube_root(light)  # grey has equal cone responses, and no a and b
    return _times(cube_root(_times(light, TO_CONES)), TO_OKLAB)


def _from_oklab(points: NDArray[np.float64]) -> NDArray[np.uint8]:
    if points.shape[1] == 1:
        return _eight_bits(value_of(points * points * points))
    cones = _times(points, FROM_OKLAB)
    return _eight_bits(value_of(_times(cones * cones * cones, FROM_CONES)))


def _times(rows: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """Multiply each row by `matrix`. Every machine adds in the order that is written here."""
    product = np.empty((len(rows), 3))
    for axis, (first, second, third) in enumerate(matrix):
        product[:, axis] = first * rows[:, 0] + second * rows[:, 1] + third * rows[:, 2]
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
