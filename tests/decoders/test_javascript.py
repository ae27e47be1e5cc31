"""The decoder in JavaScript against the vectors of the spec, generated files, damaged ones, and kmq."""

import json
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

import kmq
from generate import generated
from repair import repaired

SPEC = Path(__file__).parents[2] / "spec"
VECTORS = SPEC / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text("utf-8"))

CLASSES = {
    kmq.FormatError: "format",
    kmq.TruncatedError: "truncated",
    kmq.UnsupportedError: "unsupported",
    kmq.LimitError: "limit",
}
MOST = 300_000
"""Pixels."""

NODE = shutil.which("node")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(NODE is None, reason="needs Node.js")]

LACKING = ["unsupported", "M12"]
"""Codings that it lacks: it says so once the header is whole."""


def verdicts(files):
    """Return for each file the words of the line that the decoder in JavaScript says of it."""
    stream = b"".join(len(data).to_bytes(4, "little") + data for data in files)
    check = Path(__file__).with_name("check.mjs")
    done = subprocess.run([NODE, check, str(MOST)], input=stream, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(files)
    return [line.split() for line in lines]


def expected(data):
    """Return what kmq says of a file, in those words."""
    try:
        kmq.decode(data, max_pixels=MOST)  # a KmqFile has a limit for regions, which comes later
        with kmq.KmqFile(data) as file:
            palette, plane = file.palette, file.indices()
    except kmq.KmqError as error:
        rule = str(error).rpartition("(spec ")[2].rstrip(")") if "(spec " in str(error) else ""
        return [CLASSES[type(error)], *([rule] if rule and type(error) is not kmq.TruncatedError else [])]
    colours = np.full((palette.k, 4), 255, np.uint8)
    colours[:, : palette.channels] = palette.entries
    if palette.channels == 1:
        colours[:, 1:3] = palette.entries
    crc = zlib.crc32(colours[plane.indices].tobytes())
    return ["ok", *map(str, (plane.width, plane.height, palette.channels, palette.k, crc))]


def agrees(data, found):
    """Say whether what it says of a file is right."""
    said = expected(data)
    lacks = found == LACKING and data[4] >> 2 & 7 in (1, 2)
    header = {
        "M1",
        *(f"M{number}" for number in range(3, 12)),
    }  # comes before that, in a header that is whole
    return found == said or (lacks and said[0] != "limit" and said[-1] not in header)


def test_every_vector_gets_its_pixels_or_its_class_and_requirement():
    names = sorted(name for name in MANIFEST if "max_pixels" not in MANIFEST[name])
    files = [(VECTORS / name).read_bytes() for name in names]
    found = dict(zip(names, verdicts(files), strict=True))
    assert [name for name, data in zip(names, files, strict=True) if not agrees(data, found[name])] == []
    assert sum(said[0] == "ok" for said in found.values()) > 60


@pytest.mark.parametrize("coding", [0, 3], ids=["packed", "adaptive"])
def test_files_that_no_encoder_writes_are_read(coding):
    files = [generated(random.Random(seed), 300, coding) for seed in range(60)]
    assert [expected(data)[0] for data in files] == ["ok"] * len(files)
    assert verdicts(files) == [expected(data) for data in files]


def pictures():
    random_ = np.random.default_rng(4)
    across, down = np.meshgrid(np.arange(60), np.arange(50))
    for channels in (1, 3, 4):
        for k in (2, 9, 16, 60, 256, 700):
            soft = (across * 5 + down * 3)[..., np.newaxis] * np.arange(1, channels + 1) // 3
            picture = (soft + random_.integers(0, 20, soft.shape)).clip(0, 255).astype(np.uint8)
            for coding in ("adaptive", "packed"):
                yield kmq.encode(picture, k, coding=coding, tile=32 if k == 60 else None)


def test_what_kmq_writes_is_read():
    files = list(pictures())
    assert verdicts(files) == [expected(data) for data in files]


@pytest.mark.parametrize("mended", [False, True], ids=["as it is", "with right checksums"])
def test_damage_gets_the_verdict_that_kmq_gives(mended):
    draw = random.Random(7)
    files = []
    for data in pictures():
        files += [data[:cut] for cut in draw.sample(range(len(data)), 8)]
        for _ in range(20):
            damaged = bytearray(data)
            for _ in range(draw.randint(1, 2)):
                bit = draw.randrange(8 * min(len(data), draw.choice([12, 60, len(data)])))
                damaged[bit // 8] ^= 1 << bit % 8
            files.append(repaired(bytes(damaged)) if mended else bytes(damaged))
    wrong = [
        (said, expected(data), data[:40].hex())
        for data, said in zip(files, verdicts(files), strict=True)
        if not agrees(data, said)
    ]
    assert not wrong, wrong[:3]
