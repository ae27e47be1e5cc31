cpdef enum:
    NUMBER = 4  # column of a candidate, after its coordinates: the entry's number
    WEIGHT = 4  # column of a sum, after those of the coordinates: the weight of its points
