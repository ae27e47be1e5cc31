"""NumPy's basic indexing of a picture: which pixels have to be decoded, and what to take of them.

In: a key, and the picture's shape. Out: a box in it, and the index to take of the box's pixels. What can't
happen: a box outside the picture, or one that is larger than what lies between the first pixel and the last.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import EllipsisType
from typing import TypeAlias

import numpy as np

from kmq._ground.arguments import shown
from kmq._indexed.tiles import Box

Part: TypeAlias = "int | slice"
"""What a key says of one axis."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Of the pixels of `box`, (height, width) or with channels, `index` takes an array of `shape`.

    `box` is None if that array is empty.
    """

    box: Box | None
    index: tuple[Part, ...]
    shape: tuple[int, ...]


def selection(key: object, shape: tuple[int, ...]) -> Selection:
    """Return what a key means for a picture of `shape`, (H, W) or (H, W, c), as NumPy would read it.

    Integers take away their axis, negative ones count from the end; slices may have steps of any sign.

    Raises IndexError for an integer outside its axis and for too many of them; TypeError for arrays, lists,
    booleans and None; ValueError for a step of 0.
    """
    parts = _parts(key, len(shape))
    # An array without memory of its own, so that NumPy checks the rest and tells the shape.
    taken = np.broadcast_to(np.uint8(0), shape)[parts].shape
    spans: list[range] = []
    index: list[Part] = []
    for part, length in zip(parts[:2], shape, strict=False):
        if isinstance(part, slice):
            span = range(length)[part]
            spans.append(span)
            index.append(slice(None, None, span.step))  # from the end, if it is negative
        else:
            place = part % length
            spans.append(range(place, place + 1))
            index.append(0)
    rows, columns = spans
    if not rows or not columns:
        return Selection(None, (), taken)
    top, left = min(rows[0], rows[-1]), min(columns[0], columns[-1])
    height, width = abs(rows[-1] - rows[0]) + 1, abs(columns[-1] - columns[0]) + 1
    return Selection(Box(left, top, width, height), (*index, *parts[2:]), taken)


def _parts(key: object, axes: int) -> tuple[Part, ...]:
    """Return an integer or a slice for each axis."""
    given = key if isinstance(key, tuple) else (key,)
    gaps = sum(part is Ellipsis for part in given)
    if gaps > 1 or len(given) - gaps > axes:
        raise IndexError(f"index {shown(key)} is for {len(given) - gaps} axes; the picture has {axes}")
    missing = axes - (len(given) - gaps)
    parts: list[Part] = []
    for part in given if gaps else (*given, Ellipsis):
        if isinstance(part, EllipsisType):
            parts += [slice(None)] * missing
        elif isinstance(part, slice):
            parts.append(part)
        elif isinstance(part, (bool, np.bool)) or not hasattr(part, "__index__"):
            raise TypeError(f"index has {shown(part)}; it can have integers, slices and ...")
        else:
            parts.append(_integer(part))
    return tuple(parts)


def _integer(part: object) -> int:
    try:
        return operator.index(part)  # type: ignore[arg-type]
    except TypeError:  # an array has __index__ too
        raise TypeError(f"index has {shown(part)}; it can have integers, slices and ...") from None
