# Types of expectation_loop.py and its functions for other loops. gcc makes packed operations of a loop over lanes only if
# nothing that is written can be what is read: what a kmq_lanes points to is written through it alone.
cdef extern from *:
    """
    #if defined(_MSC_VER)
    typedef unsigned short *__restrict kmq_lanes;
    #else
    typedef unsigned short *__restrict__ kmq_lanes;
    #endif
    #if defined(__GNUC__)
    #define KMQ_INLINED __attribute__((always_inline)) void
    #define KMQ_APART __attribute__((noinline)) void
    #else
    #define KMQ_INLINED void
    #define KMQ_APART void
    #endif
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define KMQ_WIDE __attribute__((target_clones("avx2", "default"))) void
    #else
    #define KMQ_WIDE void
    #endif
    """
    ctypedef unsigned short *lanes_t "kmq_lanes"
    ctypedef void inlined_t "KMQ_INLINED"
    ctypedef void apart_t "KMQ_APART"
    ctypedef void wide_t "KMQ_WIDE"

cpdef enum:
    FEW, COLOURS, RAMP, MANY  # kinds of tile

cpdef enum:
    TOP = 32640  # of a row: what all symbols come to
    CANDIDATE_TOP = 32400  # of the masses of a quadruple
    CONTEXT_WEIGHTS = 64  # of each context, then of the candidates
    LEVEL_WEIGHTS = 512
    PATTERNS = 4096

cpdef enum:  # what never changes: where each table begins
    RATES = 0  # of rows, by count, of which there are 128
    GOALS = 128  # of the lanes from the symbol on
    WEIGHT_STEPS = 256
    CANDIDATE_RATES = 384
    FLAT_RATES = 512
    STEPS = 640  # for each of 17 symbols 16 lanes: ones from it on
    HITS = 912  # for each set of candidates that are the symbol, the goals of four
    COUNTING = 976  # for each set of candidates four lanes of ones or zeros
    COUNTED = 1040  # and eight times how many they are
    DIFFERENT = 1056  # by equalities, which candidates differ from those before
    SHIFTS = 1120  # how far a frequency is to be shifted up
    DIFFERENCES = 1376  # classes of differences from a ramp's guess, from -256 on
    ACTIVITIES = 1888  # and of activity
    SHADES = 5984  # levels of a guess, from -1024 on
    FIXED = 8032

cpdef enum:  # and what is learnt
    SUMS = 0  # 16 zeros, then the mixture
    BLEND = 32  # likewise what the candidates say
    WEIGHTS = 64
    FLATS = 2112  # for each neighbourhood a chance, then its count
    LEARNT = 10304  # then tables whose sizes differ

cdef struct Tables:
    const unsigned short* fixed
    unsigned short* learnt
    unsigned short* rows
    unsigned short* candidates
    unsigned short* candidate_counts
    const Py_ssize_t* starts  # where the rows of each level and context begin
    int row_shift
    int most  # that the count of a row without hash comes to

cdef struct Mixture:  # of up to six rows and four candidates
    unsigned int keys[8]  # of contexts without hash
    unsigned int quad  # hash of the last context but one, of four neighbours
    unsigned int hashes[4]  # and of those before it
    unsigned int ten  # of the last, of ten
    int counting  # a bit for each candidate that counts
    int values[4]  # the candidates' symbols
    int pattern
    int found  # lanes of the mixture that are at most the state's
    Py_ssize_t rows[8]  # where each begins
    int counts[8]
    int checks[8]
    Py_ssize_t quadruple
    Py_ssize_t weights_at[8]
    unsigned short weights[8]
    unsigned short shares[8]
    unsigned short masses[8]
    unsigned short marks[4]  # the candidates' masses, if they count

cdef void expect(int kind, const Tables* tables, Mixture* of, int level, unsigned int part, int target) noexcept nogil
