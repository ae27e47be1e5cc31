"""A table of colours with their counts, of any number of pictures or parts of one, in bounded memory.

In: histograms, or tables that others made. Out: one table, the same in whatever order and grouping they were
added. What can't happen: a table of more than MOST_COLOURS colours. One of more is made coarser, all of its
colours alike: the lowest bit of blue is dropped, then of green, of red, then the next one of blue. A colour
then stands for 2, 4 or more, but for none of another alpha.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kmq._histogram import Histogram
from kmq._image import in_channels
from kmq._z_order import codes_of, colours_of

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

MOST_COLOURS = 1 << 20
"""Most colours of a table: they and what clusters them take about 80 MB.

24 megapixels of a photograph have 0.2 to 0.5 million.
"""

AT_ONCE = 1 << 16
"""Colours of the largest table that are added to others at a time."""

FEW = 1 << 18
"""Colours that are gathered at least before tables are added, which takes a sort."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourTable:
    """Distinct colours of `channels` bytes with their exact counts; `dropped` low bits of them don't count.

    `codes` (n,) uint32 are the colours' Z-order codes, ascending; `counts` (n,) int64.
    """

    codes: NDArray[np.uint32]
    counts: NDArray[np.int64]
    channels: int
    dropped: int = 0

    @classmethod
    def of(cls, counted: Histogram) -> Self:
        """Return the table of a histogram, whatever its order."""
        codes = codes_of(counted.colours)
        if (codes[1:] > codes[:-1]).all():
            return cls(codes, counted.counts, counted.channels)
        order = np.argsort(codes)
        return cls(codes[order], counted.counts[order], counted.channels)

    def __len__(self) -> int:
        return len(self.codes)

    def histogram(self) -> Histogram:
        """Return the colours with their counts. Where bits are dropped, a colour's own high bits fill them.

        So black stays black and white white.
        """
        colours = colours_of(self.codes, self.channels)
        for channel, bits in enumerate(_dropped_bits(self.dropped)):
            if bits:
                colours[:, channel] |= colours[:, channel] >> np.uint8(8 - bits)
        return Histogram(colours, self.counts)

    def coarser(self, dropped: int) -> ColourTable:
        """Return the table with `dropped` low bits left out, no fewer than now."""
        return self if dropped == self.dropped else _sum([self], dropped)

    def within(self, most: int) -> ColourTable:
        """Return the table, or the least coarse one that has at most `most` colours."""
        table = self
        while len(table) > most:
            table = table.coarser(table.dropped + 1)
        return table


def added(tables: Iterable[ColourTable], most: int = MOST_COLOURS) -> ColourTable:
    """Return the table of all colours together, made no coarser than it must be for `most` colours.

    That depends on the colours alone: what is too many in a part is too many in the whole. `tables` has at
    least one, and all have as many channels. They are taken one by one, and few are held.
    """
    waiting: list[ColourTable] = []
    limit = FEW
    for table in tables:
        waiting.append(table.within(most))
        if sum(map(len, waiting)) > limit and len(waiting) > 1:
            waiting = [_sum(waiting).within(most)]
            limit = max(FEW, 3 * len(waiting[0]) // 2)  # half as much again: a colour is sorted a few times
    return _sum(waiting).within(most)


def added_in_channels(tables: Iterable[ColourTable]) -> ColourTable:
    """Return the table of all colours together, in as many channels as the one has that has the most."""
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
    """Return how many low bits of red, green and blue are left out."""
    return dropped // 3, (dropped + 1) // 3, (dropped + 2) // 3


def _sum(tables: list[ColourTable], dropped: int = 0) -> ColourTable:
    """Return the table of all colours together, with `dropped` bits left out, or as many as in one of them.

    Range of codes by range, because a sort takes several times the memory of what it sorts.
    """
    dropped = max(dropped, *(table.dropped for table in tables))
    channels = tables[0].channels
    if len(tables) == 1 and dropped == tables[0].dropped:
        return tables[0]
    kept = [0xFF >> bits << bits for bits in _dropped_bits(dropped)] + [0xFF] * (channels == 4)
    mask = codes_of(np.array([kept[:channels]], np.uint8))[0]
    codes, counts = [], []
    for parts in _ranges(tables, channels * -(-dropped // 3)):
        some_codes, some_counts = _added(
            np.concatenate([table.codes[part] & mask for table, part in parts]),
            np.concatenate([table.counts[part] for table, part in parts]),
        )
        codes.append(some_codes)
        counts.append(some_counts)
    return ColourTable(np.concatenate(codes), np.concatenate(counts), channels, dropped)


def _ranges(tables: list[ColourTable], low_bits: int) -> Iterator[list[tuple[ColourTable, slice]]]:
    """Yield parts of the tables that have the colours of a range of codes, range after range.

    No range ends between codes that differ only in their `low_bits` lowest bits.
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


def _added(
    codes: NDArray[np.uint32], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the distinct ones of codes that may repeat, ascending, with the sums of their counts."""
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    starts = np.flatnonzero(np.diff(codes, prepend=~codes[:1]))
    return codes[starts], np.add.reduceat(counts[order], starts)
