"""How many colours a picture needs: for a quality, a size, or until more are not worth their bytes."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kmq._colours.loss import psnr
from kmq._ground.arguments import checked_integer, checked_number, shown
from kmq._ground.errors import TargetError
from kmq._indexed.index_plane import MAX_ENTRIES

AUTO = "auto"
"""The k that asks for the elbow."""

MOST_AUTO = 256
"""Most colours that "auto" takes: 8 bits a pixel."""

PAYS = 4.5
"""What two more doublings must gain, in dB, to be worth their two bits a pixel.

Halving the distance between entries along three axes takes eight times as many: 2 dB a doubling is what any
photograph gains without end (Gersho, 1979). On the development pictures the gain comes down to that
between 16 and 128 colours.
"""

MOST_BPP = 1000.0
"""More bits per pixel than any file has, except the smallest, whose few pixels share a whole palette."""

STEPS = 256
"""Above this many colours, k is found to one part in as many: a step of 1 changes less than chance does."""

INVISIBLE = 45.0
"""PSNR in dB above which more colours are not worth looking for."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to reach: at least `psnr` in dB, at most `max_bytes` or `bpp` bits per pixel, or the elbow.

    None is no demand. `most` is the largest k allowed.
    """

    most: int
    psnr: float | None = None
    max_bytes: int | None = None
    bpp: float | None = None
    auto: bool = False

    def limit(self, pixels: int) -> int | None:
        """Return the most bytes that a file of this many pixels may have; None is no limit."""
        limits = [] if self.max_bytes is None else [self.max_bytes]
        if self.bpp is not None:
            size = math.floor(min(self.bpp, MOST_BPP) * pixels / 8)
            # Division rounds: a file whose ledger says exactly `bpp` must be allowed.
            limits.append(size + (8 * (size + 1) / pixels <= self.bpp))
        return min(limits, default=None)

    def limits(self) -> str:
        """Return the limits on size as they were given, for a message."""
        demands = {"max_bytes": self.max_bytes, "bpp": self.bpp}
        return " and ".join(f"{name} {value:g}" for name, value in demands.items() if value is not None)


class Attempt(Protocol):
    """A picture in at most k colours. Its quality in dB and its size in bytes take time to compute."""

    @property
    def k(self) -> int: ...
    @property
    def psnr(self) -> float: ...
    @property
    def size(self) -> int: ...


A = TypeVar("A", bound=Attempt)


def checked_target(
    k: object, psnr: object, max_bytes: object, bpp: object, *, fixed: int | None
) -> int | Target:
    """Return k, or a target; `fixed` is the number of entries of a palette that was given.

    Raises ValueError or TypeError, naming the argument.
    """
    demands = {"psnr": psnr, "max_bytes": max_bytes, "bpp": bpp}
    named = [name for name, value in demands.items() if value is not None]
    if psnr is not None:
        psnr = checked_number("psnr", psnr, 0)
    if max_bytes is not None:
        max_bytes = checked_integer("max_bytes", max_bytes, 1, 2**62)
    if bpp is not None:
        bpp = checked_number("bpp", bpp, 0)
    auto = isinstance(k, str) and k == AUTO
    if isinstance(k, str) and not auto:
        raise ValueError(f"k is {shown(k)}; it must be 1 to {MAX_ENTRIES:,}, or 'auto'")
    number = MAX_ENTRIES if k is None or auto else checked_integer("k", k, 1, MAX_ENTRIES)
    if fixed is not None:
        if named:
            raise ValueError(f"{named[0]} looks for a number of colours; a given palette has its own")
        if k is not None and number != fixed:
            raise ValueError(f"k is {k}; the given palette has {fixed} entries, all of which are kept")
        return fixed
    if auto:
        if named:
            raise ValueError(f"k is 'auto'; {named[0]} looks for a k of its own")
        return Target(MOST_AUTO, auto=True)
    if named:
        return Target(number, psnr, max_bytes, bpp)
    return 256 if k is None else number


def reached(
    target: Target,
    attempt: Callable[[int], A],
    packed_size: Callable[[int], int] | None,
    colours: int,
    pixels: int,
    *,
    exact: bool,
) -> A:
    """Return the attempt that meets the target.

    For a quality that is the attempt of the smallest k that reaches it; otherwise the one of the largest k
    that fits, or of the k at the elbow. The search assumes that quality and size grow with k. The result
    meets the target; the attempt next to it (k - 1 for a quality, k + 1 for a size; up to k / 256 away above
    256) was tried and doesn't. `packed_size` returns the bytes of a packed file of k entries without making
    it, if no attempt is larger than that; `exact` says that attempts are exactly as large. `colours` are the
    distinct colours of the picture: with that many entries nothing is lost.

    Raises TargetError, which says how near the search came.
    """
    most = min(target.most, colours)
    if target.auto:
        return _elbow(attempt, most)
    limit = target.limit(pixels)
    if limit is not None:
        least = attempt(1).size if packed_size is None else packed_size(1)
        if least > limit:
            raise TargetError(f"{target.limits()}: even one colour takes {least} bytes, {limit} are allowed")
    if target.psnr is not None:
        return _of_quality(attempt, most, target.psnr, limit, pixels)
    if limit is None:
        return attempt(most)
    fits = 1 if packed_size is None else bisect.bisect_right(range(1, most + 1), limit, key=packed_size)
    found = attempt(fits)
    return found if exact else _between(attempt, found, most, lambda tried: tried.size, limit + 1)[0]


def _of_quality(attempt: Callable[[int], A], most: int, wanted: float, limit: int | None, pixels: int) -> A:
    """Return the attempt of smallest k with the PSNR wanted. Raises TargetError."""
    best = psnr(1 / pixels, 3)  # of any picture in which one value of one pixel is off by one
    found = attempt(most if wanted > best else 1)
    if found.psnr < wanted:
        low, high = _between(attempt, found, most, lambda tried: tried.psnr, wanted)
        found = low if high is None else high
    if found.psnr < wanted:
        raise TargetError(f"psnr {wanted:g} dB: {found.k:,} colours reach {found.psnr:.2f} dB")
    if limit is not None and found.size > limit:
        raise TargetError(
            f"psnr {wanted:g} dB takes {found.k:,} colours and {found.size} bytes; {limit} are allowed"
        )
    return found


def _between(
    attempt: Callable[[int], A], low: A, most: int, gauge: Callable[[A], float], wanted: float
) -> tuple[A, A | None]:
    """Return the attempts just below and just above the k whose gauge reaches `wanted`; None if none does.

    The gauge of `low` is less. k is doubled until the gauge is reached. Between the last two attempts, steps
    halve the distance and, in turns, take the gauge for a line over the logarithm of k, which PSNR and size
    nearly are: 10 to 18 attempts for 30 to 42 dB of a photograph, where halving alone takes 12 to 21.
    """
    high = low
    while gauge(high) < wanted:
        if high.k == most:
            return high, None
        low, high = high, attempt(min(2 * high.k, most))
    halve = False
    while high.k - low.k > max(1, high.k // STEPS):
        middle = (low.k + high.k) // 2
        if not halve and math.isfinite(gauge(high)):
            share = (wanted - gauge(low)) / (gauge(high) - gauge(low))
            middle = round(low.k * (high.k / low.k) ** share)
        tried = attempt(min(max(middle, low.k + 1), high.k - 1))
        low, high = (low, tried) if gauge(tried) >= wanted else (tried, high)
        halve = not halve
    return low, high


def _elbow(attempt: Callable[[int], A], most: int) -> A:
    """Return the smallest power of two after which two more doublings gain too little."""
    tries = [attempt(min(2, most))]
    while tries[-1].k < most and tries[-1].psnr < INVISIBLE and _pays(tries):
        tries.append(attempt(min(2 * tries[-1].k, most)))
    return tries[-1] if _pays(tries) else tries[-3]


def _pays(tries: Sequence[Attempt]) -> bool:
    """Tell whether the last two doublings gained enough. Fewer than two always do."""
    return len(tries) < 3 or tries[-1].psnr - tries[-3].psnr >= PAYS
