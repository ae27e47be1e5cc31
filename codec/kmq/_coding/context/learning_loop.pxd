from kmq._coding.context.neighbourhood_loop cimport Match, Tile

cpdef enum:  # room of a decision
    MOST_INPUTS = 64
    MOST_PLACES = 32
    MOST_SETS = 4

cdef struct Decision:
    int filled  # inputs that are known
    int n_places
    int contrast
    int expected  # the bit that the match expects, or -1
    int side  # of the match's length
    Py_ssize_t final_row
    Py_ssize_t match_place
    short inputs[64]  # MOST_INPUTS
    short distances[12]
    Py_ssize_t places[32]  # of the slots that were asked
    int refinements[16]
    Py_ssize_t rows[4]  # of each set's weights
    int outputs[4]
    short errors[4]  # of each set's output

cdef void learn(Tile tile, Match* match, Decision* to, bint bit, int p, int step) noexcept nogil
