"""Pictures, and what carries them, that several tests take as a sample."""

import io

import numpy as np
from PIL import Image

PICTURE = np.random.default_rng(0).integers(0, 6, (30, 40, 3), np.uint8) * 50

NOISE = np.random.default_rng(1).integers(0, 256, (300, 300), np.uint8)
"""In any form it takes some 90,000 bytes: more than a pipe or a small disk holds."""

MODES = [
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV",
    "I;16", "I;16L", "I;16B", "I;16N", "I", "F",
]  # fmt: skip
"""Every mode of Pillow's that a picture can have."""


def small_picture(number):
    """Return one of many pictures of 16 x 16 pixels."""
    return np.random.default_rng(number).integers(0, 6, (16, 16, 3), np.uint8) * 50


def png(pixels, padding=0):
    """Return the bytes of a PNG file, and zeros after its end."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue() + bytes(padding)


def reopened(image, kind, **options):
    """Return the image saved and opened again, as a user's file would be."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def as_rgba(entries):
    """Entries of any kind as a list of (R, G, B, A)."""
    grey, opaque = entries.shape[1] == 1, entries.shape[1] < 4
    return [(*(entry * 3 if grey else entry), *([255] if opaque else [])) for entry in entries.tolist()]


def palette_image(palette, plane):
    """Return a Pillow image of mode P."""
    image = Image.fromarray(plane.indices.astype(np.uint8))
    wanted = as_rgba(palette.entries)
    image.putpalette(bytes(value for entry in wanted for value in entry[:3]))
    image.info["transparency"] = bytes(entry[3] for entry in wanted)
    return image


def profile_of_gamma(gamma, space="RGB "):
    """Make a profile by hand from the ICC standard: sRGB's primaries, or grey, but another gamma."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")
    tags = {
        b"desc": b"desc" + bytes(4) + (2).to_bytes(4, "big") + b"l\0" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + b"".join(s15(v) for v in (0.9642, 1.0, 0.8249)),
        b"rXYZ": b"XYZ " + bytes(4) + b"".join(s15(v) for v in (0.4360, 0.2225, 0.0139)),
        b"gXYZ": b"XYZ " + bytes(4) + b"".join(s15(v) for v in (0.3851, 0.7169, 0.0971)),
        b"bXYZ": b"XYZ " + bytes(4) + b"".join(s15(v) for v in (0.1431, 0.0606, 0.7141)),
    }
    curves = [b"kTRC"] if space == "GRAY" else [b"rTRC", b"gTRC", b"bTRC"]
    tags |= dict.fromkeys(curves, curve)
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += tag + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += padded
    header = bytearray(128)
    header[8:12], header[12:24], header[36:40] = b"\x02\x10\0\0", b"mntr" + space.encode() + b"XYZ ", b"acsp"
    header[68:80] = b"".join(s15(v) for v in (0.9642, 1.0, 0.8249))
    whole = bytes(header) + len(tags).to_bytes(4, "big") + table + body
    return len(whole).to_bytes(4, "big") + whole[4:]


def s15(value):
    return round(value * 65536).to_bytes(4, "big", signed=True)


class Dribble(io.RawIOBase):
    """A stream that takes seven bytes at a time, and none after `most`."""

    def __init__(self, most):
        self.taken, self.most = b"", most

    def writable(self):
        return True

    def write(self, data):
        if len(self.taken) >= self.most:
            return None
        self.taken += bytes(data[:7])
        return min(7, len(data))
