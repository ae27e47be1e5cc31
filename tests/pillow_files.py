"""Files to open through Pillow, and what it makes of them."""

import io

import numpy as np
from hypothesis import strategies as st
from PIL import Image

import kmq
from kmq._coding.codings import CodingOptions
from kmq._container.writing import Writing, written
from samples import PICTURE
from strategies import CODINGS, TILES, palettes, planes

NAMED_CODINGS = ["packed", "zstd", "context", "adaptive"]
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def opened(data):
    return Image.open(io.BytesIO(data))


def as_seen(image):
    return np.asarray(image.convert("RGBA"))


def encoded(coding="context", **options):
    """Return a file of 5 colours with metadata."""
    image = Image.fromarray(PICTURE)
    image.info |= {"xmp": b"<x:xmpmeta/>"}
    return kmq.encode(image, 5, coding=coding, keep="xmp", **options)


@st.composite
def files(draw):
    """Files of any palette, also of more than 256 entries or with repeats, in any coding."""
    palette = draw(palettes(k=st.one_of(st.integers(1, 20), st.sampled_from([255, 256, 257, 300]))))
    plane = draw(planes(k=st.just(palette.k)))
    writing = Writing(draw(CODINGS), draw(TILES), 1, CodingOptions(), draw(st.booleans()))
    return written(palette, plane, {}, writing)
