from kmq._coding.adaptive.expectation_loop cimport ACTIVITIES, COLOURS, DIFFERENCES, DIFFERENT, FEW, MANY, RAMP, SHADES, Mixture, inlined_t

cdef struct Tile:
    int k
    int levels  # symbols of a pixel
    int middle  # of a ramp: what no difference from the guess becomes
    bint has_alpha
    Py_ssize_t width
    Py_ssize_t height
    const unsigned short* fixed  # as in Tables
    unsigned short* cells
    unsigned short* errors  # of a ramp's guesses
    unsigned short* nearest  # for each cell of colours 0, or a place and 1
    const long long* coefficients
    const int* points
    const unsigned long long* colours  # points, 16 bits a channel

cdef struct Pixel:
    int value
    bint same  # as its neighbours, all equal
    int near[4]  # W, N, NW and NE; then what they would be coded as, the candidates
    int ww
    int nn
    int nee
    int nww
    int errors  # of a ramp's: those of W and N twice, of NW and NE
    int rank  # and the guess

cdef void look_around(int kind, const Tile* tile, Mixture* of, Pixel* px) noexcept nogil
cdef int wrapped(int value, int k) noexcept nogil
