"""Fields of a container: numbers, bytes and checksums, read in file order or written (spec sections 2 and 7).

Every length is checked against what is left before it is used. Errors name the field and its offset.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from kmq._ground.errors import FormatError, TruncatedError

if TYPE_CHECKING:
    from kmq._ground.sources import Source

ULEB_BYTES = 5
"""Most bytes of a number: 5 of 7 bits each hold 32 bits (spec M1)."""

CRC_BYTES = 4


class Fields:
    """A cursor over the fields between `at` and `end`, in file order."""

    def __init__(self, data: Source, at: int = 0, end: int | None = None, within: str = "file") -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end
        self.within = within

    def take(self, size: int, field: str) -> memoryview:
        """Return the next `size` bytes. Raises TruncatedError, or FormatError within a part of the file."""
        left = self.end - self.at
        if size > left:
            message = f"{field} at offset {self.at} takes {size} bytes"
            if self.within == "file":
                what = "truncated" if self.end else "empty"
                raise TruncatedError(f"the file is {what}: {message}; it ends at offset {self.end}")
            raise FormatError(f"{message}; {left} are left of {self.within} (spec M21)")
        self.at += size
        return self.data[self.at - size : self.at]

    def byte(self, field: str) -> int:
        """Return the next byte."""
        return self.take(1, field)[0]

    def crc(self, field: str) -> int:
        """Return the next checksum, unchecked."""
        return int.from_bytes(self.take(CRC_BYTES, field), "little")

    def uleb(self, field: str, most: int, rule: str) -> int:
        """Return the next number in ULEB128. Raises FormatError above `most`, or if it isn't the shortest."""
        at, value, byte = self.at, 0, 0
        for shift in range(0, 7 * ULEB_BYTES, 7):
            byte = self.byte(field)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        shown = bytes(self.data[at : self.at]).hex(" ").upper()
        if byte >= 0x80 or value >= 2**32 or (byte == 0 and self.at - at > 1):
            raise FormatError(
                f"{field} at offset {at} is {shown}, not the shortest form of a number below 2^32 (spec M1)"
            )
        if value > most:
            raise FormatError(f"{field} at offset {at} is {value}; it can be at most {most} (spec {rule})")
        return value

    def check_crc(self, field: str, start: int, rule: str) -> None:
        """Read the next checksum and compare it with the bytes from `start`. Raises FormatError."""
        at = self.at
        covered = self.data[start:at]
        check_crc(field, at, self.crc(field), covered, rule)


def check_crc(field: str, at: int, stored: int, covered: memoryview, rule: str) -> None:
    """Raise FormatError unless `stored`, read at offset `at`, is the CRC-32 of the `covered` bytes."""
    actual = zlib.crc32(covered)
    if actual != stored:
        raise FormatError(
            f"{field} at offset {at} is 0x{stored:08X}, but the bytes it covers give "
            f"0x{actual:08X}: the file is damaged (spec {rule})"
        )


def uleb(value: int) -> bytes:
    """Return a number in ULEB128: 7 bits a byte, the low ones first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def with_crc(covered: bytes) -> bytes:
    """Return bytes with their CRC-32 after them."""
    return covered + zlib.crc32(covered).to_bytes(CRC_BYTES, "little")
