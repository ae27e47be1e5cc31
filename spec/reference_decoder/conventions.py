"""Section 1 of the spec, conventions, and how a file is rejected."""

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
