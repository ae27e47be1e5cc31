"""Sections 2 to 4, 7 and 9 of the spec: a file, its header, sections and tiles, and the order of reading."""

import zlib
from itertools import product
from typing import NamedTuple

from .annex_a import Decoder
from .annex_b import read_coded_palette
from .annex_c import read_context
from .annex_d import read_adaptive
from .conventions import LIMIT, TRUNCATED, UNSUPPORTED, Fields, Rejected, bit_depth, require
from .plain_codings import read_packed, read_zstd

# Sections 2 and 4. The file: its header and its tiles


class File(NamedTuple):
    """What steps 1 to 5 of section 9 find: everything but the indices."""

    width: int
    height: int
    channels: int  # c: 1 grey, 3 RGB, 4 RGBA
    coding: int
    tile: int | None  # its side, or None if the picture is one tile
    palette: list  # k entries, each a tuple of c values
    sections: dict  # tag to data
    header_size: int
    palette_size: int  # bytes of the field
    payloads: list  # (offset, Tile_CRC, bytes) of each tile

    def tiles(self):
        """x, y, width and height of each tile, in raster order (section 4)."""
        side = self.tile or max(self.width, self.height)
        for y, x in product(range(0, self.height, side), range(0, self.width, side)):
            yield x, y, min(side, self.width - x), min(side, self.height - y)


PACKED, ZSTD, CONTEXT, ADAPTIVE = range(4)
CODINGS = ("packed", "zstd", "context", "adaptive")


class Header(NamedTuple):
    """What steps 1 and 2 of section 9 find: the fields of a header whose checksum is right."""

    width: int
    height: int
    channels: int
    k: int
    coding: int
    tile: int | None
    palette_coded: bool
    stored: bytes  # the palette as it is stored
    stored_at: int
    palette_size: int  # bytes of the field
    sections_size: int
    index: Fields
    has_lengths: bool  # whether an item of the index has a Tile_Length
    size: int


