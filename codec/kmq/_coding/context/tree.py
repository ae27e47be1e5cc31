"""The tree over the palette: each index is coded as a path down it (spec C.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.context.tree_loop import fill_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette

AXES = np.array(
    [[3, 4, 3, 0], [4, 0, -4, 0], [-2, 5, -2, 0], [6, 0, 0, 0], [0, 6, 0, 0], [0, 0, 6, 0], [0, 0, 0, 6]],
    np.int32,
)
"""Axes in red, green, blue and alpha, all about 6 long: lightness, two of hue, the four channels."""

AXES_OF = {1: 1, 3: 6, 4: 7}
"""Axes in use, by the number of channels."""

MOST_EXPONENT = 15
"""Largest rough count; it stands for 2^15 pixels or more."""


@dataclass(frozen=True, slots=True)
class PaletteTree:
    """A tree: `points` (k, 8) int16; `nodes` (k - 1, 8), `leaf_parents` (k,) and `classes` (k,) int32.

    `fill_tree` says what these hold.
    """

    points: NDArray[np.int16]
    nodes: NDArray[np.int32]
    leaf_parents: NDArray[np.int32]
    classes: NDArray[np.int32]


def rough_counts(indices: Indices, k: int) -> NDArray[np.int32]:
    """Return floor(log2(count)) of every entry, at most 15, and 0 for unused entries: (k,) int32."""
    counts = np.bincount(indices.reshape(-1), minlength=k)
    exponents = np.frexp(np.maximum(counts, 1))[1] - 1
    rough: NDArray[np.int32] = np.minimum(exponents, MOST_EXPONENT).astype(np.int32)
    return rough


@lru_cache(maxsize=2)
def plain_tree(palette: Palette) -> PaletteTree:
    """Return the tree of a palette without rough counts.

    It is kept for the next tile: for 65,536 entries it takes 40 ms, which is long for a tile of 16 x 16.
    """
    return palette_tree(palette, np.zeros(palette.k, np.int32))


def palette_tree(palette: Palette, exponents: NDArray[np.int32]) -> PaletteTree:
    """Return the tree of a palette. `exponents` (k,) int32 are the rough counts, by which entries weigh.

    Each split is across the axis on which the weighted entries deviate most from their mean.
    """
    entries = palette.entries.astype(np.int32)
    if palette.channels == 1:
        entries = np.repeat(entries, 3, axis=1)
    if palette.channels == 4:
        entries[:, :3] = entries[:, :3] * entries[:, 3:] // 255
    points = np.zeros((palette.k, 8), np.int16)
    points[:, : len(AXES)] = entries @ AXES[:, : entries.shape[1]].T
    nodes = np.zeros((max(1, palette.k - 1), 8), np.int32)
    leaf_parents = np.zeros(palette.k, np.int32)
    classes = np.zeros(palette.k, np.int32)
    if palette.k > 1:
        order = np.arange(palette.k, dtype=np.int32)
        axes = AXES_OF[palette.channels]
        spare = np.empty_like(order)
        fill_tree(
            points.data,
            axes,
            exponents.data,
            order.data,
            spare.data,
            nodes.data,
            leaf_parents.data,
            classes.data,
        )
    return PaletteTree(points, nodes, leaf_parents, classes)
