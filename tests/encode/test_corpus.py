"""Real files: PngSuite, and the smaller pictures of the corpus. bench/by_hand/corpus.py does them all."""

import warnings

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq._picture.canonical import canonical_image

MOST_PIXELS = 300_000
"""Larger pictures are left to bench/by_hand/corpus.py, to keep the tests quick."""


def test_every_valid_file_of_pngsuite_comes_back(corpus):
    # The files named x… are corrupted; what Pillow makes of them is Pillow's business.
    names = sorted((corpus / "pngsuite").glob("[!x]*.png"))
    assert len(names) > 150
    for path in names:
        with Image.open(path) as image, Image.open(path) as again:  # what Pillow has loaded has lost a little
            canonical = canonical_image(image).pixels
            decoded = kmq.decode(kmq.encode(again, 65_536))
            assert decoded.shape[:2] == (image.height, image.width)
            # Nothing was clustered, so the pixels are the canonical ones.
            visible = np.atleast_3d(decoded)
            if visible.shape[2] == 4:
                visible = visible * (visible[:, :, 3:] > 0)
            assert np.array_equal(visible, canonical), path.name


@pytest.mark.slow
def test_the_smaller_pictures_of_the_corpus_come_back_at_256_colours(corpus):
    done = 0
    for path in sorted((corpus / "dev").rglob("*.*")):
        if path.suffix not in (".png", ".jpg", ".gif"):
            continue
        with Image.open(path) as image, warnings.catch_warnings():
            warnings.simplefilter("error")
            if image.width * image.height > MOST_PIXELS:
                continue
            data = kmq.encode(image, max_iter=10)
            ledger = kmq.inspect(data, image)
            assert ledger.total_bytes == len(data)
            assert ledger.k <= 256
            distinct = len(np.unique(canonical_image(image).pixels.reshape(-1, ledger.channels), axis=0))
            assert (ledger.squared_error == 0) == (distinct <= 256), path.name
            done += 1
    assert done >= 15
