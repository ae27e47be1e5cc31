"""An independent, slow reading and writing of the format and its measures, for comparison.

Nothing here imports kmq. Bits go through bitarray, Zstandard frames through the library whole, numbers
are Python's, distances are computed for all pairs. Coded palettes are read by
palette_oracle, the context coding by context_oracle.
"""

import statistics
import struct
import sys
import zlib
from functools import cached_property
from math import ceil

from bitarray import bitarray
from bitarray.util import ba2int, int2ba

import context_oracle
import palette_oracle

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def pack(indices, bits):
    """Pack numbers of `bits` bits each, most significant bit first, zeros at the end."""
    out = bitarray(endian="big")
    for index in indices:
        if bits:
            out += int2ba(index, bits, endian="big")
    return out.tobytes()


def unpack(payload, bits, count):
    bitstring = bitarray(endian="big")
    bitstring.frombytes(bytes(payload))
    return [ba2int(bitstring[i * bits : (i + 1) * bits]) if bits else 0 for i in range(count)]


def bits_for(k):
    bits = 0
    while 2**bits < k:
        bits += 1
    return bits


def uleb(value):
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def crc(data):
    return struct.pack("<I", zlib.crc32(data))


def section(tag, data):
    body = tag + uleb(len(data)) + data
    return body + crc(body)


def zstd_block(content, *, last=True, kind=0, size=None):
    """Write a block of a Zstandard frame: raw (kind 0) or one byte many times (1), RFC 8878, 3.1.1.2."""
    return struct.pack("<I", last | kind << 1 | (len(content) if size is None else size) << 3)[:3] + content


def zstd_frame(content, *, magic=b"\x28\xb5\x2f\xfd", descriptor=b"\xa0", window=b"", size=None, blocks=None):
    """Write a Zstandard frame field by field: by default a single segment, a size of 4 bytes, a raw block."""
    size = struct.pack("<I", len(content)) if size is None else size
    return magic + descriptor + window + size + (zstd_block(content) if blocks is None else blocks)


def build(
    *,
    magic=b"KMQ",
    version=1,
    flags=None,
    width=uleb(2),
    height=uleb(1),
    entries=uleb(2),
    tile=b"",
    sections=b"",
    sections_size=None,
    palette=bytes([0, 0, 0, 255, 0, 0, 255, 255, 255]),
    payloads=(bytes([0x25, 0x20]),),
    lengths=None,
    tile_crcs=None,
    header_crc=None,
    tail=b"",
):
    """Write a file field by field; by default the 3 x 2 example of the spec. All checksums are right."""
    if flags is None:
        flags = 1 | (0x40 if tile else 0) | (0x80 if sections or sections_size is not None else 0)
    if sections and sections_size is None:
        sections_size = uleb(len(sections))
    if tile_crcs is None:
        tile_crcs = [crc(payload) for payload in payloads]
    fields = [magic, bytes([version, flags]), width, height, entries, tile, sections_size or b"", palette]
    items = zip(lengths or [b""] * len(tile_crcs), tile_crcs, strict=True)
    header = b"".join([*fields, *(length + crc for length, crc in items)])
    return header + (crc(header) if header_crc is None else header_crc) + sections + b"".join(payloads) + tail


