# Constants of C for palette_loop.py, which Python imports too.

cpdef enum:  # experts, which predict a value
    KERNELS = 3  # the first are kernels around the neighbours
    PRIORS = 2  # then kernels around the channel before
    VALUES = 5  # how often this channel had each value
    STEPS = 6  # how often it rose by each step from the entry before
    EXPERTS = 7

cpdef enum:
    WIDTHS = 13  # of kernels: 2^0 to 2^12 half units
    ROW = 512  # masses of a width, and places of counts
    CLASSES = 9  # of neighbours, by how wide their kernels are
    MARKS = 4608  # CLASSES x ROW
    FIRST_PRIOR = 6  # the first prior has width 2^6, the second 2^8
    WEIGHT = 4680  # of each expert at first; all seven together just below 2^15
    CLIP = 32  # no expert gives a bit a chance below CLIP / 2^16
    SHARE = 4096  # of the nearest neighbour
    NEAR = 4  # added to distances, so that equal colours are not everything
    COUNT = 64  # what a value seen once weighs against one never seen
    NEIGHBOURS = 32

cdef struct Coder:
    bint encoding
    unsigned int low  # the interval's first number
    unsigned int high  # and its last
    unsigned int number  # the decoder's, within it
    unsigned int at  # bytes that were moved

cdef struct Neighbours:  # entries before this one; NEIGHBOURS
    unsigned int far[32]  # how unlike this entry each is
    int centres[32]  # where it puts the value
    int asked  # kernels that have a share in the value:
    unsigned int shares[32]  # how much,
    int rows[32]  # and where in the masses is what lies below 0

cdef struct Value:  # a channel of an entry
    Py_ssize_t channel
    int before  # the entry's channel before
    int previous  # this channel of the entry before
    int start  # least value that is possible
    unsigned int starts[7]  # for each expert, what lies below `start`
    unsigned int middles[7]  # below the value that a bit asks about
    unsigned int ends[7]  # and below the first value that is too large
