"""Dithering: neighbouring pixels take different entries and, from afar, mix to the colours in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from kmq._colours.light import CUBE_ROOTS, HALF, lights_of
from kmq._colours.nearest import nearest
from kmq._colours.spaces import COLOUR_SPACES
from kmq._indexed.index_plane import index_dtype
from kmq._plane.dithering_loop import diffuse, measure_reach, place_lights
from kmq._plane.mixing_loop import LEVELS, LISTED, list_mixtures, project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette
    from kmq._picture.histogram import Histogram

DITHERS = ("none", "floyd-steinberg", "ordered")
"""Names of the methods."""

STRENGTH = 0.92
"""Default share of an error that is passed on. From 0.95 on, noise costs more than the colours gain."""

MOST_MIXED = 256
"""Most entries of which mixtures are looked for. More lie so close that there is little to mix."""

ROUNDED = 8
"""How far a mixture may be off by rounding, in units of 2^-16."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What colours (n, c) want of a palette: their lights (n, 4), and near entries (n,) as guesses.

    `solid` (n,) colours are opaque and take opaque entries, if there are any. `clear` (n,) ones take
    the guess, if the palette has a transparent entry.
    """

    lights: NDArray[np.int32]
    guesses: NDArray[np.int32]
    solid: NDArray[np.bool]
    clear: NDArray[np.bool]


def wanted(colours: NDArray[np.uint8], palette: Palette) -> Wanted:
    """Return what colours want of a palette."""
    guesses = nearest(colours, palette, COLOUR_SPACES["oklab"])
    if palette.channels < 4:
        solid, clear = np.ones(len(colours), np.bool), np.zeros(len(colours), np.bool)
    else:
        solid, clear = colours[:, 3] == 255, colours[:, 3] == 0
    return Wanted(lights_of(colours), guesses, solid, clear)


def diffused(
    inverse: NDArray[np.uint32], colours: Wanted, palette: Palette, strength: float
) -> NDArray[np.int32]:
    """Return the entries (H, W) of pixels, int32, by error diffusion.

    With alpha, opaque pixels take only opaque entries, if the palette has any. Fully transparent
    pixels take the transparent entry, if it has one, and pass no error on.
    """
    entries = palette.entries
    lights = lights_of(entries)
    places = placed(lights)
    order = np.argsort(places[:, 0], kind="stable")
    rows = np.empty(palette.k, np.int32)
    rows[order] = np.arange(palette.k, dtype=np.int32)
    found = rows[colours.guesses]
    ranges = np.empty((len(found), 2), np.int32)
    ranges[:] = (0, palette.k)
    if palette.channels == 4:
        opaque = order[entries[order, 3] == 255]
        if 0 < len(opaque) < palette.k:  # append a second list, of the opaque entries alone
            rows[opaque] = np.arange(palette.k, palette.k + len(opaque), dtype=np.int32)
            ranges[colours.solid] = (palette.k, palette.k + len(opaque))
            found[colours.solid] = rows[colours.guesses[colours.solid]]
            order = np.concatenate([order, opaque])
        if (entries[:, 3] == 0).any():
            ranges[colours.clear] = (0, 0)
    places = np.ascontiguousarray(places[order])
    reach = np.empty(len(order), np.int64)
    measure_reach(places.data, 0, palette.k, reach.data)
    measure_reach(places.data, palette.k, len(order), reach.data)
    height, width = inverse.shape
    errors, chosen = np.empty((2, width + 2, 4), np.int32), np.empty((height, width), np.int32)
    diffuse(
        inverse.data,
        colours.lights.data,
        found.data,
        ranges.data,
        np.ascontiguousarray(lights[order]).data,
        places.data,
        reach.data,
        CUBE_ROOTS.data,
        round(256 * strength),
        errors.data,
        chosen.data,
    )
    return order.astype(np.int32)[chosen]


def placed(lights: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the places (n, 4) of lights: where they lie in Oklab, in units of 2^-14, a and b times 0.8."""
    places = np.empty((len(lights), 4), np.int32)
    place_lights(lights.data, CUBE_ROOTS.data, places.data)
    return places


def dithered(counted: Histogram, palette: Palette, method: str, strength: float) -> Indices:
    """Return the indices (H, W) of a picture, dithered by `method` with `strength` from 0 to 1.

    Colours that no mixture of entries shows first move to the nearest that one does.
    """
    inverse = counted.inverse
    assert inverse is not None  # noqa: S101  the caller has checked it; this is for mypy
    colours = wanted(counted.colours, palette)
    if method == "ordered":
        return ordered(inverse, colours, palette, strength)
    if strength == 1 and palette.k <= MOST_MIXED:
        colours = replace(colours, lights=_mixable(colours, palette))
    return cast("Indices", diffused(inverse, colours, palette, strength).astype(index_dtype(palette.k)))


