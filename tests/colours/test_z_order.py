"""The Z-order codes of colours, against bits that are interleaved one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as npst

from kmq._colours.z_order import codes_of, colours_of


def interleaved(colour):
    """Return the code of a colour: of each channel the highest bits first."""
    bits = [value >> place & 1 for place in range(7, -1, -1) for value in colour]
    return int("".join(map(str, bits)), 2)


@pytest.mark.parametrize("channels", [1, 3, 4])
@given(colours=npst.arrays(np.uint8, 4 * 30))
def test_codes_are_interleaved_bits_and_give_the_colours_back(channels, colours):
    colours = colours.reshape(-1, 4)[:, :channels]
    codes = codes_of(colours)
    assert codes.tolist() == [interleaved(colour) for colour in colours.tolist()]
    again = colours_of(codes, channels)
    assert again.dtype == np.uint8
    assert again.flags.c_contiguous
    assert np.array_equal(again, colours)
