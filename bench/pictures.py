"""The pictures of the folders: every peer gets the pixels that kmq gets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import kmq

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"})

QUICK = 3
"""How many pictures a quick run takes, spread over all; and how large they may be, in pixels."""
QUICK_PIXELS = 60_000

Pixels = NDArray[np.uint8]
"""(H, W, 3) or (H, W, 4)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be read: the folder that it is in is its class. `quick` shrinks it."""

    path: Path
    kind: str
    size: tuple[int, int]
    quick: bool = False

    @property
    def name(self) -> str:
        """Class and name, as in tables."""
        return f"{self.kind}/{self.path.stem}"

    @property
    def count(self) -> int:
        """How many pixels it has."""
        return self.size[0] * self.size[1]

    @property
    def digest(self) -> str:
        """What tells it from others."""
        return f"{hashlib.sha256(self.path.read_bytes()).hexdigest()}{' quick' if self.quick else ''}"

    def pixels(self) -> Pixels:
        """Return it upright, in sRGB, transparent black where transparent: RGB or RGBA."""
        with Image.open(self.path) as image:
            pixels = kmq.canonical(image).pixels
        if pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        step = _step(*self.size) if self.quick else 1
        return np.ascontiguousarray(pixels[::step, ::step])  # dropping pixels keeps the colours


def _step(width: int, height: int) -> int:
    step = 1
    while -(-width // step) * -(-height // step) > QUICK_PIXELS:
        step += 1
    return step


def find_pictures(folders: Iterable[Path], *, quick: bool) -> tuple[list[Picture], list[str]]:
    """Return the pictures of folders and of folders in them, small ones first; and what can't be read."""
    found, unreadable = [], []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in SUFFIXES:
                continue
            try:
                with Image.open(path) as image:
                    image.load()
                    found.append(Picture(path, path.parent.name, image.size, quick))
            except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
                unreadable.append(f"{path}: {type(error).__name__}: {error}")
    found.sort(key=lambda picture: (picture.count, picture.name))
    if quick and len(found) > QUICK:
        found = [found[i * (len(found) - 1) // (QUICK - 1)] for i in range(QUICK)]
    return found, unreadable


def digest(pixels: Pixels) -> str:
    """Return what tells these pixels from others."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def as_seen(pixels: Pixels) -> Pixels:
    """Return RGBA pixels, (H, W, 4); what is transparent is black."""
    plain = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    seen = np.array(Image.fromarray(np.ascontiguousarray(plain)).convert("RGBA"))
    seen[seen[:, :, 3] == 0] = 0
    return seen


def colours_at_most(pixels: Pixels, most: int) -> bool:
    """Tell whether there are at most `most` distinct colours."""
    return len(kmq.histogram(pixels)) <= most
