"""Fitting a palette: k-means on the distinct colours, weighted by their counts.

The steps are in `clustering`: `splitting`, `adopting`, `swapping`, `outliers` and `refining`, in this order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import has_idle_alpha, in_channels
from kmq._colours.nearest import nearest, nearest_located
from kmq._colours.spaces import OPAQUE, ColourSpace, checked_space, colours_at, points_of
from kmq._colours.z_order import codes_of
from kmq._ground.arguments import checked_integer, checked_name, checked_number, checked_type
from kmq._indexed.index_plane import MAX_ENTRIES
from kmq._indexed.palette import Palette
from kmq._palette.clustering.adopting import adopted, reallotted
from kmq._palette.clustering.outliers import FEWEST_PIXELS, outliers_kept
from kmq._palette.clustering.points import Points, assigned, compact, is_opaque, located_points
from kmq._palette.clustering.refining import MOST_CENTRES, refined
from kmq._palette.clustering.sklearn_kmeans import KMeansParameters, fitted_by_sklearn
from kmq._palette.clustering.splitting import split_centres
from kmq._palette.clustering.swapping import STEPS, swapped
from kmq._palette.refitting import refitted
from kmq._picture.colour_table import MOST_COLOURS, ColourTable, added_in_channels
from kmq._picture.histogram import Histogram
from kmq._plane.dithering import DITHERS, STRENGTH

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to look for a better palette.

    - `max_iter`: iterations of the first k-means, on the compact set.
    - `points`: points per entry in the compact set on which swaps are tried.
    - `trials`: most trials of swaps: for up to 64 entries, for more, and for more of few colours.
    - `steps`: steps of Lloyd's algorithm on all colours.
    - `rounds`: rounds of fitting to the dithered picture.
    """

    max_iter: int
    points: int
    trials: tuple[int, int, int]
    steps: int
    rounds: int


EFFORTS = MappingProxyType(
    {
        "fast": Effort(max_iter=3, points=32, trials=(8, 1, 1), steps=4, rounds=2),
        "default": Effort(max_iter=5, points=64, trials=(80, 4, 2), steps=10, rounds=5),
        "thorough": Effort(max_iter=100, points=128, trials=(400, 400, 400), steps=200, rounds=12),
    }
)
"""The efforts by name. bench/results/palette.md has the error and the time of each."""

START_POINTS = 8
"""Points per entry in the compact set that k-means starts on."""

FEW_POINTS = 8
"""Colours per entry below which swaps gain little. Icons have few colours, and should be quick."""

MOST_DISTANCES = 1 << 29
"""Most distances that scikit-learn's KMeans may compute in all, about a second's work."""

SNAPPED = 20
"""Entries that become exact colours add at most this part, a twentieth, to the squared error.

Half as much makes 0.3 % of the pixels of 46 pictures less exact and takes 0.3 % off their error.
"""

ROUNDS = 4
"""Most rounds of replacing unused entries. A replacement is a colour of the picture, so it is used."""

DITHERED_SCALE = 64
"""Weight of a count of 1 for dithering, where colours weigh by the power 0.75 of their counts.

Weights are integers; this scale keeps the powers of different counts apart. Dithering mixes entries, so
rare colours at the edge of the gamut matter more than their counts say. On Kodak's pictures with
Floyd-Steinberg, this gains 0.4, 0.3 and 0.2 SSIMULACRA2 points over plain counts at k = 16, 64 and 256.
"""


@dataclass(frozen=True, slots=True)
class KMeansOptions:
    """How to cluster: the options of `fit_palette`. Those of scikit-learn's KMeans keep its names."""

    space: str = "oklab"
    effort: str = "default"
    dither: str = "none"
    strength: float = STRENGTH
    n_init: int | None = None
    max_iter: int | None = None
    tol: float | None = None
    random_state: int | None = None

    def __post_init__(self) -> None:
        checked_space(self.space)
        checked_name("effort", self.effort, EFFORTS)
        checked_name("dither", self.dither, DITHERS)
        object.__setattr__(self, "strength", checked_number("strength", self.strength, 0, 1))
        for name, least, most in (
            ("n_init", 1, 2**31 - 1),
            ("max_iter", 1, 2**31 - 1),
            ("random_state", 0, 2**32 - 1),
        ):
            number = getattr(self, name)
            if number is not None:
                object.__setattr__(self, name, checked_integer(name, number, least, most))
        if self.tol is not None:
            object.__setattr__(self, "tol", checked_number("tol", self.tol, 0))

    @property
    def by_sklearn(self) -> bool:
        """Whether scikit-learn's KMeans clusters: at most effort, or if one of its options is given."""
        given = (self.n_init, self.max_iter, self.tol, self.random_state)
        return self.effort == "thorough" or any(option is not None for option in given)


