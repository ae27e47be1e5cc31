"""The reference decoder of the .kmq image format, version 1: SPEC.md as a program.

    python reference_decoder.py picture.kmq > picture.ppm

It is made to be read beside the spec, in whose order it is laid out, and to be compared with other decoders;
it is slow (a few thousand pixels a second in the context coding). M1 to M32 are the requirements of
SPEC.md, named where they are enforced. It needs nothing but Python 3.11, and for the Zstandard coding
Python 3.14 or the package `backports.zstd`. It shares no code with any other decoder.
"""

import argparse
import sys
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from typing import NamedTuple

FORMAT, TRUNCATED, UNSUPPORTED, LIMIT = "format", "truncated", "unsupported", "limit"


class Rejected(Exception):  # noqa: N818 - what happens to the file
    """A file that a decoder must reject: the class of the error (section 9), the requirement, where.

    `rule` is "" for the classes truncated and limit, which belong to no single requirement.
    """

    def __init__(self, kind, rule, at, what):
        super().__init__(f"{kind}: {what} (offset {at}{', ' + rule if rule else ''})")
        self.kind, self.rule, self.at = kind, rule, at


def require(condition, rule, at, what, kind=FORMAT):
    if not condition:
        raise Rejected(kind, rule, at, what)


# Section 1. Conventions


class Fields:
    """A place in the file that moves on from field to field, up to `end`."""

    def __init__(self, data, at, end, within="the file"):
        self.data, self.at, self.end, self.within = data, at, end, within

    def take(self, size, name):
        """The next `size` bytes."""
        if size > self.end - self.at:
            what = f"{name} takes {size} bytes, of which {self.within} has {self.end - self.at}"
            if self.within == "the file":
                raise Rejected(TRUNCATED, "", self.at, what)
            raise Rejected(FORMAT, "M21", self.at, what)
        self.at += size
        return self.data[self.at - size : self.at]

    def u8(self, name):
        return self.take(1, name)[0]

    def u32(self, name):
        return int.from_bytes(self.take(4, name), "little")

    def uleb(self, name):
        start, value = self.at, 0
        for place in range(5):
            byte = self.u8(name)
            value += (byte & 127) << 7 * place
            if byte < 128:
                # M1: the shortest form is used, of at most 5 bytes, and its value is below 2^32.
                require(byte > 0 or place == 0, "M1", start, f"{name} is not in its shortest form")
                require(value < 2**32, "M1", start, f"{name} is {value}")
                return value
        raise Rejected(FORMAT, "M1", start, f"{name} has more than 5 bytes")


def bit_depth(k):
    """The smallest b >= 0 with 2^b >= k."""
    b = 0
    while 2**b < k:
        b += 1
    return b


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


PACKED, ZSTD, CONTEXT = range(3)
CODINGS = ("packed", "zstd", "context")


