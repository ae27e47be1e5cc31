"""The table of codings: how each writes and reads a tile (spec sections 5 and 6, annexes C and D)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kmq._coding.adaptive.payload import adaptive_tile, read_adaptive_tile
from kmq._coding.context.payload import context_tile, read_context_tile
from kmq._coding.packed import pack_indices, unpack_tile
from kmq._coding.zstd import unzstd_tile, zstd_tile

if TYPE_CHECKING:
    from kmq._indexed.index_plane import IndexPlane, Indices
    from kmq._indexed.palette import Palette

THOROUGH = "thorough"
"""The effort for which "auto" takes the context coding."""

AUTO = "auto"
"""Asks for the coding that suits the picture; see `candidates`."""

TINY_PIXELS = 1 << 12
"""Most pixels for which "auto" tries context alone: adaptive is smaller in 1 of 100, and by some bytes."""

SMALL_PIXELS = 1 << 15
"""Most pixels for which "auto" tries the context coding too, which is smaller and a tenth as fast."""

THOROUGH_PIXELS = 8_000_000
"""Most pixels for which "auto" takes the context coding if the effort is "thorough"."""


@dataclass(frozen=True, slots=True)
class CodingOptions:
    """Options for writing a tile. A decoder needs none of them.

    `effort` is that of `kmq.encode`: how much time a smaller payload is worth.
    """

    effort: str = "default"


@dataclass(frozen=True, slots=True)
class Coding:
    """One way of writing the indices of a tile.

    - `code`: its number in `Flags`.
    - `sized`: the header determines the size of every payload, so no `Tile_Length` is stored.
    - `codes_palette`: the palette is coded too, if that is smaller.
    - `flat_is_free`: pixels in flat surroundings take next to no time.
    - `encode(plane, palette, options)` returns a tile's payload.
    - `decode(payload, indices, palette, offset)` fills `indices` (H, W), which must be zero, from a payload
      that begins at `offset` of its file. It raises FormatError if the payload is invalid.
    """

    name: str
    code: int
    sized: bool
    codes_palette: bool
    flat_is_free: bool
    encode: Callable[[IndexPlane, Palette, CodingOptions], bytes]
    decode: Callable[[memoryview, Indices, Palette, int], None]


PACKED = Coding(
    name="packed",
    code=0,
    sized=True,
    codes_palette=False,
    flat_is_free=False,
    encode=lambda plane, _palette, _options: pack_indices(plane),
    decode=lambda payload, indices, palette, offset: unpack_tile(payload, indices, palette.k, offset),
)
ZSTD = Coding(
    name="zstd",
    code=1,
    sized=False,
    codes_palette=False,
    flat_is_free=False,
    encode=lambda plane, _palette, options: zstd_tile(plane, options.effort),
    decode=lambda payload, indices, palette, offset: unzstd_tile(payload, indices, palette.k, offset),
)
CONTEXT = Coding(
    name="context",
    code=2,
    sized=False,
    codes_palette=True,
    flat_is_free=False,
    encode=lambda plane, palette, options: context_tile(plane, palette, options.effort),
    decode=read_context_tile,
)
ADAPTIVE = Coding(
    name="adaptive",
    code=3,
    sized=False,
    codes_palette=True,
    flat_is_free=True,
    encode=lambda plane, palette, _options: adaptive_tile(plane, palette),
    decode=read_adaptive_tile,
)

CODINGS = MappingProxyType({coding.name: coding for coding in (PACKED, ZSTD, CONTEXT, ADAPTIVE)})
"""The codings by name (spec M12)."""


def candidates(coding: str, pixels: int, effort: str) -> tuple[Coding, ...]:
    """Return the codings to try for a picture of `pixels` pixels. If files are equally small, the first wins.

    A named coding is the only one. "auto" tries packed and adaptive, and up to `SMALL_PIXELS` context too.
    Context replaces adaptive up to `TINY_PIXELS` or, with the effort "thorough", `THOROUGH_PIXELS`.
    """
    if coding != AUTO:
        return (CODINGS[coding],)
    if pixels <= (THOROUGH_PIXELS if effort == THOROUGH else TINY_PIXELS):
        return PACKED, CONTEXT
    if pixels <= SMALL_PIXELS:
        return PACKED, ADAPTIVE, CONTEXT
    return PACKED, ADAPTIVE
