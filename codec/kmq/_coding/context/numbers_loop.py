# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# mypy: ignore-errors
"""Numbers in a tile's payload (spec C.3): a compiled loop.

In: numbers from 0 to 65,534, or the payload. Out: the other. Bounds:

- A number has at most 16 bits after its first, and each has its slot.
- The payload's end is looked at before each of its bytes.
"""

import cython

if not cython.compiled:  # compiled, these are constants of C, from numbers_loop.pxd
    from kmq._coding.structures import structure

    NUMBER_SLOTS, MOST_LENGTH = 32, 16
    Coder = structure()


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def code(
    coder: cython.pointer(Coder), data: cython.uchar[::1], bit: cython.bint, p: cython.uint
) -> cython.bint:
    """Write a bit, or read one; p / 65,536 is the probability that it is 1 (spec annex A)."""
    low: cython.uint = coder.low
    high: cython.uint = coder.high
    size: cython.uint = high - low
    middle: cython.uint = low + (size >> 16) * p + (((size & 0xFFFF) * p) >> 16)
    if not coder.encoding:
        bit = coder.number <= middle
    if bit:
        high = middle
    else:
        low = middle + 1
    while (low ^ high) < 0x1000000:
        move(coder, data, high)
        low = (low & 0xFFFFFF) << 8
        high = ((high & 0xFFFFFF) << 8) | 0xFF
    coder.low = low
    coder.high = high
    return bit


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def move(coder: cython.pointer(Coder), data: cython.uchar[::1], high: cython.uint) -> cython.void:
    """Write the interval's first byte, or read the next one; after the end of `data` come zeros."""
    at: cython.uint = coder.at
    coder.at = at + 1
    if coder.encoding:
        if at < data.shape[0]:
            data[at] = high >> 24
    else:
        coder.number = ((coder.number & 0xFFFFFF) << 8) | (data[at] if at < data.shape[0] else 0)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def learn_slot(
    slots: cython.ushort[::1],
    place: cython.Py_ssize_t,
    bit: cython.bint,
    rates: cython.const[cython.int][::1],
) -> cython.void:
    """Move a slot's probability towards the bit, the less the more it has seen (spec C.2)."""
    slot: cython.int = slots[place]
    count: cython.int = slot & 15
    p: cython.int = slot >> 4
    p += (((4095 if bit else 0) - p) * rates[count] + 32768) >> 16
    slots[place] = (p << 4) | (count + (count < 15))


def code_numbers(
    encoding: cython.bint,
    numbers: cython.int[::1],
    slots: cython.ushort[::1],
    rates: cython.const[cython.int][::1],
    coder_state: cython.uint[::1],
    data: cython.uchar[::1],
) -> bool:
    """Write or read numbers from 0 to 65,534, small ones in few bits (spec C.3).

    How many bits n + 1 has after its first is written as that many ones and a zero, then these bits.
    `slots` (32,) learn. Returns False if a number that is read goes on for too long.
    """
    i: cython.Py_ssize_t
    length: cython.int
    most: cython.int
    number: cython.int
    place: cython.int
    bit: cython.bint = False
    coder = cython.declare(Coder[1])
    if not cython.compiled:
        coder = Coder()
    coder.encoding, coder.low, coder.high = encoding, coder_state[0], coder_state[1]
    coder.number, coder.at = coder_state[2], coder_state[3]
    with cython.nogil:
        for i in range(numbers.shape[0]):
            number = numbers[i] + 1
            most = 0
            while encoding and (number >> (most + 1)) > 0:
                most += 1
            length = 0
            while length < MOST_LENGTH:
                bit = code(coder, data, length < most, slots[length] | 8)
                learn_slot(slots, length, bit, rates)
                if not bit:
                    break
                length += 1
            if bit:
                break
            if not encoding:
                number = 1
            for place in range(length - 1, -1, -1):
                bit = (number >> place) & 1
                if place == length - 1:
                    bit = code(coder, data, bit, slots[MOST_LENGTH + place] | 8)
                    learn_slot(slots, MOST_LENGTH + place, bit, rates)
                else:
                    bit = code(coder, data, bit, 32768)
                if not encoding:
                    number = number * 2 + bit
            numbers[i] = number - 1
            bit = False
    coder_state[0], coder_state[1], coder_state[2], coder_state[3] = (
        coder.low,
        coder.high,
        coder.number,
        coder.at,
    )
    return not bit
