"""Repairing a mutated file: it never fails, and what it makes passes the checks that hide the rest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import kmq
import repair
from small_files import SMALL_FILES
from strategies import CODINGS, TILES, pictures

FILES = st.sampled_from(list(SMALL_FILES.values()))
CHECKSUMS = ("M10", "M14", "M20")


@st.composite
def tampered(draw):
    """Bytes like a file's: some changed, some cut off, some added."""
    data = bytearray(draw(FILES))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data) + draw(
        st.binary(max_size=8)
    )


def refusal(data):
    """Return the message that a file is refused with, or an empty one."""
    try:
        kmq.decode(data, max_pixels=1 << 16)
    except kmq.KmqError as error:
        return str(error)
    return ""


@given(pictures(), CODINGS, TILES)
def test_a_file_that_is_right_stays_as_it_is(picture, coding, tile):
    data = kmq.encode(picture, 65_536, coding=coding, tile=tile)
    assert repair.repaired(data) == data
    assert repair.joined(repair.split(data)) == data


def test_every_part_of_a_file_is_found_and_put_back():
    for name, data in SMALL_FILES.items():
        assert repair.repaired(data) == data, name
        assert repair.joined(repair.split(data)) == data, name


@given(FILES, st.data())
def test_damage_to_any_byte_behind_a_checksum_is_covered_up(data, draw):
    at = draw.draw(st.integers(5, len(data) - 1))
    damaged = bytearray(data)
    damaged[at] ^= draw.draw(st.integers(1, 255))
    if repair.split(bytes(damaged)) is None:
        return  # the damage is to a size, and the file has no room for what it says now
    assert not any(
        f"spec {rule}" in refusal(repair.joined(repair.split(bytes(damaged)))) for rule in CHECKSUMS
    )


def test_checksums_are_what_was_in_the_way():
    data = SMALL_FILES["context"]
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    assert "spec M14" in refusal(damaged)
    assert repair.repaired(damaged)[-1] == damaged[-1]
    assert "spec M14" not in refusal(repair.repaired(damaged))


@given(st.one_of(st.binary(max_size=200), tampered()))
def test_nothing_is_raised_whatever_the_bytes_are(data):
    mended = repair.repaired(data)
    assert len(mended) == len(data)
    assert repair.repaired(mended) == mended
    parts = repair.split(data)
    if parts is not None:
        assert isinstance(repair.joined(parts), bytes)
    repair.tamed(data, 64, 512)


@given(FILES, FILES, st.integers(0, 3))
def test_a_file_of_two_files_parts_has_right_checksums(one, other, number):
    crossed = repair.crossed(repair.split(one), repair.split(other), number)
    assert not any(f"spec {rule}" in refusal(repair.joined(crossed)) for rule in CHECKSUMS)


@given(st.integers(1, 2**31), st.integers(1, 2**31), st.integers(1, 65_536), st.booleans())
def test_a_tamed_header_is_of_a_small_picture(width, height, k, tiled):
    numbers = b"".join(repair._uleb(number - 1) for number in (width, height, k))  # noqa: SLF001
    head = b"KMQ\x01" + bytes([0x40 if tiled else 0]) + numbers + (b"\x05" if tiled else b"")
    data = repair.joined(repair.Parts(repair.tamed(head, 64, 512), bytes(512), (), (b"",)))
    fields = repair._fields(data)
    assert max(fields.width, fields.height) <= 64
    assert fields.k <= 512
    assert fields.side == (32 if tiled else None)


def test_a_payload_of_another_file_is_decoded_as_ones_own():
    pictures_ = [np.full((5, 7), value, np.uint8) + np.eye(5, 7, dtype=np.uint8) * 50 for value in (10, 90)]
    one, other = (kmq.encode(picture, coding="packed") for picture in pictures_)
    crossed = repair.joined(repair.crossed(repair.split(one), repair.split(other), 2))
    assert np.array_equal(kmq.decode(crossed), pictures_[0])
    crossed = repair.joined(repair.crossed(repair.split(one), repair.split(other), 0))
    assert np.array_equal(kmq.decode(crossed), pictures_[1])
