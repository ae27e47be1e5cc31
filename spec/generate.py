"""Makes .kmq files that are valid, but not only ones that an encoder would write.

    python generate.py 1000 --output folder --seed 7

writes 0000.kmq and so on, and beside each the picture that the reference decoder makes of it (.pgm, .ppm or
.pam). Every coding, every option, unused and repeated entries, streams with more bytes than they need,
Zstandard frames in every form, unknown sections: what a decoder has to read. The same seed gives the same
files, except that another version of the Zstandard library may compress differently.
"""

import argparse
import random as randomness
import sys
from itertools import permutations
from pathlib import Path

import writing
from reference_decoder import decode
from reference_decoder.annex_b import read_coded_palette
from reference_decoder.annex_c_tree import DEFAULT
from reference_decoder.conventions import bit_depth
from reference_decoder.reading import ADAPTIVE, CODINGS, PACKED, ZSTD, portable
from writing import section, uleb

ENTRIES = [1, 2, 3, 4, 5, 8, 16, 17, 40, 255, 256, 257, 300]
MANY_ENTRIES = 1100
"""Numbers of entries around those where something changes; seldom, one that tables of 1,024 don't hold."""

SIDES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 33, 40]


def generated(random, max_pixels=600, coding=None):
    """The bytes of a valid file of at most `max_pixels` pixels, made of what `random` draws.

    `random` is a random.Random, `coding` the number of a coding, or None for any.
    """
    coding = random.randrange(len(CODINGS)) if coding is None else coding
    width = random.choice([side for side in SIDES if side <= max_pixels])
    height = random.choice([side for side in SIDES if width * side <= max_pixels])
    channels = random.choice([1, 3, 4])
    k = MANY_ENTRIES if random.random() < 0.03 else random.choice(ENTRIES)
    stream_random = randomness.Random(random.getrandbits(32))  # noqa: S311 - thousands of bits at a time
    palette = entries(random, stream_random, k, channels)
    flags = {1: 0, 3: 1, 4: 2}[channels] | coding << 2
    stored = b"".join(map(bytes, palette))
    if random.random() < 0.5:
        stream, palette = stored_palette(random, stream_random, palette)
        stored = uleb(len(stream)) + stream
        flags |= 0x20
    tile = random.choice([None, None, 4, 5, 15])
    sections = any_sections(random) if random.random() < 0.3 else b""
    flags |= 0x40 * (tile is not None) | 0x80 * bool(sections)
    plane = any_plane(random, stream_random, width, height, k)
    side = max(width, height) if tile is None else 2**tile
    payloads = []
    for y in range(0, height, side):
        for x in range(0, width, side):
            size = min(side, width - x), min(side, height - y)
            rows = [plane[row * width + x : row * width + x + size[0]] for row in range(y, y + size[1])]
            indices = [index for row in rows for index in row]
            payloads.append(payload(random, stream_random, coding, size, palette, indices))
    lengths = [writing.u32(len(data)) for data in payloads] if tile is not None and coding != PACKED else None
    return writing.build(
        flags=flags,
        width=uleb(width - 1),
        height=uleb(height - 1),
        entries=uleb(k - 1),
        tile=b"" if tile is None else bytes([tile]),
        sections=sections,
        palette=stored,
        payloads=payloads,
        lengths=lengths,
    )


