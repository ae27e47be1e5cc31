cpdef enum:
    NUMBER_SLOTS = 32  # by how many bits have come, then of the first bit after those
    MOST_LENGTH = 16  # bits of a number after its first

cdef struct Coder:
    bint encoding
    unsigned int low  # the interval's first number
    unsigned int high  # and its last
    unsigned int number  # the decoder's, within it
    unsigned int at  # bytes that were moved
