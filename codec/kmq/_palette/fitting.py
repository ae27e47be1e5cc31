"""Choosing a palette: KMeans on the weighted distinct colours."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.nearest import nearest
from kmq._colours.spaces import OPAQUE, UNIT, ColourSpace, checked_space, colours_at, points_of
from kmq._ground.arguments import checked_integer, checked_name, checked_number, checked_type
from kmq._indexed.index_plane import MAX_ENTRIES
from kmq._indexed.palette import Palette
from kmq._palette.outliers import FEWEST_PIXELS, outliers_kept
from kmq._palette.points import Points, compact, is_opaque, weighted_points
from kmq._palette.refining import refined
from kmq._palette.refitting import refitted
from kmq._palette.splitting import split_centres
from kmq._palette.swapping import swapped
from kmq._picture.colour_table import MOST_COLOURS, ColourTable, added_in_channels
from kmq._picture.histogram import Histogram
from kmq._plane.dithering import DITHERS, STRENGTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look for a better palette.

    `max_iter` is of scikit-learn's KMeans, on the compact set; `points` an entry in the
    compact set on which swaps are tried; `trials` of these for up to 64 entries, and for
    more; `steps` of Lloyd's algorithm on all colours; `rounds` of fitting to the dithered
    picture.
    """

    max_iter: int
    points: int
    trials: tuple[int, int]
    steps: int
    rounds: int


EFFORTS = MappingProxyType(
    {
        "fast": Effort(max_iter=3, points=32, trials=(0, 0), steps=4, rounds=1),
        "default": Effort(max_iter=5, points=32, trials=(40, 5), steps=10, rounds=3),
        "thorough": Effort(max_iter=100, points=128, trials=(400, 400), steps=200, rounds=8),
    }
)
"""What each gives and takes is in bench/results/palette.md."""

START_POINTS = 8
"""Points an entry in the compact set that KMeans starts on."""

MOST_DISTANCES = 1 << 29
"""Distances that KMeans may compute in all; it takes about a second for so many."""

DITHERED_POWER = 0.75
"""Power of the counts that clusters a palette for dithering.

Dithering mixes entries, so rare colours at the rim matter more than how often they occur. On Kodak's
pictures with Floyd-Steinberg, 0.4, 0.3 and 0.2 SSIMULACRA2 points more than the counts themselves at
k = 16, 64 and 256.
"""

ROUNDS = 4
"""How often unused entries are replaced: an entry that is a colour of the picture is always used."""

DITHERED_SCALE = 64
"""Weights are integers; so many units for a count of 1 keep the powers apart."""


@dataclass(frozen=True, slots=True)
class KMeansOptions:
    """How to cluster: scikit-learn's options for KMeans by its own names, and the palette's."""

    space: str = "oklab"
    effort: str = "default"
    dither: str = "none"
    strength: float = STRENGTH
    n_init: int = 1
    max_iter: int | None = None
    tol: float = 1e-4
    random_state: int = 0

    def __post_init__(self) -> None:
        checked_space(self.space)
        checked_name("effort", self.effort, EFFORTS)
        checked_name("dither", self.dither, DITHERS)
        numbers: dict[str, float | None] = {
            "strength": checked_number("strength", self.strength, 0, 1),
            "n_init": checked_integer("n_init", self.n_init, 1, 2**31 - 1),
            "max_iter": self.max_iter,
            "random_state": checked_integer("random_state", self.random_state, 0, 2**32 - 1),
            "tol": checked_number("tol", self.tol, 0),
        }
        if self.max_iter is not None:
            numbers["max_iter"] = checked_integer("max_iter", self.max_iter, 1, 2**31 - 1)
        for name, number in numbers.items():
            object.__setattr__(self, name, number)


