"""PNG files: what their chunks say that Pillow doesn't give, and files without the chunks that it refuses.

Takes a file that is open for reading, and is not trusted. Pixels are left to Pillow.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"

MOST_CHUNKS = 100_000
"""Chunks that are looked at. Image data may come in pieces of 8 KB."""

MOST_TEXT = 1 << 20
"""Bytes of a text or profile, inflated, from which on Pillow refuses the file."""

MOST_TEXTS = 32 << 20
"""Bytes of all texts, inflated, from which on they are left out: Pillow refuses 64 MiB."""

DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits that a sample may have, by colour type (PNG, section 11.2.1)."""

XMP = b"XML:com.adobe.xmp\0"
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})


class Cicp(NamedTuple):
    """Code points of H.273: colour primaries, transfer characteristics, matrix, and whether range is full."""

    primaries: int
    transfer: int
    matrix: int
    full: bool


class Chunk(NamedTuple):
    """A chunk: its type, where its data begin, and how many bytes they have."""

    kind: bytes
    start: int
    size: int


class PngFacts(NamedTuple):
    """Bits a sample, colour type, whether compressed text follows the pixels, and cICP's code points."""

    bits: int
    colour_type: int
    has_late_texts: bool
    cicp: Cicp | None


def png_facts(file: IO[bytes]) -> PngFacts | None:
    """Return the facts of a PNG file; None if it isn't one. The position of `file` changes."""
    chunks = list(_chunks(file))
    if not chunks or chunks[0].kind != b"IHDR" or chunks[0].size < 13:
        return None
    header = _data(file, chunks[0])
    cicp = None
    for chunk in chunks:
        if chunk.kind == b"cICP" and chunk.size == 4:
            primaries, transfer, matrix, full = _data(file, chunk)
            cicp = Cicp(primaries, transfer, matrix, bool(full))
            break
        if chunk.kind == b"IDAT":
            break
    kinds = [chunk.kind for chunk in chunks]
    late = kinds[kinds.index(b"IDAT") :] if b"IDAT" in kinds else []
    return PngFacts(header[8], header[9], bool({b"zTXt", b"iTXt"} & set(late)), cicp)


def readable_png(data: bytes) -> bytes:
    """Return a PNG file as Pillow reads it: without what may be skipped and is damaged, or too long a text.

    Warns of damaged chunks that are left out. What is no PNG is returned as it is.
    """
    file = io.BytesIO(data)
    parts, changed, texts, last = [SIGNATURE], False, 0, len(SIGNATURE)
    seen_pixels = False
    for chunk in _chunks(file):
        seen_pixels |= chunk.kind == b"IDAT"
        end = chunk.start + chunk.size + 4
        last = min(end, len(data))
        whole: bytes | None = data[chunk.start - 8 : end]
        if end <= len(data) and chunk.kind[0] & 0x20:  # may be skipped
            content = data[chunk.start : end - 4]
            if zlib.crc32(chunk.kind + content) != int.from_bytes(data[end - 4 : end], "big"):
                if not seen_pixels or chunk.kind != b"fdAT":
                    name = chunk.kind.decode("latin-1")
                    warnings.warn(f"ignored the {name} chunk, whose checksum is wrong", stacklevel=2)
                    whole = None
            elif chunk.kind in TEXTS | {b"iCCP"}:
                whole, size = _text(chunk.kind, content, whole, MOST_TEXTS - texts)
                texts += size
        changed |= whole != data[chunk.start - 8 : end]
        parts.append(whole or b"")
    return b"".join([*parts, data[last:]]) if changed else data


def _text(kind: bytes, content: bytes, whole: bytes | None, room: int) -> tuple[bytes | None, int]:
    """Return a text or profile chunk as Pillow can read it: itself, with its text inflated, or None.

    And how many of the `room` bytes that there are for all texts it takes, inflated.
    """
    if len(content) >= room:
        return None, 0
    name, _, rest = content.partition(b"\0")
    deflated = rest[1:]
    if kind == b"iTXt":
        fields = rest[2:].split(b"\0", 2)
        deflated = fields[2] if rest[:1].strip(b"\0") and len(fields) == 3 else b""
    size = len(_inflated(deflated, MOST_TEXT)) if kind != b"tEXt" and deflated else len(content)
    if size < min(MOST_TEXT, room) or not deflated or kind == b"tEXt":
        return whole, size
    packet = _inflated(deflated, room) if content.startswith(XMP) else b""
    if not packet or len(packet) >= room:
        return None, size
    return chunk_of(b"iTXt", name + b"\0\0\0\0\0" + packet), len(packet)


def chunk_of(kind: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _inflated(data: bytes, most: int) -> bytes:
    """Return the first `most` bytes of inflated data; nothing if they are damaged."""
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj().decompress(data, most)
    return b""


def _chunks(file: IO[bytes]) -> Iterator[Chunk]:
    """Yield the chunks of a PNG file, as far as it goes; none if it isn't one."""
    file.seek(0)
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return
    start = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8 or not head[4:].isalpha():
            return
        size = int.from_bytes(head[:4], "big")
        yield Chunk(head[4:], start + 8, size)
        if head[4:] == b"IEND":
            return
        start += size + 12


def _data(file: IO[bytes], chunk: Chunk) -> bytes:
    file.seek(chunk.start)
    return file.read(chunk.size)
