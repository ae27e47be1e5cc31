"""The Pillow plugin, reading: lazily, within Pillow's limits, and never garbage for a damaged file."""

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

import kmq
import writing
from kmq._coding.codings import CodingOptions
from kmq._container.writing import Writing, written
from pillow_files import NAMED_CODINGS, as_seen, encoded, files, opened
from samples import PICTURE, profile_of_gamma


@given(files())
def test_an_opened_file_has_the_pixels_that_decode_gives(data):
    with opened(data) as image, kmq.KmqFile(data) as file:
        decoded = kmq.decode(data)
        if file.k <= 256:
            assert image.mode == "P"
            assert np.array_equal(np.asarray(image), file.indices().indices)
            assert len(image.getpalette()) == 3 * file.k
            assert image.palette.mode == ("RGBA" if file.palette.channels == 4 else "RGB")
        else:
            assert image.mode == {1: "L", 3: "RGB", 4: "RGBA"}[file.palette.channels]
            assert np.array_equal(np.asarray(image), decoded)
        assert image.size == (file.width, file.height)
        assert np.array_equal(as_seen(image), as_seen(Image.fromarray(decoded)))
        assert {"k": file.k, "coding": file.coding, "tile": file.tile}.items() <= image.info.items()
        assert image.has_transparency_data == (file.palette.channels == 4)


@given(files())
def test_copies_pickles_and_a_png_show_the_same(data):
    image = opened(data)
    png = io.BytesIO()
    image.save(png, "PNG")
    pickled = pickle.loads(pickle.dumps(image))  # noqa: S301  our own bytes
    for again in (copy.deepcopy(image), image.copy(), pickled, Image.open(png)):
        assert (again.mode, again.size) == (image.mode, image.size)
        assert np.array_equal(as_seen(again), as_seen(opened(data)))


@pytest.mark.parametrize(
    ("alphas", "expected"),
    [
        ([255, 0, 255], 1),
        ([0], 0),
        ([255, 0, 0], b"\xff\0\0"),
        ([0, 128, 255], b"\0\x80\xff"),
        ([255, 255], b"\xff\xff"),
    ],
)
def test_transparency_is_that_of_a_png(alphas, expected):
    entries = [[9 * i, 8, 7, alpha] for i, alpha in enumerate(alphas)]
    plane = kmq.IndexPlane([range(len(alphas))], len(alphas))
    data = written(kmq.Palette(entries), plane, {}, Writing("packed", None, 1, CodingOptions()))
    image, png = opened(data), io.BytesIO()
    image.save(png, "PNG")
    assert image.info["transparency"] == Image.open(png).info["transparency"] == expected
    assert as_seen(image)[0].tolist() == entries
    image.apply_transparency()
    assert as_seen(image)[0].tolist() == entries
    if isinstance(expected, int):
        gif = io.BytesIO()
        image = opened(data)
        image.save(gif, "GIF")
        assert as_seen(Image.open(gif))[0, :, 3].tolist() == alphas


class Counting(io.BytesIO):
    """A file that knows how far it has been read."""

    furthest = 0

    def read(self, size=-1):
        data = super().read(size)
        self.furthest = max(self.furthest, self.tell())
        return data


@pytest.mark.parametrize("coding", NAMED_CODINGS)
@pytest.mark.parametrize("k", [5, 1000])
def test_only_the_head_is_read_before_the_pixels_are_needed(coding, k):
    picture = np.random.default_rng(1).integers(0, 256, (150, 150, 3), np.uint8)
    data = kmq.encode(picture, k, coding=coding, effort="fast", space="srgb")
    ledger = kmq.inspect(data)
    head = ledger.total_bytes - ledger.index_bytes
    file = Counting(data)
    image = Image.open(file)
    assert image.info["k"] == k
    assert file.furthest <= max(2048, 2 * head) < len(data)
    with Image.open(io.BytesIO(data[: max(2048, head)])) as cut:
        assert (cut.mode, cut.size, cut.info) == (image.mode, image.size, image.info)
        with pytest.raises(OSError, match=r"payloads end at offset|Tile_CRC at offset"):
            cut.load()
    image.load()
    assert file.furthest == len(data)


@pytest.mark.parametrize("tile", [None, 1024])
def test_a_picture_of_many_bands_is_put_together(tile):
    picture = np.random.default_rng(2).integers(0, 3, (1500, 1700), np.uint8)
    data = kmq.encode(picture, coding="packed", tile=tile)
    assert np.array_equal(np.asarray(opened(data).convert("L")), picture)


@pytest.mark.parametrize("coding", NAMED_CODINGS)
def test_verify_decodes_nothing_and_closes_the_file(tmp_path, coding):
    kmq.save(tmp_path / "x.kmq", PICTURE, coding=coding)
    image = Image.open(tmp_path / "x.kmq")
    file = image.fp
    image.verify()
    assert file.closed
    image = Image.open(tmp_path / "x.kmq")
    image.load()
    with pytest.raises(RuntimeError, match="directly after open"):
        image.verify()
    wrong = writing.build(payloads=[b"\x25\x30"])  # an index without an entry under a right checksum
    opened(wrong).verify()
    with pytest.raises(OSError, match="M17"):
        opened(wrong).load()