def fit_palette(
    histogram: Histogram | Iterable[Histogram],
    k: int = 256,
    *,
    space: str = "oklab",
    effort: str = "default",
    dither: str = "none",
    strength: float = STRENGTH,
    n_init: int = 1,
    max_iter: int | None = None,
    tol: float = 1e-4,
    random_state: int = 0,
) -> Palette:
    """Return at most `k` colours that stand for those of the histogram with little squared error.

    `histogram` is that of a picture. Several histograms give one palette for all their pictures, with as many
    channels as the one that has most.

    At most `k` distinct colours are returned as they are. More are clustered: the means of
    the colours in small cells are split along their principal axes (Wu, 1992), refined by
    scikit-learn's KMeans weighted by the counts, improved by merging and splitting clusters
    (Kaukoranta, Fränti and Nevalainen, 1998), and refined again on all colours. From k = 20
    on, colours of at least 16 pixels that are far from every entry are given one, up to a
    quarter of the entries above 16 (fewer above k = 512) and a tenth of the error. Centres
    are rounded to 8 bits; an entry that repeats or that no colour is nearest to makes room
    for the colour that is served worst, and one becomes the colour of its pixels if more
    than half of them have just that. Entries are sorted by luma. Of more than 1,048,576 colours, low bits
    of red, green and blue are left out until there are no more.

    `space` is "oklab" (Ottosson, 2020; what the eye sees) or "srgb" (least squared error in
    RGB). With alpha, the error is the mean of those over black and over white. Transparent
    black, if it occurs and k > 1, gets an entry to itself; opaque colours are clustered by
    themselves and get opaque entries; translucent ones may use these as well. `effort` is
    "fast", "default" or "thorough". `dither` and `strength` are what `map_indices` will be told:
    for dithering rare colours weigh more, and the entries are fitted to the dithered picture
    (if the histogram has its inverse).

    `k` is 1 to 65,536. `n_init` counts the starts: the splits, then k-means++ with
    `random_state`; the best is taken. `max_iter` (None: by effort), and `tol` are those of
    KMeans. The result doesn't depend on the number of cores: clustering runs on one thread,
    and in one call of a process at a time.

    Raises ValueError, or TypeError for what is not a number or a name.
    """
    k = checked_integer("k", k, 1, MAX_ENTRIES)
    options = KMeansOptions(space, effort, dither, strength, n_init, max_iter, tol, random_state)
    if isinstance(histogram, Histogram):
        return cluster_palette(histogram, k, options)
    return table_palette(_added(histogram), k, options)


def _added(histograms: Iterable[Histogram]) -> ColourTable:
    """Return the table of several histograms together. Raises TypeError or ValueError if they are none."""
    hint = "a Histogram, as kmq.histogram returns, or several"
    checked_type("histogram", histograms, Iterable, hint)
    tables = []
    for counted in histograms:
        checked_type("histogram", counted, Histogram, hint)
        tables.append(ColourTable.of(counted))
    if not tables:
        raise ValueError(f"histogram is empty; it must be {hint}")
    return added_in_channels(tables)


def table_palette(table: ColourTable, k: int, options: KMeansOptions) -> Palette:
    """Return the palette of a table's colours, without entries that no colour is nearest to.

    Where low bits were left out, the colours are not known, and all entries stay.
    """
    counted = table.histogram()
    palette = cluster_palette(counted, k, options)
    if table.dropped:
        return palette
    found = nearest(counted.colours, palette, checked_space(options.space))
    return Palette(palette.entries[np.bincount(found, minlength=palette.k) > 0])


def cluster_palette(histogram: Histogram, k: int, options: KMeansOptions) -> Palette:
    """Do the work of `fit_palette`, with arguments that have been checked."""
    counted = histogram
    if len(histogram) > MOST_COLOURS:
        counted = ColourTable.of(histogram).within(MOST_COLOURS).histogram()
    colours, counts = counted.colours, counted.counts
    if len(colours) <= k:
        return Palette(_sorted_by_luma(colours))
    space = checked_space(options.space)
    shown = colours.any(axis=1) if histogram.channels == 4 and k > 1 else np.ones(1, np.bool)
    if shown.all():
        entries = _clustered(colours, counts, k, space, options)
    else:  # transparent black is out of the race
        entries = _clustered(colours[shown], counts[shown], k - 1, space, options)
        entries = np.concatenate([np.zeros((1, 4), np.uint8), entries])
    entries, exact = _snapped(colours, counts, _filled(colours, counts, entries, k, space), space)
    if options.dither != "none" and histogram.inverse is not None:
        rounds = EFFORTS[options.effort].rounds
        palette = refitted(
            histogram, Palette(entries), exact, space, options.dither, options.strength, rounds
        )
        entries = np.unique(palette.entries, axis=0)
    return Palette(_sorted_by_luma(entries))


def _clustered(
    colours: NDArray[np.uint8],
    counts: NDArray[np.int64],
    k: int,
    space: ColourSpace,
    options: KMeansOptions,
) -> NDArray[np.uint8]:
    if len(colours) <= k:
        return colours
    opaque = colours[:, 3] == 255 if colours.shape[1] == 4 else np.ones(1, np.bool)
    if k == 1 and opaque.any() and not opaque.all():  # one entry for both kinds: then opaque stays opaque
        return _clustered(colours[opaque], counts[opaque], k, space, options)
    effort = EFFORTS[options.effort]
    weights, fewest = counts, FEWEST_PIXELS
    if options.dither != "none":
        weights = np.rint(DITHERED_SCALE * counts.astype(np.float64) ** DITHERED_POWER).astype(np.int64)
        fewest = math.ceil(DITHERED_SCALE * FEWEST_PIXELS**DITHERED_POWER)
    points = weighted_points(colours, weights, space)
    centres = _kmeans(compact(points, START_POINTS * k), k, effort, options)
    some = compact(points, effort.points * k)
    centres = swapped(some, centres, effort.trials[k > 64])
    centres, held = outliers_kept(points, some, centres, fewest)
    centres = refined(points, centres, effort.steps, held)
    if points.apart:
        centres[is_opaque(centres), 3] -= OPAQUE
    return colours_at(centres, points.channels, space)


