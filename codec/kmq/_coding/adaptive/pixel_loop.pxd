# Constants of C in pixel_loop.py, and the types of its lane functions: what they write is theirs alone, and they
# stay functions of their own, because only then does gcc make packed operations of their loops (CONTRIBUTING).
cdef extern from *:
    """
    #if defined(_MSC_VER)
    typedef unsigned short *__restrict kmq_lanes;
    #define KMQ_LANE_FUNCTION __declspec(noinline) int
    #else
    typedef unsigned short *__restrict__ kmq_lanes;
    #define KMQ_LANE_FUNCTION __attribute__((noinline)) int
    #endif
    """
    ctypedef unsigned short *lanes_t "kmq_lanes"
    ctypedef int lane_function "KMQ_LANE_FUNCTION"

cpdef enum:
    FEW, COLOURS, RAMP, MANY  # kinds of tile
    MARGIN_LEFT = 4
    MARGIN_TOP = 3
    TOP = 32640
    CANDIDATE_TOP = 32400
    WHOLE = 32768
    WEIGHT_ROW = 64
    WEIGHTS = 512
    PATTERNS = 4096
    EARLY = 20000

cdef lane_function _blend(lanes_t out, lanes_t rows, Py_ssize_t at, unsigned short rest, lanes_t steps, Py_ssize_t a, Py_ssize_t b, Py_ssize_t c, Py_ssize_t d, unsigned short p, unsigned short q, unsigned short r, unsigned short s) noexcept nogil
cdef lane_function _mix_first(lanes_t mix, lanes_t blend, unsigned short share, lanes_t rows, Py_ssize_t a, unsigned short share_a) noexcept nogil
cdef lane_function _mix_one(lanes_t mix, lanes_t rows, Py_ssize_t a, unsigned short share) noexcept nogil
cdef lane_function _mix_two(lanes_t mix, lanes_t rows, Py_ssize_t a, unsigned short share_a, Py_ssize_t b, unsigned short share_b) noexcept nogil
cdef lane_function _find(lanes_t mix, int target) noexcept nogil
cdef lane_function _learn(lanes_t rows, Py_ssize_t at, lanes_t steps, Py_ssize_t symbol, unsigned short goal, short rate) noexcept nogil
cdef lane_function _begin(lanes_t rows, Py_ssize_t at, lanes_t mix, lanes_t steps, Py_ssize_t symbol) noexcept nogil
cdef lane_function _train(lanes_t weights, lanes_t shares, lanes_t masses, int shift, unsigned short mass) noexcept nogil
