"""Writes the parts of .kmq files, as the spec has them or wrong on purpose: for vectors, generator and tests.

It chooses nothing, unlike an encoder, and shares no code with one: the streams of the coders are written by
running the reference decoder over a coder that is told what it decodes.
"""

import zlib
from collections import deque
from itertools import permutations

from reference_decoder.annex_b import ORDER_BITS, read_coded_palette
from reference_decoder.annex_c_pixels import ContextTile
from reference_decoder.annex_c_tree import Tree, read_parameters
from reference_decoder.annex_d import DEFAULT
from reference_decoder.annex_d_order import order_of
from reference_decoder.annex_d_pixels import AdaptiveTile


def u32(value):
    return value.to_bytes(4, "little")


def uleb(value):
    """The shortest form (M1)."""
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def crc(data):
    return u32(zlib.crc32(data))


def section(tag, data):
    body = tag + uleb(len(data)) + data
    return body + crc(body)


def packed(indices, bits):
    """Numbers of `bits` bits each, most significant bit first, zeros at the end (section 5)."""
    digits = "".join(f"{index:0{bits}b}" for index in indices) if bits else ""
    digits += "0" * (-len(digits) % 8)
    return bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits), 8))


def zstd_block(content, *, last=True, kind=0, size=None):
    """A block of a Zstandard frame (RFC 8878, 3.1.1.2): raw (0), one byte repeated (1) or compressed (2)."""
    header = last | kind << 1 | (len(content) if size is None else size) << 3
    return u32(header)[:3] + content


def zstd_frame(content, *, magic=b"\x28\xb5\x2f\xfd", descriptor=b"\xa0", window=b"", size=None, blocks=None):
    """A Zstandard frame field by field: by default a single segment, a size of 4 bytes, a raw block."""
    size = u32(len(content)) if size is None else size
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
    """A file field by field; by default the 3 x 2 example of the spec. Checksums are right unless given."""
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


class Encoder:
    """Annex A's coder for a decoder to run over: the bits it decodes are those that are wanted.

    Where no bit is wanted, `choose(p)` gives one.
    """

    stream, shifted = b"", 0

    def __init__(self, wanted=(), choose=None):
        self.wanted, self.choose = deque(wanted), choose
        self.x1, self.x2, self.written = 0, 2**32 - 1, bytearray()

    def bit(self, p):
        bit = self.wanted.popleft() if self.wanted else self.choose(p)
        size = self.x2 - self.x1
        mid = self.x1 + (size >> 16) * p + ((size & 65_535) * p >> 16)
        if bit:
            self.x2 = mid
        else:
            self.x1 = mid + 1
        while self.x1 >> 24 == self.x2 >> 24:
            self.written.append(self.x2 >> 24)
            self.x1, self.x2 = (self.x1 << 8) % 2**32, (self.x2 << 8) % 2**32 + 255
        return int(bit)

    def ends_well(self):
        return True

    def ends(self):
        """For 0 to 4 last bytes, the least and the largest number they can be; none if least > largest."""
        for size in range(5):
            shift = 32 - 8 * size
            yield size, -(-self.x1 >> shift), self.x2 >> shift

    def finished(self):
        """The stream with the fewest bytes at its end."""
        size, least = next((size, least) for size, least, most in self.ends() if least <= most)
        return bytes(self.written) + least.to_bytes(size, "big")


def palette_bits(entries, *, kept, order):
    """The bits of a coded palette (annex B): `order` is the permutation that Channel_Order names."""
    channels = len(order)
    number = list(permutations(range(channels))).index(tuple(order))
    yield int(kept)
    yield from (number >> place & 1 for place in reversed(range(ORDER_BITS[channels])))
    before = None
    for entry in entries:
        values = [entry[channel] for channel in order]
        for t, value in enumerate(values):
            m = 0
            if before and not kept and values[:t] == before[:t]:
                m = min(255, before[t] + 1) if t == channels - 1 else before[t]
            a = 0
            for b in range(7, -1, -1):
                z = a + 2**b
                if z > m:
                    yield int(value >= z)
                a = z if value >= z else a
        before = values


def coded_palette(entries, *, kept=True, order=None):
    """The stream of a coded palette, without its size before it."""
    order = range(len(entries[0])) if order is None else order
    encoder = Encoder(palette_bits(entries, kept=kept, order=order))
    read = read_coded_palette(encoder, len(entries), len(entries[0]), 0)
    if read != [tuple(entry) for entry in entries]:
        raise ValueError("entries that aren't sorted, or repeat, have to be kept")
    return encoder.finished()


def number_bits(steps):
    """The bits of a list of numbers (C.3)."""
    for step in steps:
        m = 2 * step if step >= 0 else -2 * step - 1
        length = (m + 1).bit_length() - 1
        yield from [1] * length
        yield 0
        yield from (m + 1 >> place & 1 for place in reversed(range(length)))


