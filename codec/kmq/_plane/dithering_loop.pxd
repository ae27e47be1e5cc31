cpdef enum:
    FIRST = 0, PAST  # columns of a range of entries: its first row, and the one after its last
    RED = 0, GREEN, BLUE, ALPHA  # columns of a light
    WHITE = 65536, HALF = 32768  # the light of white, and half of it
    BOX = 98304  # the greatest coordinate of a light with its errors: -1 to 2 in light, less HALF
    FINE = 1024, COARSE = 4  # lights below FINE have a root each; of greater ones, low bits are left out
    ROOTS = 17408  # roots in all: up to a light of 2^18
    # The matrix from light to cones in units of 2^-15, and that from their roots to Oklab in units
    # of 2^-12, a and b times 0.8.
    LONG_RED = 13508, LONG_GREEN = 17574, LONG_BLUE = 1686
    MEDIUM_RED = 6944, MEDIUM_GREEN = 22305, MEDIUM_BLUE = 3519
    SHORT_RED = 2893, SHORT_GREEN = 9232, SHORT_BLUE = 20643
    L_LONG = 862, L_MEDIUM = 3251, L_SHORT = -17
    A_LONG = 6482, A_MEDIUM = -7959, A_SHORT = 1477
    B_LONG = 85, B_MEDIUM = 2565, B_SHORT = -2650
