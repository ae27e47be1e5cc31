from kmq._coding.context.learning_loop cimport MOST_INPUTS, Decision, learn
from kmq._coding.context.neighbourhood_loop cimport (
    DISTANCES, LEVELS, MARGIN_LEFT, MARGIN_TOP, N, NE, NEE, NN, NW, PREDICTIONS, TEXTURED, W, WEIGHED, WW, Tile, come_to, find_buckets, look_around, way_to, Match, Pixel
)
from kmq._coding.context.prediction_loop cimport keep_errors, predict
from kmq._coding.context.tree_loop cimport AXIS, SPREAD_INVERSE, STEEPNESS, THRESHOLD

cpdef enum:  # rows of weights, and of what is kept for each node
    NODE_ROWS = 1024  # with more nodes, some share a row
    NEIGHBOUR_SET = 1024  # first rows of the sets of weights after that of the nodes
    MATCH_SET = 2048
    TEXTURE_SET = 2304
    WEIGHT_ROWS = 2560

cdef struct Coder:
    bint encoding
    unsigned int low  # the interval's first number
    unsigned int high  # and its last
    unsigned int number  # the decoder's, within it
    unsigned int at  # bytes that were moved
