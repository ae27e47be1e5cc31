"""Out of a local optimum of k-means: merge clusters where it costs least, split where it saves most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.nearest_loop import WEIGHT
from kmq._palette.points import assigned, is_opaque, sums_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kmq._palette.points import Points

STEPS = 3
"""Steps of Lloyd's algorithm before a trial is judged. More steps cost more time than they gain."""

PACE = 1.5
"""Over-relaxation of these steps: a centre moves this many times the way to its mean."""

MOST_CENTRES = 512
"""Most centres to swap: all pairs are compared, and 512² costs take 2 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class _Clusters:
    """The state after some steps: the cluster of each point, each cluster's mean and mass, and the error."""

    numbers: NDArray[np.int32]
    means: NDArray[np.float64]
    masses: NDArray[np.float64]
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """The split of each cluster at its mean, across its principal axis: the error saved, the two means."""

    saved: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Merges:
    """Pairs of clusters, and the cost of merging each pair."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    costs: NDArray[np.float64]


def swapped(points: Points, centres: NDArray[np.int32], trials: int) -> NDArray[np.int32]:
    """Return centres (k, 4) int32 of no larger squared error, after at most `trials` trials.

    A trial merges pairs of clusters, splits others, and takes a few steps of Lloyd's algorithm. It is
    kept if the error is smaller. First many swaps are tried at once, then half as many, and so on
    down to single swaps; the most promising go first. (Kaukoranta, Fränti and Nevalainen, "Iterative
    split-and-merge algorithm for VQ codebook generation", 1998; Fritzke, "Breathing k-means", 2020.)
    """
    k = len(centres)
    if not 3 <= k <= MOST_CENTRES:
        return centres
    now = _settled(points, centres.astype(np.float64))
    at_once = max(1, k // 8)
    cuts, merges = _cuts(points, now), _cheapest_merges(points, now)
    while trials > 0:
        better = None
        for swaps in _proposals(cuts, merges, at_once):
            tried = _settled(points, _after(now, cuts, swaps))
            trials -= 1
            if tried.error < now.error:
                better = tried
                break
            if trials == 0:
                break
        if better is not None:
            now, cuts, merges = better, _cuts(points, better), _cheapest_merges(points, better)
        elif at_once == 1:
            break
        else:
            at_once //= 2
    return np.rint(now.means).astype(np.int32)


def _settled(points: Points, centres: NDArray[np.float64]) -> _Clusters:
    places = np.rint(centres).astype(np.int32)
    for left in range(STEPS - 1, -1, -1):
        numbers = assigned(points, places)
        sums = sums_of(points, numbers, len(places)).astype(np.float64)
        masses = sums[:, WEIGHT]
        means = sums[:, :4] / np.maximum(masses, 1)[:, np.newaxis]
        means[masses == 0] = places[masses == 0]
        if left:
            places = np.rint(places + PACE * (means - places)).astype(np.int32)
            places = np.clip(places, points.positions.min(axis=0), points.positions.max(axis=0))
    # The error about the means is a constant of all trials minus this sum.
    return _Clusters(numbers, means, masses, -float(np.einsum("i,ij,ij->", masses, means, means)))


def _cuts(points: Points, clusters: _Clusters) -> _Cuts:
    k = len(clusters.means)
    weights = points.weights.astype(np.float64)
    # An array for each coordinate: summing the columns of a table takes three times as long.
    offsets = [
        points.positions[:, i] - clusters.means[:, i][clusters.numbers] for i in range(points.channels)
    ]
    covariances = np.empty((k, len(offsets), len(offsets)))
    for i, offset in enumerate(offsets):
        weighted = weights * offset
        for j in range(i, len(offsets)):
            products = np.bincount(clusters.numbers, weighted * offsets[j], k)
            covariances[:, i, j] = covariances[:, j, i] = products
    axes = np.zeros((k, 4))
    axes[:, : len(offsets)] = np.linalg.eigh(covariances)[1][:, :, -1]
    along = sum(offset * axes[:, i][clusters.numbers] for i, offset in enumerate(offsets))
    side = along > 0
    above = np.bincount(clusters.numbers[side], weights[side], k)
    below = clusters.masses - above
    moments = np.bincount(clusters.numbers[side], (weights * along)[side], k)
    possible = (above > 0) & (below > 0)
    above, below = np.where(possible, above, 1), np.where(possible, below, 1)
    saved = np.where(possible, moments**2 * (1 / above + 1 / below), 0)
    return _Cuts(
        saved,
        clusters.means + axes * (moments / above)[:, np.newaxis],
        clusters.means - axes * (moments / below)[:, np.newaxis],
    )


def _proposals(cuts: _Cuts, merges: _Merges, at_once: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield lists of swaps to try together, each (cluster to split, two to merge).

    One list of up to `at_once` swaps, or, for 1, many lists of one.
    """
    count = max(32, 6 * at_once)
    first, second, costs = merges.first[:count], merges.second[:count], merges.costs[:count]
    splits = np.argsort(-cuts.saved, kind="stable")[: max(12, 2 * at_once)]
    if at_once == 1:
        profits = cuts.saved[splits][:, np.newaxis] - costs[np.newaxis]
        for best in np.argsort(-profits, axis=None, kind="stable"):
            split, merge = splits[best // len(costs)], best % len(costs)
            if split not in (first[merge], second[merge]):
                yield [(int(split), int(first[merge]), int(second[merge]))]
        return
    taken: set[int] = set()
    swaps: list[tuple[int, int, int]] = []
    pairs = iter(zip(first.tolist(), second.tolist(), costs.tolist(), strict=True))
    for split in splits.tolist():
        if split in taken:
            continue
        pair = next((m for m in pairs if not taken & {m[0], m[1]} and split not in m[:2]), None)
        if pair is None or pair[2] >= cuts.saved[split] or len(swaps) == at_once:
            break
        swaps.append((split, pair[0], pair[1]))
        taken |= {split, pair[0], pair[1]}
    if swaps:
        yield swaps


def _cheapest_merges(points: Points, clusters: _Clusters) -> _Merges:
    """Return the pairs of clusters whose merging costs least (Ward, 1963), the cheapest first."""
    means, masses = clusters.means, clusters.masses
    k = len(means)
    squares = np.einsum("ij,ij->i", means, means)
    costs = squares[:, np.newaxis] + squares - 2 * np.einsum("ij,kj->ik", means, means)
    costs *= masses[:, np.newaxis] * masses / np.maximum(masses[:, np.newaxis] + masses, 1)
    costs[np.tri(k, dtype=np.bool)] = np.inf  # each pair once
    if points.apart:  # never merge both kinds: opaque colours need an opaque entry
        opaque = is_opaque(np.rint(means).astype(np.int32))
        costs[opaque[:, np.newaxis] != opaque] = np.inf
    flat = costs.ravel()
    count = min(max(32, 6 * (k // 8)), k * (k - 1) // 2)
    some = np.argpartition(flat, count - 1)[:count]
    some = some[np.isfinite(flat[some])]
    some = some[np.lexsort((some, flat[some]))]
    return _Merges(some // k, some % k, flat[some])


def _after(clusters: _Clusters, cuts: _Cuts, swaps: list[tuple[int, int, int]]) -> NDArray[np.float64]:
    """Return the centres after the swaps: the means of merged pairs and of the halves of split clusters."""
    centres = clusters.means.copy()
    for split, first, second in swaps:
        masses = clusters.masses[[first, second]]
        if masses.sum() > 0:
            centres[first] = masses @ clusters.means[[first, second]] / masses.sum()
        centres[second], centres[split] = cuts.below[split], cuts.above[split]
    return centres
