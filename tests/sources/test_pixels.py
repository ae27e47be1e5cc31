"""Small files of every kind, to the pixels that the formats' standards give them: by every road the same."""

import io
import math
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq._picture.source.png import readable_png
from making import (
    BYTE,
    COLOUR,
    COLOUR_ALPHA,
    GREY,
    GREY_ALPHA,
    INDEXED,
    LONG,
    P3_CHROMATICITIES,
    SHORT,
    XMP_PACKET,
    bmp32,
    chunk,
    gif,
    opened,
    png,
    png_rgb,
    tga,
    tiff,
)


def srgb(linear):
    """Return what IEC 61966-2-1 makes of a linear value, in 8 bits."""
    return round(255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


def plte(*colours):
    return chunk(b"PLTE", bytes(value for colour in colours for value in colour))


def colour_map(*greys):
    """Return the field of a colour map of 256 greys; those that aren't given are 0."""
    values = [*greys, *[0] * (256 - len(greys))]
    return (320, SHORT, tuple(values * 3))


def gama(gamma):
    return chunk(b"gAMA", struct.pack(">I", round(100_000 * gamma)))


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CLEAR = (0, 0, 0, 0)
SIXTEEN = [0, 128, 129, 257, 32_768, 65_278, 65_407, 65_535]

KINDS = {
    # PNG, section 11.3.1: all bits of the key colour count, in the file's own depth.
    "a key colour of 16 bits": (
        png((2, 1), 16, COLOUR, [b"\xff" * 6 + b"\xff\xf0" * 3], chunk(b"tRNS", b"\xff" * 6)),
        [CLEAR, (255, 255, 255, 255)],
    ),
    "a key of 2 bits": (
        png((4, 1), 2, GREY, [b"\x1b"], chunk(b"tRNS", b"\0\1")),
        [(0, 0, 0, 255), CLEAR, (170, 170, 170, 255), (255, 255, 255, 255)],
    ),
    "a key of 4 bits": (
        png((2, 1), 4, GREY, [b"\x5a"], chunk(b"tRNS", b"\0\x0a")), [(85, 85, 85, 255), CLEAR],
    ),
    "a key whose upper bits are set, which don't count": (
        png((2, 1), 8, COLOUR, [bytes([1, 2, 3, 4, 5, 6])], chunk(b"tRNS", bytes([9, 1, 9, 2, 9, 3]))),
        [CLEAR, (4, 5, 6, 255)],
    ),
    "more alpha than entries": (
        png((2, 1), 8, INDEXED, [b"\0\1"], plte(RED, GREEN), chunk(b"tRNS", bytes([255, 128]) + bytes(300))),
        [(*RED, 255), (*GREEN, 128)],
    ),
    # PNG, section 13.12: 16 bits to the nearest of 8.
    "grey and alpha of 16 bits": (
        png((4, 1), 16, GREY_ALPHA, [struct.pack(">8H", *SIXTEEN)]),
        [(0, 0, 0, 0), (1, 1, 1, 1), (128, 128, 128, 254), (255, 255, 255, 255)],
    ),
    "colours of 16 bits": (
        png((2, 1), 16, COLOUR, [struct.pack(">6H", 129, 257, 65_535, 128, 65_278, 32_768)]),
        [(1, 1, 255), (0, 254, 128)],
    ),
    "colours and alpha of 16 bits": (
        png((1, 1), 16, COLOUR_ALPHA, [struct.pack(">4H", 129, 257, 65_535, 32_768)]), [(1, 1, 255, 128)],
    ),
    "TIFF of 16 bits": (
        tiff((1, 1), struct.pack("<3H", 129, 128, 65_535), bits=(16,) * 3, photometric=2), [(1, 0, 255)],
    ),
    "TIFF of 16 bits, deflated, big-endian": (
        tiff((1, 1), struct.pack(">3H", 129, 128, 65_535), bits=(16,) * 3, photometric=2, order=">",
             compressed=True),
        [(1, 0, 255)],
    ),
    # TIFF 6.0, ExtraSamples 1: colours come multiplied by alpha. 255 · 4,193 / 55,746 is 19.2.
    "premultiplied TIFF of 16 bits": (
        tiff((2, 1), struct.pack("<8H", 4_193, 921, 9_770, 55_746, 7, 7, 7, 0), (338, SHORT, (1,)),
             bits=(16,) * 4, photometric=2),
        [(19, 4, 45, 217), CLEAR],
    ),
    # PNG, third edition, section 4.3: cICP before iCCP, then sRGB, then gAMA and cHRM.
    "linear light": (png_rgb([(128,) * 3, RED], gama(1)), [(srgb(128 / 255),) * 3, RED]),
    "linear grey": (png((1, 1), 8, GREY, [b"\x80"], gama(1)), [(srgb(128 / 255),)]),
    "linear light in a palette": (
        png((2, 1), 8, INDEXED, [b"\0\1"], gama(1), plte((128,) * 3, GREEN)), [(188,) * 3, GREEN],
    ),
    "Display P3 by cHRM": (
        png_rgb([(200, 100, 50)], gama(1 / 2.2), chunk(b"cHRM", P3_CHROMATICITIES)), [(216, 93, 24)],
    ),
    "Display P3 by cICP": (png_rgb([(200, 100, 50)], chunk(b"cICP", bytes([12, 13, 0, 1]))), [(215, 93, 31)]),
    "sRGB before gAMA": (png_rgb([(200, 100, 50)], gama(1), chunk(b"sRGB", b"\0")), [(200, 100, 50)]),
    "cICP before sRGB": (
        png_rgb([(200, 100, 50)], chunk(b"cICP", bytes([12, 13, 0, 1])), chunk(b"sRGB", b"\0")),
        [(215, 93, 31)],
    ),
    "the gamma of screens": (png_rgb([(10, 100, 50)], gama(1 / 2.2)), [(10, 100, 50)]),
    # TIFF 6.0: PhotometricInterpretation, ColorMap, Orientation.
    "grey of 12 bits": (
        tiff((4, 1), bytes.fromhex("000800fff400"), bits=(12,)), [(0,), (128,), (255,), (64,)],
    ),
    "white is zero in 16 bits": (
        tiff((3, 1), struct.pack("<3H", 0, 257, 65_535), bits=(16,), photometric=0), [(255,), (254,), (0,)],
    ),
    "white is zero in 8 bits": (tiff((2, 1), b"\0\1", photometric=0), [(255,), (254,)]),
    "a colour map of 16 bits": (
        tiff((2, 1), b"\0\1", colour_map(0, 65_535), photometric=3), [(0,), (255,)],
    ),
    "a colour map of 8 bits": (tiff((2, 1), b"\0\1", colour_map(7, 255), photometric=3), [(7,), (255,)]),
    # GIF89a: an index that no pixel has hides nothing; what a frame leaves free of the screen is clear.
    "a transparent index that is no entry": (
        gif((2, 1), (0, 0, 2, 1), [0, 3], [RED, GREEN, BLUE, (9, 9, 9)], 255), [RED, (9, 9, 9)],
    ),
    "a frame smaller than the screen": (
        gif((4, 1), (1, 0, 2, 1), [0, 1], [RED, GREEN]), [CLEAR, (*RED, 255), (*GREEN, 255), CLEAR],
    ),
    # Truevision TGA: bits 0 to 3 of the descriptor count the bits of alpha.
    "TGA without attribute bits": (tga((1, 1), bytes([1, 2, 3, 0]), 32, 0), [(3, 2, 1)]),
    "TGA with attribute bits": (tga((1, 1), bytes([1, 2, 3, 9]), 32, 8), [(3, 2, 1, 9)]),
    # Xlib, section 16.9: of a bitmap, a bit that is set is the foreground; the lowest bit comes first.
    "an X bitmap": (
        b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {\n0x05};\n",
        [(0,), (255,), (0,), (255,), (255,), (255,), (255,), (255,)],
    ),
    "BMP with alpha": (bmp32((1, 1), bytes([1, 2, 3, 9])), [(3, 2, 1, 9)]),
}  # fmt: skip
"""Files of one row, and their pixels."""


def shown(image):
    pixels = kmq.canonical(image).pixels
    return [tuple(pixel) for row in pixels.tolist() for pixel in row]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_shows_what_its_standard_says(kind, tmp_path):
    data, expected = KINDS[kind]
    assert shown(kmq.open_picture(data).image) == expected
    assert shown(opened(data)) == expected, "as the library is given it by Pillow"
    (tmp_path / "picture").write_bytes(data)
    with Image.open(tmp_path / "picture") as image:
        before = dict(image.info)
        assert shown(image) == expected
        assert {**before, **image.info} == image.info, "the caller's image must stay as it was"


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_was_mended_stays_as_it_is(kind):
    image = kmq.open_picture(KINDS[kind][0]).image
    assert shown(image) == shown(image) == shown(image.copy())
    with kmq.KmqFile(kmq.encode(image)) as file:
        assert file.ledger(image).psnr == math.inf


@pytest.mark.parametrize("control", [b"", bytes.fromhex("21f904000a000000")])
def test_later_frames_of_a_gif_have_a_clear_surround_too(control):
    first = gif((4, 1), (1, 0, 2, 1), [0, 1], [RED, GREEN])
    frame = first.index(b",\1\0\0\0")
    second = first[frame:].replace(b",\1\0", b",\0\0", 1)
    data = first[:frame] + control + first[frame:-1] + second
    assert shown(kmq.open_picture(data).image) == [CLEAR, (*RED, 255), (*GREEN, 255), CLEAR]
    later = kmq.open_picture(data, frame=1)
    assert later.frames == 2
    assert shown(later.image) == [(*RED, 255), (*GREEN, 255), (*GREEN, 255), CLEAR]


def test_avif_in_display_p3_is_converted():
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(out, "AVIF", quality=100, subsampling="4:4:4")
    data = bytearray(out.getvalue())
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", 12, 13)
    for image in (opened(bytes(data)), kmq.open_picture(bytes(data)).image):
        assert np.abs(np.array(shown(image)) - (215, 93, 31)).max() <= 2  # AVIF is lossy


@pytest.mark.parametrize(
    ("data", "said", "expected"),
    [
        (png_rgb([(1, 2, 3)], chunk(b"cICP", bytes([9, 16, 0, 1]))), "PQ, a high dynamic range", [(1, 2, 3)]),
        (png_rgb([(1, 2, 3)], chunk(b"cICP", bytes([12, 13, 1, 1]))), "ignored cICP", [(1, 2, 3)]),
        (png_rgb([(1, 2, 3)], gama(0)), "ignored gAMA, which is 0", [(1, 2, 3)]),
        (png_rgb([(1, 2, 3)], gama(0.5), chunk(b"cHRM", bytes(32))), "ignored cHRM", [(1, 2, 3)]),
        (bmp32((1, 1), bytes([1, 2, 3, 0])), "every pixel is transparent", [CLEAR]),
        (tga((1, 1), bytes([1, 2, 3, 0]), 32, 8), "every pixel is transparent", [CLEAR]),
        (tiff((4, 1), struct.pack("<4f", 0, 0.5, 1, 1.2), (339, SHORT, (3,)), bits=(32,)),
         "1 was taken as white", [(0,), (128,), (255,), (255,)]),
        (tiff((2, 1), struct.pack("<2h", 0, 32_767), (339, SHORT, (2,)), bits=(16,)), "its values are signed",
         [(0,), (127,)]),
        (tiff((3, 1), struct.pack("<3i", 0, 100, 255), (339, SHORT, (2,)), bits=(32,)),
         "255 was taken as white", [(0,), (100,), (255,)]),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_told_once(data, said, expected):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert shown(kmq.open_picture(data).image) == expected
    assert [said in str(each.message) for each in caught] == [True]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "planes", "photometric", "extra"),
    [(8, 3, 2, ()), (16, 3, 2, ()), (8, 4, 2, (2,)), (16, 4, 2, (2,)), (8, 2, 1, (2,))],  # what Pillow takes
)
def test_planes_of_a_tiff_are_put_together(bits, planes, photometric, extra, order, compressed):
    most = (1 << bits) - 1
    values = np.random.default_rng(bits + planes).integers(1, most + 1, (planes, 5, 7))
    parts = [plane.astype(f"{order}u{bits // 8}").tobytes() for plane in values]
    parts = [zlib.compress(part) if compressed else part for part in parts]
    starts = np.cumsum([8, *(len(part) for part in parts)])[:-1]
    data = tiff(
        (7, 5), b"".join(parts), (259, SHORT, (8 if compressed else 1,)), (284, SHORT, (2,)),
        (273, LONG, tuple(starts.tolist())), (279, LONG, tuple(map(len, parts))),
        *[(338, SHORT, extra)] * bool(extra), bits=(bits,) * planes, photometric=photometric, order=order,
    )  # fmt: skip
    expected = np.rint(255 * values / most).astype(np.uint8).transpose(1, 2, 0)
    if planes == 2:
        expected = expected[:, :, [0, 0, 0, 1]]
    expected[expected[:, :, -1] == 0] *= planes % 2
    for image in (opened(data), kmq.open_picture(data).image):
        assert np.array_equal(kmq.canonical(image).pixels, expected)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_grey_of_any_depth_order_and_meaning_is_read(bits, photometric, order, compressed):
    values = [0, 1, (1 << bits) // 4, (1 << bits) - 1]
    if bits == 12:
        packed = sum(value << (36 - 12 * at) for at, value in enumerate(values)).to_bytes(6, "big")
    else:
        packed = struct.pack(f"{order}4{'B' if bits == 8 else 'H'}", *values)
    data = tiff((4, 1), packed, bits=(bits,), photometric=photometric, order=order, compressed=compressed)
    expected = [round(255 * value / values[-1]) for value in values]
    if photometric == 0:
        expected = [255 - value for value in expected]
    assert [pixel[0] for pixel in shown(kmq.open_picture(data).image)] == expected


def test_orientation_in_xmp_turns_a_tiff():
    data = tiff((2, 1), bytes([10, 200]), (700, BYTE, XMP_PACKET))
    assert kmq.canonical(opened(data)).pixels[:, :, 0].tolist() == [[10], [200]]


def test_masked_pixels_are_refused():
    masked = np.ma.masked_array(np.zeros((2, 2), np.uint8), [[0, 1], [0, 0]])
    with pytest.raises(TypeError, match="masked pixels"):
        kmq.encode(masked)
    with pytest.raises(TypeError, match="masked pixels"):
        kmq.encode_tiles(masked, io.BytesIO())
    assert kmq.decode(kmq.encode(np.ma.masked_array(np.zeros((2, 2), np.uint8)))).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_long_texts_are_no_reason_to_refuse_a_png(kind, late):
    packed = zlib.compress(b"x" * (3 << 20))
    text = chunk(kind, b"Title\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0") + packed)
    data = png_rgb([(1, 2, 3)], after=[text]) if late else png_rgb([(1, 2, 3)], text)
    assert shown(kmq.open_picture(data).image) == [(1, 2, 3)]
    if late:
        assert shown(opened(data)) == [(1, 2, 3)]


def test_a_long_xmp_packet_is_kept():
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b" " * (3 << 20) + b"</x:xmpmeta>"
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet))
    image = kmq.open_picture(png_rgb([(1, 2, 3)], text)).image
    assert kmq.canonical(image, "xmp").metadata["xmp"] == packet