def _mixable(colours: Wanted, palette: Palette) -> NDArray[np.int32]:
    """Return the lights (n, 4) of colours, of opaque ones the nearest that opaque entries mix to."""
    lights, entries = colours.lights, lights_of(palette.entries)
    opaque = entries[entries[:, 3] == HALF]
    if not len(opaque) or not colours.solid.any():
        return lights
    mixed = lights.copy()
    mixed[colours.solid] = _projected(lights[colours.solid], _corners(opaque))
    within = np.abs(mixed - lights).max(axis=1) <= ROUNDED
    within |= (entries[colours.guesses] == lights).all(axis=1)  # the steps may end before they are there
    mixed[within] = lights[within]
    return mixed


def _corners(entries: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return those of distinct entries (k, 4) that no others mix to, within rounding."""
    if len(entries) <= 8:
        return entries
    kept = np.ones(len(entries), np.bool)
    for number, entry in enumerate(entries):
        kept[number] = False
        gap = _projected(entry[np.newaxis], entries[kept]) - entry
        kept[number] = bool(np.abs(gap).max() > ROUNDED)
    return entries[kept]


def _projected(lights: NDArray[np.int32], entries: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the lights (n, 4) that mixtures of entries (k, 4) show, nearest to each of `lights` (n, 4)."""
    mixed = np.empty_like(lights)
    shares, costs = np.empty((2, len(entries)), np.int64)
    few = np.empty(len(entries), np.int32)
    entries = np.ascontiguousarray(entries)
    project(np.ascontiguousarray(lights).data, entries.data, shares.data, costs.data, few.data, mixed.data)
    return mixed


def ordered(inverse: NDArray[np.uint32], colours: Wanted, palette: Palette, strength: float) -> Indices:
    """Return the indices (H, W) of pixels by an ordered dither.

    The entries of a mixture that shows a colour take turns by the thresholds, darkest first. They are few and
    near to the colour.
    """
    lights = lights_of(palette.entries)
    order = np.argsort(placed(lights)[:, 0], kind="stable")
    numbers = np.empty((len(colours.guesses), LISTED), np.int32)
    bounds = np.empty((len(numbers), LISTED), np.uint8)
    kinds = [(np.ones(len(numbers), np.bool), np.ones(palette.k, np.bool))]
    if palette.channels == 4:
        kinds.append((colours.solid, palette.entries[:, 3] == 255))
    for some, taken in kinds:
        few = order[taken[order]]
        if some.any() and len(few):
            found, shares = _mixtures(colours.lights[some], lights[few], strength)
            numbers[some], bounds[some] = few[found], shares
    if palette.channels == 4 and (palette.entries[:, 3] == 0).any():
        numbers[colours.clear], bounds[colours.clear] = colours.guesses[colours.clear, np.newaxis], LEVELS
    return _by_threshold(inverse, cast("Indices", numbers.astype(index_dtype(palette.k))), bounds)


def _mixtures(
    lights: NDArray[np.int32], entries: NDArray[np.int32], strength: float
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    numbers = np.empty((len(lights), LISTED), np.int32)
    bounds = np.empty((len(lights), LISTED), np.uint8)
    shares, costs = np.empty((2, len(entries)), np.int64)
    few = np.empty(len(entries), np.int32)
    list_mixtures(
        np.ascontiguousarray(lights).data,
        np.ascontiguousarray(entries).data,
        round(256 * strength),
        shares.data,
        costs.data,
        few.data,
        numbers.data,
        bounds.data,
    )
    return numbers, bounds


def _bayer(side: int) -> NDArray[np.uint8]:
    """Return the thresholds 0 to side² - 1 of ordered dithering (Bayer, 1973); `side` is a power of two."""
    matrix = np.zeros((1, 1), np.uint8)
    while len(matrix) < side:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]]).astype(np.uint8)
    return matrix


def _by_threshold(inverse: NDArray[np.uint32], numbers: Indices, bounds: NDArray[np.uint8]) -> Indices:
    """Return the indices: of each colour's entries (n, LISTED) the first with a bound above the threshold."""
    thresholds = _bayer(8)
    height, width = inverse.shape
    line = np.tile(thresholds, (1, width // 8 + 1))[:, :width]
    indices: Indices = np.empty((height, width), numbers.dtype)
    for y in range(height):
        colours = inverse[y]
        place = (bounds[colours] <= line[y % 8][:, np.newaxis]).sum(axis=1)
        indices[y] = numbers[colours, place]
    return indices
