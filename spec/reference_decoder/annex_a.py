"""Annex A of the spec: the arithmetic coder."""


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
