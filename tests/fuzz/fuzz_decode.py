"""Fuzzes decoding: any bytes give a picture that all ways of reading agree on, or a KmqError.

    python tests/fuzz/fuzz_decode.py tests/fuzz/corpus/decode

The README beside this file has the rest.
"""

import random
import zlib
from dataclasses import replace

import numpy as np

import fuzzing
import repair

with fuzzing.instrumented(__name__, "kmq"):
    import kmq

MAX_PIXELS = 1 << 16
"""A picture of a few bytes can have any number of pixels, and time grows with them."""

SMALL = 1 << 10
"""Up to so many pixels and palette entries, the picture is read in every way there is; above, in two."""

MAY_BE_RAISED = (kmq.FormatError, kmq.TruncatedError, kmq.UnsupportedError, kmq.LimitError)


def check(data):
    """Raise unless `data` is decoded, or refused, as the documentation says."""
    decoded = _outcome(kmq.decode, data, max_pixels=MAX_PIXELS)
    if isinstance(decoded, kmq.KmqError):
        assert "offset" in str(decoded), decoded
    opened = _outcome(kmq.KmqFile, data, max_pixels=MAX_PIXELS)
    if isinstance(opened, kmq.KmqError):
        # A KmqFile applies its limit only when it reads: what comes after that in a header is found first.
        assert isinstance(decoded, kmq.LimitError) or _same(opened, decoded), (opened, decoded)
        assert "offset" in str(opened), opened
        return
    with opened as file:
        if isinstance(decoded, kmq.KmqError):
            _check_refused(data, file, decoded)
        else:
            _check_picture(data, file, decoded)


def mutate(data, max_size, seed):
    """Return other bytes that are like `data`: most of the time a file whose checksums are right."""
    import atheris

    draw = random.Random(seed)
    parts = repair.split(data)
    if parts is not None and draw.random() < 0.4:
        name = draw.choice(["head", "palette", "sections", "payloads", "payloads"])
        return _joined(_with_mutated(parts, name, draw, atheris.Mutate), draw)[:max_size]
    mutated = atheris.Mutate(data, max_size)
    fate = draw.random()
    if fate < 0.6 and (parts := repair.split(mutated)) is not None:
        is_large = repair.tamed(parts.head, 64, 512) != parts.head
        mutated = _joined(parts, draw) if fate < 0.2 or is_large else repair.repaired(mutated)
    return mutated[:max_size]


def cross_over(one, other, max_size, seed):
    """Return a file with parts of both."""
    parts, others = repair.split(one), repair.split(other)
    if parts is None or others is None:
        return one[:max_size]
    return repair.joined(repair.crossed(parts, others, seed % 4))[:max_size]


def _joined(parts, draw):
    """Return the file of some parts, most often of a very small picture, though one of several tiles."""
    size = draw.random()
    if size < 0.95:
        side, k = (20, 40) if size < 0.8 else (64, 512)
        parts = replace(parts, head=repair.tamed(parts.head, side, k))
    return repair.joined(parts)


def _with_mutated(parts, name, draw, mutated):
    if name == "head":
        return replace(parts, head=parts.head[:4] + mutated(parts.head[4:], len(parts.head) + 2))
    if name == "palette":
        return replace(parts, palette=mutated(parts.palette, len(parts.palette) + 64))
    several = list(getattr(parts, name)) or [b""]
    number = draw.randrange(len(several))
    several[number] = mutated(several[number], len(several[number]) + 64)
    return replace(parts, **{name: tuple(several)})


def _check_refused(data, file, error):
    """Check that what `decode` refuses, a KmqFile refuses likewise; a region of it may be readable."""
    pixels = _outcome(file.pixels)
    assert type(pixels) is type(error), (pixels, error)
    assert isinstance(error, kmq.LimitError) or _same(pixels, error), (pixels, error)
    if file.coding != "packed" and file.tile is None:
        return  # to read a region is to read it all
    x, y, width, height = _region(data, file)
    part = _outcome(file.read, x, y, width, height)
    if isinstance(part, kmq.KmqError):
        assert isinstance(part, kmq.LimitError) or "offset" in str(part), part
    else:
        assert part.shape == _shape(height, width, file), (part.shape, file)


def _check_picture(data, file, decoded):
    """Check that a picture is what the header says, and the same in all ways of reading it."""
    assert decoded.dtype == np.uint8
    assert decoded.shape == _shape(file.height, file.width, file), (decoded.shape, file)
    assert file.width * file.height <= MAX_PIXELS
    x, y, width, height = _region(data, file)
    part = file.read(x, y, width, height)
    assert np.array_equal(part, decoded[y : y + height, x : x + width]), (x, y, width, height)
    if max(file.width * file.height, file.k) > SMALL:
        return
    plane = file.indices()
    assert plane.k == file.k > int(plane.indices.max())
    assert np.array_equal(file.palette.colours(plane), decoded)
    if file.tile is not None and zlib.crc32(data) % 8 == 0:  # threads take more time than all the rest
        assert np.array_equal(kmq.decode(data, threads=2), decoded)
    ledger = kmq.inspect(data)
    assert ledger.total_bytes == len(data), ledger
    parts = (ledger.header_bytes, ledger.palette_bytes, ledger.index_bytes, ledger.metadata_bytes)
    assert min(parts) >= 0, ledger
    assert ledger.checksum_bytes >= 8, ledger


def _outcome(function, *given, **options):
    """Return what a function returns, or the KmqError that it raises."""
    try:
        return function(*given, **options)
    except MAY_BE_RAISED as error:
        refusal = error
    assert str(refusal).isprintable(), refusal
    return refusal


def _same(one, other):
    return type(one) is type(other) and str(one) == str(other)


def _shape(height, width, file):
    channels = file.palette.channels
    return (height, width) if channels == 1 else (height, width, channels)


def _region(data, file):
    """Return a region of at most 64 x 64 pixels, or all of it: which one depends on the bytes alone."""
    draw = random.Random(zlib.crc32(data))
    if draw.random() < 0.2 and file.width * file.height <= SMALL:
        return 0, 0, file.width, file.height
    x, y = draw.randrange(file.width), draw.randrange(file.height)
    width = draw.randint(1, min(64, file.width - x))
    return x, y, width, draw.randint(1, min(64, file.height - y))


def main():
    """Fuzz until something fails."""
    fuzzing.fuzz(check, custom_mutator=mutate, custom_crossover=cross_over)


if __name__ == "__main__":
    main()
