cpdef enum:  # constants of C in lloyd_loop.py
    UNIT_PACE = 128  # a step to the mean itself
    MOST_PACE = 256
    BEYOND = 1 << 21  # as far as a centre can move: added so that nothing negative is divided
    MOST_MASS = 1 << 28
    MOST_BITS = 34  # of a squared distance in the error; one that is larger counts as 2^34

cpdef enum:  # columns of `sums`
    MASS = 4  # after the four sums of coordinates
