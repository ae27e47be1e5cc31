from kmq._coding.adaptive.expectation_loop cimport (
    BLEND, CANDIDATE_RATES, COLOURS, FEW, GOALS, HITS, RAMP, RATES, SHIFTS, STEPS, SUMS, TOP, WEIGHTS, Mixture, Tables, apart_t, inlined_t, lanes_t, wide_t
)

cdef void learn(int kind, const Tables* tables, Mixture* of, int symbol, bint last, unsigned int frequency, bint trains) noexcept nogil
