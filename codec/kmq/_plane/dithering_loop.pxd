cpdef enum:
    FIRST = 0, PAST  # columns of a range of entries: its first row, and the one after its last
    LOW = 0, HIGH  # rows of the limits
