"""Time packing, unpacking and decoding, beside other ways to do the same and beside a plain copy.

    python bench/by_hand/packing.py [--megapixels N] [--runs N]

Prints milliseconds per megapixel, medians of several runs on one core, and checks that every
way gives the same bytes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from bitarray import bitarray

import kmq


def numpy_words_pack(indices: np.ndarray, bits: int) -> bytes:
    """Pack with NumPy alone: eight indices of up to 8 bits into one 64-bit word."""
    words = np.zeros(len(indices) // 8, np.uint64)
    for i in range(8):
        words = words << np.uint64(bits) | indices[i::8]
    return words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - bits :].tobytes()


def numpy_words_unpack(payload: bytes, bits: int, count: int) -> np.ndarray:
    """Unpack what `numpy_words_pack` packed."""
    words = np.zeros((count // 8, 8), np.uint8)
    words[:, 8 - bits :] = np.frombuffer(payload, np.uint8).reshape(-1, bits)
    values = words.view(">u8").ravel().astype(np.uint64)
    indices = np.empty((count // 8, 8), np.uint8)
    for i in range(8):
        indices[:, i] = values >> np.uint64(bits * (7 - i)) & np.uint64(2**bits - 1)
    return indices.ravel()


def bitarray_pack(indices: np.ndarray, bits: int) -> bytes:
    """Pack with bitarray: one bit plane after another, by slice assignment."""
    out = bitarray(len(indices) * bits, endian="big")
    for bit in range(bits):
        plane = bitarray(endian="big")
        plane.pack((indices >> (bits - 1 - bit) & 1).astype(np.uint8).tobytes())
        out[bit::bits] = plane
    return out.tobytes()


def bitarray_unpack(payload: bytes, bits: int, count: int) -> np.ndarray:
    """Unpack with bitarray, by slices."""
    stream = bitarray(endian="big", buffer=payload)
    indices = np.zeros(count, np.uint16 if bits > 8 else np.uint8)
    for bit in range(bits):
        plane = np.frombuffer(stream[bit : count * bits : bits].unpack(), np.uint8)
        indices |= plane.astype(indices.dtype) << np.array(bits - 1 - bit, indices.dtype)
    return indices


def median_ms(runs: int, function: Callable[..., object], *arguments: object) -> float:
    """Return the median time of a call, in milliseconds, after one call to warm up."""
    function(*arguments)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def agree(one: object, other: object) -> None:
    """Stop the benchmark if two ways gave different results."""
    if not np.array_equal(one, other):
        raise SystemExit("two ways gave different results")


def main() -> None:
    """Print a row for every bit depth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megapixels", type=int, default=4, help="size of the picture (default 4)")
    parser.add_argument("--runs", type=int, default=9, help="runs, of which the median counts (default 9)")
    options = parser.parse_args()
    height, width = 1000, 1000 * options.megapixels
    print(f"{width:,} x {height:,} random indices; ms per megapixel, median of {options.runs} runs")
    print("    |           pack            |          unpack           |  decode  copy of")
    print("  b |      kmq    NumPy bitarray|      kmq    NumPy bitarray|  to RGB  the RGB")
    rng = np.random.default_rng(0)

    def ms(function: Callable[..., object], *arguments: object) -> str:
        return f"{median_ms(options.runs, function, *arguments) / options.megapixels:9.2f}"

    for bits in range(1, 17):
        k = 1 << bits
        plane = kmq.IndexPlane(rng.integers(0, k, (height, width)), k)
        flat, count = plane.indices.ravel(), plane.indices.size
        payload = kmq.pack_indices(plane)
        colours = (np.arange(k)[:, None] >> np.array([8, 4, 0]) & 0xFF).astype(np.uint8)
        picture = colours[plane.indices]
        file = kmq.encode(picture, 65_536, coding="packed")
        words_pack = words_unpack = f"{'-':>9}"
        if bits <= 8:
            agree(numpy_words_pack(flat, bits), payload)
            agree(numpy_words_unpack(payload, bits, count), flat)
            words_pack = ms(numpy_words_pack, flat, bits)
            words_unpack = ms(numpy_words_unpack, payload, bits, count)
        agree(bitarray_pack(flat, bits), payload)
        agree(bitarray_unpack(payload, bits, count), flat)
        print(
            f"{bits:>3} |{ms(kmq.pack_indices, plane)}{words_pack}{ms(bitarray_pack, flat, bits)}|"
            f"{ms(kmq.unpack_indices, payload, width, height, k)}{words_unpack}"
            f"{ms(bitarray_unpack, payload, bits, count)}|{ms(kmq.decode, file)[1:]}{ms(picture.copy)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
