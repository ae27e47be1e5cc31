"""The ledger sums to the file, and its figures are those of the pixels."""

import collections
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import kmq
import oracle
from reference_decoder import read_file, read_indices
from reference_decoder.conventions import bit_depth
from reference_decoder.reading import CODINGS as CODING_NAMES
from samples import profile_of_gamma
from strategies import CODINGS, PLAIN_CODINGS, TILES, pictures
from writing import build, section


@settings(max_examples=60)
@given(pictures(), st.sampled_from([1, 2, 5, 65_536]), TILES, CODINGS)
def test_the_parts_sum_to_the_size_and_each_is_what_it_says(picture, k, tile, coding):
    data = kmq.encode(picture, k, tile=tile, coding=coding)
    ledger = kmq.inspect(data, picture)
    read = read_file(data)
    tiles = math.prod(-(-side // (tile or 99)) for side in picture.shape[:2])
    assert ledger.total_bytes == len(data)
    assert ledger.palette_bytes == read.palette_size
    assert ledger.index_bytes == sum(len(payload) for _, _, payload in read.payloads)
    assert ledger.checksum_bytes == 4 + 4 * tiles
    assert ledger.header_bytes == read.header_size - ledger.palette_bytes - ledger.checksum_bytes
    assert ledger.metadata_bytes == 0
    assert ledger.packed_bytes == len(kmq.encode(picture, k, tile=tile, coding="packed"))
    assert ledger.coding == CODING_NAMES[read.coding]
    assert ledger.bits_per_pixel == pytest.approx(8 * len(data) / (read.width * read.height))
    assert ledger.ratio == pytest.approx(read.width * read.height * read.channels / len(data))
    depth = bit_depth(len(read.palette))
    assert ledger.promised_ratio == (8 * read.channels / depth if depth else math.inf)


@settings(max_examples=60)
@given(pictures(), st.integers(1, 9), PLAIN_CODINGS)
def test_entropy_and_loss_are_those_of_the_pixels(picture, k, coding):
    data = kmq.encode(picture, k, coding=coding)
    ledger = kmq.inspect(data, picture)
    read = read_file(data)
    flat = [index for row in read_indices(read) for index in row]
    shares = [count / len(flat) for count in collections.Counter(flat).values()]
    assert ledger.index_entropy == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-9)
    assert ledger.k_used == len(shares)
    before = [colour for row in oracle.colours_of(picture) for colour in row]
    total = sum(oracle.distance(b, read.palette[i]) for b, i in zip(before, flat, strict=True))
    scale = 2 * 255**2 if read.channels == 4 else 1
    assert ledger.squared_error == pytest.approx(total / scale / len(flat))
    if total:
        psnr = 10 * math.log10(min(read.channels, 3) * 255**2 / (total / scale / len(flat)))
        assert ledger.psnr == pytest.approx(psnr)
    else:
        assert ledger.psnr == math.inf


def test_without_the_original_there_is_no_loss_to_tell():
    ledger = kmq.inspect(build())
    assert ledger.squared_error is None
    assert ledger.psnr is None


def test_sections_are_metadata_and_their_checksums_are_checksums():
    data = build(sections=section(b"exif", b"abc") + section(b"xmp ", b""))
    ledger = kmq.inspect(data)
    assert ledger.total_bytes == len(data)
    assert ledger.metadata_bytes == (4 + 1 + 3) + (4 + 1 + 0)
    assert ledger.checksum_bytes == 4 + 4 + 2 * 4
    assert ledger.header_bytes == 9


@pytest.mark.parametrize(
    ("stored", "original"),
    [((2, 3, 3), (2, 3)), ((2, 3, 4), (2, 3)), ((2, 3, 4), (2, 3, 3)), ((2, 3, 4), (2, 3, 1))],
)
def test_an_original_of_fewer_channels_is_widened(stored, original):
    before = np.full(original, 50, np.uint8)
    after = np.full(stored, 60, np.uint8)
    if len(stored) == 3 and stored[2] == 4:
        after[:, :, 3] = 255
    ledger = kmq.inspect(kmq.encode(after), before)
    assert ledger.squared_error == 300


@pytest.mark.parametrize("original", [(3, 2, 3), (2, 3, 4), (1, 6, 3)])
def test_an_original_of_another_size_or_that_shows_through_is_refused(original):
    with pytest.raises(ValueError, match="original is"):
        kmq.inspect(build(), np.zeros(original, np.uint8))


@pytest.mark.parametrize("channels", [3, 4])
def test_an_original_with_channels_that_say_nothing_is_narrowed(channels):
    array = np.full((2, 3, channels), 255, np.uint8)
    assert kmq.inspect(kmq.encode(Image.fromarray(array)), array).squared_error == 0


@given(pictures(), PLAIN_CODINGS)
def test_indices_that_were_decoded_are_not_decoded_again(picture, coding):
    data = bytearray(kmq.encode(picture, 5, coding=coding))
    with kmq.KmqFile(data) as file:
        plane, expected = file.indices(), file.ledger(picture)
        if expected.index_bytes:
            data[-1] ^= 1  # decoding would fail
            with pytest.raises(kmq.FormatError):
                file.ledger(picture)
        assert file.ledger(picture, indices=plane) == expected
        height, width = plane.indices.shape
        for other in (
            kmq.IndexPlane(np.zeros((height + 1, width), np.uint8), plane.k),
            kmq.IndexPlane(plane.indices, plane.k + 1),
        ):
            with pytest.raises(ValueError, match="indices are IndexPlane"):
                file.ledger(picture, indices=other)


def test_the_original_can_be_an_image():
    image = Image.linear_gradient("L").resize((40, 30))
    assert kmq.inspect(kmq.encode(image), image).squared_error == 0
    assert kmq.inspect(kmq.encode(image, 4), image).squared_error > 0


def test_the_loss_of_a_large_picture_counts_every_pixel():
    before = np.zeros((300, 400, 3), np.uint8)
    after = before.copy()
    after[0, 0] = [3, 4, 0]
    after[170, 3] = [0, 0, 5]
    after[-1, -1] = [0, 5, 5]
    assert kmq.inspect(kmq.encode(after), before).squared_error == pytest.approx(100 / 120_000)


def test_a_kept_profile_is_no_loss():
    image = Image.linear_gradient("L").convert("RGB")
    image.info["icc_profile"] = profile_of_gamma(1)
    data = kmq.encode(image, keep="icc")
    assert kmq.inspect(data, image).squared_error == 0
    assert kmq.KmqFile(data).ledger(image).squared_error == 0


def test_the_size_of_640_by_427_pixels_in_16_colours():
    picture = np.random.default_rng(0).integers(0, 256, (16, 3), np.uint8)[
        np.arange(427 * 640).reshape(427, 640) % 16
    ]
    assert len(kmq.encode(picture, 16)) <= 136_640 + 48 + 20
