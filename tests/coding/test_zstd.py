"""The Zstandard coding against the library used plainly, and frames of every kind, written by hand."""

import struct
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
from kmq import FormatError, IndexPlane, KmqError
from kmq._coding.codings import ZSTD, CodingOptions
from kmq._coding.zstd import LARGE, MAX_WINDOW_LOG, unzstd_tile, zstd_tile
from strategies import planes
from ways import examples
from writing import build, crc, uleb, zstd_block, zstd_frame

pytestmark = pytest.mark.both_ways

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KS = [1, 2, 3, 16, 255, 256, 257, 1000, 65_535, 65_536]
CONTENT = bytes([0, 2, 1, 1, 0, 2])


def decoded(payload, shape, k, offset=0):
    indices = np.zeros(shape, np.uint8 if k <= 256 else np.uint16)
    unzstd_tile(memoryview(payload), indices, k, offset)
    return indices


def as_bytes(plane):
    """Return the content that the spec asks for."""
    numbers = plane.indices.ravel().tolist()
    return struct.pack(f"<{len(numbers)}{'B' if plane.k <= 256 else 'H'}", *numbers)


@examples(60)
@given(planes(), st.sampled_from(["fast", "default", "thorough"]))
def test_a_tile_is_one_frame_of_its_indices_and_comes_back(plane, effort):
    payload = zstd_tile(plane, effort)
    assert zstd.decompress(payload) == as_bytes(plane)
    assert zstd.get_frame_size(payload) == len(payload)
    again = decoded(payload, plane.indices.shape, plane.k)
    assert again.dtype == plane.indices.dtype
    assert np.array_equal(again, plane.indices)


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("shape", [(1, 1), (7, 40), (300, 290)])
def test_every_number_of_entries_in_small_and_large_frames(k, shape):
    plane = IndexPlane(np.random.default_rng(k).integers(0, k, shape), k)
    payload = zstd_tile(plane, "fast")
    assert zstd.decompress(payload) == as_bytes(plane)
    assert np.array_equal(decoded(payload, shape, k), plane.indices)


