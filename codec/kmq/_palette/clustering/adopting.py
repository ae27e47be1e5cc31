"""Translucent colours that an opaque entry, or transparent black, shows well need no entry of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.nearest import nearest_of
from kmq._colours.spaces import OPAQUE
from kmq._palette.clustering.lloyd_loop import MOST_BITS
from kmq._palette.clustering.points import assigned, is_opaque
from kmq._palette.clustering.refining import moved
from kmq._palette.clustering.splitting import best_cuts
from kmq._palette.clustering.swapping import PACE, STEPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq._palette.clustering.points import Points
    from kmq._palette.clustering.refining import Moved

TRANSLUCENT, OPAQUE_ONE, CLEAR = 0, 1, 2
"""Kinds of entries. The clear one is transparent black."""


@dataclass(frozen=True, slots=True, eq=False)
class Adopted:
    """Points to cluster, now that each translucent one has an entry of one kind or the other.

    Those whose entry is opaque lie with the opaque ones in `points`. Those whose entry is transparent black
    are left out; `kept` (n,) marks the others. `error` is the squared error, times the weights, that remains
    wherever the centres of a kind are.
    """

    points: Points
    kept: NDArray[np.bool]
    error: int


@dataclass(frozen=True, slots=True, eq=False)
class _Allotted:
    """Centres after a few steps of Lloyd's algorithm, and the points as they were adopted for these."""

    moved: Moved
    adopted: Adopted

    @property
    def error(self) -> int:
        return self.moved.error + self.adopted.error


def reallotted(
    points: Points, centres: NDArray[np.int32], clear: NDArray[np.int32] | None, trials: int
) -> tuple[NDArray[np.int32], Adopted, NDArray[np.int32]]:
    """Return centres (k, 4) of no larger error, the points adopted for them, and these points' numbers.

    A trial does without a translucent entry, whose colours go to the nearest of the others, of any kind, and
    cuts another cluster in two. `points` and `centres` have opaque ones that lie apart; opaque colours always
    have an opaque entry. `clear` (4,) is the place of transparent black, None if it has no entry.

    On 15 pictures with alpha, the error with 8, 16, 64 and 256 entries is 0.80, 0.87, 0.95 and 0.97 times
    that of palettes in which every translucent colour has a translucent entry.
    """
    now = _allotted(points, centres, clear)
    for _ in range(trials):
        tried = _without_one(now, clear)
        if tried is None:
            break
        after = _allotted(points, tried, clear)
        if after.error >= now.error:
            break
        now = after
    return now.moved.centres, now.adopted, now.moved.numbers


def adopted(points: Points, centres: NDArray[np.int32], clear: NDArray[np.int32] | None) -> Adopted:
    """Return the points, each translucent one with the kind of the nearest entry: `centres` or `clear`."""
    opaque = is_opaque(points.positions)
    entries, kinds = _together(centres), np.where(is_opaque(centres), OPAQUE_ONE, TRANSLUCENT)
    if clear is not None:
        entries, kinds = np.concatenate([entries, clear[np.newaxis]]), np.append(kinds, CLEAR)
    translucent = np.flatnonzero(~opaque)
    positions, codes = points.positions[translucent], points.codes[translucent]
    numbers = np.arange(len(entries), dtype=np.int32)
    kind = kinds[nearest_of(positions, codes, points.channels, entries, numbers)]
    to_opaque, to_clear = translucent[kind == OPAQUE_ONE], translucent[kind == CLEAR]
    plane = points.positions[opaque, 3].max()  # that of all of them
    error = _error(points.weights[to_opaque], points.positions[to_opaque, 3:] - (plane - OPAQUE))
    if clear is not None:
        error += _error(points.weights[to_clear], points.positions[to_clear] - clear)
    placed = points.positions.copy()
    placed[to_opaque, 3] = plane
    kept = np.ones(len(points), np.bool)
    kept[to_clear] = False
    left = replace(points, positions=placed[kept], weights=points.weights[kept], codes=points.codes[kept])
    return Adopted(left, kept, error)


def _allotted(points: Points, centres: NDArray[np.int32], clear: NDArray[np.int32] | None) -> _Allotted:
    found = adopted(points, centres, clear)
    held, numbers = np.zeros(len(centres), np.bool), assigned(found.points, centres)
    return _Allotted(moved(found.points, centres, numbers, STEPS, PACE, held, fill=False), found)


def _without_one(now: _Allotted, clear: NDArray[np.int32] | None) -> NDArray[np.int32] | None:
    """Return centres without the translucent one that is missed least, and with one more cut in two.

    Return None if that can't be better. What its loss costs is estimated from its mean.
    """
    centres, masses = now.moved.centres, now.moved.masses
    translucent = np.flatnonzero(~is_opaque(centres))
    if not len(translucent):
        return None
    places = _together(centres)
    others = places if clear is None else np.concatenate([places, clear[np.newaxis]])
    squares = ((places[translucent, np.newaxis] - others).astype(np.int64) ** 2).sum(axis=2)
    squares[np.arange(len(translucent)), translucent] = np.iinfo(np.int64).max
    costs = masses[translucent] * np.minimum(squares.min(axis=1), 1 << MOST_BITS)
    lost = translucent[costs.argmin()]
    cuts = best_cuts(now.adopted.points, now.moved.numbers, len(centres))
    saved = cuts.saved.copy()
    saved[lost] = 0
    cut = saved.argmax()
    if saved[cut] <= costs.min():
        return None
    tried = centres.copy()
    tried[lost], tried[cut] = cuts.below[cut], cuts.above[cut]
    return tried


def _together(positions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return positions (n, 4) with the opaque ones no longer apart."""
    together = positions.copy()
    together[is_opaque(positions), 3] -= OPAQUE
    return together


def _error(weights: NDArray[np.int64], gaps: NDArray[np.int32]) -> int:
    squares = np.minimum((gaps.astype(np.int64) ** 2).sum(axis=1), 1 << MOST_BITS)
    return int((weights * squares).sum())
