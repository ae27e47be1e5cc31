"""Small files of many kinds, made byte by byte after their standards: PNG, TIFF, GIF, BMP, TGA, JPEG."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

GREY, COLOUR, INDEXED, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
"""Colour types of PNG."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SIGNED, FLOAT = 1, 2, 3, 4, 5, 7, 9, 11
"""Types of TIFF's fields."""

FORMS = {BYTE: "B", SHORT: "H", LONG: "I", SIGNED: "i", FLOAT: "f", UNDEFINED: "B"}

P3_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
"""cHRM of Display P3."""

XMP_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
"""An XMP packet that says that the picture is to be turned to the right."""


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size, bits, colour_type, rows, *before, after=()):
    """Return a PNG of rows of packed samples; `before` and `after` are chunks before and after the pixels."""
    head = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [chunk(b"IHDR", head), *before, chunk(b"IDAT", pixels), *after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_rgb(colours, *before, after=()):
    """Return a PNG of one row of RGB pixels of 8 bits."""
    return png((len(colours), 1), 8, COLOUR, [bytes(v for c in colours for v in c)], *before, after=after)


def table(order, fields, start):
    """Return a TIFF table at the offset `start`: fields of tag, type and values (a tuple, or bytes)."""
    body, extra = struct.pack(f"{order}H", len(fields)), b""
    beyond = start + 2 + 12 * len(fields) + 4
    for tag, kind, values in sorted(fields):
        if kind == RATIONAL:
            count, data = len(values) // 2, struct.pack(f"{order}{len(values)}I", *values)
        elif isinstance(values, bytes):
            count, data = len(values), values
        else:
            count, data = len(values), struct.pack(f"{order}{len(values)}{FORMS[kind]}", *values)
        if len(data) <= 4:
            value = data.ljust(4, b"\0")
        else:
            value = struct.pack(f"{order}I", beyond + len(extra))
            extra += data + bytes(len(data) % 2)
        body += struct.pack(f"{order}HHI", tag, kind, count) + value
    return body + bytes(4) + extra


def exif(*fields, order=">"):
    """Return Exif metadata from its TIFF header on."""
    return (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", 8) + table(order, fields, 8)


def tiff(size, pixels, *fields, bits=(8,), photometric=1, order="<", compressed=False):
    """Return a TIFF of one strip; `fields` are added to those that it needs."""
    data = zlib.compress(pixels) if compressed else pixels
    given = {tag for tag, _, _ in fields}
    own = [
        (256, LONG, (size[0],)), (257, LONG, (size[1],)), (258, SHORT, bits),
        (259, SHORT, (8 if compressed else 1,)), (262, SHORT, (photometric,)), (273, LONG, (8,)),
        (277, SHORT, (len(bits),)), (278, LONG, (size[1],)), (279, LONG, (len(data),)),
    ]  # fmt: skip
    fields = [field for field in own if field[0] not in given] + list(fields)
    start = 8 + len(data) + len(data) % 2
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}I", start)
    return head + data + bytes(len(data) % 2) + table(order, fields, start)


def gif(screen, place, indices, colours, key=None):
    """Return a GIF of one frame at `place` (left, top, width, height) of a screen."""
    bits = max(1, (len(colours) - 1).bit_length())
    colours = list(colours) + [(0, 0, 0)] * ((1 << bits) - len(colours))
    out = (
        b"GIF89a"
        + struct.pack("<HHBBB", *screen, 0x80 | (bits - 1), 0, 0)
        + bytes(v for c in colours for v in c)
    )
    if key is not None:
        out += b"\x21\xf9\x04" + struct.pack("<BHB", 1, 0, key) + b"\0"
    least = max(2, bits)
    # A clear code before every pixel keeps all codes at their first length.
    clear, end, width = 1 << least, (1 << least) + 1, least + 1
    codes = [code for index in indices for code in (clear, index)] + [end]
    packed = sum(code << (at * width) for at, code in enumerate(codes))
    data = packed.to_bytes((len(codes) * width + 7) // 8, "little")
    assert len(data) < 256
    return out + b"," + struct.pack("<HHHHB", *place, 0) + bytes([least, len(data)]) + data + b"\0;"


def tga(size, pixels, bits, attribute_bits, kind=2):
    """Return a TGA whose first row is the upper one; pixels are blue, green, red, alpha."""
    return (
        struct.pack("<BBB5xHHHHBB", 0, 0, kind, 0, 0, *size, bits, 0x20 | attribute_bits) + pixels + bytes(26)
    )


def bmp32(size, pixels, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)):
    """Return a BMP of version 4 with an alpha mask, bottom row first."""
    head = struct.pack("<IiiHHIIiiII", 108, *size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    head += struct.pack("<4I", *masks) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(pixels), 0, 0, 14 + len(head)) + head + pixels


def jpeg(pixels, metadata=None, **options):
    """Return a JPEG of high quality, with Exif metadata."""
    out = io.BytesIO()
    if metadata is not None:
        options["exif"] = b"Exif\0\0" + metadata
    Image.fromarray(np.asarray(pixels, np.uint8)).save(out, "JPEG", quality=95, subsampling=0, **options)
    return out.getvalue()


def opened(data):
    """Return what `Image.open` gives for a file, which isn't loaded."""
    return Image.open(io.BytesIO(data))
