"""The squared error of two pictures is that of the pixels, and what can't be compared is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import kmq
import oracle
from strategies import pictures


@given(pictures(), st.data())
def test_it_is_the_mean_of_the_squared_distances(picture, data):
    noise = np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 256, picture.shape, np.uint8)
    rows = [oracle.colours_of(array) for array in (picture, noise)]
    pairs = [pair for row in zip(*rows, strict=True) for pair in zip(*row, strict=True)]
    scale = 2 * 255**2 if picture.shape[2:] == (4,) else 1
    expected = sum(oracle.distance(*pair) for pair in pairs) / scale / len(pairs)
    assert kmq.squared_error(picture, noise) == pytest.approx(expected)
    assert kmq.squared_error(picture, picture) == 0


@given(pictures(), st.integers(1, 5))
def test_it_is_that_of_the_ledger(picture, k):
    data = kmq.encode(picture, k, coding="packed")
    assert kmq.squared_error(picture, kmq.decode(data)) == kmq.inspect(data, picture).squared_error


def test_it_is_compared_in_the_channels_of_what_is_shown():
    grey = np.full((2, 3), 50, np.uint8)
    shown = np.full((2, 3, 4), 60, np.uint8)
    shown[:, :, 3] = 255
    assert kmq.squared_error(grey, shown[:, :, 0]) == 100
    assert kmq.squared_error(grey, shown[:, :, :3]) == 300
    assert kmq.squared_error(grey, shown) == 300
    assert kmq.squared_error(shown, grey) == 100


def test_the_pixels_of_any_picture_are_canonical():
    image = Image.linear_gradient("L").convert("RGBA")
    assert kmq.squared_error(kmq.canonical(image).pixels, kmq.decode(kmq.encode(image, 256))) == 0
    assert kmq.canonical(image).pixels.shape == (256, 256, 1)


RGB = np.zeros((2, 3, 3), np.uint8)
ONES = np.ones((2, 3, 3), np.uint8)


@pytest.mark.parametrize(
    ("original", "shown", "error", "problem"),
    [
        (Image.new("L", (3, 2)), RGB, TypeError, "original is Image; it must be a uint8 array"),
        (RGB, [[0]], TypeError, "shown is list; it must be a uint8 array"),
        (RGB, RGB.astype(int), ValueError, "shown is an array of int64, shape .2, 3, 3."),
        (RGB[:, :, :2], RGB, ValueError, "original is an array of uint8, shape .2, 3, 2."),
        (RGB[0, :, 0], RGB, ValueError, "original is an array of uint8, shape .3,."),
        (RGB, RGB[:0], ValueError, "shown is empty: its shape is .0, 3, 3."),
        (RGB, RGB[:1], ValueError, "original is 3 x 2 with 3 channels; shown is 3 x 1 with 3"),
        (ONES * [1, 2, 3], RGB[:, :, 0], ValueError, "original is an array of int64"),
        (np.dstack([ONES, ONES[:, :, :1]]), RGB, ValueError, "with 4 channels; shown is 3 x 2 with 3"),
    ],
)
def test_what_cannot_be_compared_is_named(original, shown, error, problem):
    with pytest.raises(error, match=problem):
        kmq.squared_error(original, shown)


def test_the_limit_is_that_of_decoding():
    assert kmq.MAX_PIXELS == 89_478_485
    flat = kmq.encode(np.zeros((9_000, 10_000), np.uint8), 1, coding="zstd")
    with pytest.raises(kmq.LimitError, match=f"max_pixels allows {kmq.MAX_PIXELS}"):
        kmq.decode(flat)