def _kmeans(points: Points, k: int, effort: Effort, options: KMeansOptions) -> NDArray[np.int32]:
    # Imported here: decoding, and encoding few colours, shouldn't wait 0.6 s for them.
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    positions = points.positions[:, : points.channels] / UNIT
    weights = points.weights.astype(np.float64)
    kinds = is_opaque(points.positions)
    start = split_centres(positions, weights, kinds, min(k, len(points)))
    most = max(1, MOST_DISTANCES // (len(points) * len(start)))
    max_iter = min(effort.max_iter, most) if options.max_iter is None else options.max_iter
    # Sums of floats depend on how threads share them out. The limit is the whole process's,
    # and two that overlap would restore it wrongly: so one at a time.
    with ONE_AT_A_TIME, threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than centres
        best = KMeans(
            len(start),
            init=start,
            n_init=1,
            max_iter=max_iter,
            tol=options.tol,
            copy_x=options.n_init > 1,  # what it takes away in place and adds again may be rounded
        ).fit(positions, sample_weight=weights)
        if options.n_init > 1:
            other = KMeans(
                len(start),
                n_init=options.n_init - 1,
                max_iter=max_iter,
                tol=options.tol,
                random_state=options.random_state,
            ).fit(positions, sample_weight=weights)
            opaque = np.bincount(other.labels_, kinds, len(start))
            members = np.bincount(other.labels_, minlength=len(start))
            unmixed = ((opaque == 0) | (opaque == members)).all()
            if unmixed and other.inertia_ < best.inertia_:  # as the splits are: opaque ones by themselves
                best = other
    centres = np.zeros((k, 4), np.int32)
    centres[: len(start), : points.channels] = np.rint(best.cluster_centers_ * UNIT)
    centres[len(start) :] = centres[0]  # duplicates, which will be refilled
    return centres


def _filled(
    colours: NDArray[np.uint8],
    counts: NDArray[np.int64],
    entries: NDArray[np.uint8],
    k: int,
    space: ColourSpace,
) -> NDArray[np.uint8]:
    """Return up to `k` distinct entries; those that nothing uses make room for the colours served worst."""
    entries = np.unique(entries, axis=0)
    for left in range(ROUNDS, -1, -1):
        found = nearest(colours, Palette(entries), space)
        used = np.bincount(found, minlength=len(entries)) > 0
        if used.sum() == k or not left:
            break
        gaps = (points_of(colours, space) - points_of(entries, space)[found]).astype(np.float64)
        losses = np.einsum("ij,ij->i", gaps, gaps) * counts
        worst = np.argsort(-losses, kind="stable")[: k - used.sum()]
        worst = worst[losses[worst] > 0]
        if not len(worst):
            break
        entries = np.unique(np.concatenate([entries[used], colours[worst]]), axis=0)
        used = np.ones(len(entries), np.bool)
    return entries[used]


def _snapped(
    colours: NDArray[np.uint8], counts: NDArray[np.int64], entries: NDArray[np.uint8], space: ColourSpace
) -> tuple[NDArray[np.uint8], NDArray[np.bool]]:
    """Return the entries, and which of them are the very colour of most of their pixels.

    An entry becomes the colour that more than half of its pixels have: a white page stays
    white, not 254. That at most doubles the squared error of those pixels. Alpha stays
    what it is where it is 0 or 255.
    """
    found = nearest(colours, Palette(entries), space)
    order = np.lexsort((counts, found))
    last = np.append(np.diff(found[order]) > 0, [True])  # of each entry's colours the most frequent
    commonest = order[last]
    exact = np.zeros(len(entries), np.bool)
    exact[found[commonest]] = 2 * counts[commonest] > np.bincount(found, counts)[found[commonest]]
    snapped = entries.copy()
    snapped[found[commonest]] = colours[commonest]
    if entries.shape[1] == 4:
        exact &= ~(np.isin(entries[:, 3], (0, 255)) & (entries[:, 3] != snapped[:, 3]))
    return np.where(exact[:, np.newaxis], snapped, entries), exact


def _sorted_by_luma(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sort by Rec. 601 luma of the premultiplied colour in thousandths, then by the bytes."""
    values = colours.astype(np.int64)
    luma = values[:, :3] @ [299, 587, 114] if values.shape[1] > 1 else values[:, 0]
    if values.shape[1] == 4:
        luma *= values[:, 3]
    return colours[np.lexsort((*colours.T[::-1], luma))]
