from kmq._coding.adaptive.neighbours_loop cimport Pixel, Tile, look_around, wrapped
from kmq._coding.adaptive.expectation_loop cimport COLOURS, FEW, FLAT_RATES, FLATS, MANY, RAMP, SUMS, Mixture, Tables, expect, inlined_t
from kmq._coding.adaptive.learning_loop cimport learn

cpdef enum:
    MARGIN_LEFT = 4  # cells around a tile: the neighbourhood reaches 3 to the sides
    MARGIN_TOP = 3  # and 2 up
    WHOLE = 32768
    EARLY = 20000  # busy pixels after which weights learn at every other one
    SAME = 65500  # what the chance of a flat pixel goes to, if it is like its neighbours
    OTHER = 30  # and if not

cpdef enum:  # numbers of a tile
    KIND, ENTRIES, LEVELS, ROW_BITS, MOST, MIDDLE, HAS_ALPHA, NUMBERS

cpdef enum:  # where tables begin: first the rows of each level and context, within all rows
    ROWS = 32, CANDIDATES, CANDIDATE_COUNTS, NEAREST, ERRORS, STARTS

cdef struct Coder:
    unsigned int x  # the decoder's state
    Py_ssize_t at  # symbols that were written, or words that were read
    Py_ssize_t end  # of the words
    unsigned int* symbols
    const unsigned short* words
