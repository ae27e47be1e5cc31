"""Everything but the payloads: header, palette, tile index and sections (spec sections 2 to 4 and 7 to 9).

The types of fields and their checksums are in `fields`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._coding.codings import CODINGS, Coding
from kmq._coding.packed import packed_size
from kmq._coding.palette import read_coded_palette
from kmq._container.fields import CRC_BYTES, Fields, check_crc, uleb, with_crc
from kmq._ground.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from kmq._indexed.index_plane import MAX_ENTRIES, bit_depth
from kmq._indexed.palette import Palette
from kmq._indexed.tiles import MAX_SIDE, TILE_EXPONENTS, TileGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._ground.sources import Source

MAGIC = b"KMQ"
VERSION = 1
CHANNELS = {0: 1, 1: 3, 2: 4}
"""Bytes an entry by `Channels` (spec M11)."""

PALETTE_CODED, TILED, HAS_SECTIONS = 1 << 5, 1 << 6, 1 << 7
SECTION_TAGS = {"icc": b"icc ", "exif": b"exif", "xmp": b"xmp ", "density": b"dens"}
"""The tag of each kind of metadata (spec section 7)."""

LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Header:
    """A parsed header, which is enough to know the picture's size and colours.

    `size` is its bytes, `palette_size` those of the whole palette field, `sections_size` those of
    the sections after it. `items` (n, 1 or 2), u32, are those of `Tile_Index`.
    """

    grid: TileGrid
    coding: Coding
    palette: Palette
    palette_size: int
    size: int
    sections_size: int
    items: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Container:
    """A parsed file: everything except the payloads, and where those are.

    `palette_size` is that of the whole field, in bytes.
    `tile_starts` (n + 1,) are the offsets of the tiles' payloads, then of the file's end.
    `metadata` maps "icc", "exif", "xmp", "density", or an unknown skippable tag, to bytes.
    """

    grid: TileGrid
    coding: Coding
    palette: Palette
    metadata: Mapping[str, bytes]
    palette_size: int
    header_size: int
    sections_size: int
    tile_starts: NDArray[np.int64]
    tile_crcs: NDArray[np.uint32]

    @property
    def index_start(self) -> int:
        """Offset of `Tile_Index`."""
        return self.header_size - CRC_BYTES - len(self.tile_crcs) * _item_bytes(self.grid, self.coding)

    @property
    def length_bytes(self) -> int:
        """Bytes of all `Tile_Length` fields."""
        return len(self.tile_crcs) * (_item_bytes(self.grid, self.coding) - CRC_BYTES)

    @property
    def section_crc_bytes(self) -> int:
        """Bytes of the sections' checksums."""
        return CRC_BYTES * len(self.metadata)

    @property
    def crc_bytes(self) -> int:
        """Bytes of all checksums in the file."""
        return CRC_BYTES * (1 + len(self.tile_crcs)) + self.section_crc_bytes

    def span(self, number: int) -> tuple[int, int]:
        """Return where a tile's payload begins and ends."""
        return int(self.tile_starts[number]), int(self.tile_starts[number + 1])

    def check_payload(self, number: int, payload: memoryview) -> None:
        """Raise FormatError if the CRC-32 of a tile's payload is wrong."""
        at = self.index_start + (number + 1) * _item_bytes(self.grid, self.coding) - CRC_BYTES
        check_crc("Tile_CRC", at, int(self.tile_crcs[number]), payload, "M14")


def write_head(
    grid: TileGrid,
    palette: Palette,
    coding: Coding,
    lengths: Sequence[int],
    crcs: Sequence[int],
    metadata: Mapping[str, bytes],
    coded_palette: bytes | None = None,
) -> bytes:
    """Return everything of a file that comes before its payloads.

    `lengths` and `crcs` are those of each tile's payload, in raster order; the number of bytes returned
    doesn't depend on them. `coded_palette` is the palette in coded form, if it has one.
    """
    has_lengths = _item_bytes(grid, coding) > CRC_BYTES
    sections = b"".join(
        with_crc(SECTION_TAGS[name] + uleb(len(data)) + data) for name, data in metadata.items()
    )
    flags = {channels: code for code, channels in CHANNELS.items()}[palette.channels]
    flags |= coding.code << 2
    entries = palette.entries.tobytes()
    if coded_palette is not None:
        flags |= PALETTE_CODED
        entries = uleb(len(coded_palette)) + coded_palette
    optional = b""
    if grid.side is not None:
        flags |= TILED
        optional += bytes([grid.side.bit_length() - 1])
    if sections:
        flags |= HAS_SECTIONS
        optional += uleb(len(sections))
    header = b"".join(
        [
            MAGIC,
            bytes([VERSION, flags]),
            uleb(grid.width - 1),
            uleb(grid.height - 1),
            uleb(palette.k - 1),
            optional,
            entries,
            b"".join(
                (length.to_bytes(LENGTH_BYTES, "little") if has_lengths else b"")
                + crc.to_bytes(CRC_BYTES, "little")
                for length, crc in zip(lengths, crcs, strict=True)
            ),
        ]
    )
    return with_crc(header) + sections


