"""Annex D of the spec: the adaptive coding. D.3 to D.7 are in the modules beside this one."""

from .annex_d_order import order_of
from .annex_d_pixels import AdaptiveTile
from .conventions import require

# D.1. Payload

DEFAULT = (10, 8, 4, 2, -4, -2, -2)


def read_adaptive(payload, at, width, height, palette, trace=None):
    """The indices of a tile, in raster order."""
    if len(palette) == 1:
        # M33: with k = 1 the payload has no bytes.
        require(not payload, "M33", at, "the payload should be empty")
        return [0] * (width * height)
    row_bits, coefficients, stream = read_options(payload, at, width * height)
    stream_at = at + len(payload) - len(stream)
    # M35: at least 2 words and no odd byte; the first word is not 0.
    require(
        len(stream) >= 4 and len(stream) % 2 == 0, "M35", stream_at, f"the stream has {len(stream)} bytes"
    )
    require(stream[:2] != b"\0\0", "M35", stream_at, "the first word is 0")
    decoder = Decoder(stream, trace)
    tile = AdaptiveTile(decoder, width, height, order_of(tuple(palette)), coefficients, row_bits)
    indices = tile.read()
    # M36: after the last symbol x is 65,536 and all words are taken.
    require(decoder.ends_well(), "M36", stream_at, "the stream has too few or too many words, or wrong ones")
    return indices


def read_options(payload, at, pixels):
    """`Rows`, the coefficients, and the stream."""
    # M33: Rows is 4 to min(16, max(4, bits(pixels))); bits 6 and 7 are 0; the payload has this byte.
    require(payload, "M33", at, "the payload is empty")
    options, row_bits = payload[0], payload[0] & 31
    require(4 <= row_bits <= min(16, max(4, pixels.bit_length())), "M33", at, f"Rows is {row_bits}")
    require(options >> 6 == 0, "M33", at, f"Options is {options:#04x}")
    if not options & 32:
        return row_bits, DEFAULT, payload[1:]
    # M34: all seven are there, and their absolute values add up to at most 64.
    require(len(payload) >= 8, "M34", at + 1, f"of Coefficients there are {len(payload) - 1}")
    coefficients = [byte - 256 if byte > 127 else byte for byte in payload[1:8]]
    most = sum(map(abs, coefficients))
    require(most <= 64, "M34", at + 1, f"the absolute values of Coefficients add up to {most}")
    return row_bits, coefficients, payload[8:]


# D.2. Coder


class Decoder:
    """The decoder over a stream of words: a state x."""

    def __init__(self, stream, trace=None):
        self.words = [int.from_bytes(stream[i : i + 2], "little") for i in range(0, len(stream), 2)]
        self.taken, self.trace, self.x = 0, trace, 0
        for _ in range(2):
            self.take()

    def take(self):
        self.x = 65_536 * self.x + (self.words[self.taken] if self.taken < len(self.words) else 0)
        self.taken += 1

    def symbol(self, ends):
        """The next symbol. Symbol s has the numbers from ends[s - 1] (0 for s = 0) to below ends[s]."""
        number = self.x & 32_767
        s = 0
        while ends[s] <= number:
            s += 1
        low = ends[s - 1] if s else 0
        freq = ends[s] - low
        self.x = freq * (self.x >> 15) + number - low
        if self.x < 65_536:
            self.take()
        if self.trace:
            self.trace(low, freq)
        return s

    def ends_well(self):
        """Whether the stream ends as M36 demands."""
        return self.x == 65_536 and self.taken == len(self.words)
