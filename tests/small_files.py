"""Small files: good ones of every kind, and for each requirement of the spec one that breaks only it."""

import numpy as np

import kmq
from kmq import FormatError, UnsupportedError
from writing import build, section, uleb, zstd_block, zstd_frame

EXAMPLE = [[0, 2, 1], [1, 0, 2]]
CODED_EXAMPLE = bytes.fromhex("07 AF FF FF FF 0A A3 D4")
"""Black, red and white in coded form, with its size before it."""
CODED_EXAMPLE_AND_MORE = b"\x0c" + CODED_EXAMPLE[1:] + bytes(5)


def of_every_kind(coding):
    """Return files in a coding, by their names."""
    shades = np.arange(306).astype(np.uint8).reshape(17, 18) // 9
    many = np.arange(900).astype(np.uint8).reshape(30, 10, 3) // 2 * 2
    return {
        coding: kmq.encode(np.arange(63, dtype=np.uint8).reshape(9, 7) ** 2, 63, coding=coding),
        f"{coding}, tiles": kmq.encode(shades, tile=16, coding=coding),
        f"{coding}, one colour": kmq.encode(np.full((3, 9), 7, np.uint8), coding=coding),
        f"{coding}, tiles of one colour": kmq.encode(
            np.full((17, 9, 3), 7, np.uint8), tile=16, coding=coding
        ),
        f"{coding}, more than 256 entries": kmq.encode(many, 300, coding=coding),
    }


