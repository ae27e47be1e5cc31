"""Dithering, held to a slow one written from its description and to what it is for."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_sample_image

import kmq
import oracle
from strategies import palettes, pictures

VALUES = np.arange(256) / 255
LIGHT = np.where(VALUES <= 0.04045, VALUES / 12.92, ((VALUES + 0.055) / 1.055) ** 2.4)
"""The linear light of 8-bit values (IEC 61966-2-1)."""

WAYS = pytest.mark.parametrize("dither", ["floyd-steinberg", "ordered"])


@settings(max_examples=80)
@given(pictures(channels=st.sampled_from([None, 1, 3])), palettes(k=st.integers(1, 9)), st.integers(1, 255))
def test_error_diffusion_is_floyd_and_steinbergs(picture, palette, strength):
    if (1 if picture.ndim == 2 else picture.shape[2]) != palette.channels:
        return
    plane = kmq.map_indices(picture, palette, space="srgb", dither="floyd-steinberg", strength=strength / 256)
    entries = palette.entries.tolist()
    taken = [[entries[index] for index in row] for row in plane.indices.tolist()]
    oracle.check_diffused(oracle.colours_of(picture), entries, strength, taken)


@settings(max_examples=50)
@given(pictures(), palettes(k=st.integers(1, 9)), st.sampled_from(["floyd-steinberg", "ordered"]))
def test_no_strength_is_no_dithering(picture, palette, dither):
    if (1 if picture.ndim == 2 else picture.shape[2]) == palette.channels:
        plain = palette.colours(kmq.map_indices(picture, palette))
        weak = palette.colours(kmq.map_indices(picture, palette, dither=dither, strength=0))
        assert np.array_equal(weak, plain)


@WAYS
@settings(max_examples=50)
@given(picture=pictures())
def test_colours_of_the_palette_are_not_dithered(dither, picture):
    counted = kmq.histogram(picture)
    palette = kmq.Palette(counted.colours)
    plane = kmq.map_indices(picture, palette, dither=dither, strength=1)
    decoded = palette.colours(plane)
    assert oracle.colours_of(decoded) == oracle.colours_of(picture)


def test_a_colour_with_an_entry_of_its_own_keeps_it_among_many():
    # Steps towards a mixture end before they reach colours close to the hull's surface.
    colours = np.random.default_rng(0).integers(0, 256, (40, 3), np.uint8)
    picture = colours[np.random.default_rng(4).integers(0, 40, (40, 50))]
    palette = kmq.Palette(colours)
    plane = kmq.map_indices(picture, palette, dither="floyd-steinberg", strength=1)
    assert np.array_equal(palette.colours(plane), picture)


@WAYS
@pytest.mark.parametrize("level", [50, 64, 100, 200, 210])
def test_from_afar_black_and_white_are_grey(dither, level):
    picture = np.full((64, 64), level, np.uint8)
    picture[::7, ::7] -= 1  # a flat picture is dithered as well
    plane = kmq.map_indices(picture, kmq.Palette([[0], [255]]), space="srgb", dither=dither, strength=1)
    assert plane.indices.mean() == pytest.approx(LIGHT[picture].mean(), abs=0.01)
    if dither == "floyd-steinberg":  # also in every part of it
        parts = plane.indices[16:48, 16:48].reshape(2, 16, 2, 16).mean(axis=(1, 3))
        assert np.abs(parts - LIGHT[level]).max() < 0.02


def test_ordered_dithering_depends_on_colour_and_place_alone():
    picture = load_sample_image("china.jpg")[:96, :120]
    palette = kmq.fit_palette(kmq.histogram(picture), 12)
    whole = kmq.map_indices(picture, palette, dither="ordered").indices
    part = kmq.map_indices(picture[16:72, 40:104], palette, dither="ordered").indices
    assert np.array_equal(part, whole[16:72, 40:104])
    assert (whole != kmq.map_indices(picture, palette).indices).mean() > 0.1


@WAYS
def test_dithering_is_nearer_from_afar(dither):
    picture = load_sample_image("flower.jpg")[100:300, 200:400]
    palette = kmq.Palette(list(itertools.product((0, 85, 170, 255), repeat=3)))

    def far_error(method):
        shown = palette.colours(kmq.map_indices(picture, palette, dither=method))
        means = [LIGHT[p].reshape(25, 8, 25, 8, 3).mean(axis=(1, 3)) for p in (picture, shown)]
        return ((means[0] - means[1]) ** 2).sum(axis=2).mean()

    assert far_error(dither) < 0.5 * far_error("none")


def test_what_no_mixture_shows_is_not_passed_on():
    # Text: black on white, with a palette that has neither. The diffused error would speckle it.
    picture = np.full((40, 40), 255, np.uint8)
    picture[:, 10:12] = picture[:, 20:22] = 0
    palette = kmq.Palette([[30], [128], [225]])
    plane = kmq.map_indices(picture, palette, dither="floyd-steinberg", strength=1)
    assert np.array_equal(plane.indices, np.where(picture == 0, 0, 2))


@pytest.mark.parametrize("name", ["black-and-white", "e-paper-7", "pico-8", "web-safe"])
def test_the_mean_is_that_of_the_nearest_colours_that_mix(name):
    # This grey lies deep within what the palette mixes to.
    entries = kmq.PALETTES[name].entries
    colours = np.repeat(entries, 3, axis=1) if entries.shape[1] == 1 else entries
    light = LIGHT[colours].mean(axis=0)
    grey = np.searchsorted(LIGHT, light).astype(np.uint8)
    picture = np.tile(grey, (96, 96, 1))
    picture[::5, ::7] -= 1
    data = kmq.encode(picture, palette=name, dither="floyd-steinberg", coding="packed")
    shown = LIGHT[np.atleast_3d(kmq.decode(data))].mean(axis=(0, 1))
    assert np.abs(shown - LIGHT[picture].mean(axis=(0, 1))).max() < 0.01


@WAYS
def test_solid_pixels_take_solid_entries_even_if_others_are_nearer(dither):
    rng = np.random.default_rng(2)
    picture = rng.integers(0, 256, (40, 40, 4), np.uint8)
    picture[:20, :, 3], picture[30:, :, 3] = 255, 0
    entries = [[0, 0, 0, 255], [255, 255, 255, 255], [0, 0, 0, 0], [128, 128, 128, 254], [90, 90, 90, 100]]
    plane = kmq.map_indices(picture, kmq.Palette(entries), dither=dither, strength=1)
    assert set(np.unique(plane.indices[:20])) == {0, 1}
    assert (plane.indices[30:] == 2).all()
    assert {3, 4} & set(np.unique(plane.indices[20:30]))


def test_clear_pixels_among_others_stay_clear():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[:, ::2] = np.random.default_rng(1).integers(60, 200, (40, 20, 4))
    palette = kmq.Palette([[0, 0, 0, 0], [255, 255, 255, 20], [0, 0, 0, 20], [128, 128, 128, 250]])
    plane = kmq.map_indices(picture, palette, dither="floyd-steinberg", strength=1)
    assert (plane.indices[:, 1::2] == 0).all()


def test_dithered_files_are_the_same_every_time():
    picture = load_sample_image("china.jpg")[:100, :150]
    for dither in ("floyd-steinberg", "ordered"):
        one, two = (kmq.encode(picture, 20, dither=dither) for _ in range(2))
        assert one == two != kmq.encode(picture, 20)
