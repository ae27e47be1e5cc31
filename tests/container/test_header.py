"""The container against an independent reader and writer, and against every kind of damage."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

import kmq
import oracle
from kmq import FormatError, KmqError, LimitError, TruncatedError
from reference_decoder import read_file, read_indices
from reference_decoder.reading import CODINGS as CODING_NAMES
from small_files import (
    BAD_FILES,
    CODED_EXAMPLE_AND_MORE,
    CONTENT,
    EXAMPLE,
    SMALL_FILES,
    context_file,
    zstd_file,
)
from strategies import CODINGS, PLAIN_CODINGS, TILES, pictures
from ways import examples
from writing import build, crc, section, uleb, zstd_frame

pytestmark = pytest.mark.both_ways

SPEC = Path(__file__).parents[2] / "spec" / "SPEC.md"


def shape_of(data):
    return kmq.decode(data).shape


def test_the_worked_example_of_the_spec_is_a_file():
    dumps = re.findall(r"```hexdump\n(.*?)```", SPEC.read_text("utf-8"), re.DOTALL)
    data, in_context, adaptive = (
        bytes.fromhex("".join(re.match(r"(?:[0-9A-F]{2} ?)+", line).group() for line in dump.splitlines()))
        for dump in dumps
    )
    assert len(data) == 27
    assert data == build()
    vectors = SPEC.parent / "vectors" / "valid"
    assert in_context == (vectors / "context-fast-3x2.kmq").read_bytes()
    assert adaptive == (vectors / "adaptive-3x2.kmq").read_bytes()
    with kmq.KmqFile(data) as file:
        assert file.palette.entries.tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 255]]
        assert file.indices().indices.tolist() == EXAMPLE
    picture = file.palette.colours(kmq.IndexPlane(EXAMPLE, 3))
    assert kmq.encode(picture, coding="packed") == data


@given(pictures(), TILES, PLAIN_CODINGS)
def test_an_independent_reader_reads_what_is_written(picture, tile, coding):
    data = kmq.encode(picture, 65_536, tile=tile, coding=coding)
    read = read_file(data)
    assert CODING_NAMES[read.coding] == coding
    assert (read.height, read.width, read.tile) == (*picture.shape[:2], tile)
    shown = [[read.palette[index] for index in row] for row in read_indices(read)]
    assert shown == oracle.colours_of(picture)
    if tile is None:
        assert len(data) <= read.palette_size + sum(len(payload) for _, _, payload in read.payloads) + 20


@examples(50)
@given(pictures(), TILES, st.booleans())
def test_an_independent_reader_reads_all_but_the_indices_of_the_context_coding(picture, tile, given):
    palette = kmq.histogram(picture).colours if given else None  # kept in its order
    data = kmq.encode(picture, palette=palette, tile=tile, coding="context")
    read = read_file(data)
    assert (read.height, read.width, read.tile) == (*picture.shape[:2], tile)
    assert CODING_NAMES[read.coding] == "context"
    assert read.palette_size <= len(read.palette) * read.channels
    with kmq.KmqFile(data) as file:
        shown = [[read.palette[index] for index in row] for row in file.indices().indices.tolist()]
    assert shown == oracle.colours_of(picture)
    if tile is None:
        assert len(data) <= read.palette_size + sum(len(payload) for _, _, payload in read.payloads) + 20


@pytest.mark.compiled_only("hundreds of pixels and entries, nine times")
@pytest.mark.parametrize("effort", ["fast", "default", "thorough"])
@pytest.mark.parametrize(("channels", "tile"), [(1, None), (3, 16), (4, None)])
def test_an_independent_reader_reads_the_context_coding_and_its_palette(channels, tile, effort):
    y, x = np.mgrid[:18, :20]
    picture = np.stack([12 * (x // 2), 12 * (x // 2) + y // 6, 90 + y // 6, 255 - x // 10], axis=2)
    picture = picture[:, :, :channels].astype(np.uint8)
    read = read_file(kmq.encode(picture, 256, coding="context", tile=tile, effort=effort))
    assert (CODING_NAMES[read.coding], read.tile) == ("context", tile)
    assert read.palette_size < len(read.palette) * channels
    assert [[read.palette[index] for index in row] for row in read_indices(read)] == oracle.colours_of(
        picture
    )


@pytest.mark.compiled_only("large pictures")
@pytest.mark.parametrize(
    ("width", "height", "overhead"), [(1, 1, 16), (16, 16, 16), (640, 427, 18), (16_384, 129, 18)]
)
def test_everything_but_palette_and_payload_is_at_most_20_bytes(width, height, overhead):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[0, 0] = 255
    data = kmq.encode(picture, coding="packed")
    k = 1 if width * height == 1 else 2
    assert len(data) == overhead + 3 * k + (width * height + 7) // 8 * (k - 1)


@pytest.mark.compiled_only("thousands of files")
@pytest.mark.parametrize("name", SMALL_FILES)
def test_every_single_bit_flip_is_rejected(name):
    data = SMALL_FILES[name]
    kmq.decode(data)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KmqError):
            kmq.decode(flipped)


@pytest.mark.compiled_only("thousands of files")
@pytest.mark.parametrize("name", SMALL_FILES)
def test_every_truncation_is_rejected(name):
    data = SMALL_FILES[name]
    for size in range(len(data)):
        with pytest.raises((TruncatedError, FormatError)):
            kmq.decode(data[:size])


@given(pictures(), TILES, CODINGS, st.data())
def test_any_flip_and_any_truncation_of_any_file_is_rejected(picture, tile, coding, data):
    file = kmq.encode(picture, 65_536, tile=tile, coding=coding)
    flipped = bytearray(file)
    bit = data.draw(st.integers(0, 8 * len(file) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(KmqError):
        kmq.decode(flipped)
    with pytest.raises((TruncatedError, FormatError)):
        kmq.decode(file[: data.draw(st.integers(0, len(file) - 1))])


@pytest.mark.parametrize("name", SMALL_FILES)
@pytest.mark.parametrize("tail", [b"\0", b"KMQ", bytes(100)])
def test_bytes_after_the_end_are_rejected(name, tail):
    file = kmq.KmqFile(SMALL_FILES[name])
    rest = file.coding != "packed" and file.tile is None  # the payload is what is left, the tail too
    with pytest.raises(FormatError, match=r"spec M14\)" if rest else r"spec M2\)"):
        kmq.decode(SMALL_FILES[name] + tail)


@examples(300)
@given(st.sampled_from(sorted(SMALL_FILES)), st.data())
def test_a_burst_of_up_to_32_bits_is_rejected(name, data):
    original = int.from_bytes(SMALL_FILES[name], "big")
    burst = data.draw(st.integers(1, 2**32 - 1)) << data.draw(st.integers(0, 8 * len(SMALL_FILES[name]) - 32))
    with pytest.raises(KmqError):
        kmq.decode((original ^ burst).to_bytes(len(SMALL_FILES[name]), "big"))


@examples(500)
@given(st.one_of(st.binary(), st.binary().map(lambda tail: b"KMQ\x01" + tail)))
def test_arbitrary_bytes_give_a_picture_or_an_error(data):
    try:
        kmq.decode(data, max_pixels=10_000)
    except KmqError as error:
        assert len(str(error)) > 10  # noqa: PT017  any class will do, but it must say something


@pytest.mark.parametrize(
    ("rule", "error", "data"), BAD_FILES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_requirement_is_enforced_by_its_own_check(rule, error, data):
    with pytest.raises(KmqError, match=rf"spec {rule}\)") as caught:
        kmq.decode(data)
    assert caught.type is error
    assert "offset" in str(caught.value)


def test_every_requirement_of_the_spec_has_a_bad_file():
    rules = set(re.findall(r"\*\*(M\d+)\*\*", SPEC.read_text("utf-8")))
    # M15 is a length: too long a payload is M2 and too short a one is a truncated file.
    assert rules - {"M15"} == {rule for rule, _, _ in BAD_FILES}


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_prefix_of_the_magic_is_truncated_and_anything_else_is_not(size):
    with pytest.raises(TruncatedError):
        kmq.decode(b"KMQ"[:size])
    with pytest.raises(FormatError, match="M3"):
        kmq.decode(b"QMK"[: max(size, 1)])


def test_a_header_that_promises_more_than_the_file_has_is_truncated():
    huge = uleb(2**31 - 2)
    for file in [
        build(width=huge, height=huge),
        build(width=huge, height=huge, tile=b"\x04"),
        build(entries=uleb(65_535)),
        build(sections_size=uleb(2**32 - 1)),
    ]:
        with pytest.raises(TruncatedError):
            kmq.decode(file, max_pixels=None)


def test_the_limit_is_checked_before_the_size_and_after_the_checksum():
    huge = uleb(2**31 - 2)
    with pytest.raises(LimitError, match="2147483647 x 2147483647.*89478485"):
        kmq.decode(build(width=huge, height=huge))
    with pytest.raises(FormatError, match="M10"):
        kmq.decode(build(width=huge, height=huge, header_crc=bytes(4)))
    assert shape_of(build()) == (2, 3, 3)
    with pytest.raises(LimitError, match="max_pixels allows 5"):
        kmq.decode(build(), max_pixels=5)
    assert kmq.decode(build(), max_pixels=6).shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError)]
)
def test_a_limit_that_is_no_number_of_pixels_is_refused(wrong, error):
    with pytest.raises(error, match="max_pixels"):
        kmq.decode(build(), max_pixels=wrong)


def test_unknown_sections_are_skipped_and_shown():
    with kmq.KmqFile(build(sections=section(b"zzzz", b"new") + section(b"xmp ", b"<x/>"))) as file:
        assert dict(file.metadata) == {"zzzz": b"new", "xmp": b"<x/>"}
        assert file.indices().indices.tolist() == EXAMPLE


def test_swapped_tiles_are_noticed():
    data = kmq.encode(np.arange(1024).reshape(32, 32).astype(np.uint8), tile=16, coding="packed")
    assert data[-1024:-1022] == bytes([0, 1])
    with pytest.raises(FormatError, match="Tile_CRC"):
        kmq.decode(data[:-1024] + data[-768:-512] + data[-1024:-768] + data[-512:])


def test_the_checksum_is_the_one_the_spec_names():
    assert crc(b"123456789") == (0xCBF43926).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("M3", build(magic=b"KMP", version=9)),
        ("M4", build(version=9, flags=3)),
        ("M11", build(flags=3 | 7 << 2)),
        ("M12", build(flags=1 | 7 << 2 | 0x20)),
        ("M1", build(flags=0x21, palette=b"\x80\x00", header_crc=bytes(4))),
        ("M10", build(flags=0x21, palette=b"\x01\x10", header_crc=bytes(4))),
        ("M28", build(flags=0x21, palette=b"\x06\x10" + bytes(5), tail=b"x")),
        ("M29", build(flags=0x21, palette=CODED_EXAMPLE_AND_MORE, tail=b"x")),
        ("M1", build(width=b"\xff" * 5, height=b"", entries=b"", palette=b"", payloads=[], header_crc=b"")),
        ("M5", build(width=uleb(2**31 - 1), height=uleb(2**31 - 1))),
        ("M10", build(header_crc=bytes(4), tail=b"x")),
        ("M2", build(sections=b"1234", tail=b"x")),
        ("M18", build(sections=b"1234")),
        ("M21", build(sections=section(b"Exif", b"x")[:-1])),
        ("M20", build(sections=section(b"Exif", b"x")[:-4] + bytes(4))),
        ("M19", build(sections=section(b"exif", b"x") * 2 + section(b"Exif", b""))),
        ("M22", build(sections=section(b"Exif", b"x"), tile_crcs=[bytes(4)])),
        ("M14", build(payloads=[b"\x25\x31"], tile_crcs=[bytes(4)])),
        ("M16", build(payloads=[b"\xff\xff"])),
        ("M2", zstd_file(b"", flags=0x45, tile=b"\x04", lengths=[bytes(4)], tail=b"x")),
        ("M14", zstd_file(b"", tile_crcs=[bytes([1, 0, 0, 0])])),
        ("M23", zstd_file(zstd_frame(b"", magic=bytes(4), descriptor=b"\xa4"))),
        ("M24", zstd_file(zstd_frame(b"", descriptor=b"\xa4"))),
        ("M25", zstd_file(zstd_frame(b"", descriptor=b"\x80", window=b"\xff"))),
        ("M26", zstd_file(zstd_frame(CONTENT, descriptor=b"\x80", window=b"\x69", blocks=b""))),
        ("M27", zstd_file(zstd_frame(bytes([9] * 6)) + b"\0")),
        ("M14", context_file(b"\x10", tile_crcs=[bytes(4)])),
        ("M30", context_file(b"\x50" + bytes(9))),
        ("M31", context_file(b"\x10" + bytes(9))),
    ],
)
def test_of_two_faults_the_first_in_the_order_of_the_spec_counts(rule, data):
    with pytest.raises(KmqError, match=rf"spec {rule}\)"):
        kmq.decode(data)


def test_messages_say_where():
    two = section(b"exif", b"abc") + section(b"exif", b"abc")
    for data, offset in [
        (build(entries=b"\x80\x00"), 7),
        (build(tile=b"\x10"), 8),
        (build(header_crc=bytes(4)), 21),
        (build(tile_crcs=[bytes(4)]), 17),
        (build(payloads=[b"\x25\x21"]), 26),
        (build(payloads=[b"\x25\x30"]), 25),
        (build(sections=two), 26 + 12),
        (build(sections=two[:-1] + b"?"), 26 + 20),
        (build(tail=b"?"), 27),
        (build()[:12], 8),
        (build()[:26], 27),
    ]:
        with pytest.raises(KmqError, match=rf"offset {offset}\b"):
            kmq.decode(data)


def test_every_reader_gives_the_same_verdict():
    huge = uleb(2**31 - 2)
    for data in [build(width=huge, height=huge), build(width=huge, height=huge)[:-1], build()[:-1]]:
        classes = []
        for read in (kmq.decode, kmq.inspect):
            with pytest.raises(KmqError) as caught:
                read(data)
            classes.append(caught.type)
        assert classes[0] is classes[1]


@pytest.mark.compiled_only("a large picture")
def test_damage_is_found_in_little_memory():
    payload = b"\xff" * (4_000_000 // 4)
    data = build(width=uleb(1999), height=uleb(1999), payloads=[payload])
    tracemalloc.start()
    with pytest.raises(FormatError, match="M17"):
        kmq.decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(payload)  # a byte a pixel for the indices, another for the comparison


def test_the_tags_in_the_file_are_those_of_the_spec():
    image = Image.new("RGB", (2, 2), "red")
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info["xmp"] = b"<x/>"
    exif = Image.Exif()
    exif[0x010E] = "a title"
    image.info["exif"] = exif.tobytes()
    sections = read_file(kmq.encode(image, keep=("icc", "exif", "xmp"))).sections
    expected = [(b"icc ", image.info["icc_profile"]), (b"exif", exif.tobytes()[6:]), (b"xmp ", b"<x/>")]
    assert [*sections.items()] == expected


def test_metadata_survives_in_order():
    image = Image.new("RGB", (2, 2))
    image.info["xmp"] = b"<x/>"
    exif = Image.Exif()
    exif[0x010E] = "a title"
    image.info["exif"] = exif.tobytes()
    with kmq.KmqFile(kmq.encode(image, keep=["xmp", "exif"])) as file:
        assert file.metadata["xmp"] == b"<x/>"
        assert b"a title" in file.metadata["exif"]
        assert file.metadata["exif"][:2] in (b"II", b"MM")
