"""Annex C of the spec: the context coding. C.2 to C.9 are in the modules beside this one."""

from .annex_a import Decoder
from .annex_c_pixels import ContextTile
from .annex_c_tree import Tree, read_parameters
from .conventions import require

# C.1. Payload


def read_context(payload, at, width, height, palette, trace=None):
    """The indices of a tile, in raster order."""
    k = len(palette)
    if k == 1:
        # M30: with k = 1 the payload has no bytes.
        require(not payload, "M30", at, "the payload should be empty")
        return [0] * (width * height)
    # M30: the payload has Options; Model is not 3, bits 6 and 7 are 0.
    require(payload, "M30", at, "the payload is empty")
    options = payload[0]
    require(options & 3 != 3 and options >> 6 == 0, "M30", at, f"Options is {options:#04x}")
    # M31: no Rough_Counts in a tile of fewer pixels than the palette has entries.
    require(not options & 16 or width * height >= k, "M31", at, "Rough_Counts of a tile smaller than k")
    decoder = Decoder(payload[1:], trace)
    counts, coefficients = read_parameters(decoder, options, k, at)
    tile = ContextTile(decoder, width, height, Tree(palette, counts), coefficients, options)
    indices = tile.read()
    # M32: S - 4 <= L <= S.
    require(decoder.ends_well(), "M32", at, "the payload has too few or too many bytes")
    return indices
