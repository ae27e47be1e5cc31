from kmq._palette.clustering.cutting_loop cimport BINS, COLUMNS, CUT, END, FIRST, HALF, LOWER, SPAN, add_up, measure

cpdef enum:  # constants of C in splitting_loop.py
    MOST_MASS = 1 << 28
