"""What a file from a stranger can make the decoder take: memory, and calls within calls."""

import os
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

import kmq
import writing
from writing import build, section, u32, uleb

VALID = sorted((Path(__file__).parents[2] / "spec" / "vectors" / "valid").glob("*.kmq"))
SIDE = 9459
"""Of the largest square picture that is decoded by default: 89,472,681 pixels."""


def memory(data):
    """Return the peak of what reading a file takes beside its bytes, and the error."""
    tracemalloc.start()
    try:
        with pytest.raises(kmq.KmqError) as caught:
            kmq.decode(data)
        return tracemalloc.get_traced_memory()[1], caught.value
    finally:
        tracemalloc.stop()


def tiles(count, side=16):
    """Return the header's fields of a picture of so many tiles in a row, k = 1, and no payloads."""
    return {
        "flags": 0x45,
        "width": uleb(count * side - 1),
        "height": uleb(0),
        "entries": uleb(0),
        "tile": bytes([4]),
        "palette": bytes(3),
        "payloads": [],
    }


HUGE = uleb(2**31 - 2)
WRONG = [bytes(4)]
"""Tile_CRC of a payload that is then never decoded."""

WIDE = {"width": uleb(3999), "height": uleb(3999), "tile_crcs": WRONG}
SIZES = {
    "a wide and high picture": build(width=HUGE, height=HUGE, header_crc=bytes(4)),
    "more tiles than bytes": build(**tiles(2**27 - 1), lengths=[b""], tile_crcs=[b""]),
    "as many tiles as bytes": build(**tiles(100_000), lengths=[u32(9)] * 100_000, tile_crcs=WRONG * 100_000),
    "the largest palette": build(entries=uleb(65_535), palette=bytes(65_536 * 3), tile_crcs=WRONG),
    "a palette that isn't there": build(entries=uleb(65_535)),
    "a coded palette that isn't there": build(flags=0x21, palette=uleb(2**32 - 1)),
    "the largest palette from few bytes": build(
        flags=0x21, entries=uleb(65_535), palette=uleb(3) + b"\xff\x7f\x01", payloads=[bytes(12)]
    ),
    "sections that aren't there": build(sections_size=uleb(2**32 - 1)),
    "a large section": build(sections=section(b"zzzz", bytes(1_000_000)), tile_crcs=WRONG),
    "many sections": build(
        sections=b"".join(section(f"z{i:03}".encode(), b"") for i in range(1000)), tile_crcs=WRONG
    ),
    "a payload that is damaged": build(**WIDE, payloads=[bytes(4_000_000)]),
    "a frame that is damaged": build(**WIDE, flags=5, payloads=[bytes(100)]),
    "a context payload that is damaged": build(**WIDE, flags=9, payloads=[bytes(100)]),
    "an adaptive payload that is damaged": build(**WIDE, flags=13, payloads=[b"\x10" + bytes([1]) * 100]),
}
OWN_BOUND = {
    "the largest palette from few bytes": 1_500_000,  # 256 KiB of entries at most, and what checks them
    "many sections": 200_000,  # 9 bytes in the file, 150 as an item of a dictionary
}


@pytest.mark.parametrize("name", SIZES)
def test_until_the_pixels_are_verified_memory_is_in_proportion_to_the_file(name):
    peak, _ = memory(SIZES[name])
    most = OWN_BOUND.get(name, 3 * len(SIZES[name]) + 50_000)
    assert peak <= most, f"{peak:,} bytes for a file of {len(SIZES[name]):,}"


def peak_of(statement, data, tmp_path):
    """Return the most memory, in bytes, that a process takes for a statement about a file, and for none."""
    (tmp_path / "x.kmq").write_bytes(data)
    program = (
        "import kmq, resource\n"
        f"data = open({str(tmp_path / 'x.kmq')!r}, 'rb').read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try:\n    {statement}\nexcept kmq.KmqError as error:\n    print(type(error).__name__)\n"
        "print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    *error, last = done.stdout.splitlines()
    before, after = map(int, last.split())
    return (after - before) * 1024, error


def coded(entries):
    stream = writing.coded_palette(entries)
    return uleb(len(stream)) + stream


RAMP = [(i & 255, i >> 8, 0, 255) for i in range(300)]
SQUARE = {"width": uleb(SIDE - 1), "height": uleb(SIDE - 1)}
FRAME = writing.zstd_frame(
    b"",
    descriptor=b"\x80",
    window=b"\x68",
    size=u32(2 * SIDE * SIDE),
    blocks=6 * writing.zstd_block(b"\0", kind=1, size=2**17, last=False),
)
OF_300 = {"entries": uleb(299), "palette": coded(RAMP), **SQUARE}
SMALL = {
    "one colour": (build(flags=2, entries=uleb(0), palette=bytes(4), payloads=[b""], **SQUARE), []),
    "300 entries, context": (build(flags=0x2A, payloads=[bytes(30)], **OF_300), ["FormatError"]),
    "300 entries, adaptive": (build(flags=0x2E, payloads=[b"\x10" + b"\1" * 30], **OF_300), ["FormatError"]),
    "300 entries, zstd": (build(flags=0x26, payloads=[FRAME], **OF_300), ["FormatError"]),
}


@pytest.mark.posix
@pytest.mark.parametrize("name", SMALL)
def test_a_file_of_a_hundred_bytes_never_takes_a_gigabyte(name, tmp_path):
    data, error = SMALL[name]
    assert len(data) <= 100
    peak, raised = peak_of("kmq.decode(data)", data, tmp_path)
    assert raised == error
    assert peak < 600_000_000
    assert peak_of("kmq.decode(data, max_pixels=1000)", data, tmp_path)[0] < 3_000_000


def test_a_decoder_calls_nothing_within_itself():
    """Every vector, and a palette whose tree is as deep as trees get, with room for few calls."""
    random_entries = random.Random(3)
    entries = [bytes(1 << random_entries.randrange(8) for _ in range(4)) for _ in range(60)]
    entries += [entries[0]] * 4000
    deep = build(
        flags=0x0A,
        entries=uleb(len(entries) - 1),
        palette=b"".join(entries),
        payloads=[bytes([1]) + bytes(40)],
    )
    paths = [str(path) for path in VALID]
    program = (
        "import kmq, sys\n"
        "files = [open(path, 'rb').read() for path in sys.argv[1:]] + [bytes.fromhex(sys.stdin.read())]\n"
        "kmq.decode(files[0])\n"
        "sys.setrecursionlimit(40)\n"
        "for data in files:\n"
        "    try:\n"
        "        kmq.decode(data)\n"
        "    except kmq.KmqError as error:\n"
        "        assert data is files[-1], error\n"
        "print('done')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *paths],
        input=deep.hex(),
        capture_output=True,
        check=False,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
