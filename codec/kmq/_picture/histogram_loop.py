# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The counting of distinct colours: a compiled loop.

In: pixels, and tables made by `histogram`. Out: bitmaps, ranks and counts. A colour's Z-order code (see
`z_order` in `_colours`) is split in two: all but its last six bits name a block of 64 codes, the last six a
bit of the block's bitmap. Blocks are found by hashing. The rank of a colour among all is then a count of
bits, so that only blocks are sorted. Bounds:

- Every probe is masked by the table's size, and probes are counted: none goes on for ever.
- Every number that is used as a place is checked first.
"""

import cython


def find_blocks(
    pixels: cython.const[cython.uchar][:, ::1],
    spread: cython.const[cython.uint][:, ::1],
    table: cython.ulonglong[::1],
    blocks: cython.uint[::1],
    bitmaps: cython.ulonglong[::1],
    places: cython.uint[::1],
    start: cython.Py_ssize_t,
    known: cython.Py_ssize_t,
) -> tuple:
    """Mark the colours of `pixels[start:]` in their blocks; return the pixels done and the blocks known.

    `places[i]` becomes 64 · (number of the block) + (bit). `table` holds, for a block,
    its number plus one in the high 32 bits and its code in the low ones; 0 is a free slot.
    Stops early when there is no room for one more block.

    Raises ValueError if the arrays' sizes disagree.
    """
    count: cython.Py_ssize_t = pixels.shape[0]
    channels: cython.Py_ssize_t = pixels.shape[1]
    room: cython.Py_ssize_t = blocks.shape[0]
    size: cython.Py_ssize_t = table.shape[0]
    if spread.shape[0] != channels or spread.shape[1] != 256 or channels < 1 or places.shape[0] != count:
        raise ValueError("spread must have 256 codes for each channel, and places one for each pixel")
    if size < 2 or size & (size - 1) or 2 * room > size or bitmaps.shape[0] != room:
        raise ValueError("the table must be a power of two, and blocks and bitmaps at most half of it")
    if not (0 <= start <= count and 0 <= known <= room):
        raise ValueError("start must lie in the pixels, and known in the blocks")
    i: cython.Py_ssize_t = start
    channel: cython.Py_ssize_t
    code: cython.uint
    last: cython.uint = 0
    block: cython.uint
    place: cython.uint = 0
    fresh: cython.bint = True
    wrong: cython.bint = False
    probes: cython.Py_ssize_t
    slot: cython.ulonglong
    entry: cython.ulonglong
    number: cython.ulonglong
    mask: cython.ulonglong = size - 1
    low: cython.ulonglong = 4294967295
    golden: cython.ulonglong = 2654435769  # 2^32 / golden ratio: Knuth, TAOCP 3, 6.4
    one: cython.ulonglong = 1
    with cython.nogil:
        while i < count:
            code = spread[0, pixels[i, 0]]
            for channel in range(1, channels):
                code |= spread[channel, pixels[i, channel]]
            if fresh or code != last:
                fresh = False
                last = code
                block = code >> 6
                slot = ((block * golden) >> 20) & mask
                probes = 0
                while True:
                    entry = table[slot]
                    if entry == 0 or (entry & low) == block or probes == size:
                        break
                    slot = (slot + 1) & mask
                    probes += 1
                if entry == 0:
                    if known >= room:
                        break
                    number = known
                    blocks[known] = block
                    bitmaps[known] = 0
                    known += 1
                    table[slot] = ((number + 1) << 32) | block
                else:
                    number = entry >> 32
                    if number < 1 or number > cython.cast(cython.ulonglong, known) or probes == size:
                        wrong = True
                        break
                    number -= 1
                bitmaps[number] |= one << (code & 63)
                place = cython.cast(cython.uint, number << 6) | (code & 63)
            places[i] = place
            i += 1
    if wrong:
        raise ValueError("the table must be one that these functions filled")
    return i, known


def enter_blocks(
    table: cython.ulonglong[::1], blocks: cython.const[cython.uint][::1], known: cython.Py_ssize_t
) -> None:
    """Enter the first `known` blocks into an empty, larger table.

    Raises ValueError if the table has a wrong size for them.
    """
    size: cython.Py_ssize_t = table.shape[0]
    if size < 2 or size & (size - 1) or not 0 <= 2 * known <= size or known > blocks.shape[0]:
        raise ValueError("the table must be a power of two, at least twice the blocks known")
    wrong: cython.bint = False
    probes: cython.Py_ssize_t
    i: cython.Py_ssize_t
    slot: cython.ulonglong
    number: cython.ulonglong
    mask: cython.ulonglong = size - 1
    golden: cython.ulonglong = 2654435769
    with cython.nogil:
        for i in range(known):
            slot = ((blocks[i] * golden) >> 20) & mask
            probes = 0
            while table[slot] != 0 and probes < size:
                slot = (slot + 1) & mask
                probes += 1
            if probes == size:
                wrong = True
                break
            number = i + 1
            table[slot] = (number << 32) | blocks[i]
    if wrong:
        raise ValueError("the table must be empty")


def list_codes(
    bitmaps: cython.const[cython.ulonglong][::1],
    blocks: cython.const[cython.uint][::1],
    order: cython.const[cython.longlong][::1],
    firsts: cython.uint[::1],
    codes: cython.uint[::1],
) -> None:
    """List the codes that occur, block by block in `order`; `firsts[b]` is the rank of block b's first.

    Raises ValueError if the arrays' sizes disagree, or unless `codes` has room for exactly all codes.
    """
    known: cython.Py_ssize_t = order.shape[0]
    if blocks.shape[0] != known or bitmaps.shape[0] != known or firsts.shape[0] != known:
        raise ValueError("blocks, bitmaps, order and firsts must be as many")
    room: cython.Py_ssize_t = codes.shape[0]
    rank: cython.Py_ssize_t = 0
    i: cython.Py_ssize_t
    block: cython.Py_ssize_t
    bit: cython.uint
    bits: cython.ulonglong
    none: cython.uint = 4294967295
    with cython.nogil:
        for i in range(known):
            firsts[i] = none
        for i in range(known):
            block = order[i]
            if block < 0 or block >= known or firsts[block] != none:
                rank = room + 1
                break
            firsts[block] = cython.cast(cython.uint, rank)
            bits = bitmaps[block]
            bit = 0
            while bits != 0:
                if bits & 1:
                    if rank < room:
                        codes[rank] = (blocks[block] << 6) | bit
                    rank += 1
                bits >>= 1
                bit += 1
    if rank != room:
        raise ValueError("order must be a permutation, and codes as many as the bits that are set")


def rank_and_count(
    places: cython.uint[::1],
    bitmaps: cython.const[cython.ulonglong][::1],
    firsts: cython.const[cython.uint][::1],
    counts: cython.longlong[::1],
) -> None:
    """Turn every place into the rank of its colour, and count the colours.

    Raises ValueError if the arrays' sizes disagree, or a place is none that `find_blocks` wrote.
    """
    known: cython.Py_ssize_t = bitmaps.shape[0]
    if firsts.shape[0] != known:
        raise ValueError("firsts and bitmaps must be as many")
    room: cython.Py_ssize_t = counts.shape[0]
    wrong: cython.bint = False
    i: cython.Py_ssize_t
    place: cython.uint
    last: cython.uint = 0
    fresh: cython.bint = True
    rank: cython.uint = 0
    bits: cython.ulonglong
    one: cython.ulonglong = 1
    # Bits are counted two, four and eight at a time (Warren, Hacker's Delight, 5-1).
    pairs: cython.ulonglong = 6148914691236517205
    fours: cython.ulonglong = 3689348814741910323
    bytes_: cython.ulonglong = 1085102592571150095
    ones: cython.ulonglong = 72340172838076673
    full: cython.ulonglong = 18446744073709551615
    with cython.nogil:
        for i in range(places.shape[0]):
            place = places[i]
            if fresh or place != last:
                fresh = False
                last = place
                if (place >> 6) >= known:
                    wrong = True
                    break
                bits = bitmaps[place >> 6] & ((one << (place & 63)) - 1)
                bits -= (bits >> 1) & pairs
                bits = (bits & fours) + ((bits >> 2) & fours)
                bits = (bits + (bits >> 4)) & bytes_
                rank = firsts[place >> 6] + cython.cast(cython.uint, ((bits * ones) & full) >> 56)
                if rank >= room:
                    wrong = True
                    break
            places[i] = rank
            counts[rank] += 1
    if wrong:
        raise ValueError("places, bitmaps and counts must be of one picture")
