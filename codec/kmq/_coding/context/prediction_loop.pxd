from kmq._coding.context.neighbourhood_loop cimport (
    FITTED, GRADIENT, N, NE, NEE, NN, NW, POINT, PREDICTIONS, TEXTURED, W, WEIGHED, WW, Pixel, Tile
)

cpdef enum:
    TAPS = 18  # neighbours of the fitted predictions

cdef void predict(Tile tile, Pixel* px) noexcept nogil
cdef void keep_errors(Tile tile, Pixel* px, int index) noexcept nogil
