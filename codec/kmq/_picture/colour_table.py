"""Counted colours of any number of pictures, or parts of one, in bounded memory.

Takes histograms or tables. Returns one table, whatever the order and grouping in which they were added.

A table never has more than MOST_COLOURS colours. When it would, it becomes coarser in all its colours
alike: the lowest bit of blue is dropped, then that of green, then of red, then the next of blue. Each colour
then stands for 2, 4 or more colours of the same alpha.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kmq._colours.channels import in_channels
from kmq._colours.z_order import codes_of, colours_of
from kmq._picture.histogram import Histogram

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

MOST_COLOURS = 1 << 20
"""Most colours of a table. With the memory to cluster them they take about 90 MB, or 150 MB with alpha.

A photograph of 24 megapixels has 0.2 to 0.5 million.
"""

AT_ONCE = 1 << 16
"""Colours of the largest table that are summed at a time."""

FEW = 1 << 18
"""Colours gathered before tables are summed: each sum takes a sort."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourTable:
    """Distinct colours of `channels` bytes with their counts, without their `dropped` lowest bits.

    `codes` (n,) uint32 are the colours' Z-order codes, ascending. `counts` (n,) int64 are exact.
    """

    codes: NDArray[np.uint32]
    counts: NDArray[np.int64]
    channels: int
    dropped: int = 0

    @classmethod
    def of(cls, counted: Histogram) -> Self:
        """Return the table of a histogram, whose colours may be in any order."""
        codes = codes_of(counted.colours)
        if (codes[1:] > codes[:-1]).all():
            return cls(codes, counted.counts, counted.channels)
        order = np.argsort(codes)
        return cls(codes[order], counted.counts[order], counted.channels)

    def __len__(self) -> int:
        return len(self.codes)

    def histogram(self) -> Histogram:
        """Return the colours with their counts.

        The high bits of a channel fill its dropped ones, so that black stays black and white
        stays white.
        """
        colours = colours_of(self.codes, self.channels)
        for channel, bits in enumerate(_dropped_bits(self.dropped)):
            if bits:
                colours[:, channel] |= colours[:, channel] >> np.uint8(8 - bits)
        return Histogram(colours, self.counts)

    def coarser(self, dropped: int) -> ColourTable:
        """Return the table without `dropped` low bits, which are no fewer than now."""
        if dropped == self.dropped:
            return self
        whole = _sum_without([self], dropped, len(self))
        assert whole is not None  # noqa: S101  dropping bits never adds colours
        return whole

    def within(self, most: int) -> ColourTable:
        """Return the table, made just coarse enough for at most `most` colours."""
        return _sum([self], most)


def added(tables: Iterable[ColourTable], most: int = MOST_COLOURS) -> ColourTable:
    """Return the sum of `tables`, made just coarse enough for at most `most` colours.

    The result depends on the colours alone: too many colours in a part are too many in the whole.
    There is at least one table, and all have the same number of channels. Tables are taken one by one,
    and only a few are in memory at a time.
    """
    waiting: list[ColourTable] = []
    limit = FEW
    for table in tables:
        waiting.append(table.within(most))
        if sum(map(len, waiting)) > limit and len(waiting) > 1:
            waiting = [_sum(waiting, most)]
            limit = max(FEW, 3 * len(waiting[0]) // 2)  # by half: a colour is sorted only a few times
    return _sum(waiting, most)


def added_in_channels(tables: Iterable[ColourTable]) -> ColourTable:
    """Return the sum of `tables` in the channels of the one that has the most."""
    given = list(tables)
    channels = max(table.channels for table in given)
    return added(map(partial(_in_channels, channels), given))


def _in_channels(channels: int, table: ColourTable) -> ColourTable:
    if table.channels == channels:
        return table
    counted = table.histogram()
    whole = ColourTable.of(Histogram(in_channels(counted.colours, channels), counted.counts))
    return whole.coarser(table.dropped)


def _dropped_bits(dropped: int) -> tuple[int, int, int]:
    """Return how many low bits of red, green and blue are dropped."""
    return dropped // 3, (dropped + 1) // 3, (dropped + 2) // 3


def _sum(tables: list[ColourTable], most: int) -> ColourTable:
    """Return the sum of `tables`, made just coarse enough for at most `most` colours."""
    if len(tables) == 1 and len(tables[0]) <= most:
        return tables[0]
    dropped = max(table.dropped for table in tables)
    while (whole := _sum_without(tables, dropped, most)) is None:
        dropped += 1
    return whole


def _sum_without(tables: list[ColourTable], dropped: int, most: int) -> ColourTable | None:
    """Return the sum of `tables` without `dropped` bits; None if it has more than `most` colours."""
    size = min(most, sum(map(len, tables)))
    codes, counts = np.empty(size, np.uint32), np.empty(size, np.int64)
    end = 0
    for some_codes, some_counts in _parts(tables, dropped):
        order = np.argsort(some_codes, kind="stable")
        ascending = some_codes[order]
        starts = np.flatnonzero(np.diff(ascending, prepend=~ascending[:1]))
        part = slice(end, end + len(starts))
        if part.stop > most:
            return None
        codes[part] = ascending[starts]
        counts[part] = np.add.reduceat(some_counts[order], starts)
        end = part.stop
    # In place, without a copy: the unwritten rest takes no memory.
    codes.resize(end, refcheck=False)
    counts.resize(end, refcheck=False)
    return ColourTable(codes, counts, tables[0].channels, dropped)


def _parts(tables: list[ColourTable], dropped: int) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
    """Yield the codes without `dropped` bits, and their counts, range of codes by range.

    Within a range, codes may repeat and have any order. Sorting takes several times the memory of what it
    sorts, so the caller sorts one range at a time.
    """
    channels = tables[0].channels
    kept = [0xFF >> bits << bits for bits in _dropped_bits(dropped)] + [0xFF] * (channels == 4)
    mask = codes_of(np.array([kept[:channels]], np.uint8))[0]
    for parts in _ranges(tables, channels * -(-dropped // 3)):
        codes = np.concatenate([table.codes[part] for table, part in parts])
        codes &= mask
        yield codes, np.concatenate([table.counts[part] for table, part in parts])


def _ranges(tables: list[ColourTable], low_bits: int) -> Iterator[list[tuple[ColourTable, slice]]]:
    """Yield, for each range of codes, the tables with their parts in that range.

    Codes that differ only in their `low_bits` lowest bits are in the same range.
    """
    largest = max(tables, key=len)
    ends = largest.codes[AT_ONCE::AT_ONCE] >> np.uint32(low_bits) << np.uint32(low_bits)
    ends = np.unique(ends)
    places = [[0, *np.searchsorted(table.codes, ends).tolist(), len(table)] for table in tables]
    for number in range(len(ends) + 1):
        parts = [
            (table, slice(place[number], place[number + 1]))
            for table, place in zip(tables, places, strict=True)
        ]
        if any(part.start < part.stop for _, part in parts):
            yield parts
