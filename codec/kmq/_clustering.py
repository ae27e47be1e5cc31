"""Choosing a palette: KMeans on the weighted distinct colours."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kmq._arguments import checked_integer, checked_type
from kmq._histogram import Histogram
from kmq._nearest import coordinates, nearest
from kmq._palette import MAX_ENTRIES, Palette

if TYPE_CHECKING:
    from numpy.typing import NDArray


ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class KMeansOptions:
    """scikit-learn's options for KMeans, by its own names."""

    n_init: int = 1
    max_iter: int = 300
    tol: float = 1e-4
    random_state: int = 0

    def __post_init__(self) -> None:
        checked_integer("n_init", self.n_init, 1, 2**31 - 1)
        checked_integer("max_iter", self.max_iter, 1, 2**31 - 1)
        checked_integer("random_state", self.random_state, 0, 2**32 - 1)
        if isinstance(self.tol, bool) or not isinstance(self.tol, (int, float, np.floating)):
            raise TypeError(f"tol is {self.tol!r}; it must be a number")
        if not (math.isfinite(self.tol) and self.tol >= 0):
            raise ValueError(f"tol is {self.tol}; it must be finite and not negative")


def fit_palette(
    histogram: Histogram,
    k: int = 256,
    *,
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 1e-4,
    random_state: int = 0,
) -> Palette:
    """Return at most `k` colours that stand for those of the histogram with little squared error.

    At most `k` distinct colours are returned as they are. More are clustered by
    scikit-learn's KMeans (Lloyd's algorithm from a k-means++ start), weighted by their
    counts, with alpha between premultiplied colours; the centres are rounded to 8 bits,
    and those that repeat or that no colour is nearest to are left out. Transparent black,
    if it occurs and k > 1, keeps an entry to itself. Entries are sorted by luma.

    `k` is 1 to 65,536; `n_init`, `max_iter`, `tol` and `random_state` are as in KMeans.
    The result doesn't depend on the number of cores: clustering runs on one thread, and
    in one call of a process at a time.

    Raises ValueError, or TypeError for what is not a number.
    """
    checked_type("histogram", histogram, Histogram, "a Histogram, as kmq.histogram returns")
    k = checked_integer("k", k, 1, MAX_ENTRIES)
    return cluster_palette(histogram, k, KMeansOptions(n_init, max_iter, tol, random_state))


def cluster_palette(histogram: Histogram, k: int, options: KMeansOptions) -> Palette:
    """Do the work of `fit_palette`, with arguments that have been checked."""
    colours, counts = histogram.colours, histogram.counts
    if len(colours) <= k:
        return Palette(_sorted_by_luma(colours))
    hidden = histogram.channels == 4 and not colours[0].any() and k > 1
    if hidden:
        entries = _cluster(colours[1:], counts[1:], k - 1, options)
        entries = np.concatenate([colours[:1], entries])
    else:
        entries = _cluster(colours, counts, k, options)
    palette = Palette(_sorted_by_luma(np.unique(entries, axis=0)))
    return Palette(palette.entries[np.unique(nearest(colours, palette))])


def _cluster(
    colours: NDArray[np.uint8], counts: NDArray[np.int64], k: int, options: KMeansOptions
) -> NDArray[np.uint8]:
    if len(colours) <= k:
        return colours
    # Imported here: decoding, and encoding few colours, shouldn't wait 0.6 s for them.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    scale = 255.0 if colours.shape[1] == 4 else 1.0
    points = coordinates(colours) / scale
    kmeans = KMeans(
        k,
        n_init=options.n_init,
        max_iter=options.max_iter,
        tol=options.tol,
        random_state=options.random_state,
    )
    # Sums of floats depend on how threads share them out. The limit is the whole process's,
    # and two that overlap would restore it wrongly: so one at a time.
    with ONE_AT_A_TIME, threadpool_limits(limits=1):
        centres = kmeans.fit(points, sample_weight=counts.astype(np.float64)).cluster_centers_
    if colours.shape[1] == 4:
        alpha = np.rint(centres[:, 3:])
        shown = centres[:, :3] * 255 / np.maximum(centres[:, 3:], 1e-9)
        centres = np.where(alpha > 0, np.hstack([shown, alpha]), 0)
    entries: NDArray[np.uint8] = np.clip(np.rint(centres), 0, 255).astype(np.uint8)
    return entries


def _sorted_by_luma(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sort by Rec. 601 luma of the premultiplied colour in thousandths, then by the bytes."""
    points = coordinates(colours).astype(np.int64)
    luma = points[:, :3] @ [299, 587, 114] if points.shape[1] > 1 else points[:, 0]
    return colours[np.lexsort((*colours.T[::-1], luma))]