class DirectedTile(ContextTile):
    """A tile that decodes to the indices that are wanted."""

    def __init__(self, encoder, width, height, tree, coefficients, options, indices):
        super().__init__(encoder, width, height, tree, coefficients, options)
        self.indices = indices

    def flat_pixel(self, near):
        self.decoder.wanted.append(self.goal(near.at) == near.w)
        return super().flat_pixel(near)

    def decide(self, near, v, x, guess, thirteen):
        self.decoder.wanted.extend(self.tree.paths[self.goal(near.at)])
        return super().decide(near, v, x, guess, thirteen)

    def goal(self, at):
        y, x = divmod(at, self.pitch)
        return self.indices[(y - 3) * self.width + x - 4]


def context_parameters(options, k, count_steps, coefficient_steps):
    """An encoder after the parameters that `options` asks for, and what a decoder makes of them."""
    wanted = [*(number_bits(count_steps) if options & 16 else ())]
    wanted += [*(number_bits(coefficient_steps) if options & 32 else ())]
    encoder = Encoder(wanted)
    return encoder, *read_parameters(encoder, options, k, 0)


def context(options, width, height, palette, indices=None, *, counts=(), coefficients=(), choose=None):
    """An encoder after a tile's payload but for `Options`, and the tile's indices.

    Those are what `indices` says; without it what comes of the bits that `choose` gives. `counts` are the k
    steps of the rough counts, `coefficients` the 126 steps of the coefficients, if `options` asks for them.
    """
    encoder, *parameters = context_parameters(options, len(palette), counts, coefficients)
    tree = Tree(palette, parameters[0])
    encoder.choose = choose
    if indices is None:
        tile = ContextTile(encoder, width, height, tree, parameters[1], options)
    else:
        tile = DirectedTile(encoder, width, height, tree, parameters[1], options, indices)
    return encoder, tile.read()


class Intervals:
    """The coder of D.2 for a decoder to run over: the symbols it decodes are those that are wanted.

    Where no symbol is wanted, that of the number that `choose()` gives, 0 to 32,767.
    """

    def __init__(self, choose=None):
        self.wanted, self.choose, self.coded = deque(), choose, []

    def symbol(self, ends):
        if self.wanted:
            s = self.wanted.popleft()
        else:
            number = self.choose()
            s = next(s for s, end in enumerate(ends) if end > number)
        low = ends[s - 1] if s else 0
        self.coded.append((low, ends[s] - low))
        return s

    def finished(self, x=65_536):
        """The stream: the decoder's state is `x` after the last symbol."""
        words = []
        for low, freq in reversed(self.coded):
            if x >> 17 >= freq:
                words.append(x & 65_535)
                x >>= 16
            x = 32_768 * (x // freq) + x % freq + low
        words += [x & 65_535, x >> 16]
        return b"".join(word.to_bytes(2, "little") for word in reversed(words))


class DirectedAdaptiveTile(AdaptiveTile):
    """A tile of the adaptive coding that decodes to the indices that are wanted."""

    def __init__(self, coder, width, height, order, coefficients, row_bits, indices):
        super().__init__(coder, width, height, order, coefficients, row_bits)
        self.goals = [order.places[index] for index in indices]

    def pixel(self, x, y):
        self.goal = self.goals[y * self.width + x]
        return super().pixel(x, y)

    def flat_pixel(self, near):
        self.coder.wanted.append(int(self.goal != near.w))
        return super().flat_pixel(near)

    def chosen(self, near, x, y):
        chosen = super().chosen(near, x, y)
        self.v = (self.goal - chosen.base) % self.k
        return chosen

    def symbol(self, near, chosen, level, part):
        before = len(self.coder.coded)
        self.coder.wanted.append(self.v >> 4 * (self.symbols - 1 - level) & 15)
        symbol = super().symbol(near, chosen, level, part)
        if len(self.coder.coded) == before:  # its only value
            self.coder.wanted.pop()
        return symbol


def adaptive(row_bits, width, height, palette, indices=None, *, coefficients=None, choose=None):
    """A coder after the symbols of a tile (annex D), and the tile's indices.

    Those are what `indices` says; without it what comes of the numbers that `choose` gives.
    """
    coder, order = Intervals(choose), order_of(tuple(palette))
    arguments = coder, width, height, order, coefficients or DEFAULT, row_bits
    tile = AdaptiveTile(*arguments) if indices is None else DirectedAdaptiveTile(*arguments, indices)
    return coder, tile.read()


def adaptive_head(options, coefficients=None):
    """`Options`, or `Rows` alone, and the coefficients if there are any."""
    return bytes([options | 32 * (coefficients is not None), *(c % 256 for c in coefficients or ())])
