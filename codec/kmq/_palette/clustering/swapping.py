"""Out of a local optimum of k-means: merge clusters where it costs least, split where it saves most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._palette.clustering.merging_loop import cheapest_merges
from kmq._palette.clustering.points import is_opaque
from kmq._palette.clustering.refining import MOST_CENTRES, moved
from kmq._palette.clustering.splitting import best_cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from kmq._palette.clustering.points import Points
    from kmq._palette.clustering.refining import Moved
    from kmq._palette.clustering.splitting import Cuts

STEPS = 3
"""Steps of Lloyd's algorithm before a trial is judged. More steps cost more time than they gain."""

PACE = 192
"""Over-relaxation of these steps: a centre moves this many 128ths of the way to its mean."""

FEWEST_PAIRS = 32
"""Fewest pairs to consider, even for single swaps."""


@dataclass(frozen=True, slots=True, eq=False)
class _Merges:
    """Pairs of clusters, and the cost of merging each pair."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    costs: NDArray[np.int64]


def swapped(
    points: Points, centres: NDArray[np.int32], numbers: NDArray[np.int32], trials: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return centres (k, 4) of no larger squared error, after at most `trials` trials, and points' numbers.

    `numbers` (n,) are those of centres near each point; those that are returned are nearest but for a step.

    A trial merges pairs of clusters, splits others, and takes a few steps of Lloyd's algorithm. It is
    kept if the error is smaller. First many swaps are tried at once, then half as many, and so on
    down to single swaps; the most promising go first. (Kaukoranta, Fränti and Nevalainen, "Iterative
    split-and-merge algorithm for VQ codebook generation", 1998; Fritzke, "Breathing k-means", 2020.)
    """
    k = len(centres)
    if not 3 <= k <= MOST_CENTRES:
        return centres, numbers
    now, at_once = _settled(points, centres, numbers), max(1, k // 8)
    measured = None
    while trials > 0:
        if measured is not now:
            measured, cuts, merges = now, best_cuts(points, now.numbers, k), _cheapest_merges(now)
        better = None
        for swaps in _proposals(cuts, merges, at_once):
            tried = _settled(points, *_after(now, cuts, swaps))
            trials -= 1
            if tried.error < now.error:
                better = tried
                break
            if trials == 0:
                break
        if better is not None:
            now = better
        elif at_once == 1:
            break
        else:
            at_once //= 2
    return now.centres, now.numbers


def _settled(points: Points, centres: NDArray[np.int32], numbers: NDArray[np.int32]) -> Moved:
    held = np.zeros(len(centres), np.bool)
    return moved(points, centres, numbers, STEPS, PACE, held, fill=False)


def _proposals(cuts: Cuts, merges: _Merges, at_once: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield lists of swaps to try together, each (cluster to split, two to merge).

    One list of up to `at_once` swaps, or, for 1, many lists of one.
    """
    count = max(FEWEST_PAIRS, 6 * at_once)
    first, second, costs = merges.first[:count], merges.second[:count], merges.costs[:count]
    splits = np.argsort(-cuts.saved, kind="stable")[: max(12, 2 * at_once)]
    splits = splits[cuts.saved[splits] > 0]
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


def _cheapest_merges(now: Moved) -> _Merges:
    """Return the pairs of clusters whose merging costs least (Ward, 1963), the cheapest first."""
    # Never merge both kinds: opaque colours need an opaque entry.
    kinds = is_opaque(now.centres).astype(np.int32)
    k = len(kinds)
    count = min(max(FEWEST_PAIRS, 6 * (k // 8)), k * (k - 1) // 2)
    pairs, costs = np.empty(count, np.int64), np.empty(count, np.int64)
    count = cheapest_merges(now.centres.data, now.masses.data, kinds.data, pairs.data, costs.data)
    pairs, costs = pairs[:count], costs[:count]
    order = np.lexsort((pairs, costs))
    pairs, costs = pairs[order], costs[order]
    firsts = np.arange(k) * np.arange(-1, k - 1) // 2  # number of each cluster's first pair
    second = np.searchsorted(firsts, pairs, side="right") - 1
    return _Merges(pairs - firsts[second], second, costs)


def _after(
    now: Moved, cuts: Cuts, swaps: list[tuple[int, int, int]]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the centres after the swaps, and for each point a centre to begin with.

    The centres are the means of merged pairs and of the parts of split clusters.
    """
    centres, names = now.centres.copy(), np.arange(len(now.centres), dtype=np.int32)
    split, first, second = np.array(swaps).T  # no cluster is twice in them
    one, other = now.masses[first, np.newaxis], now.masses[second, np.newaxis]
    mass = np.maximum(one + other, 1)
    centres[first] = (2 * (one * centres[first] + other * centres[second]) + mass) // (2 * mass)
    centres[second], centres[split] = cuts.below[split], cuts.above[split]
    names[second] = first
    return centres, names[now.numbers]
