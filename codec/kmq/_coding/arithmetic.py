"""The end of an arithmetic coder's stream (spec annex A). The coder itself is in the loops that use it."""

from __future__ import annotations

CODER_BYTES = 4
"""Bytes of the coder's numbers. A decoder may read this many zeros past the end of a stream."""


def last_bytes(low: int, high: int) -> bytes:
    """Return the fewest bytes that, followed by zeros, make a 32-bit number from `low` to `high`."""
    for size in range(CODER_BYTES):
        unit = 1 << 8 * (CODER_BYTES - size)
        number = -(-low // unit) * unit
        if number <= high:
            return number.to_bytes(CODER_BYTES + 1)[1 : 1 + size]
    return low.to_bytes(CODER_BYTES)
