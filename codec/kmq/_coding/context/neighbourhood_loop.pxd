# What the context coding's loops share: constants of C that Python imports too, structures, and the tile.

from kmq._coding.context.tree_loop cimport AXIS, LINK, THRESHOLD

cpdef enum:  # neighbours, then predictions: rows of a pixel's `colours`, and a decision's first inputs
    W = 0, N, NW, NE, WW, NN, NEE, NNE, WEIGHED, GRADIENT, FITTED, TEXTURED, DISTANCES

cpdef enum:
    PREDICTIONS = 4  # from WEIGHED on
    POINT = 8  # numbers of a point, padded, so that eight are computed at a time
    MOST_CONTEXTS = 16
    MARGIN_LEFT = 4  # cells around a tile: the neighbourhood reaches 4 to the sides
    MARGIN_TOP = 3  # and 3 up
    PATH = 128  # longest way from the root to a leaf: 64 splits by colour, then 17 in halves, with room
    FRESH = 0x8000  # a slot that has seen nothing: probability 2048 of 4096, count 0
    BUCKET = 16  # slots of a bucket: its check, then those of 15 nodes
    LEVELS = 4  # levels of the tree that a bucket holds
    LONGEST_MATCH = 31

cdef struct Match:  # an earlier pixel that had this neighbourhood
    Py_ssize_t at
    int length  # pixels before it that were alike; 0: there is no match
    int guess  # its index, or -1
    int left  # decisions left along the guess's path, while none differed
    int path[128]  # PATH

cdef struct Pixel:
    Py_ssize_t at  # its place in the cells
    Py_ssize_t column  # and in a row of errors
    int row  # of errors
    int equal  # which neighbours are equal to each other
    int near[8]  # the neighbours' indices
    int colours[12][8]  # the neighbours' points and the predicted ones
    int scale[4]  # how far off each prediction was nearby
    int per_scale[4]
    Py_ssize_t starts[4]  # where each prediction's slots begin
    unsigned int hashes[16]  # of each context
    Py_ssize_t buckets[16]

cdef class Tile:
    cdef unsigned short[::1] cells
    cdef const short[:, ::1] points
    cdef const int[:, ::1] tree
    cdef const int[::1] leaf_parents
    cdef const int[::1] classes
    cdef const short[:, :, ::1] coefficients
    cdef const Py_ssize_t[::1] taps
    cdef const short[::1] stretch
    cdef const unsigned short[::1] squash
    cdef const int[::1] rates
    cdef const unsigned char[::1] coarse_classes
    cdef const unsigned char[::1] fine_classes
    cdef const unsigned char[::1] step_classes
    cdef const unsigned char[::1] spread_classes
    cdef unsigned short[::1] slots
    cdef unsigned short[::1] refined
    cdef short[::1] weights
    cdef short[::1] final_weights
    cdef unsigned short[:, :, ::1] errors
    cdef unsigned int[::1] flat_slots
    cdef int[::1] matches
    cdef Py_ssize_t pitch  # cells of a row
    cdef int n_contexts
    cdef int n_node_maps
    cdef int n_distance_maps
    cdef int n_sets
    cdef int n_inputs
    cdef bint refines
    cdef int bucket_bits
    cdef bint has_flat
    cdef bint has_match
    cdef int match_bits
    cdef Py_ssize_t node_base
    cdef Py_ssize_t distance_base
    cdef Py_ssize_t match_base
    cdef int first_prediction  # that is in use

cdef int come_to(Tile tile, Pixel* px, Match* match) noexcept nogil
cdef void look_around(Tile tile, Pixel* px, Match* match) noexcept nogil
cdef void find_buckets(Tile tile, Pixel* px, int node) noexcept nogil
cdef int way_to(Tile tile, int* path, int index) noexcept nogil
