"""Mapping pixels to the entries of a palette."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
from kmq._plane.mapping import exact_plane
from strategies import pictures


@given(pictures(), st.integers(0, 2**32))
def test_a_palette_of_just_the_pictures_colours_gives_the_picture_back(picture, seed):
    counted = kmq.histogram(picture)
    palette = kmq.Palette(np.random.default_rng(seed).permutation(counted.colours))
    plane = exact_plane(counted, palette)
    assert plane == kmq.map_indices(counted, palette)
    assert np.array_equal(np.atleast_3d(palette.colours(plane)), kmq.canonical(picture).pixels)


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "ordered"])
def test_few_colours_are_stored_exactly_however_they_are_dithered(dither):
    picture = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(kmq.decode(kmq.encode(picture, 256, dither=dither)), picture)
