"""Which options a tile of the context coding has: `Options`, the first byte of its payload (spec C.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmq._coding.context.prediction import Fit
    from kmq._indexed.index_plane import Indices

MODEL = 0b11
FLAT, MATCH, COUNTS, COEFFICIENTS = 1 << 2, 1 << 3, 1 << 4, 1 << 5
RESERVED = 0b1100_0000

SMALL = 2_000
"""Pixels from which repeats are worth looking for, and coefficients can save more than they take.

Measured on 300 icons and parts of pictures of fewer pixels: all options tried on and off save 0.1 % of bytes.
"""

PER_ENTRY = 2_000
"""With this many pixels for each entry, rough counts save more than the 2 or 3 bits that each takes."""

REPEATING = 0.01
"""With more flat pixels, repeats are looked for. Photographs have none."""

DRAWN = 0.5
"""With more flat pixels, a picture counts as drawn. In drawn pictures, the best options differ most."""

EMPTIER = 0.8
"""With more flat pixels, they are coded apart at first."""

PAGE = 0.97
"""With more flat pixels, a page is almost empty and coefficients don't pay."""

EXPLAINED = 500
"""Coefficients, which take some 100 bytes, are tried if their share of the error is that of these bytes."""

TRIED = 1 << 17
DRAWN_TRIED = 1 << 20
"""Most pixels of a tile, and of a drawn one, for which options are tried."""

EMPTY = 1000
"""With more pixels to a byte, a page is almost empty. It is coded once: there is nothing left to save."""


def flat_share(indices: Indices) -> float:
    """Return the share of flat pixels: those whose neighbours to the left and above are all equal."""
    height, width = indices.shape
    if height < 3 or width < 6:
        return 0.0
    across = indices[:, 1:] == indices[:, :-1]
    runs = across[:, :-3] & across[:, 1:-2] & across[:, 2:-1] & across[:, 3:]
    flat = runs[1:-1] & runs[:-2] & (indices[1:-1, 4:] == indices[:-2, 4:])
    flat = flat[:, :-1] & (indices[2:, 4:-1] == indices[1:-1, 4:-1])
    return float(flat.mean()) if flat.size else 0.0


def likely_options(size: int, k: int, flat: float) -> int:
    """Return the options to try first, given a tile's pixels, its entries and its share of flat pixels."""
    options = COUNTS if size >= PER_ENTRY * k else 0
    if size >= SMALL:
        options |= (MATCH if flat > REPEATING else 0) | (FLAT if flat > EMPTIER else 0)
    if size > TRIED and flat < PAGE:
        options |= COEFFICIENTS
    return options


def options_tried(size: int, flat: float, payload_bytes: int, *, thorough: bool) -> list[int]:
    """Return the options to try the other way round, for a tile whose first payload has so many bytes."""
    if thorough:
        return [COEFFICIENTS, COUNTS, MATCH, FLAT]
    drawn = flat > DRAWN
    if size < SMALL or size > (DRAWN_TRIED if drawn else TRIED) or payload_bytes <= size // EMPTY:
        return []
    fits = flat < PAGE and payload_bytes > EXPLAINED
    return [*([FLAT, MATCH] if drawn else []), *([COEFFICIENTS] if fits else [])]


def fit_pays(fit: Fit, payload_bytes: int) -> bool:
    """Say whether fitted coefficients are likely to save more than they take."""
    return (fit.default_error - fit.error) * payload_bytes > EXPLAINED * fit.default_error
