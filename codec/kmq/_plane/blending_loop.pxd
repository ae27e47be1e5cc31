cpdef enum:
    ROWS_APART = 3, COLUMNS_APART = 3  # of the pixels around which entries are counted