def read_container(data: Source, max_pixels: int | None = None) -> Container:
    """Parse and check everything except the payloads, which aren't read: steps 1 to 5 of spec section 9.

    Memory is in proportion to the size of `data`, whatever its numbers say.

    Raises FormatError, TruncatedError, UnsupportedError, and LimitError for a picture of
    more than `max_pixels` pixels.
    """
    header = read_header(data, max_pixels)
    starts = _tile_starts(data, header)
    return Container(
        grid=header.grid,
        coding=header.coding,
        palette=header.palette,
        metadata=read_sections(data, header),
        palette_size=header.palette_size,
        header_size=header.size,
        sections_size=header.sections_size,
        tile_starts=starts,
        tile_crcs=header.items[:, -1].astype(np.uint32),
    )


def read_header(data: Source, max_pixels: int | None = None) -> Header:
    """Parse and check the header of a file, or of its beginning: steps 1 to 3 of spec section 9.

    Raises what `read_container` does; TruncatedError if `data` ends within the header.
    """
    fields = Fields(data)
    _read_magic(fields)
    flags = fields.byte("Flags")
    channels, coding = _read_flags(flags)
    width = fields.uleb("Width_Minus_1", MAX_SIDE - 1, "M5") + 1
    height = fields.uleb("Height_Minus_1", MAX_SIDE - 1, "M6") + 1
    k = fields.uleb("Entries_Minus_1", MAX_ENTRIES - 1, "M7") + 1
    grid = TileGrid(width, height, _read_side(fields) if flags & TILED else None)
    sections_size = _read_sections_size(fields) if flags & HAS_SECTIONS else 0
    palette_at = fields.at
    is_coded = bool(flags & PALETTE_CODED)
    size = fields.uleb("Palette_Size", 2**32 - 1, "M1") if is_coded else k * channels
    entries_at = fields.at
    stored = fields.take(size, "Palette")
    palette_size = fields.at - palette_at
    index = np.frombuffer(fields.take(grid.count * _item_bytes(grid, coding), "Tile_Index"), "<u4")
    fields.check_crc("Header_CRC", 0, "M10")
    if max_pixels is not None and width * height > max_pixels:
        raise LimitError(
            f"Width_Minus_1 and Height_Minus_1 at offset 5: the picture has {width} x {height} = "
            f"{width * height} pixels; max_pixels allows {max_pixels}"
        )
    if is_coded:
        entries = read_coded_palette(stored, k, channels, entries_at)
    else:
        entries = np.frombuffer(stored, np.uint8).reshape(k, channels)
    return Header(
        grid=grid,
        coding=coding,
        palette=Palette(entries),
        palette_size=palette_size,
        size=fields.at,
        sections_size=sections_size,
        items=index.reshape(grid.count, -1),
    )


def _read_magic(fields: Fields) -> None:
    """Read Magic and Version. What is shorter than Magic may still be the beginning of a file."""
    given = fields.data[: len(MAGIC)]
    if given != MAGIC[: len(fields.data)]:
        raise FormatError(
            f"Magic at offset 0 is {bytes(given).hex(' ').upper()}, not 4B 4D 51: "
            "this is not a .kmq file (spec M3)"
        )
    fields.take(len(MAGIC), "Magic")
    version = fields.byte("Version")
    if version != VERSION:
        raise UnsupportedError(
            f"Version at offset 3 is {version}; this decoder reads version {VERSION} (spec M4)"
        )


def _read_flags(flags: int) -> tuple[int, Coding]:
    channels = CHANNELS.get(flags & 3)
    if channels is None:
        raise FormatError(f"Flags at offset 4 are 0x{flags:02X}: Channels must not be 3 (spec M11)")
    code = flags >> 2 & 7
    coding = next((known for known in CODINGS.values() if known.code == code), None)
    if coding is None:
        raise UnsupportedError(
            f"Flags at offset 4 are 0x{flags:02X}: this decoder doesn't have coding {code} (spec M12)"
        )
    return channels, coding


