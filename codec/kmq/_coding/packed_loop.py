# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# mypy: ignore-errors
"""The packed coding (spec section 5): compiled loops.

In: contiguous one-dimensional buffers and a bit depth of 1 to 16. Out: the other buffer, filled. Bounds:

- The buffers' sizes are checked before the loop.
- Of an index that is too wide for `bit_depth`, only the low bits are used.

Run uncompiled, pass memoryviews: they yield Python integers, where NumPy's scalars would overflow.
"""

import cython

index_t = cython.fused_type(cython.uchar, cython.ushort)


def pack_bits(indices: cython.const[index_t][::1], bit_depth: cython.int, payload: cython.uchar[::1]) -> None:
    """Write the low `bit_depth` bits of each index to `payload`, most significant bit first.

    Raises ValueError unless `bit_depth` is 1 to 16 and `payload` has exactly
    ceil(len(indices) * bit_depth / 8) bytes.
    """
    count: cython.Py_ssize_t = indices.shape[0]
    _check_sizes(count, bit_depth, payload.shape[0])
    mask: cython.uint = (1 << bit_depth) - 1
    held: cython.uint = 0  # bits not yet written: fewer than 8 + 16
    held_bits: cython.int = 0
    word: cython.ulonglong
    at: cython.Py_ssize_t = 0
    eights: cython.Py_ssize_t = count // 8 if bit_depth <= 8 else 0
    i: cython.Py_ssize_t
    j: cython.int
    with cython.nogil:
        # Eight indices of up to 8 bits fill whole bytes: half the time of one by one.
        for i in range(eights):
            word = 0
            for j in range(8):
                word = (word << bit_depth) | (indices[8 * i + j] & mask)
            for j in range(bit_depth):
                payload[at + j] = (word >> (8 * (bit_depth - 1 - j))) & 0xFF
            at += bit_depth
        for i in range(8 * eights, count):
            held = (held << bit_depth) | (indices[i] & mask)
            held_bits += bit_depth
            while held_bits >= 8:
                held_bits -= 8
                payload[at] = (held >> held_bits) & 0xFF
                at += 1
            held &= 0xFF  # fewer than 8 are left; without this, uncompiled integers would grow
        if held_bits > 0:
            payload[at] = (held << (8 - held_bits)) & 0xFF


def unpack_bits(
    payload: cython.const[cython.uchar][::1], bit_depth: cython.int, indices: index_t[::1]
) -> None:
    """Read `len(indices)` numbers of `bit_depth` bits each from `payload`.

    Raises ValueError unless `bit_depth` is 1 to 16 and `payload` has exactly
    ceil(len(indices) * bit_depth / 8) bytes. Leftover bits are not looked at.
    """
    count: cython.Py_ssize_t = indices.shape[0]
    _check_sizes(count, bit_depth, payload.shape[0])
    mask: cython.uint = (1 << bit_depth) - 1
    held: cython.uint = 0
    held_bits: cython.int = 0
    word: cython.ulonglong
    at: cython.Py_ssize_t = 0
    eights: cython.Py_ssize_t = count // 8 if bit_depth <= 8 else 0
    i: cython.Py_ssize_t
    j: cython.int
    with cython.nogil:
        for i in range(eights):
            word = 0
            for j in range(bit_depth):
                word = (word << 8) | payload[at + j]
            at += bit_depth
            for j in range(8):
                indices[8 * i + j] = (word >> (bit_depth * (7 - j))) & mask
        for i in range(8 * eights, count):
            while held_bits < bit_depth:
                held = ((held << 8) | payload[at]) & 0xFFFFFF  # at most 15 + 8 are needed
                at += 1
                held_bits += 8
            held_bits -= bit_depth
            indices[i] = (held >> held_bits) & mask


def _check_sizes(indices: cython.Py_ssize_t, bit_depth: cython.int, payload: cython.Py_ssize_t) -> None:
    """Raise ValueError unless that many indices of `bit_depth` bits fill that many bytes."""
    if not 1 <= bit_depth <= 16:
        raise ValueError(f"bit_depth is {bit_depth}; it must be 1 to 16")
    if payload != (indices * bit_depth + 7) // 8:
        raise ValueError(f"payload has {payload} bytes for {indices} indices of {bit_depth} bits")