class Reader:
    """Reads a valid file in the order of the spec; knows nothing of invalid ones.

    The payloads are decoded when `rows` is first asked for: in the context coding this takes its time.
    """

    def __init__(self, data):
        self.data, self.at = bytes(data), 5
        assert self.data[:4] == b"KMQ\x01"
        flags = self.data[4]
        self.channels = (1, 3, 4)[flags & 3]
        self.coding = ("packed", "zstd", "context")[flags >> 2 & 7]
        self.width, self.height, self.k = (self._uleb() + 1 for _ in range(3))
        self.tile = 2 ** self._take(1)[0] if flags & 0x40 else None
        sections = self._uleb() if flags & 0x80 else 0
        palette_at = self.at
        raw = self._take(self._uleb() if flags & 0x20 else self.k * self.channels)
        self.palette_size = self.at - palette_at
        self.palette = (
            palette_oracle.read(raw, self.k, self.channels)
            if flags & 0x20
            else [tuple(raw[i : i + self.channels]) for i in range(0, len(raw), self.channels)]
        )
        side = self.tile or max(self.width, self.height)
        self.boxes = [
            (x, y, min(side, self.width - x), min(side, self.height - y))
            for y in range(0, self.height, side)
            for x in range(0, self.width, side)
        ]
        long = self.coding != "packed" and self.tile
        items = [(self._take(4) if long else None, self._take(4)) for _ in self.boxes]
        assert crc(self.data[: self.at]) == self._take(4)
        self.header_size = self.at
        self.sections = self._take(sections)
        self.payloads = []
        for (_, _, w, h), (length, expected) in zip(self.boxes, items, strict=True):
            packed = ceil(w * h * bits_for(self.k) / 8)
            size = packed if self.coding == "packed" else len(self.data) - self.at
            payload = self._take(struct.unpack("<I", length)[0] if length else size)
            self.payloads.append(payload)
            assert crc(payload) == expected
        assert self.at == len(self.data)
        self.payload_size = sum(map(len, self.payloads))

    @cached_property
    def rows(self):
        """Every row's indices."""
        rows = [[None] * self.width for _ in range(self.height)]
        for (x, y, w, h), payload in zip(self.boxes, self.payloads, strict=True):
            if self.coding == "context":
                numbers = [index for row in context_oracle.read(payload, w, h, self.palette) for index in row]
            elif self.coding == "packed":
                numbers = unpack(payload, bits_for(self.k), w * h)
            else:
                kind = "<%dB" if self.k <= 256 else "<%dH"
                assert zstd.get_frame_info(payload).decompressed_size == struct.calcsize(kind % (w * h))
                numbers = struct.unpack(kind % (w * h), zstd.decompress(payload))
            for row in range(h):
                rows[y + row][x : x + w] = numbers[row * w : (row + 1) * w]
        return rows

    def _take(self, size):
        self.at += size
        assert self.at <= len(self.data)
        return self.data[self.at - size : self.at]

    def _uleb(self):
        value = shift = 0
        while True:
            (byte,) = self._take(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


def over(colour, backdrop):
    """Composite a colour with alpha over grey; in sRGB, times 255."""
    return [v * colour[3] + backdrop * (255 - colour[3]) for v in colour[:3]]


def distance(one, other):
    """Squared distance between two colours; with alpha over black plus over white, times 255²."""
    if len(one) == 4:
        one, other = (over(colour, 0) + over(colour, 255) for colour in (one, other))
    return sum((int(a) - int(b)) ** 2 for a, b in zip(one, other, strict=True))


def allowed(colour, entries):
    """Return the indices that a colour may get: opaque ones for opaque, transparent for transparent."""
    if len(colour) == 4 and colour[3] in (0, 255):
        alike = [index for index, entry in enumerate(entries) if entry[3] == colour[3]]
        if alike:
            return alike
    return range(len(entries))


def nearest(colour, entries, measure=distance):
    """Return the lowest index of an entry that is the colour, or among those at the least distance."""
    same = [index for index, entry in enumerate(entries) if tuple(entry) == tuple(colour)]
    if same:
        return same[0]
    return min(allowed(colour, entries), key=lambda index: measure(colour, entries[index]))


def is_nearest(colour, index, entries, measure=distance):
    """Say whether an index is right; with alpha, points may be off by a 65,025th of the range."""
    if len(colour) != 4:
        return index == nearest(colour, entries, measure)
    best = nearest(colour, entries, measure)
    if tuple(entries[best]) == tuple(colour):
        return index == best
    taken, least = (measure(colour, entries[i]) ** 0.5 for i in (index, best))
    return index in allowed(colour, entries) and taken <= least + 6  # of 2^0.5 · 65,025


def oklab(colour):
    """Oklab of a colour with its alpha, premultiplied (bottosson.github.io/posts/oklab), in floats."""
    red, green, blue = (colour * 3)[:3] if len(colour) == 1 else colour[:3]
    alpha = colour[3] / 255 if len(colour) == 4 else 1
    linear = [
        v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4
        for v in (red, green, blue)
    ]
    cones = [
        sum(a * b for a, b in zip(row, linear, strict=True)) ** (1 / 3)
        for row in (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        )
    ]
    lab = [
        sum(a * b for a, b in zip(row, cones, strict=True))
        for row in (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        )
    ]
    return [*(alpha * value for value in lab), alpha]


def oklab_distance(one, other):
    """Squared distance in Oklab; with alpha the mean of those over black and over white."""
    (l1, a1, b1, alpha1), (l2, a2, b2, alpha2) = oklab(one), oklab(other)
    over_black, over_white = l1 - l2, (l1 - alpha1) - (l2 - alpha2)
    return (over_black**2 + over_white**2) / 2 + (a1 - a2) ** 2 + (b1 - b2) ** 2


def z_code(colour):
    """Interleave the bits of a colour's channels."""
    bits = ["".join(digits) for digits in zip(*(f"{value:08b}" for value in colour), strict=True)]
    return int("".join(bits), 2)


def canonical(colour):
    """Make a fully transparent colour transparent black."""
    return (0, 0, 0, 0) if len(colour) == 4 and colour[3] == 0 else tuple(colour)


def colours_of(array):
    """Rows of colour tuples of an array (H, W) or (H, W, c)."""
    return [
        [canonical(pixel if isinstance(pixel, list) else (pixel,)) for pixel in row] for row in array.tolist()
    ]


def diffused(rows, entries, strength):
    """Floyd and Steinberg's error diffusion in sRGB times 255, every other row backwards.

    Of a pixel's error, strength / 256 is passed on; half of that where its two neighbours on
    a line differ by more than half the range in all. What arrives is rounded, and the sum
    kept in the range of the picture's colours and the entries. A pixel with four like
    neighbours (itself, at the border) and an entry of its own takes that, and nothing is
    passed on. Of entries equally near the first is taken, along the channel where they vary most.
    """
    height, width = len(rows), len(rows[0])
    points = [[[255 * v for v in colour] for colour in row] for row in rows]
    channels = range(len(points[0][0]))
    spread = [statistics.pvariance([entry[c] for entry in entries]) for c in channels]
    axis = spread.index(max(spread))
    entries = sorted(entries, key=lambda entry: entry[axis])
    places = [[255 * v for v in entry] for entry in entries]
    every = [*places, *(p for row in points for p in row)]
    low, high = ([most(p[c] for p in every) for c in channels] for most in (min, max))
    arrived = {}
    result = [[None] * width for _ in range(height)]
    for y in range(height):
        step = 1 if y % 2 == 0 else -1
        for x in range(width)[::step]:
            here = points[y][x]
            left, right = points[y][max(x - 1, 0)], points[y][min(x + 1, width - 1)]
            up, down = points[max(y - 1, 0)][x], points[min(y + 1, height - 1)][x]
            if here in places and here == left == right == up == down:
                result[y][x] = entries[places.index(here)]
                continue
            sixteenths = arrived.get((y, x), [0] * len(here))
            wanted = [min(max(here[c] + (sixteenths[c] + 8) // 16, low[c]), high[c]) for c in channels]
            chosen = min(places, key=lambda place: distance(wanted, place))
            result[y][x] = entries[places.index(chosen)]
            across = sum(abs(left[c] - right[c]) for c in channels)
            along = sum(abs(up[c] - down[c]) for c in channels)
            share = strength // 2 if max(across, along) > 65_025 // 2 else strength
            for c in channels:
                error = ((wanted[c] - chosen[c]) * share) // 256
                for dy, dx, part in ((0, step, 7), (1, -step, 3), (1, 0, 5), (1, step, 1)):
                    arrived.setdefault((y + dy, x + dx), [0] * len(here))[c] += part * error
    return result
