"""The index plane: one palette index for every pixel."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kmq._ground.arguments import checked_integer
from kmq._ground.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

MAX_ENTRIES = 65_536
"""Most entries a palette can have (spec M7)."""

Indices: TypeAlias = "NDArray[np.uint8 | np.uint16]"
"""Palette indices, shape (H, W): uint8 for k up to 256, uint16 above."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexPlane:
    """The palette index of every pixel of a picture.

    `indices` has shape (H, W), rows from the top, and is read-only. Its dtype is uint8 for k
    up to 256 and uint16 above. Every index is below `k`, which is 1 to 65,536. Any array of
    integers is accepted and copied. Two planes with equal indices and k are equal.

    Raises ValueError for another shape or dtype, an empty array, or an index out of range.
    """

    indices: Indices
    k: int

    def __init__(self, indices: ArrayLike, k: int) -> None:
        given = np.asarray(indices)
        k = checked_integer("k", k, 1, MAX_ENTRIES)
        if given.ndim != 2 or given.size == 0:
            raise ValueError(f"indices have shape {given.shape}; they must be (H, W), not empty")
        if given.dtype.kind not in "iu":
            raise ValueError(f"indices are {given.dtype}; they must be integers")
        least, most = int(given.min()), int(given.max())
        if least < 0 or most >= k:
            raise ValueError(f"indices go from {least} to {most}; k = {k} allows 0 to {k - 1}")
        own = np.array(given, index_dtype(k), order="C")
        own.flags.writeable = False
        object.__setattr__(self, "indices", own)
        object.__setattr__(self, "k", k)

    def __reduce__(self) -> tuple[type[IndexPlane], tuple[Indices, int]]:
        return IndexPlane, (self.indices, self.k)  # unpickled arrays are writeable: check and copy again

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.generic]:  # noqa: FBT001
        """Return `indices`, for `np.asarray`."""
        return np.array(self.indices, dtype, copy=copy)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.indices.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.indices.shape[0])

    @property
    def bit_depth(self) -> int:
        """Bits per packed index: ceil(log2 k), 0 to 16."""
        return bit_depth(self.k)

    def counts(self) -> NDArray[np.int64]:
        """Return how often each index occurs, shape (k,)."""
        indices = self.indices.reshape(-1)
        counts = np.zeros(self.k, np.int64)
        for start in range(0, len(indices), 1 << 20):  # bincount() makes 8 bytes of every index
            counts += np.bincount(indices[start : start + (1 << 20)], minlength=self.k)
        return counts

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndexPlane):
            return NotImplemented
        return self.k == other.k and np.array_equal(self.indices, other.indices)

    def __hash__(self) -> int:
        return hash((self.k, self.indices.shape, self.indices.tobytes()))

    def __repr__(self) -> str:
        return f"IndexPlane({self.width}x{self.height}, k={self.k})"


def index_dtype(k: int) -> type[np.uint8 | np.uint16]:
    """Return the dtype for indices below k: uint8 for k up to 256, uint16 above."""
    return np.uint8 if k <= 256 else np.uint16


def zero_indices(height: int, width: int, k: int) -> Indices:
    """Return zeros, shape (height, width), of the dtype for k. Raises MemoryError if they don't fit."""
    kind = index_dtype(k)
    if height * width * np.dtype(kind).itemsize > sys.maxsize:  # NumPy would raise ValueError
        raise MemoryError(f"{width} x {height} indices are more than this system can address")
    return np.zeros((height, width), kind)


def trusted_plane(indices: Indices, k: int) -> IndexPlane:
    """Wrap a contiguous array as a plane, unchecked and uncopied. The caller gives the array up."""
    plane = object.__new__(IndexPlane)
    indices.flags.writeable = False
    object.__setattr__(plane, "indices", indices)
    object.__setattr__(plane, "k", k)
    return plane


def check_below(indices: Indices, k: int, offset: int, left: int = 0, top: int = 0) -> None:
    """Raise FormatError unless all indices are below k.

    `indices` are a tile, or the part of it whose upper left pixel is at (left, top). The tile's
    payload begins at `offset`, which the message names.
    """
    if indices.max() >= k:
        y, x = divmod(int((indices >= k).argmax()), indices.shape[1])
        raise FormatError(
            f"payload at offset {offset}: the index at ({left + x}, {top + y}) of the tile is "
            f"{indices[y, x]}; with {k} palette entries it must be below {k} (spec M17)"
        )


def bit_depth(k: int) -> int:
    """Return the bits per packed index: the smallest b with 2**b >= k (spec section 1)."""
    return (k - 1).bit_length()
