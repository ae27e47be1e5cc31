cpdef enum:
    SHARES = 1 << 14  # what the shares of a mixture add up to
    STEPS = 96  # most steps towards a mixture
    NEARNESS = 8  # binary logarithm of a half of SHARES over what a mixture's distance counts beside its entries'
    LISTED = 8  # most entries of a mixture that are listed
    LEVELS = 64  # thresholds of ordered dithering
    NEAREST = 24  # entries of which a mixture is made, if there are more
    CLOSE = 4 << 14  # a mixture no further off, times SHARES, is taken for the light