def fit_palette(
    histogram: Histogram | Iterable[Histogram],
    k: int = 256,
    *,
    space: str = "oklab",
    effort: str = "default",
    dither: str = "none",
    strength: float = STRENGTH,
    n_init: int | None = None,
    max_iter: int | None = None,
    tol: float | None = None,
    random_state: int | None = None,
) -> Palette:
    """Return a palette of at most `k` colours that shows those of the histogram with little squared error.

    Several histograms give one palette for all their pictures, with as many channels as the one that
    has most. Entries that no colour is nearest to are left out then, and entries aren't fitted to dithering.

    A histogram of at most `k` colours gives exactly these. More colours are clustered:

    1. The means of the colours in small cells are split along their principal axes (Wu, 1992).
    2. k-means, weighted by the counts, refines these centres.
    3. Clusters are merged and split while that helps (Kaukoranta, Fränti and Nevalainen, 1998).
    4. From k = 20 on, a colour of at least 16 pixels far from every centre gets an entry of its own.
       This takes at most a quarter of the entries above 16 (fewer above k = 512) and adds at most
       a tenth to the error.
    5. k-means on all colours refines the centres again.
    6. Centres are rounded to 8 bits. Repeated and unused entries are replaced by the colours that the
       palette shows worst. An entry becomes the colour of more than half of its pixels, as long as all
       that together adds at most a twentieth to the error.

    Entries are sorted by luma. If there are more than 1,048,576 colours, low bits of red, green and blue
    are dropped until there are no more than that.

    `k` is 1 to 65,536. `space` is "oklab" (Ottosson, 2020; close to what the eye sees) or "srgb" (least
    squared error in RGB). `effort` is "fast", "default" or "thorough". `dither` and `strength` are
    those of the later `map_indices`: for dithering, rare colours weigh more, and up to 1,024 entries are
    fitted to the dithered picture, in linear light, if the histogram has its inverse.

    With alpha, the error is the mean of those over black and over white. Transparent black gets an
    entry of its own, if it occurs and k > 1. Opaque colours always have opaque entries. Translucent colours
    share these, or transparent black, where that costs less than entries of their own.

    All steps compute with integers, or add floats in one order, so the palette is the same everywhere, but:
    scikit-learn's KMeans takes step 2 if `effort` is "thorough", or if `n_init`, `max_iter`, `tol` or
    `random_state` is given. It takes a second to load, and another processor or version of it may
    round differently. `n_init` is the number of starts, 1 by default, of which the best is taken: the
    splits above, then k-means++ with `random_state`, 0 by default. `max_iter` (None: by effort) and
    `tol`, 0.0001 by default, are those of KMeans. The result doesn't depend on the number of cores:
    KMeans runs on one thread, and in one call of a process at a time.

    Raises ValueError for an argument out of range, TypeError for one of the wrong type.
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
    """Return the palette of `fit_palette`, for arguments that have been checked."""
    if has_idle_alpha(histogram.colours):  # the same palette as without it
        rgb = Histogram(histogram.colours[:, :3], histogram.counts, histogram.inverse)
        return Palette(in_channels(cluster_palette(rgb, k, options).entries, 4))
    counted = histogram
    if len(histogram) > MOST_COLOURS:
        counted = ColourTable.of(histogram).within(MOST_COLOURS).histogram()
    if len(counted) <= k:
        return Palette(_sorted_by_luma(counted.colours))
    space = checked_space(options.space)
    colours = counted.colours
    located = _Located(colours, counted.counts, points_of(colours, space), codes_of(colours))
    shown = np.asarray(colours.any(axis=1))
    if histogram.channels < 4 or k == 1 or shown.all():
        entries = _clustered(located, k, space, options, None)
    else:  # transparent black has an entry of its own
        clear = np.zeros((1, 4), np.uint8)
        entries = _clustered(located.only(shown), k - 1, space, options, points_of(clear, space)[0])
        entries = np.concatenate([clear, entries])
    entries, found = _filled(located, entries, k, space)
    entries, exact = _snapped(located, entries, found, space)
    if options.dither != "none" and histogram.inverse is not None:
        rounds = EFFORTS[options.effort].rounds
        palette = refitted(histogram, Palette(entries), exact, options.strength, rounds)
        entries = np.unique(palette.entries, axis=0)
    return Palette(_sorted_by_luma(entries))


@dataclass(frozen=True, slots=True, eq=False)
class _Located:
    """Colours (n, c), their counts (n,), their points (n, 4) in a space, and their codes (n,) in Z-order."""

    colours: NDArray[np.uint8]
    counts: NDArray[np.int64]
    points: NDArray[np.int32]
    codes: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.counts)

    def only(self, chosen: NDArray[np.bool]) -> _Located:
        """Return the chosen (n,) colours."""
        return _Located(self.colours[chosen], self.counts[chosen], self.points[chosen], self.codes[chosen])


def _clustered(
    located: _Located, k: int, space: ColourSpace, options: KMeansOptions, clear: NDArray[np.int32] | None
) -> NDArray[np.uint8]:
    """Return up to `k` entries for the colours. `clear` is where transparent black is, if it has one too."""
    colours, counts = located.colours, located.counts
    if len(colours) <= k:
        return colours
    opaque = colours[:, 3] == 255 if colours.shape[1] == 4 else np.ones(1, np.bool)
    if k == 1 and opaque.any() and not opaque.all():  # one entry for all: opaque pixels must stay opaque
        return _clustered(located.only(opaque), k, space, options, clear)
    effort = EFFORTS[options.effort]
    weights = counts if options.dither == "none" else _dithered_weights(counts)
    points = located_points(colours, weights, located.points, located.codes)
    few, some = compact(points, START_POINTS * k), compact(points, effort.points * k)
    centres, numbers = _start(few, k, effort, options)
    if some is not few:
        numbers = assigned(some, centres)
    trials = effort.trials[0 if k <= 64 else 1 if len(points) >= FEW_POINTS * k else 2]
    frequent = counts >= FEWEST_PIXELS
    if not points.apart or not 3 <= k <= MOST_CENTRES:
        centres, numbers = swapped(some, centres, numbers, trials)
        centres, held = outliers_kept(points, some, centres, frequent)
        known = numbers if points is some else None
        centres = refined(points, centres, effort.steps, held, known).centres
    else:
        centres, found, numbers = reallotted(some, centres, clear, trials)
        centres, numbers = swapped(found.points, centres, numbers, trials)
        centres, found, numbers = reallotted(some, centres, clear, trials)
        every = adopted(points, centres, clear)
        centres, held = outliers_kept(every.points, found.points, centres, frequent[every.kept])
        centres = refined(every.points, centres, effort.steps, held).centres
        every = adopted(points, centres, clear)
        centres = refined(every.points, centres, STEPS, held).centres
    if points.apart:
        centres[is_opaque(centres), 3] -= OPAQUE
    return colours_at(centres, points.channels, space)


def _dithered_weights(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the weights (n,) of colours for dithering. Roots round alike on every machine."""
    roots = np.sqrt(counts.astype(np.float64))
    weights: NDArray[np.int64] = np.rint(DITHERED_SCALE * roots * np.sqrt(roots)).astype(np.int64)
    return weights


