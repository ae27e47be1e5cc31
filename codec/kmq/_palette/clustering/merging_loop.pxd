from kmq._palette.clustering.cutting_loop cimport error_between

cpdef enum:  # constants of C in merging_loop.py
    MOST_MASS = 1 << 28
    MOST_BITS = 36  # of a squared distance; one that is larger counts as 2^36
