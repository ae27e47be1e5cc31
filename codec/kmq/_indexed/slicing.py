"""NumPy's basic indexing of a picture: which pixels to decode, and which of those to return.

Takes a key and the picture's shape. Returns a box of pixels and the index to apply to it. The box is the
smallest that holds every pixel of the key, so it never leaves the picture.
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
"""The key of one axis."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The pixels that a key selects: decode `box`, then apply `index` to get an array of `shape`.

    `index` applies to the box's pixels, (height, width) or (height, width, c). `box` is None if the
    result is empty.
    """

    box: Box | None
    index: tuple[Part, ...]
    shape: tuple[int, ...]


def selection(key: object, shape: tuple[int, ...]) -> Selection:
    """Return what `key` selects from a picture of `shape`, (H, W) or (H, W, c), by NumPy's rules.

    An integer removes its axis; a negative one counts from the end. Slices may have steps of any sign.

    Raises IndexError for an integer outside its axis and for a key with too many axes; TypeError for
    arrays, lists, booleans and None; ValueError for a step of 0.
    """
    parts = _parts(key, len(shape))
    # NumPy checks the bounds and gives the shape, on an array that takes no memory.
    taken = np.broadcast_to(np.uint8(0), shape)[parts].shape
    spans: list[range] = []
    index: list[Part] = []
    for part, length in zip(parts[:2], shape, strict=False):
        if isinstance(part, slice):
            span = range(length)[part]
            spans.append(span)
            index.append(slice(None, None, span.step))  # a negative step starts at the end of the box
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
    """Return an integer or a slice for each axis, with `...` written out."""
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
    except TypeError:  # arrays have __index__ too, and it fails
        raise TypeError(f"index has {shown(part)}; it can have integers, slices and ...") from None