@pytest.mark.parametrize("k", [1, 2, 256, 257])
def test_a_tile_larger_than_the_window_has_one_that_is_allowed(k):
    shape = (3000, (1 << MAX_WINDOW_LOG) // 3000 + 1)
    plane = IndexPlane(np.indices(shape).sum(axis=0) // 9 % k, k)
    assert plane.indices.nbytes > LARGE
    for effort in ("fast", "default"):
        payload = zstd_tile(plane, effort)
        assert payload[4] & 0x20 == 0
        assert np.array_equal(decoded(payload, shape, k), plane.indices)


@pytest.mark.parametrize(
    "frame",
    [
        zstd_frame(CONTENT),
        zstd_frame(CONTENT, descriptor=b"\x20", size=b"\6"),
        zstd_frame(CONTENT, descriptor=b"\xe0", size=struct.pack("<Q", 6)),
        zstd_frame(CONTENT, descriptor=b"\x80", window=b"\0"),
        zstd_frame(CONTENT, descriptor=b"\xc0", window=b"\x68", size=struct.pack("<Q", 6)),
        zstd_frame(CONTENT, blocks=zstd_block(CONTENT[:1], last=False) + zstd_block(CONTENT[1:])),
        zstd_frame(CONTENT, blocks=zstd_block(CONTENT, last=False) + zstd_block(b"")),
        zstd_frame(
            CONTENT, blocks=zstd_block(b"", last=False) + zstd_block(CONTENT, last=False) + zstd_block(b"")
        ),
    ],
)
def test_frames_in_any_form_the_spec_allows_are_read(frame):
    assert decoded(frame, (2, 3), 3).tolist() == [[0, 2, 1], [1, 0, 2]]


def test_a_size_of_two_bytes_counts_from_256():
    frame = zstd_frame(bytes(300), descriptor=b"\x60", size=struct.pack("<H", 300 - 256))
    assert not decoded(frame, (10, 30), 1).any()
    with pytest.raises(FormatError, match=r"Frame_Content_Size at offset 5 is 556.*300.*M25"):
        decoded(zstd_frame(bytes(300), descriptor=b"\x60", size=struct.pack("<H", 300)), (10, 30), 1)


BAD_FRAMES = [
    ("M23", 25, b""),
    ("M23", 25, b"\x28\xb5\x2f"),
    ("M23", 25, b"\x27" + zstd_frame(CONTENT)[1:]),
    ("M23", 25, b"\x50\x2a\x4d\x18" + bytes(4) + zstd_frame(CONTENT)),  # a skippable frame before it
    ("M24", 29, zstd_frame(b"", descriptor=b"", size=b"", blocks=b"")),
    *(("M24", 29, zstd_frame(CONTENT, descriptor=bytes([0xA0 | 1 << bit]))) for bit in range(5)),
    ("M24", 29, zstd_frame(CONTENT, descriptor=b"\xa1", window=b"\0")),  # a dictionary, of number 0
    ("M25", 30, zstd_frame(CONTENT, size=b"\6\0\0", blocks=b"")),
    ("M25", 31, zstd_frame(CONTENT, descriptor=b"\0", window=b"\0", size=b"")),
    ("M25", 31, zstd_frame(CONTENT, descriptor=b"\x80", window=b"", size=b"", blocks=b"")),
    ("M25", 30, zstd_frame(CONTENT, size=struct.pack("<I", 5))),
    ("M25", 30, zstd_frame(CONTENT, size=struct.pack("<I", 2**32 - 1))),
    ("M25", 31, zstd_frame(CONTENT, descriptor=b"\xc0", window=b"\0", size=b"\xff" * 8)),
    ("M26", 30, zstd_frame(CONTENT, descriptor=b"\x80", window=b"\x69")),
    ("M26", 30, zstd_frame(CONTENT, descriptor=b"\x80", window=b"\xff")),
    ("M27", 25, zstd_frame(CONTENT, blocks=b"")),
    ("M27", 25, zstd_frame(CONTENT)[:-1]),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT, last=False))),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT[:5]))),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT + b"\0"))),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT, kind=3))),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT, kind=2))),
    ("M27", 25, zstd_frame(CONTENT, blocks=zstd_block(CONTENT, last=False) + zstd_block(b"\0"))),
    ("M27", 43, zstd_frame(CONTENT) + b"\0"),
    ("M27", 43, zstd_frame(CONTENT) * 2),
    ("M27", 43, zstd_frame(CONTENT) + b"\x50\x2a\x4d\x18" + bytes(4)),
    ("M17", 25, zstd_frame(bytes([0, 2, 1, 1, 0, 3]))),
]


@pytest.mark.parametrize(("rule", "offset", "frame"), BAD_FRAMES)
def test_every_other_frame_is_rejected_and_its_place_named(rule, offset, frame):
    with pytest.raises(FormatError, match=rf"offset {offset}\b.*spec {rule}\)"):
        kmq.decode(build(flags=5, payloads=[frame]))


def test_a_single_segment_larger_than_the_window_is_rejected():
    size = (1 << MAX_WINDOW_LOG) + 1
    blocks = zstd_block(b"\0", kind=1, size=1 << 17, last=False) * (size >> 17) + zstd_block(b"\0")
    with pytest.raises(FormatError, match=r"Frame_Content_Size at offset 5 makes the window 8388609.*M26"):
        decoded(zstd_frame(b"", size=struct.pack("<I", size), blocks=blocks), (1, size), 1)
    frame = zstd_frame(b"", size=struct.pack("<I", size), descriptor=b"\x80", window=b"\x68", blocks=blocks)
    assert not decoded(frame, (1, size), 1).any()


