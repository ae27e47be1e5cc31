"""The table of codings: how each writes and reads a tile (spec sections 5 and 6, annexes C and D)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

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


# Each imports its coding when a file has it: most programs meet one or two.


def _packed(plane: IndexPlane, _palette: Palette, _options: CodingOptions) -> bytes:
    from kmq._coding.packed import pack_indices

    return pack_indices(plane)


def _read_packed(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    from kmq._coding.packed import unpack_tile

    unpack_tile(payload, indices, palette.k, offset)


def _zstd(plane: IndexPlane, _palette: Palette, options: CodingOptions) -> bytes:
    from kmq._coding.zstd import zstd_tile

    return zstd_tile(plane, options.effort)


def _read_zstd(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    from kmq._coding.zstd import unzstd_tile

    unzstd_tile(payload, indices, palette.k, offset)


def _context(plane: IndexPlane, palette: Palette, options: CodingOptions) -> bytes:
    from kmq._coding.context.payload import context_tile

    return context_tile(plane, palette, options.effort)


def _read_context(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    from kmq._coding.context.payload import read_context_tile

    read_context_tile(payload, indices, palette, offset)


def _adaptive(plane: IndexPlane, palette: Palette, _options: CodingOptions) -> bytes:
    from kmq._coding.adaptive.payload import adaptive_tile

    return adaptive_tile(plane, palette)


def _read_adaptive(payload: memoryview, indices: Indices, palette: Palette, offset: int) -> None:
    from kmq._coding.adaptive.payload import read_adaptive_tile

    read_adaptive_tile(payload, indices, palette, offset)


PACKED = Coding(
    name="packed", code=0, sized=True, codes_palette=False, flat_is_free=False,
    encode=_packed, decode=_read_packed,
)  # fmt: skip
ZSTD = Coding(
    name="zstd", code=1, sized=False, codes_palette=False, flat_is_free=False,
    encode=_zstd, decode=_read_zstd,
)  # fmt: skip
CONTEXT = Coding(
    name="context", code=2, sized=False, codes_palette=True, flat_is_free=False,
    encode=_context, decode=_read_context,
)  # fmt: skip
ADAPTIVE = Coding(
    name="adaptive", code=3, sized=False, codes_palette=True, flat_is_free=True,
    encode=_adaptive, decode=_read_adaptive,
)  # fmt: skip

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
