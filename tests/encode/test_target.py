"""Targets instead of a number of colours."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_image

import kmq
from strategies import CODINGS, pictures


def measured(picture, k, **options):
    return kmq.inspect(kmq.encode(picture, k, **options), picture)


@settings(max_examples=40)
@given(pictures(), st.floats(5, 60), st.sampled_from(["none", "floyd-steinberg"]))
def test_the_fewest_colours_that_reach_a_quality(picture, psnr, dither):
    ledger = measured(picture, None, psnr=psnr, dither=dither)
    assert ledger.psnr >= psnr
    if ledger.k > 1 and not math.isinf(ledger.psnr):
        assert measured(picture, ledger.k - 1, dither=dither, space="srgb").psnr < psnr


@settings(max_examples=60)
@given(pictures(), st.integers(1, 3000), CODINGS)
def test_the_most_colours_that_fit(picture, limit, coding):
    least = measured(picture, 1, coding=coding).total_bytes
    if limit < least:
        with pytest.raises(kmq.TargetError, match=f"max_bytes {limit}: even one colour takes {least} bytes"):
            kmq.encode(picture, max_bytes=limit, coding=coding)
        return
    ledger = measured(picture, None, max_bytes=limit, coding=coding)
    assert ledger.total_bytes <= limit
    most = len(kmq.histogram(picture))
    # Sizes needn't grow with k in the other codings: somewhere above is one that doesn't fit.
    above = [ledger.k + 1] if coding == "packed" else range(ledger.k + 1, most + 1)
    files = (measured(picture, k, coding=coding) for k in above)
    assert ledger.k == most or any(file.total_bytes > limit for file in files)


def test_what_is_coded_smaller_fits_more_colours():
    picture = load_sample_image("china.jpg")[100:220, 100:220]
    packed, zstd, auto = (
        measured(picture, None, max_bytes=5_400, coding=name) for name in ("packed", "zstd", "auto")
    )
    assert (packed.k, packed.coding, zstd.coding, auto.coding) == (4, "packed", "zstd", "context")
    assert auto.k > zstd.k > 16
    assert 5_000 < auto.total_bytes <= 5_400
    assert measured(picture, auto.k + 1).total_bytes > 5_400


def test_bits_a_pixel_are_bytes():
    picture = load_sample_image("china.jpg")[:60, :60]
    ledger = measured(picture, None, bpp=3.1, coding="packed")
    assert 2 < ledger.bits_per_pixel <= 3.1
    assert ledger.k == 8
    assert kmq.encode(picture, bpp=3.1) == kmq.encode(picture, max_bytes=1395)
    assert kmq.encode(picture, bpp=3.1, max_bytes=1000) == kmq.encode(picture, max_bytes=1000)


def test_k_is_the_most_that_a_target_may_take():
    picture = load_sample_image("china.jpg")[:100, :100]
    with pytest.raises(kmq.TargetError, match=r"psnr 50 dB: 20 colours reach \d\d\.\d\d"):
        kmq.encode(picture, 20, psnr=50)
    assert measured(picture, 20, max_bytes=10**6).k == 20
    assert measured(picture, 2000, psnr=50).k > 20


def test_a_quality_in_a_size():
    picture = load_sample_image("china.jpg")[:100, :100]
    alone = measured(picture, None, psnr=45)
    assert kmq.encode(picture, psnr=45, max_bytes=alone.total_bytes) == kmq.encode(picture, psnr=45)
    with pytest.raises(
        kmq.TargetError,
        match=f"takes {alone.k} colours and {alone.total_bytes} bytes; {alone.total_bytes - 1} are allowed",
    ):
        kmq.encode(picture, psnr=45, max_bytes=alone.total_bytes - 1)


def test_a_huge_number_of_bits_is_no_limit_and_none_is_too_few():
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert kmq.encode(picture, bpp=1e308) == kmq.encode(picture, 65_536)
    with pytest.raises(kmq.TargetError, match="bpp 0: even one colour takes 19 bytes, 0 are allowed"):
        kmq.encode(picture, bpp=0)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4))
def test_the_bits_a_pixel_of_a_ledger_can_be_asked_for(width, height, k):
    picture = np.arange(width * height, dtype=np.uint32).view(np.uint8).reshape(height, width, 4)[:, :, :3]
    ledger = measured(picture, k, coding="packed")
    again = measured(picture, 4, bpp=ledger.bits_per_pixel, coding="packed")
    assert again.total_bytes >= ledger.total_bytes


def test_an_indexed_picture_that_fits_keeps_its_palette():
    picture = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    image = Image.fromarray(picture).quantize(40)
    whole = kmq.encode(image, 40)
    assert kmq.encode(image, max_bytes=len(whole)) == whole == kmq.encode(image, bpp=100)
    assert len(kmq.encode(image, max_bytes=len(whole) - 1)) < len(whole)


def test_exact_colours_reach_any_quality():
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert math.isinf(measured(picture, None, psnr=300).psnr)
    assert math.isinf(measured(picture, None, max_bytes=10**6).psnr)


def test_the_elbow():
    flags = np.zeros((90, 90, 3), np.uint8)
    flags[:30], flags[30:60], flags[60:] = (200, 0, 0), (0, 150, 0), (0, 0, 220)
    flags += np.random.default_rng(0).integers(0, 3, flags.shape, np.uint8)  # a little noise
    assert measured(flags, "auto").k in (4, 8)
    photo = load_sample_image("china.jpg")[::2, ::2]
    assert measured(photo, "auto").k in (16, 32, 64)
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    assert measured(ramp, "auto").k >= 64  # along one axis each doubling gains 6 dB
    assert measured(np.zeros((3, 3), np.uint8), "auto").k == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"psnr": float("nan")}, ValueError, "psnr is nan; it must be a finite number, at least 0"),
        ({"psnr": float("inf")}, ValueError, "psnr is inf"),
        ({"psnr": -1}, ValueError, "psnr is -1"),
        ({"psnr": "30"}, TypeError, "psnr is '30'; it must be a number"),
        ({"psnr": True}, TypeError, "psnr is True"),
        ({"max_bytes": 0}, ValueError, "max_bytes is 0"),
        ({"max_bytes": 1e6}, TypeError, "max_bytes is 1000000.0; it must be an integer"),
        ({"bpp": float("nan")}, ValueError, "bpp is nan"),
        ({"bpp": -0.5}, ValueError, "bpp is -0.5"),
        ({"psnr": 10**400}, ValueError, "psnr is too long to show|psnr is 1000"),
        ({"bpp": np.timedelta64(3)}, TypeError, "bpp is"),
        ({"k": 10**5000}, ValueError, "k is too long to show; it must be 1 to 65,536"),
        ({"k": np.array([1, 2])}, TypeError, "k is array"),
        ({"k": "elbow"}, ValueError, "k is 'elbow'; it must be 1 to 65,536, or 'auto'"),
        ({"k": "auto", "psnr": 30}, ValueError, "k is 'auto'; psnr looks for a k of its own"),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_named(options, error, message):
    with pytest.raises(error, match=message):
        kmq.encode(np.zeros((2, 2), np.uint8), **options)


def test_a_missed_target_writes_nothing(tmp_path):
    path = tmp_path / "x.kmq"
    with pytest.raises(kmq.TargetError):
        kmq.save(path, np.zeros((2, 2), np.uint8), max_bytes=3)
    assert not path.exists()
