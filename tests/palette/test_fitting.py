"""Choosing a palette: how good it is, what it keeps, and that it is the same each time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_image
from threadpoolctl import threadpool_limits

import kmq
import oracle
from strategies import pictures

VALUES = np.arange(256) / 255
LIGHT = np.where(VALUES <= 0.04045, VALUES / 12.92, ((VALUES + 0.055) / 1.055) ** 2.4)
"""The linear light of 8-bit values (IEC 61966-2-1)."""


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("china.jpg")[100:300, 100:400]


def shown(picture, k, **options):
    return kmq.decode(kmq.encode(picture, k, **options))


def squared_error(picture, other):
    return ((picture.astype(int) - other) ** 2).sum(axis=2).mean()


@given(pictures(), pictures(), pictures())
def test_histograms_add_up(a, b, c):
    counted = [kmq.histogram(picture) for picture in (a, b, c)]
    if len({each.channels for each in counted}) > 1:
        with pytest.raises(ValueError, match="channels can't be added"):
            sum(counted[1:], counted[0])
        return
    wanted = kmq.histogram(
        np.concatenate([np.atleast_3d(p).reshape(1, -1, counted[0].channels) for p in (a, b, c)], axis=1)
    )
    one, two, three = counted
    for total in (one + two + three, one + (two + three), three + one + two):
        assert total.inverse is None
        assert np.array_equal(total.colours, wanted.colours)
        assert np.array_equal(total.counts, wanted.counts)


def test_a_histogram_adds_only_to_a_histogram():
    with pytest.raises(TypeError, match="unsupported operand"):
        kmq.histogram(np.zeros((1, 1), np.uint8)) + 1
    with pytest.raises(TypeError, match="unsupported operand"):
        1 + kmq.histogram(np.zeros((1, 1), np.uint8))


@pytest.mark.parametrize("channels", [3, 4])
def test_many_colours_are_counted_exactly(channels):
    picture = np.random.default_rng(1).integers(0, 256, (500, 600, channels), np.uint8)
    if channels == 4:
        picture[:, :, 3] |= 1
    picture[100:200] = picture[:100]  # some of them twice
    counted = kmq.histogram(picture)
    colours, counts = np.unique(picture.reshape(-1, channels), axis=0, return_counts=True)
    order = np.lexsort(counted.colours.T[::-1])
    assert np.array_equal(counted.colours[order], colours)
    assert np.array_equal(counted.counts[order], counts)
    assert np.array_equal(counted.colours[counted.inverse], picture)


@pytest.mark.parametrize("k", [16, pytest.param(64, marks=pytest.mark.slow)])
def test_the_error_is_that_of_ten_starts_of_kmeans(photo, k):
    photo = photo[::2, ::2] if k > 16 else photo  # a quarter of the 16 seconds that KMeans takes for all
    colours, counts = np.unique(photo.reshape(-1, 3), axis=0, return_counts=True)
    fitted = KMeans(k, n_init=10, random_state=0).fit(colours.astype(float), sample_weight=counts)
    theirs = fitted.inertia_ / counts.sum()
    assert squared_error(photo, shown(photo, k, space="srgb")) < 1.015 * theirs
    assert squared_error(photo, shown(photo, k, space="srgb", effort="thorough")) < 1.003 * theirs


def test_more_effort_is_better(photo):
    fast, default, thorough = (
        squared_error(photo, shown(photo, 100, space="srgb", effort=effort))
        for effort in ("fast", "default", "thorough")
    )
    assert thorough < default < fast


def test_each_space_is_best_by_its_own_measure(photo):
    small = photo[::4, ::4]
    ways = {space: shown(small, 32, space=space) for space in ("srgb", "oklab")}

    def lightness_error(other):
        pairs = zip(small.reshape(-1, 3).tolist(), other.reshape(-1, 3).tolist(), strict=True)
        return sum(oracle.oklab_distance(a, b) for a, b in pairs)

    assert squared_error(small, ways["srgb"]) < 0.97 * squared_error(small, ways["oklab"])
    assert lightness_error(ways["oklab"]) < 0.97 * lightness_error(ways["srgb"])


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_k_entries_are_used_whatever_the_picture(space):
    ramp = np.arange(256, dtype=np.uint8)
    for picture in (
        np.tile(ramp, (4, 1)),
        np.stack([ramp, ramp, 255 - ramp], axis=1)[np.newaxis],
        np.stack([ramp, ramp, ramp, ramp], axis=1)[np.newaxis],
        np.random.default_rng(0).integers(0, 4, (100, 100, 3), np.uint8) + np.uint8(100),
    ):
        counted = kmq.histogram(picture)
        for k in (1, 2, 3, 7, 60):
            palette = kmq.fit_palette(counted, k, space=space)
            indices = kmq.map_indices(counted, palette, space=space).indices
            assert palette.k == len(np.unique(palette.entries, axis=0)) == len(np.unique(indices)) == k


@settings(max_examples=60)
@given(
    pictures(channels=st.just(4)), st.integers(3, 12), st.sampled_from(["srgb", "oklab"]),
    st.sampled_from(["none", "floyd-steinberg", "ordered"]), st.data(),
)  # fmt: skip
def test_clear_stays_clear_and_solid_stays_solid(picture, k, space, dither, data):
    picture = picture.copy()
    height, width = picture.shape[:2]
    for alpha in (0, 255):  # so that there are many of both
        top, left = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
        picture[top : top + 9, left : left + 9, 3] = alpha
    alpha = shown(picture, k, space=space, dither=dither)[:, :, 3]
    assert (alpha[picture[:, :, 3] == 0] == 0).all()
    assert (alpha[picture[:, :, 3] == 255] == 255).all()


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "ordered"])
def test_without_solid_or_clear_pixels_there_are_no_such_entries(dither):
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (8, 64, 4), np.uint8)
    picture[:, :, 3] = random.choice([1, 30, 200, 254], (8, 64))
    alpha = shown(picture, 16, dither=dither)[:, :, 3]
    assert 1 <= alpha.min() <= alpha.max() <= 254


def over(picture, backdrop):
    """Composite an RGBA picture over a backdrop, in floats."""
    alpha = picture[:, :, 3:] / 255
    return picture[:, :, :3] * alpha + np.asarray(backdrop) * (1 - alpha)


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_soft_edges_have_no_fringes(space):
    disc = Image.new("L", (400, 400))
    ImageDraw.Draw(disc).ellipse([40, 40, 360, 360], fill=255)
    alpha = np.asarray(disc.resize((100, 100), Image.Resampling.BOX))
    y, x = np.mgrid[:100, :100]
    picture = np.stack([150 + x, 40 + y, 60 + 0 * x, alpha], axis=2).astype(np.uint8)
    decoded = shown(picture, 24, space=space)
    edge = (alpha > 0) & (alpha < 255)
    checkers = np.where((x // 8 + y // 8) % 2, 255, 0)[:, :, np.newaxis]
    for backdrop in (0, 255, checkers):
        before, after = (over(each, backdrop)[edge] for each in (picture, decoded))
        assert np.abs(after - before).mean() < 11
        assert (after - before).mean() == pytest.approx(0, abs=2.5)  # neither darker nor lighter


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_a_small_far_colour_survives(space):
    rng = np.random.default_rng(4)
    picture = rng.normal([120, 140, 90], 22, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    red, blue = (230, 20, 20), (20, 20, 230)
    picture[10:14, 10:16], picture[100, 100:120] = red, blue  # a legend and a thin line
    decoded = shown(picture, 64, space=space).astype(int)
    for place, colour in (((12, 12), red), ((100, 110), blue)):
        assert np.abs(decoded[place] - colour).max() <= 3


def test_a_few_stray_pixels_are_no_legend():
    rng = np.random.default_rng(4)
    picture = rng.normal([120, 140, 90], 8, (300, 300, 3)).clip(0, 255).astype(np.uint8)
    plain = kmq.fit_palette(kmq.histogram(picture), 32).entries
    picture[5, 5] = (230, 20, 20)
    stray = kmq.fit_palette(kmq.histogram(picture), 32).entries
    assert (np.abs(stray.astype(int) - (230, 20, 20)).max(axis=1) > 3).all()
    assert len(plain) == len(stray) == 32


def test_a_palette_for_dithering_suits_the_dithered_picture(photo):
    counted = kmq.histogram(photo)

    def far_error(palette):
        seen = palette.colours(kmq.map_indices(counted, palette, dither="floyd-steinberg"))
        from_afar = [
            LIGHT[picture[:198]].reshape(66, 3, 100, 3, 3).mean(axis=(1, 3)) for picture in (photo, seen)
        ]
        return ((from_afar[0] - from_afar[1]) ** 2).sum(axis=2).mean()

    plain = kmq.fit_palette(counted, 16, space="srgb")
    fitted = kmq.fit_palette(counted, 16, space="srgb", dither="floyd-steinberg")
    unfitted = kmq.Histogram(counted.colours, counted.counts)  # a sum has no picture to fit to
    assert far_error(fitted) < 0.75 * far_error(plain)
    assert far_error(fitted) < far_error(kmq.fit_palette(unfitted, 16, space="srgb", dither="ordered"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"space": "lab"}, ValueError, "space is 'lab'; it must be one of oklab, srgb"),
        ({"space": 7}, TypeError, "space is 7"),
        ({"effort": "best"}, ValueError, "effort is 'best'; it must be one of fast, default, thorough"),
        ({"dither": "yes"}, ValueError, "dither is 'yes'; it must be one of none, floyd-steinberg, ordered"),
        ({"dither": True}, TypeError, "dither is True"),
        ({"strength": 1.5}, ValueError, "strength is 1.5; it must be a finite number, 0 to 1"),
        ({"strength": float("nan")}, ValueError, "strength is nan"),
        ({"strength": "1"}, TypeError, "strength is '1'"),
    ],
)  # fmt: skip
def test_bad_options_are_named(options, error, message):
    counted = kmq.histogram(np.zeros((2, 2), np.uint8))
    with pytest.raises(error, match=message):
        kmq.encode(np.zeros((2, 2), np.uint8), **options)
    with pytest.raises(error, match=message):
        kmq.fit_palette(counted, 2, **options)
    if "effort" not in options:
        with pytest.raises(error, match=message):
            kmq.map_indices(counted, kmq.Palette([[0]]), **options)


def test_one_opaque_pixel_among_many_translucent_ones_stays_opaque():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (100, 100, 4), np.uint8)
    picture[:, :, 3] = random.integers(1, 255, (100, 100))
    picture[50, 50, 3] = 255
    for k in (2, 3, 8, 40):
        assert shown(picture, k)[50, 50, 3] == 255
    for state in range(5):  # other starts know nothing of it
        assert shown(picture, 3, n_init=5, random_state=state, effort="fast")[50, 50, 3] == 255
    picture[0, 0] = 0
    for k in (3, 4, 8, 40):
        decoded = shown(picture, k)
        assert (decoded[50, 50, 3], *decoded[0, 0]) == (255, 0, 0, 0, 0)


def test_one_entry_for_all_is_that_of_the_opaque_ones():
    picture = np.full((100, 100, 4), (255, 0, 255, 100), np.uint8)
    picture[:10] = (20, 30, 40, 255)
    assert np.unique(shown(picture, 1).reshape(-1, 4), axis=0).tolist() == [[20, 30, 40, 255]]
    picture[20] = 0
    assert np.unique(shown(picture, 2).reshape(-1, 4), axis=0).tolist() == [[0, 0, 0, 0], [20, 30, 40, 255]]


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "ordered"])
@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_a_white_page_stays_white(space, dither):
    random = np.random.default_rng(3)
    page = np.full((200, 200, 3), 255, np.uint8)
    page[50:150, 20:180] = random.integers(190, 256, (100, 160, 3))
    page[60:140:10, 30:170] = random.integers(0, 90, (8, 140, 1))
    decoded = shown(page, 4, space=space, dither=dither)
    assert (decoded[:49] == 255).all()


def test_sum_adds_histograms():
    counted = [kmq.histogram(np.full((2, 2), value, np.uint8)) for value in (1, 2, 1)]
    total = sum(counted)
    assert (total.colours.tolist(), total.counts.tolist()) == ([[1], [2]], [8, 4])


@settings(max_examples=60)
@given(st.lists(pictures(), min_size=1, max_size=4), st.integers(1, 12))
def test_several_histograms_give_the_palette_of_their_pictures_together(several, k):
    channels = max(np.atleast_3d(picture).shape[2] for picture in several)
    pixels = np.concatenate(
        [widened(picture, channels).reshape(1, -1, channels) for picture in several], axis=1
    )
    together = kmq.fit_palette(kmq.histogram(pixels), k)
    palette = kmq.fit_palette(map(kmq.histogram, several), k)
    used = kmq.map_indices(kmq.histogram(pixels), together).counts() > 0
    assert np.array_equal(palette.entries, together.entries[used])  # what no colour is nearest to is left out


def widened(picture, channels):
    """Return a picture with as many channels or more: grey thrice, alpha opaque."""
    picture = np.atleast_3d(picture)
    if picture.shape[2] == 1 < channels:
        picture = np.repeat(picture, min(channels, 3), axis=2)
    opaque = np.full((*picture.shape[:2], channels - picture.shape[2]), 255, np.uint8)
    return np.concatenate([picture, opaque], axis=2)


def test_no_histogram_is_named():
    with pytest.raises(ValueError, match="histogram is empty; it must be a Histogram"):
        kmq.fit_palette([])
    for other in (3, ["x"]):
        with pytest.raises(TypeError, match="histogram is (int|str); it must be a Histogram"):
            kmq.fit_palette(other)


@pytest.mark.parametrize("space", ["srgb", "oklab"])
@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "ordered"])
def test_colours_that_hardly_show_are_exact_too(space, dither):
    picture = np.zeros((4, 64, 4), np.uint8)
    picture[:, :, 0] = np.arange(256).reshape(4, 64)
    picture[:, :, 3] = 1
    assert np.array_equal(shown(picture, 256, space=space, dither=dither), picture)


def test_many_colours_give_the_same_bytes_on_any_number_of_threads():
    side = np.arange(0, 256, 4, dtype=np.uint8)
    cube = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(512, 512, 3)
    files = set()
    for threads in (1, 2, 8):
        with threadpool_limits(limits=threads):
            files.add(kmq.encode(cube, 300, effort="fast"))
    assert len(files) == 1


@settings(max_examples=60)
@given(pictures(), st.integers(1, 12), st.sampled_from(["none", "floyd-steinberg", "ordered"]))
def test_no_entry_of_a_file_is_unused(picture, k, dither):
    ledger = kmq.inspect(kmq.encode(picture, k, dither=dither))
    assert ledger.k_used == ledger.k


@pytest.mark.slow
def test_a_wide_picture_is_fitted_to_dithering_by_all_its_parts():
    picture = np.zeros((300, 9000, 3), np.uint8)
    ramp = np.linspace(0, 255, 9000).astype(np.uint8)
    picture[:150, :, 0], picture[150:, :, 2] = ramp, ramp
    seen = shown(picture, 8, dither="floyd-steinberg").astype(int)
    for part, channel in ((seen[:150], 0), (seen[150:], 2)):  # both ramps are as long as each other
        assert part[:, -500:, channel].mean() > 200


C, N = np.zeros((2, 3), np.uint8), np.ones(2, np.int64)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (([[0, 0, 0]], N), TypeError, "colours is list; it must be an array of uint8"),
        ((C.astype(int), N), ValueError, "colours are int64"),
        ((C[:, 0], N), ValueError, r"shape \(2,\); they must be uint8, 2-D"),
        ((C[:0], N[:0]), ValueError, "not empty"),
        ((C[:, :2], N), ValueError, "colours and counts have shapes"),
        ((C, N[:1]), ValueError, "colours and counts have shapes"),
        ((C, N.astype(float)), ValueError, "counts are float64"),
        ((C, 0 * N), ValueError, "counts must be at least 1"),
        ((C, N * 2**42), ValueError, "less than 2.43 in all"),
        ((C, N * 2**62), ValueError, "less than 2.43 in all"),
        ((C, N, np.zeros(4, np.uint32)), ValueError, r"inverse are uint32, shape \(4,\)"),
        ((C, N, np.zeros((2, 0), np.uint32)), ValueError, "not empty"),
        ((C, N, np.zeros((2, 2), np.int64)), ValueError, "inverse are int64"),
        ((C, N, np.full((2, 2), 2, np.uint32)), ValueError, "inverse goes to 2; there are 2 colours"),
    ],
)  # fmt: skip
def test_a_histogram_that_cannot_be_is_refused(arrays, error, message):
    with pytest.raises(error, match=message):
        kmq.Histogram(*arrays)


def test_a_histogram_of_any_arrangement_is_taken(photo):
    counted = kmq.histogram(photo[:50, :50])
    order = np.random.default_rng(0).permutation(len(counted))
    ranks = np.argsort(order).astype(np.uint32)
    other = kmq.Histogram(
        np.asfortranarray(counted.colours[order]), counted.counts[order], ranks[counted.inverse].T.copy().T
    )
    palette = kmq.fit_palette(counted, 30)
    for dither in ("none", "floyd-steinberg", "ordered"):
        planes = [kmq.map_indices(each, palette, dither=dither) for each in (counted, other)]
        assert planes[0] == planes[1]
