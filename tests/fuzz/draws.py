"""Numbers and names drawn from bytes, one after another; when the bytes are used up, zeros."""


class Draws:
    """A cursor over bytes. Every byte string is something: nothing here raises."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def below(self, limit):
        """Return a number from 0 to limit - 1, of one byte if that is enough, else of two."""
        value = int.from_bytes(self.take(1 if limit <= 256 else 2), "little")
        return value % limit

    def choice(self, options):
        """Return one of up to 256 things."""
        return options[self.below(len(options))]

    def take(self, size):
        """Return the next bytes: `size` of them, with zeros for those that aren't there."""
        self.at += size
        return self.data[self.at - size : self.at].ljust(size, b"\0")

    def rest(self):
        """Return all that is left."""
        return self.data[self.at :]