@pytest.mark.parametrize("size", [2000, 5000, 40_000, 3_000_000])
@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(("block", "right"), [(1000, True), (1024, True), (1025, False), (2000, False)])
def test_no_block_is_larger_than_the_window(size, kind, block, right):
    def blocks(length, *, last):
        return zstd_block(bytes(1 if kind and length else length), kind=kind, size=length, last=last)

    whole = blocks(block, last=False) * (size // block) + blocks(size % block, last=True)
    if kind and not size % block:
        whole = blocks(block, last=False) * (size // block) + zstd_block(b"")
    frame = zstd_frame(b"", descriptor=b"\x80", window=b"\0", size=struct.pack("<I", size), blocks=whole)
    if right:
        assert not decoded(frame, (1, size), 1).any()
    else:
        with pytest.raises(FormatError, match="M27"):
            decoded(frame, (1, size), 1)


@pytest.mark.parametrize("k", [9, 300])
def test_a_changed_payload_is_rejected_or_read_as_the_library_reads_it(k):
    plane = IndexPlane(np.random.default_rng(0).integers(0, 9, (9, 11)) ** 2 % k, k)
    payload = zstd_tile(plane, "default")
    changed = [payload[:size] for size in range(len(payload))]
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        changed.append(bytes(flipped))
    rejected = 0
    for frame in changed:
        try:
            indices = decoded(frame, (9, 11), k)
        except KmqError as error:
            assert type(error) is FormatError  # noqa: PT017  decoded or rejected, either is right
            rejected += 1
        else:
            assert zstd.decompress(frame) == as_bytes(IndexPlane(indices, k))
    assert rejected >= len(payload)


def test_a_frame_that_goes_on_and_on_is_stopped_in_little_memory():
    blocks = zstd_block(CONTENT, last=False) + zstd_block(b"\0", kind=1, size=1 << 17, last=False) * 10_000
    data = build(flags=5, payloads=[zstd_frame(CONTENT, blocks=blocks + zstd_block(b""))])
    tracemalloc.start()
    with pytest.raises(FormatError, match="M27"):
        kmq.decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(("entries", "palette"), [(2, bytes(9)), (299, bytes(900))])
def test_a_picture_that_no_memory_holds_is_refused_whatever_the_frame_says(entries, palette):
    huge = uleb(2**31 - 2)
    frame = zstd_frame(b"", descriptor=b"\xe0", size=struct.pack("<Q", (2**31 - 1) ** 2))
    data = build(flags=5, width=huge, height=huge, entries=uleb(entries), palette=palette, payloads=[frame])
    with pytest.raises(kmq.LimitError):
        kmq.decode(data)
    for read in (lambda: kmq.decode(data, max_pixels=None), kmq.KmqFile(data, max_pixels=None).indices):
        with pytest.raises(MemoryError):
            read()


def test_lengths_of_tiles_are_held_against_the_file():
    frames = [zstd_frame(bytes(256), size=struct.pack("<I", 256)), zstd_frame(bytes(16))]
    options = {
        "flags": 0x45, "tile": b"\x04", "width": uleb(16), "height": uleb(15), "entries": uleb(0),
        "palette": bytes(3), "payloads": frames,
    }  # fmt: skip
    lengths = [struct.pack("<I", len(frame)) for frame in frames]
    assert not kmq.decode(build(**options, lengths=lengths)).any()
    longer = struct.pack("<I", len(frames[1]) + 1)
    with pytest.raises(kmq.TruncatedError, match="payloads end at offset"):
        kmq.decode(build(**options, lengths=[lengths[0], longer]))
    with pytest.raises(kmq.TruncatedError, match="payloads end at offset"):
        kmq.decode(build(**options, lengths=[b"\xff" * 4] * 2))
    with pytest.raises(FormatError, match="spec M2"):
        kmq.decode(build(**options, lengths=[lengths[0], struct.pack("<I", 3)]))
    moved = [struct.pack("<I", len(frame) + by) for frame, by in zip(frames, (1, -1), strict=True)]
    with pytest.raises(FormatError, match=r"Tile_CRC at offset 16\b.*M14"):
        kmq.decode(build(**options, lengths=moved))
    with pytest.raises(FormatError, match=r"Tile_CRC at offset 24\b.*M14"):
        kmq.decode(build(**options, lengths=lengths, tile_crcs=[crc(frames[0]), bytes(4)]))


def test_sections_that_are_longer_than_the_file_are_truncated():
    data = build(flags=0x85, sections_size=uleb(1000), payloads=[zstd_frame(CONTENT)])
    with pytest.raises(kmq.TruncatedError):
        kmq.decode(data)


def test_a_coding_is_told_the_effort():
    plane = IndexPlane(np.random.default_rng(0).integers(0, 4, (100, 100)) // 3, 2)
    palette = kmq.Palette([[0], [1]])
    sizes = [len(ZSTD.encode(plane, palette, CodingOptions(effort))) for effort in ("fast", "thorough")]
    assert sizes[0] > sizes[1]
