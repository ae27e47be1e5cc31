cpdef enum:  # columns of `sums`; constants of C in cutting_loop.py
    MASS = 4  # after the four sums of coordinates
    LOWER = 5  # the same five of the part below the cut
    LOWER_MASS = 9
    COLUMNS = 10

cpdef enum:  # columns of `bounds`
    FIRST = 0
    END = 1
    CUT = 2

cpdef enum:
    SPAN = 1 << 17  # points of one group differ by less, in each coordinate
    HALF = 1 << 19  # coordinates are within it of 0
    PRECISION = 30  # bits of the moments whose matrix is squared
    SQUARINGS = 6
    AXIS_BITS = 13
    FEWEST_BINS = 16
    BINS = 256

cdef void add_up(const int[:, ::1] points, const long long[::1] weights, int[::1] order, Py_ssize_t first, Py_ssize_t end, long long[:, ::1] sums, Py_ssize_t group, Py_ssize_t column) noexcept nogil
cdef long long measure(const int[:, ::1] points, const long long[::1] weights, int[::1] order, int[:, ::1] bounds, long long[:, ::1] sums, Py_ssize_t group, long long[::1] along, long long[::1] bins) noexcept nogil
cdef long long error_between(long long one, long long other, long long square) noexcept nogil
