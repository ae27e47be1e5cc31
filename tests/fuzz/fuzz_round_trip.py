"""Fuzzes the whole way: a picture and options drawn from bytes are encoded and decoded again.

    python tests/fuzz/fuzz_round_trip.py tests/fuzz/corpus/round_trip

The README beside this file has the rest.
"""

import numpy as np
from PIL import Image

import fuzzing
from draws import Draws

with fuzzing.instrumented(__name__, "kmq"):
    import kmq

SIDE = 24
"""Longest side of a picture: encoding takes milliseconds, and there are up to 2 x 2 tiles."""


def check(data):
    """Raise unless the picture that `data` stands for comes back as it must."""
    draws = Draws(data)
    options = _options(draws)
    picture = _picture(draws)
    encoded = kmq.encode(picture, **options)
    assert kmq.encode(picture, **options) == encoded, options
    decoded = kmq.decode(encoded)
    with kmq.KmqFile(encoded) as file:
        plane, palette = file.indices(), file.palette
    assert file.tile == options["tile"]
    assert options["coding"] in ("auto", file.coding)
    assert palette.k <= options["k"]
    assert np.array_equal(palette.entries[plane.indices].reshape(decoded.shape), decoded)
    ledger = kmq.inspect(encoded, picture)
    assert ledger.total_bytes == len(encoded), ledger
    pixels = _colours(picture, palette.channels)
    _check_palette(picture, palette, plane, ledger, options)
    if _kept_palette(picture, options) is not None or _distinct(pixels) <= options["k"]:
        assert np.array_equal(decoded.reshape(pixels.shape), pixels), options
        assert ledger.squared_error == 0, ledger
    else:
        assert palette.k > 1 or options["k"] == 1, options


def _options(draws):
    """Draw keyword arguments for `kmq.encode`."""
    return {
        "k": draws.choice([1, 2, 3, 4, 8, 16, 17, 256, 257, 300]),
        "coding": draws.choice(["auto", "packed", "zstd", "context", "adaptive"]),
        "tile": draws.choice([None, 16, 32]),
        "effort": draws.choice(["fast", "default", "fast", "thorough"]),
        "reorder_palette": draws.choice([False, True]),
        "dither": draws.choice(["none", "floyd-steinberg", "ordered"]),
        "strength": draws.choice([None, 0, 0.5, 1]),
        "space": draws.choice(["oklab", "srgb"]),
        "threads": draws.choice([1, 1, 1, 2]),
    }


def _picture(draws):
    """Draw an array (H, W), (H, W, 3) or (H, W, 4) of uint8, or a Pillow image of mode P."""
    kind = draws.choice(["grey", "rgb", "rgba", "indexed"])
    height, width = 1 + draws.below(SIDE), 1 + draws.below(SIDE)
    channels = {"grey": 1, "rgb": 3, "rgba": 4, "indexed": 3}[kind]
    if kind != "indexed" and draws.choice([False, True]):
        pixels = np.frombuffer(_filled(draws.rest(), height * width * channels), np.uint8)
        pixels = pixels.reshape(height, width, channels)
        return pixels[:, :, 0] if kind == "grey" else pixels
    colours = 1 + draws.below(256)
    table = np.frombuffer(draws.take(colours * channels), np.uint8).reshape(colours, channels)
    indices = np.frombuffer(_filled(draws.rest(), height * width), np.uint8).reshape(height, width)
    indices = (indices.astype(np.intp) % colours).astype(np.uint8)
    if kind != "indexed":
        return table[indices][:, :, 0] if kind == "grey" else table[indices]
    image = Image.fromarray(indices)
    image.putpalette(table.tobytes())
    return image


def _filled(data, size):
    """Return `size` bytes: `data` over and over."""
    return (data * (size // len(data) + 1))[:size] if data else bytes(size)


def _colours(picture, channels):
    """Return the picture as it must come back, (H, W, channels): fully transparent is transparent black."""
    if isinstance(picture, Image.Image):
        pixels = np.asarray(picture.convert("RGB"))
    else:
        pixels = picture.reshape(*picture.shape[:2], -1).copy()
        if pixels.shape[2] == 4:
            pixels[pixels[:, :, 3] == 0] = 0
    if channels == 1:
        assert (pixels == pixels[:, :, :1]).all()
        pixels = pixels[:, :, :1]
    assert pixels.shape[2] == channels
    return pixels


def _distinct(pixels):
    return len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0))


def _kept_palette(picture, options):
    """Return the entries of an indexed picture that is stored as it is, or None."""
    if not isinstance(picture, Image.Image) or options["reorder_palette"]:
        return None
    entries = np.frombuffer(picture.palette.tobytes(), np.uint8).reshape(-1, 3)
    return entries if len(entries) <= options["k"] else None


def _check_palette(picture, palette, plane, ledger, options):
    """Check that a palette that is kept is as it was; that all of another one is used."""
    entries = _kept_palette(picture, options)
    if entries is None:
        assert ledger.k_used == palette.k, ledger
    else:
        assert np.array_equal(palette.entries, entries[:, : palette.channels])
        assert np.array_equal(plane.indices, np.asarray(picture))


def main():
    """Fuzz until something fails."""
    fuzzing.fuzz(check)


if __name__ == "__main__":
    main()
