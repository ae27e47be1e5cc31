"""The reference decoder of the .kmq image format, version 1: SPEC.md as a program.

    python spec/reference_decoder picture.kmq > picture.ppm

It is made to be read beside the spec, whose sections and annexes the modules are, and to be compared with
other decoders. It is slow: a few thousand pixels a second in the context and the adaptive coding. M1 to M36
are the requirements of SPEC.md, named where they are enforced. It needs only Python 3.11, and for the
Zstandard coding Python 3.14 or the package `backports.zstd`. It shares no code with any other decoder.
"""

from .conventions import FORMAT, LIMIT, TRUNCATED, UNSUPPORTED, Rejected
from .reading import decode, read_file, read_indices

__all__ = [
    "FORMAT", "LIMIT", "TRUNCATED", "UNSUPPORTED", "Rejected", "decode", "read_file", "read_indices",
]  # fmt: skip