def test_the_format_is_registered():
    with opened(encoded()) as image:
        assert (image.format, image.get_format_mimetype()) == ("KMQ", "image/x-kmq")
        assert image.format_description
        assert Image.registered_extensions()[".kmq"] == "KMQ"


def test_there_is_one_frame():
    image = opened(encoded())
    assert (image.n_frames, image.is_animated, image.tell()) == (1, False, 0)
    image.seek(0)
    with pytest.raises(EOFError):
        image.seek(1)


def exif_with(orientation, endian):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010E] = "a title"
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("kept", ["exif", "xmp"])
def test_metadata_comes_along_but_turns_nothing(kept, endian):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    metadata = {"exif": exif_with(6, endian), "xmp": xmp, "icc": profile_of_gamma(1)}
    sections = {"icc": metadata["icc"], kept: metadata[kept]}
    plane = kmq.IndexPlane([[0, 1, 1]], 2)
    data = written(
        kmq.Palette([[1, 2, 3], [4, 5, 6]]), plane, sections, Writing("packed", None, 1, CodingOptions())
    )
    image = opened(data)
    assert image.info["icc_profile"] == metadata["icc"]
    if kept == "exif":
        assert image.getexif()[0x010E] == "a title"
        assert image.info["exif"].startswith(b"Exif\0\0")
    else:
        assert image.info["xmp"] == xmp.replace(b'"6"', b'"1"')
    for again in (image, image.convert("RGB")):
        assert again.getexif().get(0x0112, 1) == 1
        assert ImageOps.exif_transpose(again).size == (3, 1)


@given(st.binary(max_size=80), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_broken_exif_opens(exif, start):
    plane = kmq.IndexPlane([[0]], 1)
    data = written(
        kmq.Palette([[9]]), plane, {"exif": start + exif}, Writing("packed", None, 1, CodingOptions())
    )
    image = opened(data)
    assert image.getpixel((0, 0)) == 0
    assert len(image.info["exif"]) == len(b"Exif\0\0" + start + exif)


def test_greys_with_a_profile_of_greys_are_no_palette():
    image = Image.linear_gradient("L").resize((4, 4))
    image.info["icc_profile"] = profile_of_gamma(1, "GRAY")
    with opened(kmq.encode(image, keep="icc")) as again:
        assert again.mode == "L"
        assert np.array_equal(np.asarray(again), np.asarray(image))
        assert again.info["icc_profile"] == image.info["icc_profile"]
        png = io.BytesIO()
        again.save(png, "PNG")
        assert np.array_equal(kmq.decode(kmq.encode(Image.open(png))), kmq.decode(kmq.encode(image)))


def test_a_path_is_closed_when_its_pixels_are_loaded(tmp_path):
    kmq.save(tmp_path / "x.kmq", PICTURE)
    image = Image.open(tmp_path / "x.kmq")
    file = image.fp
    assert not file.closed
    assert np.array_equal(np.asarray(image.convert("RGB")), PICTURE)
    assert file.closed
    with Image.open(tmp_path / "x.kmq") as image:
        file = image.fp
    assert file.closed


@pytest.mark.posix
def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[kmq.encode(PICTURE)])
    writer.start()
    with pipe.open("rb") as file, Image.open(file) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), PICTURE)
    writer.join()


class Dribbling(io.RawIOBase):
    """A file that gives seven bytes at a time."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, *place):
        return self.file.seek(*place)

    def tell(self):
        return self.file.tell()

    def readinto(self, into):
        return self.file.readinto(memoryview(into)[:7])


def test_a_file_that_gives_little_at_a_time_is_read():
    image = Image.open(Dribbling(encoded()), formats=["KMQ"])
    assert np.array_equal(as_seen(image), as_seen(opened(encoded())))


@pytest.mark.parametrize("piece", [1, 100, 10**6])
def test_a_parser_fed_in_pieces_gives_the_picture(piece):
    data = encoded()
    parser = ImageFile.Parser()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's other plugins, for the first bytes
        for start in range(0, len(data), piece):
            parser.feed(data[start : start + piece])
    assert np.array_equal(as_seen(parser.close()), as_seen(opened(data)))


def test_a_file_that_changed_since_it_was_opened_is_an_error(tmp_path):
    path = tmp_path / "x.kmq"
    for other in (PICTURE[:10], PICTURE // 2, np.zeros((30, 40), np.uint8)):
        kmq.save(path, PICTURE)
        with Image.open(path) as image:
            path.write_bytes(kmq.encode(other))
            with pytest.raises(OSError, match="changed since it was opened"):
                image.load()


def test_importing_kmq_registers_it_and_loads_no_clustering():
    program = (
        "import sys, kmq; from PIL import Image; "
        "print(Image.EXTENSION['.kmq'], *{'sklearn', 'scipy', 'kmq_cli'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"KMQ"]
