"""The codings of an index plane: how each writes a tile, and reads it (spec sections 5 to 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kmq._coding.context.payload import context_tile, read_context_tile
from kmq._coding.packed import pack_indices, unpack_tile
from kmq._coding.zstd import unzstd_tile, zstd_tile

if TYPE_CHECKING:
    from kmq._indexed.index_plane import IndexPlane, Indices
    from kmq._indexed.palette import Palette

AUTO = "auto"
"""Asks for the coding that suits the picture: see `candidates`."""

AUTO_CONTEXT_PIXELS = 8_000_000
"""Most pixels of a picture for which "auto" takes the context coding, which is smaller and slower."""


@dataclass(frozen=True, slots=True)
class CodingOptions:
    """What an encoder may be told about how to write a tile. A decoder needs none of it.

    `effort` is that of `kmq.encode`: how much time a smaller payload is worth.
    """

    effort: str = "default"


@dataclass(frozen=True, slots=True)
class Coding:
    """One way of writing the indices of a tile.

    `code` is its number in `Flags`; `sized` says that the header gives the size of every
    payload, so that no `Tile_Length` is stored; `codes_palette` that the palette is coded too, where that is
    smaller. `encode(plane, palette, options)` returns a tile's
    payload. `decode(payload, indices, palette, offset)` fills `indices`, (H, W) and zero before, from
    a payload that begins at `offset` of its file, and raises FormatError if it isn't one.
    """

    name: str
    code: int
    sized: bool
    codes_palette: bool
    encode: Callable[[IndexPlane, Palette, CodingOptions], bytes]
    decode: Callable[[memoryview, Indices, Palette, int], None]


PACKED = Coding(
    name="packed",
    code=0,
    sized=True,
    codes_palette=False,
    encode=lambda plane, _palette, _options: pack_indices(plane),
    decode=lambda payload, indices, palette, offset: unpack_tile(payload, indices, palette.k, offset),
)
ZSTD = Coding(
    name="zstd",
    code=1,
    sized=False,
    codes_palette=False,
    encode=lambda plane, _palette, options: zstd_tile(plane, options.effort),
    decode=lambda payload, indices, palette, offset: unzstd_tile(payload, indices, palette.k, offset),
)
CONTEXT = Coding(
    name="context",
    code=2,
    sized=False,
    codes_palette=True,
    encode=lambda plane, palette, options: context_tile(plane, palette, options.effort),
    decode=read_context_tile,
)

CODINGS = MappingProxyType({coding.name: coding for coding in (PACKED, ZSTD, CONTEXT)})
"""Every coding by its name (spec M12)."""


def candidates(coding: str, pixels: int) -> tuple[Coding, ...]:
    """Return the codings to try for a picture of so many pixels; of equally small files the first is taken.

    That is the one that is named; for "auto" packed and the one that makes smaller files, in
    a time that is in proportion to the rest of the encoding.
    """
    if coding != AUTO:
        return (CODINGS[coding],)
    smaller = CONTEXT if pixels <= AUTO_CONTEXT_PIXELS else ZSTD
    return PACKED, smaller
