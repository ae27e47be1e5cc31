"""Squared error and structural similarity, against kmq's own ledger and against scikit-image."""

import math

import numpy as np
import pytest
from hypothesis import given

import kmq
from kmq_cli.compare.quality import quality, ssim
from strategies import pictures

Y, X = np.indices((300, 40))
GREY = ((X * 37 + Y * 91 + X * Y) % 256).astype(np.uint8)[:, :, None]
"""Higher than the band that is worked on at a time."""

Y, X = np.indices((40, 60))
RGB = np.stack([X * 4, Y * 6, X * Y % 256], axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("original", "shown", "reference"),
    [
        (GREY, GREY // 32 * 32 + 16, 0.9922686975637263),
        (GREY, 255 - GREY, -0.980055613619283),
        (RGB, RGB // 64 * 64 + 32, 0.7020358739313427),
    ],
)
def test_similarity_is_that_of_scikit_image(original, shown, reference):
    """Reference: structural_similarity of version 0.26.0 of the lumas.

    With gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255.
    """
    assert ssim(original, shown) == pytest.approx(reference, abs=1e-12)


def test_similarity_of_two_flat_pictures_is_that_of_their_means():
    one = np.full((11, 11, 1), 100, np.uint8)
    c = (0.01 * 255) ** 2
    assert ssim(one, one + 50) == pytest.approx((2 * 100 * 150 + c) / (100**2 + 150**2 + c))


def test_with_alpha_it_is_the_mean_over_black_and_over_white():
    clear = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    clear[10:20, :, 3] = 0
    other = np.dstack([RGB // 64 * 64, clear[:, :, 3]])
    seen = [
        [np.where(picture[:, :, 3:] == 0, np.uint8(grey), picture[:, :, :3]) for picture in (clear, other)]
        for grey in (0, 255)
    ]
    assert ssim(clear, other) == pytest.approx(sum(ssim(*pair) for pair in seen) / 2)


@given(pictures())
def test_a_picture_is_like_itself(picture):
    picture = np.atleast_3d(picture)
    found = quality(picture, picture)
    assert (found.squared_error, found.psnr) == (0, math.inf)
    assert found.ssim == (pytest.approx(1) if min(picture.shape[:2]) >= 11 else None)


@given(pictures())
def test_the_error_is_that_of_the_ledger(picture):
    data = kmq.encode(picture, 3, coding="packed")
    ledger = kmq.inspect(data, picture)
    with kmq.KmqFile(data) as file:
        shown = np.atleast_3d(file.pixels())
    original = np.atleast_3d(picture).copy()
    if original.shape[2] == 4:
        original[original[:, :, 3] == 0] = 0
    found = quality(original, shown)
    assert (found.squared_error, found.psnr) == (ledger.squared_error, ledger.psnr)