def _start(
    points: Points, k: int, effort: Effort, options: KMeansOptions
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return centres (k, 4), the splits after some steps of k-means, and points' numbers (n,)."""
    start, numbers = split_centres(points, min(k, len(points)))
    if options.by_sklearn:
        most = max(1, MOST_DISTANCES // (len(points) * len(start)))
        parameters = KMeansParameters(
            options.n_init or 1,
            options.max_iter or min(effort.max_iter, most),
            1e-4 if options.tol is None else options.tol,
            options.random_state or 0,
        )
        found = fitted_by_sklearn(points, start, parameters)
    else:
        after = refined(points, start, effort.max_iter, numbers=numbers)
        found, numbers = after.centres, after.numbers
    duplicates = np.repeat(found[:1], k - len(found), axis=0)  # which `_filled` replaces
    return np.concatenate([found, duplicates]), numbers


def _filled(
    located: _Located, entries: NDArray[np.uint8], k: int, space: ColourSpace
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return up to `k` distinct entries, and the number (n,) of the nearest to each colour.

    Unused entries are replaced by the colours that are shown worst.
    """
    colours, counts, points = located.colours, located.counts, located.points
    entries = _distinct(entries)
    for left in range(ROUNDS, -1, -1):
        found = nearest_located(colours, points, located.codes, Palette(entries), space)
        used = np.bincount(found, minlength=len(entries)) > 0
        if used.sum() == k or not left:
            break
        gaps = (points - points_of(entries, space)[found]).astype(np.float64)
        losses = np.einsum("ij,ij->i", gaps, gaps) * counts
        worst = np.argsort(-losses, kind="stable")[: k - used.sum()]
        worst = worst[losses[worst] > 0]
        if not len(worst):
            break
        entries = _distinct(np.concatenate([entries[used], colours[worst]]))
    numbers = np.cumsum(used, dtype=np.int32) - 1
    return entries[used], numbers[found]


def _distinct(entries: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distinct entries, sorted by their bytes. `np.unique` with an axis takes 5 times as long."""
    wide = np.zeros((len(entries), 4), np.uint8)
    wide[:, : entries.shape[1]] = entries
    distinct = np.unique(wide.view(">u4")).view(np.uint8).reshape(-1, 4)
    return np.ascontiguousarray(distinct[:, : entries.shape[1]])


def _snapped(
    located: _Located, entries: NDArray[np.uint8], found: NDArray[np.int32], space: ColourSpace
) -> tuple[NDArray[np.uint8], NDArray[np.bool]]:
    """Return the entries, and which of them are exactly the colour of most of their pixels.

    An entry becomes the colour that more than half of its pixels have: a white page stays 255, not 254. Those
    that cost least go first, and together they add at most `SNAPPED` to the squared error. An alpha of 0 or
    255 never changes. `found` (n,) is the number of the entry nearest to each colour.
    """
    counts, k = located.counts, len(entries)
    most = np.zeros(k, np.int64)
    np.maximum.at(most, found, counts)
    exact = 2 * most > np.bincount(found, counts, k)
    commonest = np.flatnonzero((counts == most[found]) & exact[found])
    snapped = entries.copy()
    snapped[found[commonest]] = located.colours[commonest]
    if entries.shape[1] == 4:
        exact &= ~(np.isin(entries[:, 3], (0, 255)) & (entries[:, 3] != snapped[:, 3]))
    before, after = (_errors(located, each, found, space) for each in (entries, snapped))
    added = np.where(exact, np.maximum(after - before, 0), 0)
    cheapest = np.argsort(added, kind="stable")
    exact[cheapest] &= np.cumsum(added[cheapest]) * SNAPPED <= before.sum()
    return np.where(exact[:, np.newaxis], snapped, entries), exact


def _errors(
    located: _Located, entries: NDArray[np.uint8], found: NDArray[np.int32], space: ColourSpace
) -> NDArray[np.float64]:
    """Return the squared error of each entry's colours, times their counts: (k,)."""
    gaps = (located.points - points_of(entries, space)[found]).astype(np.float64)
    return np.bincount(found, (gaps * gaps).sum(axis=1) * located.counts, len(entries)).astype(np.float64)


def _sorted_by_luma(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sort by the Rec. 601 luma of the premultiplied colour, in thousandths, then by the bytes."""
    values = colours.astype(np.int64)
    luma = values[:, :3] @ [299, 587, 114] if values.shape[1] > 1 else values[:, 0]
    if values.shape[1] == 4:
        luma *= values[:, 3]
    return colours[np.lexsort((*colours.T[::-1], luma))]