def _read_side(fields: Fields) -> int:
    """Read Tile_Exponent; return the side of a tile."""
    exponent = fields.byte("Tile_Exponent")
    if exponent not in TILE_EXPONENTS:
        raise FormatError(
            f"Tile_Exponent at offset {fields.at - 1} is {exponent}; it must be 4 to 15 (spec M8)"
        )
    return 1 << exponent


def _read_sections_size(fields: Fields) -> int:
    size = fields.uleb("Sections_Size", 2**32 - 1, "M9")
    if size == 0:
        raise FormatError(f"Sections_Size at offset {fields.at - 1} is 0 (spec M9)")
    return size


def packed_bytes(grid: TileGrid, k: int) -> int:
    """Return the bytes that the payloads of all tiles of indices below k take when packed."""
    if grid.side is None:
        return packed_size(grid.width * grid.height, k)
    return int(_packed_lengths(grid, k).sum())


def _packed_lengths(grid: TileGrid, k: int) -> NDArray[np.int64]:
    side = grid.side or max(grid.width, grid.height)
    widths, heights = (
        np.minimum(side, length - np.arange(0, length, side, dtype=np.int64))
        for length in (grid.width, grid.height)
    )
    lengths: NDArray[np.int64] = ((np.outer(heights, widths) * bit_depth(k) + 7) // 8).ravel()
    return lengths


def _item_bytes(grid: TileGrid, coding: Coding) -> int:
    """Return the bytes of an item of `Tile_Index` (spec section 4)."""
    return CRC_BYTES if grid.side is None or coding.sized else LENGTH_BYTES + CRC_BYTES


def _tile_starts(data: Source, header: Header) -> NDArray[np.int64]:
    """Return where the tiles' payloads begin, and where the last one ends: the file's end."""
    grid, coding, k = header.grid, header.coding, header.palette.k
    first = header.size + header.sections_size
    if grid.side is None:
        # A packed payload can have 2^63 bytes, which is no NumPy integer.
        size = packed_bytes(grid, k) if coding.sized else max(0, len(data) - first)
        _check_size(data, first + size)
        return np.array([first, first + size], np.int64)
    starts = np.empty(grid.count + 1, np.int64)
    starts[0] = first
    starts[1:] = _packed_lengths(grid, k) if coding.sized else header.items[:, 0]
    np.cumsum(starts, out=starts)
    _check_size(data, int(starts[-1]))
    return starts


def _check_size(data: Source, expected: int) -> None:
    if len(data) < expected:
        raise TruncatedError(
            f"the file is truncated: its tiles' payloads end at offset {expected}; it ends at {len(data)}"
        )
    if len(data) > expected:
        raise FormatError(
            f"the file has {len(data)} bytes; it must end at offset {expected}, after the tiles (spec M2)"
        )


def read_sections(data: Source, header: Header) -> Mapping[str, bytes]:
    """Parse and check the sections, all of which `data` must have: step 5 of spec section 9."""
    return MappingProxyType(dict(_sections(data, header.size, header.sections_size)))


def _sections(data: Source, start: int, size: int) -> Iterator[tuple[str, bytes]]:
    names = {tag: name for name, tag in SECTION_TAGS.items()}
    seen = set()
    fields = Fields(data, start, start + size, within="Sections_Size")
    while fields.at < fields.end:
        at = fields.at
        tag = bytes(fields.take(4, "Tag"))
        if not (tag[:1].isalpha() and all(0x20 <= byte <= 0x7E for byte in tag)):
            raise FormatError(f"Tag at offset {at} is {tag!r}, which no tag can be (spec M18)")
        content = fields.take(fields.uleb("Size", 2**32 - 1, "M1"), "Data")
        fields.check_crc("Section_CRC", at, "M20")
        if tag in seen:
            raise FormatError(f"Tag at offset {at} is {tag!r} for the second time (spec M19)")
        seen.add(tag)
        if tag not in names and tag[:1].isupper():
            raise UnsupportedError(
                f"Tag at offset {at} is {tag!r}, a critical section this decoder doesn't know (spec M22)"
            )
        yield names.get(tag, tag.decode("ascii")), bytes(content)
