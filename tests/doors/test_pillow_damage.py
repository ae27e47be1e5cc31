"""Files that are damaged, hostile or large, opened through Pillow."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, UnidentifiedImageError

import kmq
import writing
from pillow_files import BOMBS, NAMED_CODINGS, encoded, opened
from samples import PICTURE


def outcomes(data):
    """Return what Image.open, load and verify raise; nothing else than what Pillow's plugins may."""
    raised = []
    try:
        image = opened(data)
    except UnidentifiedImageError as error:
        return [error]
    for work in (image.load, opened(data).verify):
        try:
            work()
        except OSError as error:
            raised.append(error)
    return raised


@pytest.mark.parametrize("cut_is_fine", [False, True])
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("coding", NAMED_CODINGS)
def test_a_file_cut_anywhere_is_not_identified_or_does_not_load(monkeypatch, coding, tile, cut_is_fine):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", cut_is_fine)
    data = encoded(coding, tile=tile)
    head = len(data) - kmq.inspect(data).index_bytes
    for size in range(len(data)):
        raised = outcomes(data[:size])
        if size < head:
            assert [type(error) for error in raised] == [UnidentifiedImageError]
            assert size < 3 or isinstance(raised[0].__cause__, kmq.TruncatedError)
        else:
            assert [type(error) for error in raised] == [OSError, OSError]
    assert outcomes(data) == []


@pytest.mark.parametrize("cut_is_fine", [False, True])
@pytest.mark.parametrize("coding", NAMED_CODINGS)
def test_no_changed_byte_goes_unnoticed_and_the_field_is_named(monkeypatch, coding, cut_is_fine):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", cut_is_fine)
    data = encoded(coding, tile=16)
    for place in range(3, len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 4
        raised = outcomes(bytes(damaged))
        assert raised
        assert all("offset" in str(error) for error in raised)


def test_what_did_not_load_fails_again_and_shows_nothing():
    damaged = bytearray(encoded())
    damaged[-1] ^= 1
    image = opened(bytes(damaged))
    for _ in range(2):
        with pytest.raises(OSError, match="Tile_CRC"):
            image.getpixel((0, 0))


def test_other_files_are_left_to_other_plugins():
    from kmq.pillow import KmqImageFile  # noqa: PLC0415  what it registers is the interface

    with pytest.raises(SyntaxError, match=r"not a \.kmq file"):
        KmqImageFile(io.BytesIO(b"GIF89a"))
    with pytest.raises(UnidentifiedImageError, match=r"^cannot identify"):
        opened(b"KM")


def test_a_later_version_is_named():
    with pytest.raises(
        UnidentifiedImageError, match="Version at offset 3 is 2; this decoder reads version 1"
    ):
        opened(b"KMQ\2" + bytes(30))


@st.composite
def hostile(draw):
    """Bytes after a magic, or a file whose checksums are right and whose fields are anything."""
    if draw(st.booleans()):
        return b"KMQ\1" + draw(st.binary(max_size=200))
    number = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1)).map(writing.uleb)
    flags = draw(st.integers(0, 255))
    coded = draw(st.binary(max_size=60))
    return writing.build(
        flags=flags,
        width=draw(number),
        height=draw(number),
        entries=draw(st.one_of(st.just(writing.uleb(len(coded) // 3)), number)),
        tile=draw(st.sampled_from([b"\4", b"\x0f", b"\7"])) if flags & 64 else b"",
        sections=draw(st.sampled_from([b"", writing.section(b"exif", draw(st.binary(max_size=60)))])),
        sections_size=draw(st.one_of(st.none(), number)) if flags & 128 else None,
        palette=writing.uleb(len(coded)) + coded if flags & 32 else coded,
        payloads=draw(st.lists(st.binary(max_size=40), max_size=3)),
    )


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile())
def test_whatever_the_bytes_are_nothing_else_is_raised(monkeypatch, data):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    try:
        raised = outcomes(data)
    except BOMBS:
        return
    if not raised:
        assert opened(data).size == kmq.decode(data).shape[1::-1]


@pytest.mark.parametrize("limit", [1200, 1199, 600, 599, 1, None])
def test_the_limit_on_pixels_is_pillow_s_as_for_a_png(monkeypatch, limit):
    png = io.BytesIO()
    Image.fromarray(PICTURE).save(png, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    raised = []
    for data in (png.getvalue(), encoded()):
        try:
            opened(data).load()
            raised.append(None)
        except BOMBS as error:
            raised.append(type(error))
    assert raised[0] == raised[1]
    assert (raised[0] is None) == (limit in (None, 1200))


def one_colour(width, height):
    """Return a file of one colour, which takes no bytes for its pixels, however many."""
    sides = {"width": writing.uleb(width - 1), "height": writing.uleb(height - 1)}
    return writing.build(flags=0, **sides, entries=b"\0", palette=b"\7", payloads=[b""])


def test_a_bomb_of_25_bytes_is_refused_and_without_a_limit_opens_but_does_not_fit(monkeypatch):
    data = one_colour(2**31 - 1, 2**31 - 1)
    assert len(data) == 25
    with pytest.raises(Image.DecompressionBombError):
        opened(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    image = opened(data)
    assert image.size == (2**31 - 1, 2**31 - 1)
    with pytest.raises(MemoryError):
        image.load()


def test_without_pillow_s_limit_there_is_no_other(monkeypatch):
    data = one_colour(15_000, 6_000)
    with pytest.raises(kmq.LimitError):
        kmq.decode(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    image = opened(data)
    assert image.getpixel((14_999, 5_999)) == 0
    assert image.getpalette() == [7, 7, 7]
