"""The end of an arithmetic coder's stream (spec annex A); the coder itself is in the loops that use it."""

from __future__ import annotations

CODER_BYTES = 4
"""Bytes of the coder's numbers: as many as a decoder can take beyond the end of a stream."""


def last_bytes(low: int, high: int) -> bytes:
    """Return the fewest bytes that, zeros following, make a number from `low` to `high`."""
    for size in range(CODER_BYTES):
        unit = 1 << 8 * (CODER_BYTES - size)
        number = -(-low // unit) * unit
        if number <= high:
            return number.to_bytes(CODER_BYTES + 1)[1 : 1 + size]
    return low.to_bytes(CODER_BYTES)
