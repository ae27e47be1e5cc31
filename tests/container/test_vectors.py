"""The vectors of the spec: what the recipes give, what kmq makes of them, and damage of every kind."""

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kmq

pytestmark = pytest.mark.both_ways

SPEC = Path(__file__).parents[2] / "spec"
VECTORS = SPEC / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text("utf-8"))
VALID = [name for name in MANIFEST if name.startswith("valid/")]
INVALID = [name for name in MANIFEST if name.startswith("invalid/")]
ERRORS = {
    "format": kmq.FormatError,
    "truncated": kmq.TruncatedError,
    "unsupported": kmq.UnsupportedError,
    "limit": kmq.LimitError,
}

LONG = [name for name in VALID if re.search(r"(context|adaptive)-(k4096|k4097|k65536|busy|rows-16)", name)]
EITHER_WAY = [
    pytest.param(name, marks=pytest.mark.compiled_only("thousands of entries, or of pixels"))
    if name in LONG
    else name
    for name in VALID
]

ENOUGH = pytest.mark.parametrize("enough", [100, pytest.param(2000, marks=pytest.mark.slow)])
"""Bytes from which not every place of a vector is damaged here; tests/damage.py does all that."""


def data_of(name):
    return (VECTORS / name).read_bytes()


@pytest.mark.slow
@pytest.mark.compiled_only("what is tested are the recipes")
def test_the_vectors_are_what_their_recipes_give():
    command = [sys.executable, SPEC / "build_vectors.py", "--check"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [f"{len(MANIFEST)} vectors are what their recipes give"]


@pytest.mark.compiled_only("what is tested are the recipes")
def test_a_missing_vector_one_without_a_recipe_and_a_changed_one_are_found(tmp_path):
    for source in ("build_vectors.py", "writing.py"):
        shutil.copy(SPEC / source, tmp_path)
    shutil.copytree(SPEC / "reference_decoder", tmp_path / "reference_decoder")
    for name in ("valid/packed-k3-rgb-3x2", "valid/packed-k4-rgb-4x1", "invalid/m03-magic"):
        for suffix in (".txt", ".kmq"):
            target = tmp_path / "vectors" / (name + suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((VECTORS / (name + suffix)).read_bytes())
    build = [sys.executable, tmp_path / "build_vectors.py"]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([*build, "--check"], check=True, capture_output=True)
    (tmp_path / "vectors/valid/packed-k3-rgb-3x2.kmq").unlink()
    (tmp_path / "vectors/valid/packed-k4-rgb-4x1.kmq").write_bytes(b"KMQ")
    (tmp_path / "vectors/invalid/more.kmq").write_bytes(b"")
    done = subprocess.run([*build, "--check"], capture_output=True, check=False)
    assert done.returncode == 1
    for name in (b"packed-k3-rgb-3x2", b"packed-k4-rgb-4x1", b"invalid/more"):
        assert name in done.stderr
    assert b"m03" not in done.stderr


@pytest.mark.parametrize("name", EITHER_WAY)
def test_a_valid_vector_has_the_pixels_of_the_manifest(name):
    expected = MANIFEST[name]
    pixels = kmq.decode(data_of(name))
    assert pixels.shape[:2] == (expected["height"], expected["width"])
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == expected["pixels_sha256"]


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_vector_is_rejected_by_class_and_requirement(name):
    expected = MANIFEST[name]
    with pytest.raises(kmq.KmqError, match="offset") as caught:
        kmq.decode(data_of(name), max_pixels=expected.get("max_pixels", 89_478_485))
    assert caught.type is ERRORS[expected["error"]]
    if expected["requirement"]:
        assert f"(spec {expected['requirement']})" in str(caught.value)


def outcome(source, most):
    """Return what becomes of everything that a file can be asked for: pixels, or an error in its words."""
    try:
        file = kmq.KmqFile(source, max_pixels=most, threads=2)
    except kmq.KmqError as error:
        return type(error), str(error)
    width, height = file.width, file.height
    boxes = (
        (0, 0, min(width, 50), min(height, 50)),
        (width // 2, height // 3, -(-width // 4), -(-height // 3)),
    )
    asked = [file.pixels, file.verify, lambda: file.thumbnail(7)]
    asked += [lambda box=box: file.read(*box) for box in boxes]
    results = []
    for ask in asked:
        try:
            pixels = ask()
            results.append(None if pixels is None else (pixels.shape, pixels.tobytes()))
        except kmq.KmqError as error:
            results.append((type(error), str(error)))
    return results


# One file is sorted ten times; the codings in loops are decoded ten times.
OPENED = [
    pytest.param(name, marks=pytest.mark.compiled_only("decoded ten times"))
    if re.search("context|adaptive", name)
    else name
    for name in (*VALID, *INVALID)
    if name != "valid/adaptive-k65536-grey.kmq"
]


@pytest.mark.parametrize("name", OPENED)
def test_an_open_file_is_what_its_bytes_are_or_the_same_error(name):
    data, most = data_of(name), MANIFEST[name].get("max_pixels", 89_478_485)
    assert outcome(io.BytesIO(data), most) == outcome(data, most)


def test_every_requirement_has_a_vector_that_breaks_it():
    rules = set(re.findall(r"\*\*(M\d+)\*\*", (SPEC / "SPEC.md").read_text("utf-8")))
    broken = {MANIFEST[name]["requirement"] for name in INVALID} - {None}
    # M15 is a length: too long a payload is M2 and too short a one is a truncated file.
    assert rules - {"M15"} == broken
    assert {MANIFEST[name]["error"] for name in INVALID} == set(ERRORS)


@pytest.mark.compiled_only("palettes of thousands of entries")
def test_the_valid_vectors_have_every_coding_depth_and_channel():
    files = [kmq.KmqFile(data_of(name)) for name in VALID]
    for coding in ("packed", "zstd", "context", "adaptive"):
        of_it = [file for file in files if file.coding == coding]
        assert {1, 3, 257} <= {file.k for file in of_it}, coding
        assert None in {file.tile for file in of_it}
        assert {file.tile for file in of_it} - {None}, coding
    assert {1, 2, 3, 255, 256, 257, 4096, 65_536} <= {file.k for file in files}
    assert {file.palette.channels for file in files} == {1, 3, 4}
    assert {"icc", "exif", "xmp"} <= {tag for file in files for tag in file.metadata}


@pytest.mark.parametrize(
    ("head", "name", "between"),
    [("| pixel | black |", "context-fast-3x2", ": "), ("\n| | black |", "adaptive-3x2", ", ")],
)
def test_the_traces_in_the_spec_are_those_of_its_examples(head, name, between, tmp_path):
    text = (SPEC / "SPEC.md").read_text("utf-8").split(head)[1]
    lines = text.split("\n\n")[0].splitlines()[2:4]
    first, second = ([cell.strip() for cell in line.split("|")[2:8]] for line in lines)
    shown = [step for pair in zip(first, second, strict=True) for step in pair if step]
    command = [sys.executable, SPEC / "reference_decoder", "--trace"]
    example = VECTORS / "valid" / f"{name}.kmq"
    done = subprocess.run([*command, example, tmp_path / "out"], capture_output=True, check=True)
    assert [line.replace(" ", between) for line in done.stderr.decode().splitlines()] == shown


def test_the_magic_of_the_spec_is_in_a_file_of_its_own():
    block = (SPEC / "SPEC.md").read_text("utf-8").split("```magic\n")[1].split("```")[0]
    assert (SPEC / "kmq.magic").read_text("utf-8") == block


@pytest.mark.compiled_only("what is tested is the magic")
@pytest.mark.skipif(shutil.which("file") is None, reason="needs the command file, which reads magic")
def test_libmagic_tells_kmq_files_from_others():
    def told(name, *options):
        command = ["file", "-b", "-m", SPEC / "kmq.magic", *options, VECTORS / name]
        return subprocess.run(command, capture_output=True, check=True).stdout.decode().strip()

    assert told("valid/context-fast-3x2.kmq", "--mime-type") == "image/x-kmq"
    for name in VALID:
        file = kmq.KmqFile(data_of(name))
        coding = {"context": "context-coded"}.get(file.coding, file.coding)
        channels = {1: "grey", 3: "RGB", 4: "RGBA"}[file.palette.channels]
        assert told(name) == f"KMQ palette image, version 1, {coding}, {channels}"
    assert told("invalid/m03-magic.kmq", "--mime-type") != "image/x-kmq"


@pytest.mark.compiled_only("thousands of files")
@ENOUGH
@pytest.mark.parametrize("name", VALID)
def test_flipped_bits_of_a_vector_are_rejected(name, enough):
    data = data_of(name)
    bits = range(8 * len(data))
    if len(data) > enough:
        most = min(400, enough // 2 if name in LONG else 2 * enough)
        bits = [*bits[:most], *bits[-most:], *random.Random(name).sample(bits, most)]
    for bit in bits:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(kmq.KmqError):
            kmq.decode(flipped)


@pytest.mark.compiled_only("thousands of files")
@pytest.mark.parametrize("name", VALID)
def test_bursts_in_a_vector_are_rejected(name):
    data, draw = data_of(name), random.Random(name)
    for _ in range(100):
        burst = draw.randbytes(draw.randint(1, min(64, len(data))))
        at = draw.randint(0, len(data) - len(burst))
        damaged = data[:at] + burst + data[at + len(burst) :]
        if damaged != data:
            with pytest.raises(kmq.KmqError):
                kmq.decode(damaged)


@pytest.mark.compiled_only("thousands of files")
@ENOUGH
@pytest.mark.parametrize("name", VALID)
def test_a_vector_that_is_cut_off_is_rejected(name, enough):
    data = data_of(name)
    sizes = range(len(data))
    if len(data) > 3 * enough:
        sizes = [*sizes[:enough], *sizes[-enough:], *random.Random(name).sample(sizes, enough)]
    for size in sizes:
        with pytest.raises((kmq.TruncatedError, kmq.FormatError)):
            kmq.decode(data[:size])
