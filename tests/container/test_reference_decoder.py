"""kmq against the reference decoder of the spec: on valid files of every kind, and on damaged ones."""

import io
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import kmq
import reference_decoder
import writing
from generate import generated
from reference_decoder import FORMAT, LIMIT, TRUNCATED, UNSUPPORTED, Rejected
from reference_decoder.annex_d_order import COLOURS, FEW, MANY, RAMP, order_of
from repair import repaired
from strategies import valid_files
from ways import examples

pytestmark = pytest.mark.both_ways

SPEC = Path(__file__).parents[2] / "spec"
CLASSES = {
    FORMAT: kmq.FormatError,
    TRUNCATED: kmq.TruncatedError,
    UNSUPPORTED: kmq.UnsupportedError,
    LIMIT: kmq.LimitError,
}
MOST = 1000
"""Pixels: the reference decoder does a few thousand a second."""


def verdict(data):
    """Return the shape and the pixels, or the class of the error and the requirement."""
    try:
        pixels = kmq.decode(data, max_pixels=MOST)
    except kmq.KmqError as error:
        rule = str(error).rpartition("(spec ")[2].rstrip(")") if "(spec " in str(error) else ""
        return type(error), rule
    return pixels.shape, pixels.tobytes()


def verdict_of_the_reference(data):
    try:
        width, height, channels, pixels = reference_decoder.decode(data, MOST)
    except Rejected as error:
        # Of a truncated section the fast decoder's message has M21 too; both are of the class format.
        return CLASSES[error.kind], error.rule
    return ((height, width) if channels == 1 else (height, width, channels)), pixels


@examples(12)
@given(valid_files(max_pixels=100))
def test_any_valid_file_is_the_picture_that_the_reference_decoder_makes_of_it(data):
    found = verdict(data)
    assert isinstance(found[0], tuple), found
    assert found == verdict_of_the_reference(data)


@examples(12)
@given(valid_files(max_pixels=60), st.data())
def test_any_damage_gets_the_same_verdict(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at, cut = draw.draw(st.integers(0, len(damaged))), draw.draw(st.sampled_from([0, 1, 1, 1, 5]))
        damaged[at : at + cut] = draw.draw(st.binary(min_size=cut == 1, max_size=1 if cut else 6))
    assert verdict(bytes(damaged)) == verdict_of_the_reference(damaged)


@examples(8)
@given(valid_files(max_pixels=30), st.data())
def test_any_damage_behind_right_checksums_gets_the_same_verdict(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 2))):
        bit = draw.draw(st.integers(32, 8 * len(damaged) - 1))
        damaged[bit // 8] ^= 1 << bit % 8
    mended = repaired(bytes(damaged))
    assert verdict(mended) == verdict_of_the_reference(mended)


@examples(80)
@given(st.binary(max_size=60).map(lambda tail: b"KMQ\x01" + tail))
def test_any_bytes_get_the_same_verdict(data):
    assert verdict(data) == verdict_of_the_reference(data)


@pytest.mark.slow
@pytest.mark.compiled_only("no loop takes part")
@pytest.mark.parametrize("coding", range(4))
def test_the_generator_makes_files_that_no_encoder_writes(coding):
    files = [generated(random.Random(seed), 300, coding) for seed in range(24)]
    parsed = [reference_decoder.read_file(data) for data in files]
    assert {file.coding for file in parsed} == {coding}
    assert any(len(set(file.palette)) < len(file.palette) for file in parsed)
    assert any(b"zzzz" in file.sections for file in parsed)
    assert {data[4] >> 5 & 1 for data in files} == {0, 1}
    assert {file.tile is None for file in parsed} == {True, False}
    assert {file.channels for file in parsed} == {1, 3, 4}
    assert files[:5] == [generated(random.Random(seed), 300, coding) for seed in range(5)]
    if coding == 2:
        options = {payload[0] for file in parsed for _, _, payload in file.payloads if payload}
        assert {option & 3 for option in options} == {0, 1, 2}
        assert {bit for bit in range(2, 6) for option in options if option >> bit & 1} == {2, 3, 4, 5}
    if coding == 3:
        options = {payload[0] for file in parsed for _, _, payload in file.payloads if payload}
        assert {option >> 5 for option in options} == {0, 1}
        assert len({option & 31 for option in options}) > 4
        assert {order_of(tuple(file.palette)).kind for file in parsed} == {FEW, RAMP, COLOURS, MANY}


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, check=False, timeout=100, **options
    )


@pytest.mark.compiled_only("what is tested is the reference decoder")
@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_the_command_writes_a_picture_that_others_read(channels, mode, tmp_path):
    picture = np.random.default_rng(channels).integers(0, 256, (5, 7, channels), np.uint8)
    (tmp_path / "x.kmq").write_bytes(kmq.encode(picture, 64))
    done = run(SPEC / "reference_decoder", tmp_path / "x.kmq")
    assert (done.returncode, done.stderr) == (0, b"")
    if channels == 4:
        head, _, pixels = done.stdout.partition(b"ENDHDR\n")
        assert head.startswith(b"P7\nWIDTH 7\nHEIGHT 5\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\n")
        assert pixels == picture.tobytes()
        return
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image).reshape(picture.shape), picture)


@pytest.mark.compiled_only("what is tested is the reference decoder")
def test_the_command_names_the_requirement_and_traces_every_bit(tmp_path):
    (tmp_path / "bad.kmq").write_bytes(writing.build(header_crc=bytes(4)))
    done = run(SPEC / "reference_decoder", tmp_path / "bad.kmq", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.decode().endswith("bad.kmq: format: Header_CRC is wrong (offset 21, M10)\n")
    assert not (tmp_path / "out").exists()
    (tmp_path / "good.kmq").write_bytes(kmq.encode(np.uint8([[0, 9], [9, 200]]), coding="context"))
    done = run(SPEC / "reference_decoder", "--trace", tmp_path / "good.kmq", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"P5\n2 2\n255\n\0\t\t\xc8"
    bits = [line.split() for line in done.stderr.decode().splitlines()]
    assert bits
    assert all(1 <= int(p) <= 65_535 and bit in "01" for p, bit in bits)


@pytest.mark.compiled_only("what is tested is the generator")
def test_the_generator_s_command_writes_files_and_what_they_decode_to(tmp_path):
    done = run(SPEC / "generate.py", 12, "--output", tmp_path, "--seed", 5, "--max-pixels", 60)
    assert (done.returncode, done.stderr) == (0, b"")
    files = sorted(tmp_path.glob("*.kmq"))
    assert len(files) == 12
    for file in files:
        pixels = kmq.decode(file.read_bytes()).tobytes()
        (picture,) = (other for other in tmp_path.glob(f"{file.stem}.*") if other != file)
        assert picture.read_bytes().endswith(pixels)
