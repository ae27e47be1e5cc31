"""What the codings have in common: which are tried, and that tiles and threads change no bytes."""

import concurrent.futures

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kmq
from context_tiles import KINDS, numbers, tiles
from kmq import IndexPlane, Palette
from kmq._coding.codings import ADAPTIVE, CODINGS, CONTEXT, ZSTD, CodingOptions, candidates
from ways import examples

pytestmark = pytest.mark.both_ways


def test_the_codings_to_try():
    def names(pixels, effort):
        return [coding.name for coding in candidates("auto", pixels, effort)]

    assert names(1, "default") == names(2**12, "fast") == ["packed", "context"]
    assert names(2**12 + 1, "default") == names(2**15, "fast") == ["packed", "adaptive", "context"]
    assert names(2**15 + 1, "default") == names(10**9, "fast") == ["packed", "adaptive"]
    assert names(1, "thorough") == names(8_000_000, "thorough") == ["packed", "context"]
    assert names(8_000_001, "thorough") == ["packed", "adaptive"]
    assert candidates("zstd", 1, "default") == (ZSTD,)
    assert [candidates(name, 1, "thorough") for name in CODINGS] == [(coding,) for coding in CODINGS.values()]
    assert len({coding.code for coding in CODINGS.values()}) == len(CODINGS)


@pytest.mark.compiled_only("an encoder tries several ways for every tile")
@examples(90)
@given(
    tiles(), st.sampled_from([None, 16, 32]), st.sampled_from(["adaptive", "context"]),
    st.sampled_from(["fast", "default", "thorough"]),
)  # fmt: skip
def test_files_come_back_in_tiles_and_on_threads_and_are_the_same_bytes(tile, side, coding, effort):
    plane, palette = tile
    picture = palette.colours(plane)
    options = {"k": 65_536, "tile": side, "effort": effort, "coding": coding}
    data = kmq.encode(picture, **options)
    assert np.array_equal(kmq.decode(data, threads=3), kmq.decode(data))
    assert kmq.encode(picture, **options) == kmq.encode(picture, **options, threads=3) == data
    exact = kmq.encode(kmq.decode(data), 65_536, coding="packed")
    assert np.array_equal(kmq.decode(exact), kmq.decode(data))
    with kmq.KmqFile(data) as file:
        assert file.coding == coding
        assert np.array_equal(file.pixels(), kmq.decode(data))


@pytest.mark.compiled_only("many pixels")
@pytest.mark.parametrize("coding", [ADAPTIVE, CONTEXT], ids=lambda coding: coding.name)
def test_several_pictures_at_a_time_on_threads_give_the_same_bytes(coding):
    random = np.random.default_rng(0)
    palette = Palette(random.integers(0, 256, (50, 3)))
    planes = [IndexPlane(numbers(random, 90, 120, 50, kind), 50) for kind in KINDS]

    def payload(plane):
        return coding.encode(plane, palette, CodingOptions())

    alone = [payload(plane) for plane in planes]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(payload, planes * 4)) == alone * 4
