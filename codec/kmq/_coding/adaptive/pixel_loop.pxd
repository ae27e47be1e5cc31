from kmq._coding.adaptive.neighbours_loop cimport Pixel, Tile, look_around, wrapped
from kmq._coding.adaptive.mixture_loop cimport COLOURS, FEW, MANY, RAMP, Mixture, Tables, expect, inlined_t, learn

cpdef enum:
    MARGIN_LEFT = 4  # cells around a tile: the neighbourhood reaches 3 to the sides
    MARGIN_TOP = 3  # and 2 up
    WHOLE = 32768
    EARLY = 20000  # busy pixels after which weights learn at every other one
    SAME = 65500  # what the chance of a flat pixel goes to, if it is like its neighbours
    OTHER = 30  # and if not

cpdef enum:  # numbers of a tile
    KIND, ENTRIES, LEVELS, ROW_BITS, MOST, MIDDLE, HAS_ALPHA, NUMBERS

cpdef enum:  # where all begins that is learnt: first the rows of each level and context, within all rows
    ROWS = 32, SUMS, BLEND, WEIGHTS, CANDIDATES, CANDIDATE_COUNTS, FLATS, NEAREST, ERRORS, STARTS

cpdef enum:  # and what never changes
    RATES = 0  # by count, of which there are 128
    GOALS = 128
    WEIGHT_STEPS = 256
    CANDIDATE_RATES = 384
    FLAT_RATES = 512
    STEPS = 640  # 17 of 16 lanes
    HITS = 912  # 16 of 4 lanes
    COUNTING = 976  # 16 of 4 lanes
    COUNTED = 1040
    DIFFERENT = 1056
    SHIFTS = 1120
    DIFFERENCES = 1376
    ACTIVITIES = 1888
    SHADES = 5984
    FIXED = 8032

cdef struct Coder:
    unsigned int x  # the decoder's state
    unsigned int at  # symbols that were written, or words that were read
    unsigned int end  # of the words
    unsigned int* symbols
    const unsigned short* words
