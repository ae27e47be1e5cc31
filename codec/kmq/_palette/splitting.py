"""First centres for k-means, by repeatedly splitting the points along a principal axis."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, order=True)
class _Group:
    """A cluster and its best cut. The group whose cut saves the most error sorts first."""

    gain: float  # negative: a heap gives the least first
    number: int
    mean: NDArray[np.float64] = field(compare=False)
    halves: tuple[NDArray[np.intp], NDArray[np.intp]] | None = field(compare=False)


def split_centres(
    positions: NDArray[np.float64], weights: NDArray[np.float64], kinds: NDArray[np.bool], k: int
) -> NDArray[np.float64]:
    """Return at most `k` centres, (k, d) float64, of weighted points (n, d).

    Each step cuts the group whose best cut saves the most squared error. A cut is across the axis of
    the group's largest variance, at the place that saves the most (Wu, "Color quantization by dynamic
    programming and principal analysis", 1992, with greedy cuts). So the cuts for a smaller k are the
    first cuts for a larger one.

    Points of different `kinds` (n,) are never in one group; `k` is at least the number of kinds.
    There are fewer than `k` centres if there are fewer distinct points.
    """
    numbers = iter(range(2 * k))
    members = [np.flatnonzero(kinds == kind) for kind in (False, True)]
    groups = [_group(positions, weights, each, next(numbers)) for each in members if len(each)]
    del members
    heapq.heapify(groups)
    while len(groups) < k and groups[0].halves is not None:
        for half in heapq.heappop(groups).halves or ():
            heapq.heappush(groups, _group(positions, weights, half, next(numbers)))
    return np.array([group.mean for group in groups])


def _group(
    positions: NDArray[np.float64], weights: NDArray[np.float64], members: NDArray[np.intp], number: int
) -> _Group:
    points, masses = positions[members], weights[members]
    total, least = masses.sum(), masses.min()
    mean = np.einsum("i,ij->j", masses, points) / total  # not BLAS: its sums depend on the number of threads
    # In place, and freed early: clustering takes the most memory here.
    offsets = points
    offsets -= mean
    covariance = np.einsum("i,ij,ik->jk", masses, offsets, offsets)
    axis = np.linalg.eigh(covariance)[1][:, -1]
    places = np.einsum("ij,j->i", offsets, axis)
    del points, offsets
    order = np.argsort(places, kind="stable")
    if places[order[0]] == places[order[-1]]:
        return _Group(0.0, number, mean, None)
    masses, places = masses[order], places[order]
    before = np.cumsum(masses)[:-1]
    places *= masses
    moments = np.cumsum(places)[:-1]
    # Cutting into masses a and b saves an error of moment² (1/a + 1/b).
    after = np.subtract(total, before, out=masses[:-1])
    np.maximum(after, least, out=after)
    np.divide(1, before, out=before)
    np.divide(1, after, out=after)
    before += after
    saved = np.square(moments, out=moments)
    saved *= before
    cut = int(saved.argmax()) + 1
    return _Group(-float(saved[cut - 1]), number, mean, (members[order[:cut]], members[order[cut:]]))