def test_a_wrong_checksum_is_told_and_only_what_must_be_is_refused():
    def wrong(data, at=-1):
        return data[:at] + bytes([data[at] ^ 1]) + data[len(data) + at + 1 :]

    with pytest.warns(UserWarning, match="ignored the tEXt chunk, whose checksum is wrong"):
        image = kmq.open_picture(png_rgb([(1, 2, 3)], wrong(chunk(b"tEXt", b"a\0b")))).image
    assert shown(image) == [(1, 2, 3)]
    data = bytearray(png_rgb([(1, 2, 3)]))
    data[29] ^= 1  # of IHDR
    with pytest.raises(ValueError, match=r"bad header checksum in b'IHDR'"):
        kmq.open_picture(bytes(data))


def test_a_limit_on_pixels_and_frames():
    with pytest.raises(kmq.LimitError, match="has more than 1 pixels"):
        kmq.open_picture(png_rgb([RED, GREEN]), max_pixels=1)
    with pytest.raises(ValueError, match="frame 3: it has one frame, 0"):
        kmq.open_picture(png_rgb([RED]), frame=3)
    with pytest.raises(ValueError, match="not a picture in a format that Pillow reads"):
        kmq.open_picture(io.BytesIO(b"nothing"))
    two = io.BytesIO()
    Image.new("L", (1, 1), 7).save(two, "TIFF", save_all=True, append_images=[Image.new("L", (1, 1), 9)])
    assert kmq.open_picture(two.getvalue(), frame=1).frames == 2
    assert shown(kmq.open_picture(two.getvalue(), frame=1).image) == [(9,)]


