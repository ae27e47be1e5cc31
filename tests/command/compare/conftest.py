"""Where `kmq compare` is tried: a folder with a photo, with places for programs and what they write."""

import pytest
from PIL import Image

from compared import PHOTO


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("photo.png")
    (tmp_path / "programs").mkdir()
    (tmp_path / "temporary").mkdir()
    return tmp_path