def read_file(data, max_pixels=None, trace=None):
    """Steps 1 to 5 of section 9. Raises Rejected."""
    data = bytes(data)
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
    # M11: Channels is not 3. M12: Coding is 0, 1 or 2.
    require(flags & 3 != 3, "M11", 4, "Channels is 3")
    channels = (1, 3, 4)[flags & 3]
    coding = flags >> 2 & 7
    require(coding <= CONTEXT, "M12", 4, f"Coding is {coding}", UNSUPPORTED)
    palette_coded, tiled, has_sections = flags & 0x20, flags & 0x40, flags & 0x80
    # M5, M6: at most 2^31 - 2. M7: at most 65,535.
    limits = [("Width_Minus_1", 2**31 - 2), ("Height_Minus_1", 2**31 - 2), ("Entries_Minus_1", 65_535)]
    numbers = []
    for rule, (name, most) in zip(("M5", "M6", "M7"), limits, strict=True):
        at = fields.at
        numbers.append(fields.uleb(name) + 1)
        require(numbers[-1] - 1 <= most, rule, at, f"{name} is {numbers[-1] - 1}")
    width, height, k = numbers
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
    header_size = fields.at
    # Step 3: the decoder's own limits, and then the palette if it is coded.
    if max_pixels is not None and width * height > max_pixels:
        raise Rejected(LIMIT, "", 5, f"the picture has {width * height} pixels")
    if palette_coded:
        palette = read_coded_palette(Decoder(stored, trace), k, channels, stored_at)
    else:
        palette = [tuple(stored[i : i + channels]) for i in range(0, k * channels, channels)]
    file = File(width, height, channels, coding, tile, palette, {}, header_size, palette_size, [])
    # Step 4: the size of the rest.
    b, at = bit_depth(k), header_size + sections_size
    for _, _, w, h in file.tiles():
        if coding == PACKED:
            size = -(-w * h * b // 8)  # M15
        else:
            size = index.u32("Tile_Length") if has_lengths else max(0, len(data) - at)
        file.payloads.append((at, index.u32("Tile_CRC"), data[at : at + size]))
        at += size
    if len(data) < at:
        raise Rejected(TRUNCATED, "", len(data), f"the payloads end at {at}")
    require(len(data) == at, "M2", at, "bytes follow after the last tile")
    # Step 5: the sections, in file order.
    file.sections.update(read_sections(data, header_size, sections_size))
    return file


# Section 5. Packed coding


def read_packed(payload, at, pixels, k):
    """The indices of a tile, in raster order."""
    b = bit_depth(k)
    # M15: exactly ceil(n b / 8) bytes. (Step 4 has cut the payload to that.)
    require(len(payload) == -(-pixels * b // 8), "M15", at, "the payload's length is wrong")
    bits = int.from_bytes(payload, "big")
    padding = 8 * len(payload) - pixels * b
    # M16: the bits left over in the last byte are zero.
    require(bits & (1 << padding) - 1 == 0, "M16", at + len(payload) - 1, "a bit of the padding is set")
    if b == 0:
        return [0] * pixels
    digits = f"{bits >> padding:0{pixels * b}b}"
    return [int(digits[i : i + b], 2) for i in range(0, pixels * b, b)]


# Section 6. Zstandard coding


def read_zstd(payload, at, pixels, k):
    """The indices of a tile, in raster order."""
    width = 1 if k <= 256 else 2
    size = width * pixels
    # M23: Magic_Number is 28 B5 2F FD.
    require(payload[:4] == b"\x28\xb5\x2f\xfd", "M23", at, "Magic_Number is that of no Zstandard frame")
    # M24: bits 0 to 4 of Frame_Header_Descriptor are zero.
    require(
        len(payload) > 4 and payload[4] & 31 == 0, "M24", at + 4, "a bit of 0 to 4 is set, or it is missing"
    )
    single_segment, size_flag = payload[4] & 32, payload[4] >> 6
    place = 5 if single_segment else 6
    # M25: Frame_Content_Size is present, and the number of the indices' bytes.
    field_size = (1 if single_segment else 0, 2, 4, 8)[size_flag]
    field = payload[place : place + field_size]
    require(field_size and len(field) == field_size, "M25", at + place, "Frame_Content_Size is missing")
    stated = int.from_bytes(field, "little") + (256 if field_size == 2 else 0)
    require(stated == size, "M25", at + place, f"Frame_Content_Size is {stated}, not {size}")
    # M26: Window_Size is at most 2^23 bytes.
    window = size
    if not single_segment:
        base = 2 ** (10 + (payload[5] >> 3))
        window = base + base // 8 * (payload[5] & 7)
    require(window <= 2**23, "M26", at + 5, f"Window_Size is {window}")
    # M27: the blocks are as the RFC says, none larger than Block_Maximum_Size; the last one ends the payload.
    place += field_size
    last, block_maximum = False, min(window, 2**17)
    while not last:
        header = int.from_bytes(payload[place : place + 3], "little")
        last, kind, block_size = header & 1, header >> 1 & 3, header >> 3
        require(place + 3 <= len(payload), "M27", at + place, "a block is missing")
        require(kind != 3, "M27", at + place, "a block is of the reserved kind")
        require(block_size <= block_maximum, "M27", at + place, f"a block has {block_size} bytes")
        place += 3 + (1 if kind == 1 else block_size)
    require(place == len(payload), "M27", at + place, "the frame doesn't end where the payload does")
    content = zstd_content(payload, size)
    require(content is not None, "M27", at, f"the frame hasn't {size} bytes of content")
    indices = [int.from_bytes(content[i : i + width], "little") for i in range(0, size, width)]
    # M17: every index is below k.
    require(max(indices) < k, "M17", at, f"an index is {max(indices)}")
    return indices


def zstd_content(frame, size):
    """The content of a frame; None if it is damaged or hasn't `size` bytes."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    decompressor, content, more = zstd.ZstdDecompressor(), b"", frame
    try:
        while not decompressor.eof:
            # Half of it at a time: all at once, the library doesn't mind blocks that are too large.
            piece = decompressor.decompress(more, max(1, size // 2))
            more, content = b"", content + piece
            if len(content) > size or not (piece or decompressor.eof):
                return None
    except zstd.ZstdError:
        return None
    return content if len(content) == size else None


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
            indices = read_context(payload, at, width, height, file.palette, trace)
        for row in range(height):
            rows[y + row][x : x + width] = indices[row * width : (row + 1) * width]
    return rows


def decode(data, max_pixels=None, trace=None):
    """The picture as width, height, channels, and its pixels as bytes in raster order. Raises Rejected.

    `trace(p, bit)`, if given, is called for every bit that annex A's coder decodes.
    """
    file = read_file(data, max_pixels, trace)
    rows = read_indices(file, trace)
    pixels = bytes(value for row in rows for index in row for value in file.palette[index])
    return file.width, file.height, file.channels, pixels


# Annex A. Arithmetic coder


class Decoder:
    """The arithmetic decoder over a stream: an interval x1 to x2, a number x in it."""

    def __init__(self, stream, trace=None):
        self.stream, self.shifted, self.trace = stream, 0, trace
        self.x1, self.x2, self.x = 0, 2**32 - 1, 0
        for _ in range(4):
            self.shift()

    def shift(self):
        byte = self.stream[self.shifted] if self.shifted < len(self.stream) else 0
        self.x = (self.x << 8) % 2**32 + byte
        self.shifted += 1

    def bit(self, p):
        """The next bit, 1 with a chance of p / 2^16."""
        size = self.x2 - self.x1
        mid = self.x1 + (size >> 16) * p + ((size & 65_535) * p >> 16)
        bit = int(self.x <= mid)
        if bit:
            self.x2 = mid
        else:
            self.x1 = mid + 1
        while self.x1 >> 24 == self.x2 >> 24:
            self.x1, self.x2 = (self.x1 << 8) % 2**32, (self.x2 << 8) % 2**32 + 255
            self.shift()
        if self.trace:
            self.trace(p, bit)
        return bit

    def ends_well(self):
        """Whether the stream's length L is what M29 and M32 demand: S - 4 <= L <= S."""
        return self.shifted - 4 <= len(self.stream) <= self.shifted


# Annex B. Coded palette

ORDER_BITS = {1: 0, 3: 3, 4: 5}


def read_coded_palette(decoder, k, channels, at):
    """K entries, each a tuple of values."""
    kept = decoder.bit(32_768)
    number = 0
    for _ in range(ORDER_BITS[channels]):
        number = 2 * number + decoder.bit(32_768)
    orders = list(permutations(range(channels)))
    # M28: Channel_Order is below 1, 6 or 24.
    require(number < len(orders), "M28", at, f"Channel_Order is {number}")
    entries = []
    columns = [Column() for _ in range(channels)]
    for _ in range(k):
        entry = []
        for t, column in enumerate(columns):
            m = 0
            if entries and not kept and entry == entries[-1][:t]:
                m = min(255, entries[-1][t] + 1) if t == channels - 1 else entries[-1][t]
            entry.append(column.value(decoder, m, entries, entry, k, kept))
        entries.append(entry)
    # M29: of the stream's length L and the bytes shifted in S, S - 4 <= L <= S.
    require(decoder.ends_well(), "M29", at, "the coded palette has too few or too many bytes")
    return [tuple(entry[orders[number].index(c)] for c in range(channels)) for entry in entries]


class Column:
    """What is learnt of one channel: the experts' weights, its values' and steps' counts."""

    def __init__(self):
        self.weights = [4680] * 7
        self.values, self.steps = [0] * 256, [0] * 511  # step s is at 255 + s
        self.last = None  # the value of the entry before

    def value(self, decoder, m, entries, entry, k, kept):
        """B.1: the value, from bit 7 down, and what it teaches."""
        masses = self.masses(entries, entry, k, kept)
        a, below_l, below_u = 0, masses(m), masses(256)
        for b in range(7, -1, -1):
            z = a + 2**b
            if z <= m:
                a = z
                continue
            below_z = masses(z)
            chances = []
            for low, middle, high in zip(below_l, below_z, below_u, strict=True):
                part, whole = high - middle, high - low
                while whole >= 2**16:
                    part, whole = part >> 1, whole >> 1
                chances.append(min(65_504, max(32, (part << 16) // whole)))
            hits = [w * p >> 16 for w, p in zip(self.weights, chances, strict=True)]
            if decoder.bit((sum(hits) << 16) // sum(self.weights)):
                a, below_l, self.weights = z, below_z, hits
            else:
                below_u, self.weights = below_z, [w - h for w, h in zip(self.weights, hits, strict=True)]
            while sum(self.weights) < 2**15:
                self.weights = [2 * w for w in self.weights]
        self.weights = [w - (w >> 6) + 73 for w in self.weights]
        self.values[a] += 1
        if self.last is not None:
            self.steps[255 + a - self.last] += 1
        self.last = a
        return a

    def masses(self, entries, entry, k, kept):
        """B.2: a function from x to the seven experts' masses of all values below x."""
        around = neighbours(entries, entry, k, kept)
        before = entry[-1] if entry else 128
        last = self.last or 0

        kernels = [[(share, bell(g + 2 * e, y)) for share, g, y in around] for e in range(3)]
        grey = [bell(g, before) for g in (6, 8)]

        def below(x):
            return [
                *(2**10 * x + sum(share * kernel[x] for share, kernel in expert) for expert in kernels),
                *(2**12 * kernel[x] + 2**10 * x for kernel in grey),
                64 * sum(self.values[:x]) + x,
                64 * sum(self.steps[255 - last : 255 - last + x]) + x,
            ]

        return below


@cache
def bell(g, y):
    """B(g, y, x) for x from 0 to 256: the masses below x of a kernel of width 2^g around y."""

    def tail(n):
        r = 2 ** (g + 13) // (2**g + 2 * n + 1)
        return r * r >> 13

    return [tail(y - x) if x <= y else 2**14 - tail(x - y - 1) for x in range(257)]


def neighbours(entries, entry, k, kept):
    """The share, class and centre of each neighbour of the entry that begins with `entry`."""
    t, i = len(entry), len(entries)
    if t == 0 and not kept:
        spacing = max((q for q in range(9) if 2**q * k <= 256), default=0)
        return [(2**12, spacing, entries[-1][0])] if entries else []
    found = []
    for j in range(min(i, 32, max(4, 2**18 // k))):
        other = entries[i - 1 - j]
        if t == 0:
            found.append((16 + 2 * j, other[0]))
        else:
            hues = sum(abs((entry[s] - entry[s - 1]) - (other[s] - other[s - 1])) for s in range(1, t))
            centre = min(255, max(0, other[t] - other[t - 1] + entry[-1]))
            found.append(((abs(entry[0] - other[0]) + 8 * hues) >> 3, centre))
    least = min((distance + 4 for distance, _ in found), default=0)
    around = []
    for distance, centre in found:
        f = (least << 12) // (distance + 4)
        share = (f * f >> 12) ** 2 >> 12
        if share:  # most are too far away
            around.append((share, min(8, (distance // 4 + 1).bit_length() - 1), centre))
    return around


# Annex C. Context coding

# C.1. Payload


def read_context(payload, at, width, height, palette, trace=None):
    """The indices of a tile, in raster order."""
    k = len(palette)
    if k == 1:
        # M30: with k = 1 the payload has no bytes.
        require(not payload, "M30", at, "the payload should be empty")
        return [0] * (width * height)
    # M30: the payload has Options; Model is not 3, bits 6 and 7 are 0.
    require(payload, "M30", at, "the payload is empty")
    options = payload[0]
    require(options & 3 != 3 and options >> 6 == 0, "M30", at, f"Options is {options:#04x}")
    # M31: no Rough_Counts in a tile of fewer pixels than the palette has entries.
    require(not options & 16 or width * height >= k, "M31", at, "Rough_Counts of a tile smaller than k")
    decoder = Decoder(payload[1:], trace)
    counts, coefficients = read_parameters(decoder, options, k, at)
    tile = ContextTile(decoder, width, height, Tree(palette, counts), coefficients, options)
    indices = tile.read()
    # M32: S - 4 <= L <= S.
    require(decoder.ends_well(), "M32", at, "the payload has too few or too many bytes")
    return indices


# C.2. Slots

FRESH = (2048, 0)
RATES = [655_360 // (10 * n + 16) for n in range(16)]


def learnt(slot, bit):
    """A slot, its probability p and count n, after it has learnt a bit."""
    p, n = slot
    return p + (((4095 if bit else 0) - p) * RATES[n] + 32_768 >> 16), min(15, n + 1)


TABLE_A = [
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768),
    *(40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476),
    *(65500, 65514),
]  # fmt: skip
"""Table C.a: a(0) to a(32)."""


def clip(x, m):
    return -m if x < -m else min(x, m)


def squash(d):
    i, f = (d + 2048) >> 7, (d + 2048) & 127
    return (TABLE_A[i] * (128 - f) + TABLE_A[i + 1] * f) >> 7


def _stretch():
    table, d = [], -2048
    for p in range(4096):
        while d < 2047 and squash(d) >> 4 < p:
            d += 1
        table.append(clip(d, 2047))
    return table


STRETCH = _stretch()

# C.3. Parameters

DEFAULT = [80, 64, -32, 32, -16, -16, 16] + [0] * 11


def read_numbers(decoder, count, at):
    """A list of numbers, each of which stands for a step: the steps."""
    u = [FRESH] * 32

    def coded(i):
        p, n = u[i]
        bit = decoder.bit((16 * p + n) | 8)
        u[i] = learnt(u[i], bit)
        return bit

    steps = []
    for _ in range(count):
        length = 0
        while coded(length):
            length += 1
            # M31: l is at most 15.
            require(length <= 15, "M31", at, "a number of 65,535 or more")
        m = 1
        for place in range(length):
            m = 2 * m + (coded(16 + length - 1) if place == 0 else decoder.bit(32_768))
        m -= 1
        steps.append(m // 2 if m % 2 == 0 else -(m + 1) // 2)
    return steps


def read_parameters(decoder, options, k, at):
    """Rough counts, and the coefficients c(0, i), c(1, i) to c(6, i)."""
    counts, coefficients = [0] * k, [DEFAULT] * 7
    if options & 16:
        count = 0
        for i, step in enumerate(read_numbers(decoder, k, at)):
            count += step
            counts[i] = count
        # M31: every rough count is from 0 to 15.
        require(min(counts) >= 0 and max(counts) <= 15, "M31", at, "a rough count is not 0 to 15")
    if options & 32:
        steps = read_numbers(decoder, 7 * 18, at)
        first = [base + step for base, step in zip(DEFAULT, steps, strict=False)]
        coefficients = [first]
        for t in range(6):
            own = steps[18 * (1 + t) : 18 * (2 + t)]
            coefficients.append([base + step for base, step in zip(first, own, strict=True)])
        # M31: every coefficient is from -255 to 255.
        most = max(abs(value) for row in coefficients for value in row)
        require(most <= 255, "M31", at, f"a coefficient is {most} from 0")
    return counts, coefficients


# C.4. Tree


@dataclass
class Node:
    """A node. `children` are the left and the right one, each a node or the index of a leaf."""

    number: int
    level: int
    axis: int
    threshold: int  # H
    spread: int  # s
    children: list


def coordinates(entry):
    """P(0) to P(6) of an entry."""
    r, g, b, a = (*entry * 3, 0) if len(entry) == 1 else (*entry, 0) if len(entry) == 3 else entry
    if len(entry) == 4:
        r, g, b = r * a // 255, g * a // 255, b * a // 255
    return [3 * r + 4 * g + 3 * b, 4 * r - 4 * b, -2 * r + 5 * g - 2 * b, 6 * r, 6 * g, 6 * b, 6 * a]


class Tree:
    """The tree over a palette: of every entry its coordinates, its class and the path to its leaf."""

    def __init__(self, palette, counts):
        self.points = [coordinates(entry) for entry in palette]
        self.axes = {1: 1, 3: 6, 4: 7}[len(palette[0])]
        self.counts, self.k, self.nodes = counts, len(palette), 0
        self.paths, self.classes = [()] * self.k, list(range(self.k, 2 * self.k))
        self.root = self.split(range(self.k), 0, (), None)

    def split(self, entries, level, path, above):
        """The node that splits `entries`, or the only one; `above` is the number of the node of level 4."""
        if len(entries) == 1:
            self.paths[entries[0]] = path
            if above is not None:
                self.classes[entries[0]] = above
            return entries[0]
        number = self.nodes
        self.nodes += 1
        if level == 4:
            above = number
        heaviest = max(self.counts[e] for e in entries)
        weights = [2 ** max(0, self.counts[e] - heaviest + 7) if self.k <= 4096 else 1 for e in entries]
        deviation, axis, mean = -1, 0, 0
        for j in range(self.axes):
            values = [self.points[e][j] for e in entries]
            m = sum(w * p for w, p in zip(weights, values, strict=True)) // sum(weights)
            d = sum(w * abs(p - m) for w, p in zip(weights, values, strict=True))
            if d > deviation:
                deviation, axis, mean = d, j, m
        if deviation == 0 or level >= 64:
            left, right = entries[: len(entries) // 2], entries[len(entries) // 2 :]
        else:
            left = [e for e in entries if self.points[e][axis] <= mean]
            right = [e for e in entries if self.points[e][axis] > mean]
        low, high = ([self.points[e][axis] for e in side] for side in (left, right))
        spread = max(1, sum(high) // len(high) - sum(low) // len(low))
        below_left = self.split(left, level + 1, (*path, 0), above)
        below_right = self.split(right, level + 1, (*path, 1), above)
        return Node(number, level, axis, max(low) + min(high), spread, [below_left, below_right])


# C.5. Neighbourhood and predictions

W, N, NW, NE, WW, NN, NEE, NNE = (-1, 0), (0, -1), (-1, -1), (1, -1), (-2, 0), (0, -2), (2, -1), (1, -2)
NWW, NNW, WWW, NNN, WWWW = (-2, -1), (-1, -2), (-3, 0), (0, -3), (-4, 0)
TAPS = [
    *(W, N, NW, NE, WW, NN, NEE, NWW, NNW, NNE, (-2, -2), (2, -2)),
    *(WWW, NNN, (-3, -1), (3, -1), (-1, -3), (1, -3)),
]  # fmt: skip
"""The 18 neighbours of the linear predictions, as (x, y) from the pixel."""


class Near:
    """The neighbours of a pixel by their places, and the predictions made from them."""

    def __init__(self, tile, at):
        cells, pitch = tile.cells, tile.pitch
        self.cells, self.at, self.pitch = cells, at, pitch
        self.w, self.n, self.nw, self.ne, self.ww, self.nn, self.nee, self.nne = (
            cells[at + x + y * pitch] for x, y in (W, N, NW, NE, WW, NN, NEE, NNE)
        )

    def __call__(self, offset):
        return self.cells[self.at + offset[0] + offset[1] * self.pitch]

    def predictions(self, tree, coefficients):
        """v0 to v11, each along every axis in use."""
        p = tree.points
        w, n, nw, ne = p[self.w], p[self.n], p[self.nw], p[self.ne]
        ww, nn, nee, nne = p[self.ww], p[self.nn], p[self.nee], p[self.nne]
        down, across, on = abs(w[0] - nw[0]), abs(n[0] - nw[0]), abs(n[0] - ne[0])
        if down + across + on < 150:
            texture = 0 if down + across + on < 37 else 1
        else:
            texture = 2 if down > 2 * across else 3 if across > 2 * down else 4 if on > 2 * down else 5
        taps = [p[self(offset)] for offset in TAPS]
        axes = range(tree.axes)

        def linear(row):
            sums = (sum(c * tap[j] for c, tap in zip(row, taps, strict=True)) for j in axes)
            return [clip(total >> 7, 3000) for total in sums]

        v8 = [
            (10 * w[j] + 8 * n[j] - 4 * nw[j] + 4 * ne[j] - 2 * ww[j] - 2 * nn[j] + 2 * nee[j]) >> 4
            for j in axes
        ]
        v9 = [w[j] + n[j] - nw[j] for j in axes]
        return [
            *(w, n, nw, ne, ww, nn, nee, nne, v8, v9),
            *(linear(coefficients[0]), linear(coefficients[1 + texture])),
        ]


# C.6. Contexts


def mix(h):
    g = h * 2_654_435_761 % 2**32
    return g ^ g >> 15


def hashed(first, *others):
    """[first others ...] of the table of contexts."""
    h = mix(first + 1)
    for value in others:
        h = mix((h + value + 1) % 2**32)
    return h


def context_hashes(near, classes, nearest, thirteen, x):
    """The hashes of contexts 0 to 15."""
    w, n, nw, ne, ww, nn, nee = near.w, near.n, near.nw, near.ne, near.ww, near.nn, near.nee
    cw, cn, cnw, cne, cww, cnn, cnee = (classes[index] for index in (w, n, nw, ne, ww, nn, nee))
    eleven = thirteen
    for offset in (NNN, WWWW, (-3, -1), (3, -1)):
        eleven = mix((eleven + near(offset) + 1) % 2**32)
    return [
        hashed(w),
        hashed(cw, cn, cnw, cne, cww, cnn, cnee),
        hashed(n, ne),
        mix(x),
        hashed(n, nn),
        hashed(w, ww, near(WWW)),
        hashed(cw, cn, cnw, cne),
        hashed(w, n, nw, ne, ww, nn, nee),
        hashed(w, nee),
        hashed(w, n, nw, ne),
        hashed(nearest),
        eleven,
        hashed(w, n, nearest),
        thirteen,
        hashed(w, cn, cnw, cne),
        hashed(n, cw, cnw, cne),
    ]


def look_up(table, bits, h):
    """A bucket: a list of its check and slots 1 to 15. `table` has those that were looked up before."""
    check, place = h & 65_535, h >> (32 - bits)
    both = [table.setdefault(i, [32_768] + [FRESH] * 15) for i in (place, place ^ 1)]
    for bucket in both:
        if bucket[0] == check:
            return bucket
    first, other = both
    taken = other if other[1][1] < first[1][1] else first
    taken[:] = [check] + [FRESH] * 15
    return taken


# C.7. Maps

COARSE = [12, 32, 64, 100, 180, 320, 600]
FINE = [4, 10, 20, 36, 60, 96, 152, 240, 380, 600, 960]
SPREADS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 300, 500]
STEPS = [1, 4, 8, 13, 20, 28, 38, 50, 64, 80, 100, 128, 170, 230, 320]
"""Table C.b, and the bounds of class, fine and step."""


def counted(bounds, x):
    """How many bounds are at most x."""
    return sum(bound <= x for bound in bounds)


def signed(bounds, x):
    """Classes of x from 0 on for the least to twice as many as the bounds and one more for the largest."""
    c = counted(bounds, abs(x))
    return len(bounds) + 1 + c if x >= 0 else len(bounds) - c


# C.8. Mixing, and C.9. Matches and flat pixels

MODELS = [(3, 2, 2, 1, False), (7, 4, 4, 2, False), (16, 6, 4, 4, True)]
"""Table C.c: contexts, node maps, distance maps, sets, refines."""


class ContextTile:
    """Everything that adapts while a tile is decoded, pixel by pixel."""

    def __init__(self, decoder, width, height, tree, coefficients, options):
        self.decoder, self.width, self.height, self.tree = decoder, width, height, tree
        self.coefficients = coefficients
        self.n_contexts, self.n_node_maps, self.n_distance_maps, self.n_sets, self.refines = MODELS[
            options & 3
        ]
        self.flat, self.match = options & 4, options & 8
        # C.5: the tile with margins of 4 cells to each side and 3 above.
        self.pitch = width + 8
        self.cells = [0] * (self.pitch * (height + 3))
        self.errors = [[0] * len(self.cells) for _ in range(4)]
        # C.6: a table for each context.
        bits = (width * height).bit_length()
        self.bucket_bits = min(16, max(8, bits - 2))
        self.tables = [{} for _ in range(self.n_contexts)]
        self.refined = [[2048 * (i % 32) + 1024 for i in range(512)] for _ in range(self.n_contexts)]
        # C.7: slots of the maps, fresh until they are used.
        self.node_maps, self.distance_maps = {}, {}
        # C.8: vectors of weights, which all start alike.
        count = self.n_contexts * (2 if self.refines else 1)
        maps = self.n_node_maps + self.n_distance_maps
        self.start = [100] * 12 + [9100 // count] * count + [4800 // maps] * maps + [0, 0]
        self.weights, self.final = {}, {}
        self.decisions = 0
        # C.9: the match, and flat pixels.
        self.place, self.length = 0, 0
        self.match_bits, self.places = min(16, max(8, bits)), {}
        self.match_slots = [(2048 + 20 * i, 0) for i in range(64)]
        self.flats = [4_000_000] * 4096

    def read(self):
        """All indices in raster order."""
        indices = []
        for y in range(self.height):
            start = (y + 3) * self.pitch + 4
            self.cells[start - 4 : start] = [self.cells[start - self.pitch]] * 4
            for x in range(self.width):
                # M32: a decoder may give up as soon as S > L + 4.
                if self.decoder.shifted > len(self.decoder.stream) + 4:
                    return []
                index = self.pixel(start + x, x)
                self.cells[start + x] = index
                indices.append(index)
            self.cells[start + self.width : start + self.width + 4] = [indices[-1]] * 4
        return indices

    def pixel(self, at, x):
        """C.9, and then the decisions of a pixel at a place in `cells`."""
        near = Near(self, at)
        if self.length:
            self.place += 1
            self.length = min(31, self.length + 1) if self.cells[self.place - 1] == near.w else 0
        guess = self.cells[self.place] if self.length else None
        if self.flat and guess in (None, near.w):
            around = (N, NW, NE, WW, NN, NEE, NNE, NWW, NNW, WWW)
            if all(near(offset) == near.w for offset in around) and self.flat_pixel(near):
                return near.w
        thirteen = hashed(
            *(near.w, near.n, near.nw, near.ne, near.ww, near.nn, near.nee, near.nne),
            *(near(NNW), near(NWW), near(WWW)),
        )
        if self.match:
            item = thirteen >> (32 - self.match_bits)
            if not self.length and item in self.places:
                self.place = self.places[item]
                self.length = self.alike(self.place, at)
                guess = self.cells[self.place] if self.length else None
            self.places[item] = at
        v = near.predictions(self.tree, self.coefficients)
        index = self.decide(near, v, x, guess, thirteen)
        for j, errors in enumerate(self.errors):
            errors[at] = 2 * min(511, abs(self.tree.points[index][0] - v[8 + j][0]))
        return index

    def alike(self, place, at):
        """How many cells before a place hold what those before the pixel do, from 3 to 16; else 0."""
        length = 0
        while length < 16 and self.cells[place - 1 - length] == self.cells[at - 1 - length]:
            length += 1
        return length if length >= 3 else 0

    def flat_pixel(self, near):
        """The bit that says whether a pixel among equal ones is equal too."""
        offsets = ((3, -1), (4, -1), NNN, WWWW, (2, -2), (-2, -2), (-3, -1), (3, -2))
        i = sum((near(offset) == near.w) << place for place, offset in enumerate(offsets))
        i += 256 * (self.length > 0) + 512 * (self.length > 16) + 1024 * (near.w & 3)
        f = self.flats[i]
        bit = self.decoder.bit(f >> 6)
        self.flats[i] = f + (4_194_303 - f >> 7) if bit else f - (f >> 7)
        return bit

    def decide(self, near, v, x, guess, thirteen):
        """C.4: from the root to the pixel's leaf: its index."""
        scales = []
        for errors in self.errors:  # C.5: of v8 to v11
            w, n, nw, ne, ww, nn = (errors[near.at + a + b * self.pitch] for a, b in (W, N, NW, NE, WW, NN))
            scales.append((2 * w + 2 * n + nw + ne + ww + nn >> 2) + 4)
        nearest = self.tree.root
        while isinstance(nearest, Node):
            nearest = nearest.children[2 * v[10][nearest.axis] > nearest.threshold]
        hashes = context_hashes(near, self.tree.classes, nearest, thirteen, x)[: self.n_contexts]
        pairs = [
            *(near.w == near.n, near.w == near.nw, near.n == near.nw),
            *(near.n == near.ne, near.w == near.ww, near.n == near.nn),
        ]
        equal = sum(same << i for i, same in enumerate(pairs))
        path = () if guess is None else self.tree.paths[guess]
        step = 20 + 70_000 // (1000 + (self.decisions >> 3))
        node, q, buckets = self.tree.root, 1, []
        while isinstance(node, Node):
            if node.level % 4 == 0:
                turned = node.number * 2_246_822_507
                buckets = [
                    look_up(table, self.bucket_bits, mix((h + turned) % 2**32))
                    for table, h in zip(self.tables, hashes, strict=True)
                ]
                q = 1
            expected = path[node.level] if node.level < len(path) else None
            bit = self.decision(node, v, scales, buckets, q, equal, expected, step)
            if expected is not None and bit != expected:
                path = ()
            q = 2 * q + bit
            self.decisions += 1
            node = node.children[bit]
        return node

    def decision(self, node, v, scales, buckets, q, equal, expected, step):
        """C.5 to C.8: one bit, and what is learnt from it."""
        # C.5: distances.
        distances = [2 * prediction[node.axis] - node.threshold for prediction in v]
        inverse = min(32_767, 2_949_120 // node.spread)
        x = [clip(d * inverse >> 14, 2047) for d in distances]
        # C.6: slots of the contexts. One that has learnt nothing has p = 2048, whose stretch is 0.
        slots = [bucket[q] for bucket in buckets]
        inputs = x + [STRETCH[p] for p, _ in slots]
        if self.refines:
            chosen = [32 * n + (p >> 7) for p, n in slots]
            inputs += [STRETCH[row[i] >> 4] for row, i in zip(self.refined, chosen, strict=True)]
        # C.7: slots of the maps.
        contrast = counted(SPREADS, abs(x[0] - x[2]) + abs(x[1] - x[2]) + abs(x[1] - x[3]) >> 1) >> 1
        row = node.number % 1024
        node_keys = [(row, i, slot) for i, slot in enumerate(self.node_slots(x, contrast))]
        distance_keys = []
        for i in (2, 3, 0, 1)[: self.n_distance_maps]:  # v10, v11, v8, v9
            scale = scales[i]
            z = clip(distances[8 + i], 2047) * (65_536 // scale) >> 11
            d = scale * (65_536 // node.spread) >> 12
            large = (scale >= 8) + (scale >= 40) + (scale >= 100)
            distance_keys.append((i, 4 * (32 * counted(SPREADS, d) + signed(STEPS, z)) + large))
        node_slots = [self.node_maps.get(key, FRESH) for key in node_keys]
        distance_slots = [self.distance_maps.get(key, FRESH) for key in distance_keys]
        inputs += [STRETCH[p] for p, _ in node_slots + distance_slots]
        # C.9: the match.
        quality, match = 0, 2 * self.length + (node.level > 2)
        if expected is None:
            inputs.append(0)
        else:
            quality = 1 + (self.length > 5) + (self.length > 15) + (self.length > 30)
            stretched = STRETCH[self.match_slots[match][0]]
            inputs.append(stretched if expected else -stretched)
        inputs.append(256)
        # C.8: mixing.
        level = min(15, node.level)
        spread = min(31, scales[2] * (65_536 // node.spread) >> 13)
        vectors = [
            row,
            16 * equal + level,
            16 * (2 * quality + (expected == 1)) + level,
            32 * contrast + spread,
        ]
        keys = list(enumerate(vectors[: self.n_sets]))
        weights = [self.weights.get(key, self.start) for key in keys]
        outputs = [clip(sum(a * b for a, b in zip(inputs, w, strict=True)) >> 13, 2047) for w in weights]
        final_key = level, expected is not None
        final = self.final.get(final_key, [16_384 // self.n_sets] * self.n_sets)
        p = squash(clip(sum(o * f for o, f in zip(outputs, final, strict=True)) >> 14, 2047))
        bit = self.decoder.bit(p)
        # Learning.
        for key, o, vector in zip(keys, outputs, weights, strict=True):
            e = ((bit << 16) - squash(o)) * step >> 9
            self.weights[key] = [
                clip(w + (a * e + 16_384 >> 15), 16_383) for w, a in zip(vector, inputs, strict=True)
            ]
        self.final[final_key] = [
            clip(f + (o * ((bit << 16) - p >> 3) + 16_384 >> 15), 32_767)
            for f, o in zip(final, outputs, strict=True)
        ]
        for bucket, slot in zip(buckets, slots, strict=True):
            bucket[q] = learnt(slot, bit)
        self.node_maps.update((key, learnt(s, bit)) for key, s in zip(node_keys, node_slots, strict=True))
        self.distance_maps.update(
            (key, learnt(s, bit)) for key, s in zip(distance_keys, distance_slots, strict=True)
        )
        if self.refines:
            for refined, i in zip(self.refined, chosen, strict=True):
                refined[i] += (65_535 if bit else 0) - refined[i] >> 6
        if expected is not None:
            self.match_slots[match] = learnt(self.match_slots[match], bit == expected)
        return bit

    def node_slots(self, x, contrast):
        """C.7: the slot in each node map."""

        def pair(i, j):
            return 16 * signed(COARSE, x[i]) + signed(COARSE, x[j])

        slots = [pair(2, 3), pair(11, 6)]
        if self.n_node_maps > 2:
            slots += [pair(0, 4), 8 * signed(FINE, x[11]) + contrast]
        if self.n_node_maps > 4:
            slots += [pair(1, 5), pair(0, 1)]
        return slots


# The command


def portable(width, height, channels, pixels):
    """The bytes of a PGM, a PPM, or with alpha a PAM file."""
    if channels == 4:
        head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    else:
        head = f"{'P5' if channels == 1 else 'P6'}\n{width} {height}\n255\n"
    return head.encode("ascii") + pixels


def main():
    parser = argparse.ArgumentParser(description="Decode a .kmq file to a PGM, PPM or PAM file, slowly.")
    parser.add_argument("file", help="the .kmq file, or - for standard input")
    parser.add_argument("output", nargs="?", default="-", help="by default standard output")
    parser.add_argument("--max-pixels", type=int, help="refuse larger pictures")
    parser.add_argument("--trace", action="store_true", help="print every coded bit: its p and what it is")
    options = parser.parse_args()
    if options.file == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(options.file, "rb") as file:
            data = file.read()
    trace = (lambda p, bit: print(p, bit, file=sys.stderr)) if options.trace else None
    try:
        picture = portable(*decode(data, options.max_pixels, trace))
    except Rejected as error:
        sys.exit(f"{options.file}: {error}")
    if options.output == "-":
        sys.stdout.buffer.write(picture)
    else:
        with open(options.output, "wb") as file:
            file.write(picture)


if __name__ == "__main__":
    main()