def test_fields_of_tiff_are_as_this_file_makes_them():
    image = opened(tiff((2, 1), b"\0\1", (282, LONG, (300,))))
    assert (image.size, image.tag_v2[282]) == ((2, 1), 300)


def test_a_late_text_leaves_the_frame_that_was_asked_for():
    file = io.BytesIO()
    first, *others = (Image.new("RGB", (2, 2), colour) for colour in (RED, GREEN, (0, 0, 255)))
    first.save(file, "PNG", save_all=True, append_images=others)
    data = file.getvalue()
    text = chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"late"))
    late = data[:-12] + text + data[-12:]
    for number in range(3):
        frames = [shown(kmq.open_picture(io.BytesIO(each), frame=number).image) for each in (data, late)]
        assert frames[0] == frames[1]


def test_packets_that_inflate_to_much_are_not_all_kept():
    packed = zlib.compress(bytes(8 << 20), 9)
    packets = [chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed) for _ in range(20)]
    tracemalloc.start()
    try:
        assert len(readable_png(png_rgb([(1, 2, 3)], *packets))) < 40 << 20
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def test_many_texts_of_nearly_what_pillow_takes_are_left_out():
    packed = zlib.compress(bytes((1 << 20) - 1))
    texts = [chunk(b"zTXt", b"Title\0\0" + packed) for _ in range(70)]
    assert shown(kmq.open_picture(io.BytesIO(png_rgb([(1, 2, 3)], *texts))).image) == [(1, 2, 3)]
