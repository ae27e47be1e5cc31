"""What tests of the command share: a folder to be in, and a picture too large for small places."""

import pytest

import kmq
from samples import NOISE, png


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be in an empty folder, and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def noise(tmp_path):
    """Return a folder with a picture, and a .kmq file, that don't fit on a small disk or into a pipe."""
    (tmp_path / "noise.png").write_bytes(png(NOISE))
    kmq.save(tmp_path / "noise.kmq", NOISE, coding="packed")
    return tmp_path