SMALL_FILES = {
    "one tile": kmq.encode(np.arange(35, dtype=np.uint8).reshape(5, 7), 35, coding="packed"),
    "rgb, k = 3": build(),
    "rgba": kmq.encode(np.arange(64, dtype=np.uint8).reshape(4, 4, 4), 16),
    "one colour": kmq.encode(np.full((3, 9), 7, np.uint8)),
    "tiles": kmq.encode(np.arange(17 * 18).astype(np.uint8).reshape(17, 18) // 3, tile=16, coding="packed"),
    "tiles of one colour": kmq.encode(np.full((17, 33, 3), 9, np.uint8), tile=16),
    "more than 256 entries": kmq.encode(
        np.arange(900).astype(np.uint8).reshape(30, 10, 3) // 2 * 2, 300, coding="packed"
    ),
    **of_every_kind("zstd"),
    **of_every_kind("context"),
    **of_every_kind("adaptive"),
    "coded palette, packed": build(flags=0x21, palette=CODED_EXAMPLE),
    "sections": build(sections=section(b"exif", b"abc") + section(b"zzzz", b"")),
}

CONTENT = bytes([0, 2, 1, 1, 0, 2])
EXAMPLE_BLOCK = zstd_block(CONTENT)


def zstd_file(*payloads, **fields):
    """Write the example of the spec in the Zstandard coding."""
    return build(**({"flags": 5} | fields), payloads=payloads)


def context_file(*payloads, **fields):
    """Write the example of the spec in the context coding."""
    return build(**({"flags": 9} | fields), payloads=payloads)


def adaptive_file(*payloads, **fields):
    """Write the example of the spec in the adaptive coding."""
    return build(**({"flags": 13} | fields), payloads=payloads)


BAD_FILES = [
    ("M1", FormatError, build(width=b"\x82\x00")),  # not the shortest form
    ("M1", FormatError, build(height=b"\x81\x80\x80\x80\x80\x00")),  # six bytes
    ("M1", FormatError, build(width=b"\xff\xff\xff\xff\x1f")),  # 2^33 - 1
    ("M2", FormatError, build(tail=b"\0")),
    ("M3", FormatError, build(magic=b"KMP")),
    ("M3", FormatError, b"\x89PNG\r\n\x1a\n"),
    ("M4", UnsupportedError, build(version=0)),
    ("M4", UnsupportedError, build(version=2)),
    ("M5", FormatError, build(width=uleb(2**31 - 1))),
    ("M6", FormatError, build(height=uleb(2**31 - 1))),
    ("M7", FormatError, build(entries=uleb(65_536))),
    ("M8", FormatError, build(tile=b"\3")),
    ("M8", FormatError, build(tile=b"\x10")),
    ("M9", FormatError, build(sections_size=b"\0")),
    ("M10", FormatError, build(header_crc=bytes(4))),
    ("M11", FormatError, build(flags=3)),
    *(("M12", UnsupportedError, build(flags=1 | coding << 2)) for coding in range(4, 8)),
    ("M14", FormatError, build(tile_crcs=[bytes(4)])),
    ("M16", FormatError, build(payloads=[b"\x25\x21"])),
    ("M17", FormatError, build(payloads=[b"\x25\x30"])),
    ("M18", FormatError, build(sections=section(b"1234", b"x"))),
    ("M18", FormatError, build(sections=section(b"ab\x1fc", b"x"))),
    ("M18", FormatError, build(sections=section(b"\xe4bcd", b"x"))),
    ("M19", FormatError, build(sections=section(b"exif", b"x") + section(b"exif", b"x"))),
    ("M20", FormatError, build(sections=section(b"exif", b"x")[:-1] + b"\0")),
    ("M21", FormatError, build(sections=section(b"exif", b"x")[:-1])),
    ("M21", FormatError, build(sections=section(b"exif", b"x") + b"ab")),
    (
        "M21",
        FormatError,
        build(
            sections=b"exif" + uleb(200) + b"abc",
            payloads=[],
            tile_crcs=[bytes(4)],
            entries=b"\0",
            palette=b"abc",
        ),
    ),
    ("M22", UnsupportedError, build(sections=section(b"Exif", b"x"))),
    ("M17", FormatError, zstd_file(zstd_frame(bytes([0, 2, 1, 1, 0, 3])))),
    ("M23", FormatError, zstd_file(zstd_frame(CONTENT, magic=b"\x50\x2a\x4d\x18"))),
    ("M24", FormatError, zstd_file(zstd_frame(CONTENT, descriptor=b"\xa4", blocks=EXAMPLE_BLOCK + bytes(4)))),
    ("M25", FormatError, zstd_file(zstd_frame(CONTENT[:-1]))),
    ("M26", FormatError, zstd_file(zstd_frame(CONTENT, descriptor=b"\x80", window=b"\x69"))),
    ("M27", FormatError, zstd_file(zstd_frame(CONTENT) + b"\0")),
    ("M28", FormatError, build(flags=0x21, palette=b"\x01\x10")),
    ("M29", FormatError, build(flags=0x21, palette=CODED_EXAMPLE_AND_MORE)),
    ("M30", FormatError, context_file(b"")),
    ("M30", FormatError, context_file(b"\x03")),
    ("M30", FormatError, context_file(b"\x40")),
    ("M30", FormatError, context_file(b"\x80")),
    ("M30", FormatError, context_file(b"\0", entries=b"\0", palette=bytes(3))),
    ("M31", FormatError, context_file(b"\x10")),  # zeros are ones without end: a number too long
    ("M31", FormatError, context_file(b"\x20")),
    ("M32", FormatError, context_file(bytes(6))),
    ("M33", FormatError, adaptive_file(b"")),
    ("M33", FormatError, adaptive_file(b"\x03\1\0\0\0")),
    ("M33", FormatError, adaptive_file(b"\x05\1\0\0\0")),
    ("M33", FormatError, adaptive_file(b"\x44\1\0\0\0")),
    ("M33", FormatError, adaptive_file(b"\x84\1\0\0\0")),
    ("M33", FormatError, adaptive_file(b"\4\1\0\0\0", entries=b"\0", palette=bytes(3))),
    ("M34", FormatError, adaptive_file(b"\x24\1\1\1\1\1\1")),
    ("M34", FormatError, adaptive_file(b"\x24\x41\0\0\0\0\0\0\1\0\0\0")),
    ("M35", FormatError, adaptive_file(b"\4\1\0")),
    ("M35", FormatError, adaptive_file(b"\4\1\0\0\0\0")),
    ("M35", FormatError, adaptive_file(b"\4\0\0\1\0")),
    ("M36", FormatError, adaptive_file(b"\4\1\0\0\0")),
]
