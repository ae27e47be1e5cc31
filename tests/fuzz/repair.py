"""Making mutated files pass the checks that random bytes never pass: checksums, and the sizes of parts.

This reads the format loosely and on its own. Nothing here raises, whatever the bytes are.
"""

import zlib
from dataclasses import dataclass, replace

CODED, TILED, HAS_SECTIONS = 1 << 5, 1 << 6, 1 << 7
MOST_TILES = 1024
MOST_BYTES = 1 << 16
"""What a file that is put together may have: beyond that, an input is too large to be of use."""


@dataclass(frozen=True)
class Fields:
    """The numbers that say where everything is. `end` is the offset after `Tile_Exponent`."""

    flags: int
    width: int
    height: int
    k: int
    side: int | None
    end: int

    @property
    def packed(self):
        return self.flags >> 2 & 7 == 0

    @property
    def channels(self):
        return (1, 3, 4, 4)[self.flags & 3]

    @property
    def item_bytes(self):
        return 4 if self.packed or self.side is None else 8

    @property
    def tiles(self):
        """Number of tiles: what a file says, which can be any number."""
        return 1 if self.side is None else -(-self.width // self.side) * -(-self.height // self.side)

    def packed_sizes(self):
        """Bytes that each tile takes when packed."""
        side = self.side or max(self.width, self.height)
        bits = (self.k - 1).bit_length()
        return [
            (min(side, self.width - x) * min(side, self.height - y) * bits + 7) // 8
            for y in range(0, self.height, side)
            for x in range(0, self.width, side)
        ]


@dataclass(frozen=True)
class Parts:
    """A file without what follows from the rest: sizes and checksums. `head` ends with `Tile_Exponent`."""

    head: bytes
    palette: bytes
    sections: tuple[bytes, ...]
    payloads: tuple[bytes, ...]


def split(data):
    """Return the Parts of a file, or None if its header doesn't say where they are."""
    layout = _layout(data)
    if layout is None:
        return None
    fields, palette, _, section_places, tile_places = layout
    return Parts(
        head=data[: fields.end],
        palette=data[slice(*palette)],
        sections=tuple(data[slice(*place)] for place in section_places),
        payloads=tuple(data[slice(*place)] for place in tile_places),
    )


def joined(parts):
    """Return the file of some parts: as many entries and tiles as it says, as long as they must be.

    Parts whose header says nothing sensible are joined without any of that.
    """
    fields = _fields(parts.head)
    payloads = parts.payloads or (b"",)
    if fields is not None and fields.tiles <= MOST_TILES:
        payloads = [payloads[number % len(payloads)] for number in range(fields.tiles)]
        if fields.packed and sum(sizes := fields.packed_sizes()) <= MOST_BYTES:
            payloads = [p[:size].ljust(size, b"\0") for p, size in zip(payloads, sizes, strict=True)]
    flags = fields.flags if fields is not None else 0
    palette = parts.palette
    if fields is not None and not flags & CODED and (size := fields.k * fields.channels) <= MOST_BYTES:
        palette = palette[:size].ljust(size, b"\0")
    has_lengths = fields is not None and fields.item_bytes == 8
    sections = b"".join(section + _crc(section) for section in parts.sections)
    header = b"".join(
        [
            parts.head,
            _uleb(len(sections)) if flags & HAS_SECTIONS else b"",
            _uleb(len(palette)) if flags & CODED else b"",
            palette,
            *(_u32(len(payload)) * has_lengths + _crc(payload) for payload in payloads),
        ]
    )
    return b"".join([header, _crc(header), sections if flags & HAS_SECTIONS else b"", *payloads])


def repaired(data):
    """Return a file with its checksums made right where they are, and all else as it is, right or wrong."""
    layout = _layout(data)
    if layout is None:
        return data
    fields, (_, palette_end), header_end, section_places, tile_places = layout
    out = bytearray(data)
    for start, end in section_places:
        _put(out, end, _crc(data[start:end]))
    for number, (start, end) in enumerate(tile_places):
        _put(out, palette_end + (number + 1) * fields.item_bytes - 4, _crc(data[start:end]))
    _put(out, header_end, _crc(bytes(out[:header_end])))
    return bytes(out)


def crossed(one, other, number):
    """Return the parts of `one` with some of another file's in their place; `number`, 0 to 3, says which."""
    name = ("palette", "sections", "payloads", "head")[number]
    return replace(one, **{name: getattr(other, name)})


def tamed(head, side, k):
    """Return a header's fields with a picture of at most `side` x `side` pixels and `k` entries.

    Time grows with these numbers, whatever the size of a file, and what is new is seldom in the large ones.
    """
    fields = _fields(head)
    if fields is None:
        return head
    numbers = (fields.width, side), (fields.height, side), (fields.k, k)
    small = b"".join(_uleb((number - 1) % most) for number, most in numbers)
    exponent = b"" if fields.side is None else _uleb(fields.side.bit_length() - 1)
    return head[:5] + small + exponent


def _layout(data):
    """Return where everything is, or None: fields, palette, end of header, contents of sections, payloads."""
    fields = _fields(data)
    if fields is None:
        return None
    at, sections_size, palette_size = fields.end, 0, fields.k * fields.channels
    if fields.flags & HAS_SECTIONS:
        sections_size, at = _number(data, at)
    if fields.flags & CODED:
        palette_size, at = _number(data, at)
    palette = at, at + palette_size
    header_end = palette[1] + fields.tiles * fields.item_bytes
    if header_end + 4 > len(data):
        return None
    sections_end = min(header_end + 4 + sections_size, len(data))
    sections = _section_places(data, header_end + 4, sections_end)
    if fields.side is None:
        sizes = [len(data)]
    elif fields.packed:
        sizes = fields.packed_sizes()
    else:
        index = data[palette[1] : header_end]
        sizes = [int.from_bytes(index[place : place + 4], "little") for place in range(0, len(index), 8)]
    tiles, at = [], sections_end
    for size in sizes:
        end = min(at + size, len(data))
        tiles.append((at, end))
        at = end
    return fields, palette, header_end, sections, tiles


def _fields(data):
    if len(data) < 5:
        return None
    at, numbers = 5, []
    for _ in range(3):
        number, at = _number(data, at)
        numbers.append(number + 1)
    flags, side = data[4], None
    if flags & TILED:
        side = 1 << min(data[at], 15) if at < len(data) else 16
        at += 1
    return Fields(flags, *numbers, side, at)


def _section_places(data, at, end):
    """Return where each section is without its checksum, as far as there are whole ones."""
    places = []
    while at + 5 < end:
        size, content = _number(data, at + 4)
        if content + size + 4 > end:
            break
        places.append((at, content + size))
        at = content + size + 4
    return places


def _number(data, at):
    """Return the value of a `uleb` and the offset after it; bytes that are missing are zero."""
    value = 0
    for shift in range(0, 35, 7):
        byte = data[at] if at < len(data) else 0
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            break
    return value, at


def _uleb(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _put(out, at, field):
    out[at : at + len(field)] = field[: max(0, len(out) - at)]


def _u32(value):
    return value.to_bytes(4, "little")


def _crc(data):
    return _u32(zlib.crc32(data))
