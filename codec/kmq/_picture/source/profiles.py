"""ICC profiles for colour spaces that a file names in numbers: gAMA and cHRM of PNG, CICP of PNG and AVIF.

Takes the numbers, which are not trusted. Returns the bytes of a profile, so that such colours become sRGB by
the same road as those with a profile of their own. After ICC.1:2022 (the file), PNG's third edition and ITU-T
H.273 (the numbers).
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._picture.source.png import Cicp

SRGB_PRIMARIES = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
"""Chromaticities x and y of white, red, green and blue, in the order of cHRM (IEC 61966-2-1)."""

D65 = SRGB_PRIMARIES[:2]
PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
"""Colour primaries by their number in H.273."""

UNSPECIFIED = 2

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""ICC's parametric curve of type 3: gamma, a, b, c, d."""

CURVES: Mapping[int, tuple[float, ...]] = dict.fromkeys((1, 2, 6, 13, 14, 15), SRGB_CURVE) | {
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
}
"""Transfer characteristics by their number in H.273. Pictures with a camera's curve are shown with sRGB's."""

HDR = {16: "PQ", 18: "HLG"}

SCREEN_GAMMA, GAMMA_SLACK = 2.2, 0.05
"""A gAMA that differs from 1 / 2.2 by no more than this share means sRGB, as in libpng and browsers."""

PRIMARIES_SLACK = 0.002
"""How far the numbers of a cHRM may be from sRGB's to mean those: files round them."""

CREATOR = b"kmq "
"""Creator's signature of the profiles made here, which are applied in full precision."""

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From XYZ to the cone responses in which ICC.1, annex E, adapts to D50."""


def profile_of_cicp(cicp: Cicp, *, grey: bool) -> bytes | None:
    """Return the profile that the code points stand for; None, with a warning, if they can't be converted."""
    curve = CURVES.get(cicp.transfer)
    primaries = SRGB_PRIMARIES if cicp.primaries == UNSPECIFIED else PRIMARIES.get(cicp.primaries)
    if curve is None or primaries is None:
        name = HDR.get(cicp.transfer)
        what = f"{name}, a high dynamic range" if name else f"CICP {cicp.primaries}/{cicp.transfer}"
        warnings.warn(
            f"the colours are in {what}, which isn't converted: they may look different", stacklevel=2
        )
        return None
    return _profile(primaries, curve, grey=grey)


def gamma_of(info: Mapping[Any, Any], *, grey: bool) -> tuple[float, bytes | None] | None:
    """Return the gAMA of PNG, as Pillow gives it, and the profile that it stands for with cHRM.

    The profile is None if cHRM is sRGB's or `grey` has no use for it. All of it is None if that is sRGB.
    Without gAMA, cHRM is ignored, as browsers do. Raises ValueError for numbers that mean nothing.
    """
    gamma = info.get("gamma")
    if not isinstance(gamma, (int, float)):
        return None
    if not 0.01 <= gamma <= 100:
        raise ValueError(f"ignored gAMA, which is {gamma:g}")
    primaries = info.get("chromaticity") or SRGB_PRIMARIES
    usual = max(abs(a - b) for a, b in zip(primaries, SRGB_PRIMARIES, strict=True)) <= PRIMARIES_SLACK
    if usual or grey:
        return None if abs(gamma * SCREEN_GAMMA - 1) <= GAMMA_SLACK else (gamma, None)
    try:
        return gamma, _profile(primaries, (1 / gamma,), grey=False)
    except (ArithmeticError, np.linalg.LinAlgError, struct.error):
        raise ValueError("ignored cHRM, whose colours span no colour space") from None


def table_of_gamma(gamma: float, most: int) -> NDArray[np.uint8]:
    """Return the sRGB value in 8 bits, rounded, of each sample from 0 to `most` of a picture with a gAMA."""
    linear = (np.arange(most + 1) / most) ** (1 / gamma)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table: NDArray[np.uint8] = np.rint(255 * encoded).astype(np.uint8)
    return table


def _profile(primaries: tuple[float, ...], curve: tuple[float, ...], *, grey: bool) -> bytes:
    """Return the bytes of a profile of ICC version 4, of grey or of RGB.

    Raises ArithmeticError, LinAlgError or struct.error for primaries that span nothing.
    """
    transfer = b"para" + bytes(4) + struct.pack(">HH", 0 if len(curve) == 1 else 3, 0) + _fixed(*curve)
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII2s", 1, 12, b"en", b"US", 2, 28, b"\0p")
    tags = [(b"desc", text), (b"cprt", text), (b"wtpt", b"XYZ " + bytes(4) + _fixed(*D50))]
    if grey:
        tags.append((b"kTRC", transfer))
    else:
        columns = _to_d50(primaries).T
        tags += [
            (b"%cXYZ" % name, b"XYZ " + bytes(4) + _fixed(*column))
            for name, column in zip(b"rgb", columns, strict=True)
        ]
        tags += [(b"%cTRC" % name, transfer) for name in b"rgb"]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags:
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">II4s4s4s4s12x4s28x12s4s44x",
        start + len(body), 0, b"\x04\x40\0\0", b"mntr", b"GRAY" if grey else b"RGB ", b"XYZ ", b"acsp",
        _fixed(*D50),
        CREATOR,
    )  # fmt: skip
    return head + table + body


def _fixed(*values: float) -> bytes:
    """Return ICC's s15Fixed16Numbers."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _to_d50(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ, adapted to D50: a column for each primary."""
    points = [primaries[i : i + 2] for i in range(0, 8, 2)]
    white, red, green, blue = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in points)
    unscaled = np.stack([red, green, blue], axis=1)
    if abs(np.linalg.det(unscaled)) < 1e-4:
        raise ArithmeticError("the primaries lie on a line")
    cones = BRADFORD @ white
    if cones.min() < 1e-3:
        raise ArithmeticError("white is no colour")
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ np.array(D50) / cones) @ BRADFORD
    matrix: NDArray[np.float64] = adapted @ unscaled @ np.diag(np.linalg.solve(unscaled, white))
    return matrix
