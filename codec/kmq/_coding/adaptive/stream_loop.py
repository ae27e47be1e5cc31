# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""The words of a stream (spec D.2): a compiled loop.

In: symbols, each with a frequency from 1 to 32,767. Out: words, of which a symbol makes one at most.
"""

import cython


def pack(symbols: cython.const[cython.uint][::1], words: cython.ushort[::1]) -> int:
    """Write symbols, each low << 16 | frequency, from the last to the first, to the end of `words`.

    `words` has room for one a symbol and two more. Returns where they begin.
    """
    x: cython.uint = 65536
    low: cython.uint
    frequency: cython.uint
    i: cython.Py_ssize_t
    at: cython.Py_ssize_t = words.shape[0]
    with cython.nogil:
        for i in range(symbols.shape[0] - 1, -1, -1):
            low = symbols[i] >> 16
            frequency = symbols[i] & 0xFFFF
            if (x >> 17) >= frequency:
                at -= 1
                words[at] = x & 0xFFFF
                x >>= 16
            x = ((x // frequency) << 15) + x % frequency + low
        at -= 1
        words[at] = x & 0xFFFF
        at -= 1
        words[at] = x >> 16
    return at