def entries(random, stream_random, k, channels):
    """K colours: of all kinds, a ramp, one that never falls, few bits, or many the same."""
    kind = random.choice(["any", "ramp", "rising", "few", "same"])
    if kind == "rising":
        columns = [sorted(stream_random.randrange(256) for _ in range(k)) for _ in range(channels)]
        rising = list(zip(*columns, strict=True))
        return rising if random.random() < 0.5 else stream_random.sample(rising, k)
    steps = [stream_random.randrange(-3, 4) for _ in range(channels)]
    few = [0, 255, *(stream_random.randrange(256) for _ in range(2))]
    palette = []
    for i in range(k):
        if kind == "ramp":
            colour = tuple(min(255, max(0, (128 + step * i) % 400 - 70)) for step in steps)
        else:
            colour = tuple(
                stream_random.choice(few if kind == "few" else range(256)) for _ in range(channels)
            )
        palette.append(palette[i // 2] if kind == "same" and i and stream_random.random() < 0.9 else colour)
    return palette


def stored_palette(random, stream_random, palette):
    """A coded palette's stream, and its entries: those given, or what some bits say."""
    k, channels = len(palette), len(palette[0])
    order = random.choice(list(permutations(range(channels))))
    kind = random.choice(["kept", "sorted", "any"])
    if kind == "any":
        bits = iter(writing.palette_bits([], kept=random.random() < 0.5, order=order))
        encoder = writing.Encoder(bits, chooser(stream_random, random.choice([0, 0.5, 0.95])))
    else:
        distinct = sorted(set(palette), key=lambda entry: [entry[channel] for channel in order])
        kept = kind == "kept" or len(distinct) < k
        palette = palette if kept else distinct
        encoder = writing.Encoder(writing.palette_bits(palette, kept=kept, order=order))
    palette = read_coded_palette(encoder, k, channels, 0)
    return ended(stream_random, encoder), palette


def chooser(random, certainty):
    """Draw bits as likely as the model says; with `certainty`, only the likelier ones."""

    def choose(p):
        return p >= 32_768 if random.random() < certainty else random.randrange(65_536) < p

    return choose


def ended(random, encoder):
    """The stream with any of the ends it may have: 0 to 4 bytes, zeros or not."""
    ends = [(size, least, most) for size, least, most in encoder.ends() if least <= most]
    size, least, most = random.choice(ends)
    return bytes(encoder.written) + random.randint(least, most).to_bytes(size, "big")


def any_sections(random):
    """Some sections: known ones and unknown skippable ones, with any data."""
    tags = random.sample([b"icc ", b"exif", b"xmp ", b"zzzz", b"a~ !"], random.randrange(1, 4))
    return b"".join(section(tag, random.randbytes(random.choice([0, 1, 127, 128, 300]))) for tag in tags)


def any_plane(random, stream_random, width, height, k):
    """Indices in raster order: noise, one index, stripes, blocks that repeat, or a drawing on a ground."""
    kind = random.choice(["noise", "one", "stripes", "blocks", "drawing"])
    used = random.choice([2, 3, k])
    indices = [stream_random.randrange(k) for _ in range(used)]
    period = random.randrange(1, 9)
    plane = []
    for i in range(width * height):
        y, x = divmod(i, width)
        if kind == "noise":
            plane.append(stream_random.randrange(k))
        elif kind == "one":
            plane.append(indices[0])
        elif kind == "stripes":
            plane.append(indices[(x + 2 * y) // period % used])
        elif kind == "blocks":
            plane.append(indices[(x % period * 5 + y % 4) % used])
        else:
            plane.append(indices[0 if stream_random.random() < 0.97 else -1])
    return plane


def payload(random, stream_random, coding, size, palette, indices):
    """A tile's payload."""
    k = len(palette)
    if coding == PACKED:
        return writing.packed(indices, bit_depth(k))
    if coding == ZSTD:
        width = 1 if k <= 256 else 2
        return zstd_frame(random, b"".join(index.to_bytes(width, "little") for index in indices))
    if k == 1:
        return b""
    if coding == ADAPTIVE:
        return adaptive(random, stream_random, size, palette, indices)
    options = random.choice([0, 0, 1, 1, 2]) | random.randrange(16) << 2
    if len(indices) < k:
        options &= ~16  # M31
    counts = [stream_random.randrange(16) for _ in palette]
    if random.random() < 0.5:
        counts = [min(15, indices.count(i).bit_length()) for i in range(k)]
    count_steps = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    spread = random.choice([0, 1, 20])
    rows = [[base + stream_random.randint(-spread, spread) for base in DEFAULT] for _ in range(7)]
    coefficient_steps = [a - b for a, b in zip(rows[0], DEFAULT, strict=True)]
    coefficient_steps += [a - b for row in rows[1:] for a, b in zip(row, rows[0], strict=True)]
    sampled = random.random() < 0.4
    encoder, _ = writing.context(
        options,
        *size,
        palette,
        None if sampled else indices,
        counts=count_steps,
        coefficients=coefficient_steps,
        choose=chooser(stream_random, random.choice([0, 0.5, 0.9, 0.99])),
    )
    return bytes([options]) + ended(stream_random, encoder)


def adaptive(random, stream_random, size, palette, indices):
    """A payload of the adaptive coding: of the indices, or of what symbols drawn by their chances say."""
    row_bits = random.randint(4, min(16, max(4, len(indices).bit_length())))
    coefficients = None
    if random.random() < 0.4:
        least, most = random.choice([(-9, 9), (-64, 64), (0, 16)])
        coefficients = [stream_random.randint(least, most) for _ in range(7)]
        while sum(map(abs, coefficients)) > 64:  # M34
            coefficients[stream_random.randrange(7)] //= 2
    end = random.choice([32_768, 32_768, 20_000, 100])  # small numbers are low symbols, and flat pixels
    sampled = random.random() < 0.4
    coder, _ = writing.adaptive(
        row_bits,
        *size,
        palette,
        None if sampled else indices,
        coefficients=coefficients,
        choose=lambda: stream_random.randrange(end),
    )
    return writing.adaptive_head(row_bits, coefficients) + coder.finished()


def zstd_frame(random, content):
    """A Zstandard frame in any form that section 6 allows: compressed, or of raw blocks and runs."""
    if random.random() < 0.4:
        return compressed(content, random.choice([-5, 1, 3, 12, 19, 22]))
    size = len(content)
    single = random.random() < 0.5
    forms = {0: (1, 0, 2**8), 1: (2, 256, 2**16 + 256), 2: (4, 0, 2**32), 3: (8, 0, 2**64)}
    allowed = [flag for flag, (_, least, end) in forms.items() if least <= size < end and (single or flag)]
    flag = random.choice(allowed)
    stated = (size - forms[flag][1]).to_bytes(forms[flag][0], "little")
    exponent, mantissa = random.randrange(14), random.randrange(8) if random.random() < 0.5 else 0
    exponent, mantissa = (13, 0) if exponent == 13 else (exponent, mantissa)
    window = b"" if single else bytes([exponent << 3 | mantissa])
    most = size if single else 2 ** (10 + exponent)
    blocks, at = b"", 0
    while at < size:
        length = min(size - at, most, random.randint(1, size))
        piece = content[at : at + length]
        at += length
        run = piece == piece[:1] * length
        kind = random.choice([0, 1]) if run else 0
        is_last = at == size and random.random() < 0.8
        blocks += writing.zstd_block(piece[:1] if kind else piece, kind=kind, size=length, last=is_last)
        if at == size and not is_last:
            blocks += writing.zstd_block(b"", last=True)
    descriptor = bytes([flag << 6 | 0x20 * single])
    return writing.zstd_frame(content, descriptor=descriptor, window=window, size=stated, blocks=blocks)


def compressed(content, level):
    """A frame as the Zstandard library writes it."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    parameter = zstd.CompressionParameter
    return zstd.compress(content, options={parameter.compression_level: level, parameter.window_log: 23})


def main():
    parser = argparse.ArgumentParser(
        description="Make valid .kmq files of every kind, and what they decode to."
    )
    parser.add_argument("count", type=int, help="how many")
    parser.add_argument("--output", type=Path, default=Path("generated"), help="a folder (generated)")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other files (0)")
    parser.add_argument("--max-pixels", type=int, default=600, help="pixels of the largest picture (600)")
    parser.add_argument("--coding", choices=CODINGS, help="only this one")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    coding = None if options.coding is None else CODINGS.index(options.coding)
    for number in range(options.count):
        random = randomness.Random(f"{options.seed} {number}")  # noqa: S311 - reproducible is the point
        data = generated(random, options.max_pixels, coding)
        picture = decode(data)
        name = options.output / f"{number:04}.kmq"
        name.write_bytes(data)
        suffix = {1: ".pgm", 3: ".ppm", 4: ".pam"}[picture[2]]
        name.with_suffix(suffix).write_bytes(portable(*picture))


if __name__ == "__main__":
    main()
