"""The decoder in C, kmq.h, against the vectors of the spec, damaged files and kmq."""

import json
import random
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmq
import writing
from commands import KMQ
from repair import repaired

SPEC = Path(__file__).parents[2] / "spec"
C = SPEC / "decoders" / "c"
VECTORS = SPEC / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text("utf-8"))

CLASSES = {
    kmq.FormatError: "format",
    kmq.TruncatedError: "truncated",
    kmq.UnsupportedError: "unsupported",
    kmq.LimitError: "limit",
}

GCC = shutil.which("gcc")
pytestmark = [
    pytest.mark.posix,
    pytest.mark.skipif(GCC is None, reason="needs gcc"),
]

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-O1", "-I", str(C))
SANITIZED = (*STRICT, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiled(source, folder, *flags):
    program = folder / source.stem
    subprocess.run([GCC, *flags, source, "-o", program], check=True)
    return program


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    return compiled(Path(__file__).with_name("check.c"), tmp_path_factory.mktemp("c"), *SANITIZED)


def verdicts(checker, files):
    """Return for each file the words of the line that the decoder in C says of it."""
    stream = b"".join(len(data).to_bytes(4, "little") + data for data in files)
    done = subprocess.run([checker], input=stream, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(files)
    return [line.split() for line in lines]


def is_lacking(data):
    """Say whether a file has a coding or a coded palette, which the decoder in C lacks."""
    return len(data) > 4 and data[:4] == b"KMQ\x01" and data[4] & 3 != 3 and data[4] & 0x3C != 0


def has_many_entries(data):
    """Say whether a file has a right header with more than 256 entries, which the decoder in C refuses."""
    if len(data) < 8 or data[:4] != b"KMQ\x01":
        return False
    numbers, at = [], 5
    while len(numbers) < 3 and at < len(data):
        value = shift = 0
        while at < len(data):
            byte = data[at]
            value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
            if byte < 128:
                break
        numbers.append(value)
    return len(numbers) == 3 and 256 <= numbers[2] <= 65_535


def expected(data):
    """Return what kmq says of a file, in the words of the decoder in C."""
    if is_lacking(data):
        return ["unsupported"]
    try:
        with kmq.KmqFile(data, max_pixels=None) as file:
            if file.width * file.height > 1 << 20 and file.k == 1:
                return ["ok"]  # nobody has room for these pixels; the checksum of no bytes was not looked at
            palette, plane = file.palette, file.indices()
    except kmq.KmqError as error:
        return [CLASSES[type(error)]]
    if palette.k > 256:
        return ["limit"]
    colours = np.full((palette.k, 4), 255, np.uint8)
    colours[:, : palette.channels] = palette.entries
    if palette.channels == 1:
        colours[:, 1:3] = palette.entries
    pixels = colours[plane.indices]
    bits = next(bits for bits in (1, 2, 4, 8) if palette.bit_depth <= bits)
    ones = plane.indices[..., np.newaxis] >> np.arange(bits - 1, -1, -1) & 1
    packed = np.packbits(ones.reshape(plane.height, -1).astype(np.uint8), axis=1)
    red, green, blue = pixels[plane.height // 3, plane.width // 3 :, :3].astype(np.uint16).T
    part = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
    sums = [str(zlib.crc32(array.tobytes())) for array in (pixels, packed, part)]
    return ["ok", *map(str, (plane.width, plane.height, palette.channels, palette.k)), *sums]


def test_every_vector_gets_its_pixels_or_its_class(checker):
    names = sorted(MANIFEST)
    files = [(VECTORS / name).read_bytes() for name in names]
    seen = set()
    for name, data, found in zip(names, files, verdicts(checker, files), strict=True):
        said = expected(data)
        if said == ["limit"] and "max_pixels" in MANIFEST[name]:
            continue  # it has no limit of its own for pixels
        if found == ["limit"] and has_many_entries(data):
            continue
        assert found == said, name
        seen.add(found[0])
    assert seen == {"ok", "format", "truncated", "unsupported"}


def pictures():
    """Return packed files of every kind of palette and tile."""
    random_ = np.random.default_rng(3)
    for number, k in enumerate([1, 2, 3, 4, 5, 16, 17, 100, 255, 256]):
        for channels in (1, 3, 4):
            shape = (random_.integers(1, 40), random_.integers(1, 90))
            palette = kmq.Palette(random_.integers(0, 256, (k, channels)))
            plane = kmq.IndexPlane(random_.integers(0, k, shape), k)
            tile = (None, 16, 32)[(number + channels) % 3]
            yield kmq.encode(
                palette.colours(plane), palette=palette, coding="packed", tile=tile, space="srgb"
            )


def test_what_kmq_writes_is_read(checker):
    files = list(pictures())
    assert verdicts(checker, files) == [expected(data) for data in files]


@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "with right checksums"])
def test_damage_gets_the_verdict_that_kmq_gives(checker, mended):
    draw = random.Random(7)
    files = []
    for data in pictures():
        files += [data[:cut] for cut in draw.sample(range(len(data)), min(len(data), 12))]
        for _ in range(30):
            damaged = bytearray(data)
            for _ in range(draw.randint(1, 2)):
                bit = draw.randrange(8 * min(len(data), draw.choice([12, 40, len(data)])))
                damaged[bit // 8] ^= 1 << bit % 8
            files.append(repaired(bytes(damaged)) if mended else bytes(damaged))
    for data, found in zip(files, verdicts(checker, files), strict=True):
        said = expected(data)
        many = found == ["limit"] and has_many_entries(data)
        assert said in (["ok"], found) or many, (found, said, data.hex())


def test_the_program_writes_the_picture(tmp_path):
    program = compiled(C / "kmq2ppm.c", tmp_path, *SANITIZED)
    for channels in (3, 4):
        picture = np.random.default_rng(channels).integers(0, 256, (9, 20, channels), np.uint8)
        kmq.save(tmp_path / "a.kmq", picture, coding="packed", tile=16)
        done = subprocess.run([program, tmp_path / "a.kmq"], capture_output=True, check=True)
        if channels == 3:
            (tmp_path / "a.ppm").write_bytes(done.stdout)
            with Image.open(tmp_path / "a.ppm") as image:
                assert np.array_equal(np.asarray(image), picture)
        assert done.stdout.endswith(picture.tobytes())
    (tmp_path / "a.kmq").write_bytes(b"KMQ")
    done = subprocess.run([program, tmp_path / "a.kmq"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'a.kmq'}: truncated\n".encode())


def test_the_page_about_displays_compiles(tmp_path):
    page = (SPEC.parent / "docs" / "how-to" / "displays.md").read_text("utf-8")
    whole, part = re.findall(r"```c\n(.*?)```", page, re.DOTALL)
    (tmp_path / "sprite.h").write_text("static const unsigned char sprite_kmq[] = {0};\n")
    (tmp_path / "page.c").write_text(
        "#include <stdint.h>\nvoid display_row(const uint16_t *line, uint32_t y);\n"
        f"{whole}\nint open_card(uint32_t file_size);\n{part.splitlines()[0]}\n"
        "int open_card(uint32_t file_size) {\nint error, card = 0;\nkmq picture;\n"
        f"{part.splitlines()[-1]}\nreturn error;\n}}\n"
    )
    subprocess.run([GCC, *STRICT, "-c", str(tmp_path / "page.c"), "-o", str(tmp_path / "object")], check=True)


@pytest.mark.parametrize("flags", [["-DKMQ_NO_CRC"], ["-x", "c++", "-std=c++17"]], ids=["no CRC", "C++"])
def test_the_header_compiles_in_other_ways_and_twice(flags, tmp_path):
    source = tmp_path / "one.c"
    source.write_text('#define KMQ_IMPLEMENTATION\n#include "kmq.h"\n#include "kmq.h"\n')
    command = [GCC, *STRICT[1:], *flags, "-c", str(source), "-o", str(tmp_path / "object")]
    subprocess.run(command, check=True)


def test_many_sections_are_refused_before_they_take_long(checker):
    tags = [bytes([97 + number % 26, 32 + number // 26, 32, 32]) for number in range(2000)]
    sections = b"".join(tag + b"\0" + zlib.crc32(tag + b"\0").to_bytes(4, "little") for tag in tags)
    parts = {"flags": 0x80, "width": b"\1", "height": b"\1", "entries": b"\0", "palette": b"\0"}
    for count, said in ((64, "ok"), (65, "limit"), (2000, "limit")):
        file = writing.build(**parts, sections=sections[: 9 * count], payloads=[b""])
        assert kmq.decode(file).shape == (2, 2)
        assert verdicts(checker, [file])[0][0] == said


@pytest.mark.parametrize("example", ["epaper.c", "lvgl.c"])
def test_the_examples_compile(example, tmp_path):
    """Against stubs of LVGL's declarations: its own headers are in no package that tests could install."""
    stubs = Path(__file__).with_name("lvgl_stubs")
    flags = [*STRICT, "-I", str(stubs), "-c", str(C / example), "-o", str(tmp_path / "object")]
    subprocess.run([GCC, *flags], check=True)


def test_a_file_becomes_an_array_in_c_that_the_header_reads(tmp_path):
    picture = np.random.default_rng(5).integers(0, 256, (8, 11, 3), np.uint8)
    kmq.save(tmp_path / "a.kmq", picture, coding="packed")
    words = [*KMQ, "decode", "a.kmq", "-o", "1-a b.h"]
    subprocess.run(words, cwd=tmp_path, check=True)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#define KMQ_IMPLEMENTATION\n#include "kmq.h"\n#include "1-a b.h"\n'
        "int main(void) { kmq p; uint8_t row[33]; unsigned y;\n"
        "if (kmq_open(&p, _1_a_b_kmq, sizeof _1_a_b_kmq)) return 1;\n"
        "for (y = 0; y < p.height; y++) { if (kmq_row(&p, 0, y, p.width, KMQ_RGB888, row)) return 2;\n"
        "fwrite(row, 1, 33, stdout); } return 0; }\n"
    )
    program = compiled(tmp_path / "main.c", tmp_path, *SANITIZED)
    assert subprocess.run([program], capture_output=True, check=True).stdout == picture.tobytes()
    cut = (tmp_path / "a.kmq").read_bytes()[:-1]
    (tmp_path / "a.kmq").write_bytes(cut)
    done = subprocess.run([*words[:-1], "b.h"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, (tmp_path / "b.h").exists()) == (1, False)
    assert done.stderr.startswith(b"kmq: a.kmq: the file is truncated")
    done = subprocess.run([*words, "-f", "--region=0,0,1,1"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr.startswith(b"kmq decode: --region: ")) == (2, True)
