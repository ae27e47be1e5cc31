"""Sections 5 and 6 of the spec: the packed and the Zstandard coding."""

import sys

from .conventions import bit_depth, require

# Section 5. Packed coding


def read_packed(payload, at, pixels, k):
    """The indices of a tile, in raster order."""
    b = bit_depth(k)
    # M15: exactly ceil(n b / 8) bytes. (Step 4 has cut the payload to that.)
    require(len(payload) == -(-pixels * b // 8), "M15", at, "the payload's length is wrong")
    bits = int.from_bytes(payload, "big")
    padding = 8 * len(payload) - pixels * b
    # M16: the bits left over in the last byte are zero.
    require(bits & (1 << padding) - 1 == 0, "M16", at + len(payload) - 1, "a bit of the padding is set")
    if b == 0:
        return [0] * pixels
    digits = f"{bits >> padding:0{pixels * b}b}"
    return [int(digits[i : i + b], 2) for i in range(0, pixels * b, b)]


# Section 6. Zstandard coding


def read_zstd(payload, at, pixels, k):
    """The indices of a tile, in raster order."""
    width = 1 if k <= 256 else 2
    size = width * pixels
    # M23: Magic_Number is 28 B5 2F FD.
    require(payload[:4] == b"\x28\xb5\x2f\xfd", "M23", at, "Magic_Number is that of no Zstandard frame")
    # M24: bits 0 to 4 of Frame_Header_Descriptor are zero.
    require(
        len(payload) > 4 and payload[4] & 31 == 0, "M24", at + 4, "a bit of 0 to 4 is set, or it is missing"
    )
    single_segment, size_flag = payload[4] & 32, payload[4] >> 6
    place = 5 if single_segment else 6
    # M25: Frame_Content_Size is present, and the number of the indices' bytes.
    field_size = (1 if single_segment else 0, 2, 4, 8)[size_flag]
    field = payload[place : place + field_size]
    require(field_size and len(field) == field_size, "M25", at + place, "Frame_Content_Size is missing")
    stated = int.from_bytes(field, "little") + (256 if field_size == 2 else 0)
    require(stated == size, "M25", at + place, f"Frame_Content_Size is {stated}, not {size}")
    # M26: Window_Size is at most 2^23 bytes.
    window = size
    if not single_segment:
        base = 2 ** (10 + (payload[5] >> 3))
        window = base + base // 8 * (payload[5] & 7)
    require(window <= 2**23, "M26", at + 5, f"Window_Size is {window}")
    # M27: the blocks are as the RFC says, none larger than Block_Maximum_Size; the last one ends the payload.
    place += field_size
    last, block_maximum = False, min(window, 2**17)
    while not last:
        header = int.from_bytes(payload[place : place + 3], "little")
        last, kind, block_size = header & 1, header >> 1 & 3, header >> 3
        require(place + 3 <= len(payload), "M27", at + place, "a block is missing")
        require(kind != 3, "M27", at + place, "a block is of the reserved kind")
        require(block_size <= block_maximum, "M27", at + place, f"a block has {block_size} bytes")
        place += 3 + (1 if kind == 1 else block_size)
    require(place == len(payload), "M27", at + place, "the frame doesn't end where the payload does")
    content = zstd_content(payload, size)
    require(content is not None, "M27", at, f"the frame hasn't {size} bytes of content")
    indices = [int.from_bytes(content[i : i + width], "little") for i in range(0, size, width)]
    # M17: every index is below k.
    require(max(indices) < k, "M17", at, f"an index is {max(indices)}")
    return indices


def zstd_content(frame, size):
    """The content of a frame; None if it is damaged or hasn't `size` bytes."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    decompressor, content, more = zstd.ZstdDecompressor(), b"", frame
    try:
        while not decompressor.eof:
            # Half of it at a time: all at once, the library doesn't mind blocks that are too large.
            piece = decompressor.decompress(more, max(1, size // 2))
            more, content = b"", content + piece
            if len(content) > size or not (piece or decompressor.eof):
                return None
    except zstd.ZstdError:
        return None
    return content if len(content) == size else None