def read_header(data):
    """Steps 1 and 2 of section 9."""
    # Step 1: the header's fields, one by one in file order.
    if len(data) < 3:
        require(b"KMQ".startswith(data), "M3", 0, "Magic is not KMQ")
    fields = Fields(data, 0, len(data))
    # M3: Magic is 4B 4D 51.
    require(fields.take(3, "Magic") == b"KMQ", "M3", 0, "Magic is not KMQ")
    # M4: Version is 1.
    version = fields.u8("Version")
    require(version == 1, "M4", 3, f"Version is {version}", UNSUPPORTED)
    flags = fields.u8("Flags")
    # M11: Channels is not 3. M12: Coding is 0 to 3.
    require(flags & 3 != 3, "M11", 4, "Channels is 3")
    channels, coding = (1, 3, 4)[flags & 3], flags >> 2 & 7
    require(coding <= ADAPTIVE, "M12", 4, f"Coding is {coding}", UNSUPPORTED)
    palette_coded, tiled, has_sections = (flags & bit > 0 for bit in (0x20, 0x40, 0x80))
    width, height, k = read_sizes(fields)
    tile, sections_size = None, 0
    if tiled:
        # M8: Tile_Exponent is 4 to 15.
        exponent = fields.u8("Tile_Exponent")
        require(4 <= exponent <= 15, "M8", fields.at - 1, f"Tile_Exponent is {exponent}")
        tile = 2**exponent
    if has_sections:
        # M9: Sections_Size is not 0.
        sections_size = fields.uleb("Sections_Size")
        require(sections_size > 0, "M9", fields.at - 1, "Sections_Size is 0")
    palette_at = fields.at
    stored = fields.take(fields.uleb("Palette") if palette_coded else k * channels, "Palette")
    stored_at, palette_size = fields.at - len(stored), fields.at - palette_at
    # Tile_Index: an item for each tile, of a Tile_Length, unless that follows from the rest, and a Tile_CRC.
    columns, rows = (1, 1) if tile is None else (-(-width // tile), -(-height // tile))
    has_lengths = tiled and coding != PACKED
    index_size = columns * rows * (8 if has_lengths else 4)
    index = Fields(fields.take(index_size, "Tile_Index"), 0, index_size)
    # Step 2. M10: Header_CRC is that of every byte before it.
    actual = zlib.crc32(data[: fields.at])
    require(fields.u32("Header_CRC") == actual, "M10", fields.at - 4, "Header_CRC is wrong")
    return Header(
        *(width, height, channels, k, coding, tile, palette_coded, stored, stored_at, palette_size),
        *(sections_size, index, has_lengths, fields.at),
    )


def read_sizes(fields):
    """Width, height and k."""
    # M5, M6: at most 2^31 - 2. M7: at most 65,535.
    limits = [("Width_Minus_1", 2**31 - 2), ("Height_Minus_1", 2**31 - 2), ("Entries_Minus_1", 65_535)]
    sizes = []
    for rule, (name, most) in zip(("M5", "M6", "M7"), limits, strict=True):
        at = fields.at
        sizes.append(fields.uleb(name) + 1)
        require(sizes[-1] - 1 <= most, rule, at, f"{name} is {sizes[-1] - 1}")
    return sizes


def read_file(data, max_pixels=None, trace=None):
    """Steps 1 to 5 of section 9. Raises Rejected."""
    data = bytes(data)
    header = read_header(data)
    # Step 3: the decoder's own limits, and then the palette if it is coded.
    width, height, channels, k = header.width, header.height, header.channels, header.k
    if max_pixels is not None and width * height > max_pixels:
        raise Rejected(LIMIT, "", 5, f"the picture has {width * height} pixels")
    if header.palette_coded:
        palette = read_coded_palette(Decoder(header.stored, trace), k, channels, header.stored_at)
    else:
        palette = [tuple(header.stored[i : i + channels]) for i in range(0, k * channels, channels)]
    file = File(
        *(width, height, channels, header.coding, header.tile, palette),
        *({}, header.size, header.palette_size, []),
    )
    # Step 4: the size of the rest.
    at = header.size + header.sections_size
    for _, _, w, h in file.tiles():
        if header.coding == PACKED:
            size = -(-w * h * bit_depth(k) // 8)  # M15
        else:
            size = header.index.u32("Tile_Length") if header.has_lengths else max(0, len(data) - at)
        file.payloads.append((at, header.index.u32("Tile_CRC"), data[at : at + size]))
        at += size
    if len(data) < at:
        raise Rejected(TRUNCATED, "", len(data), f"the payloads end at {at}")
    require(len(data) == at, "M2", at, "bytes follow after the last tile")
    # Step 5: the sections, in file order.
    file.sections.update(read_sections(data, header.size, header.sections_size))
    return file


# Section 7. Sections


def read_sections(data, at, size):
    """Each section's tag and data."""
    fields = Fields(data, at, at + size, "Sections_Size")
    found = {}
    while fields.at < fields.end:
        start = fields.at
        tag = fields.take(4, "Tag")
        # M18: the first byte an ASCII letter, the others 20 to 7E.
        named = tag[:1].isalpha() and all(0x20 <= byte <= 0x7E for byte in tag)
        require(named, "M18", start, "Tag has a byte that none can have")
        # M1; M21: the sections fill Sections_Size bytes exactly.
        content = fields.take(fields.uleb("Size"), "Data")
        # M20: Section_CRC is that of Tag, Size and Data.
        actual = zlib.crc32(data[start : fields.at])
        require(fields.u32("Section_CRC") == actual, "M20", fields.at - 4, "Section_CRC is wrong")
        # M19: no tag appears twice. M22: none is critical and unknown; version 1 has no critical ones.
        require(tag not in found, "M19", start, f"Tag {tag} appears twice")
        require(tag[:1].islower(), "M22", start, f"Tag {tag} is critical and unknown", UNSUPPORTED)
        found[tag] = content
    return found


# Section 9. Reading


def read_indices(file, trace=None):
    """Step 6: rows of indices. Raises Rejected."""
    rows = [[0] * file.width for _ in range(file.height)]
    k = len(file.palette)
    for (x, y, width, height), (at, crc, payload) in zip(file.tiles(), file.payloads, strict=True):
        # M14: Tile_CRC is that of the tile's payload.
        require(zlib.crc32(payload) == crc, "M14", at, "Tile_CRC is wrong")
        if file.coding == PACKED:
            indices = read_packed(payload, at, width * height, k)
            # M17: every index is below k.
            require(max(indices) < k, "M17", at, f"an index is {max(indices)}")
        elif file.coding == ZSTD:
            indices = read_zstd(payload, at, width * height, k)
        else:
            read = read_context if file.coding == CONTEXT else read_adaptive
            indices = read(payload, at, width, height, file.palette, trace)
        for row in range(height):
            rows[y + row][x : x + width] = indices[row * width : (row + 1) * width]
    return rows


def decode(data, max_pixels=None, trace=None):
    """The picture as width, height, channels, and its pixels as bytes in raster order. Raises Rejected.

    `trace(p, bit)`, if given, is called for every bit that annex A's coder decodes, and likewise with low and
    freq for every symbol of the adaptive coding.
    """
    file = read_file(data, max_pixels, trace)
    rows = read_indices(file, trace)
    pixels = bytes(value for row in rows for index in row for value in file.palette[index])
    return file.width, file.height, file.channels, pixels


def portable(width, height, channels, pixels):
    """The bytes of a PGM, a PPM, or with alpha a PAM file."""
    if channels == 4:
        head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    else:
        head = f"{'P5' if channels == 1 else 'P6'}\n{width} {height}\n255\n"
    return head.encode("ascii") + pixels
