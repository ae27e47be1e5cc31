"""Libraries that read pictures through Pillow read .kmq files once kmq is imported."""

import imageio.v3
import matplotlib.pyplot as plt
import numpy as np
import pytest
import skimage.io
from PIL import Image

import kmq

PICTURE = np.random.default_rng(0).integers(0, 256, (30, 40, 4), np.uint8)
PICTURE[::2, :, 3] = 255
PICTURE[0, :9, 3] = 0


@pytest.mark.parametrize("read", [imageio.v3.imread, skimage.io.imread, plt.imread])
@pytest.mark.parametrize(("channels", "k"), [(1, 16), (3, 16), (4, 16), (3, 300), (4, 300)])
def test_a_file_is_read_as_decode_reads_it(tmp_path, read, channels, k):
    path = tmp_path / "x.kmq"
    kmq.save(path, PICTURE[:, :, :channels], k)
    found, expected = read(path), kmq.decode(path.read_bytes())
    assert found.dtype == np.uint8
    assert np.array_equal(as_rgba(found), as_rgba(expected))
    if k > 256 or (channels > 1 and read is not plt.imread):  # of palettes some make colours, or alpha
        assert found.shape == expected.shape


def as_rgba(pixels):
    return np.asarray(Image.fromarray(pixels).convert("RGBA"))


def test_imageio_writes_what_encode_returns_and_knows_the_properties(tmp_path):
    path = tmp_path / "x.kmq"
    imageio.v3.imwrite(path, PICTURE, k=16, coding="packed")
    assert path.read_bytes() == kmq.encode(Image.fromarray(PICTURE), 16, coding="packed")
    assert imageio.v3.improps(path).shape == (30, 40, 4)
    assert imageio.v3.immeta(path)["k"] == 16


@pytest.mark.parametrize("write", [skimage.io.imsave, plt.imsave])
def test_others_write_too(tmp_path, write):
    write(tmp_path / "x.kmq", PICTURE[:, :, :3])
    assert kmq.decode((tmp_path / "x.kmq").read_bytes()).shape[:2] == (30, 40)
