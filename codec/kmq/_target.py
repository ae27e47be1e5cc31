"""How many colours a picture needs: for a quality, for a size, or until more no longer pay."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kmq._arguments import checked_integer, checked_number, shown
from kmq._errors import TargetError
from kmq._loss import psnr
from kmq._palette import MAX_ENTRIES

T = TypeVar("T")

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
"""More bits a pixel than any file has but the smallest, where a few hundred pixels pay for the palette."""

STEPS = 256
"""Above so many colours, k is found to one part in so many: a step of 1 changes less than chance does."""

INVISIBLE = 45.0
"""PSNR in dB above which more colours are not worth looking for."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for: at least `psnr` in dB, at most `max_bytes` or `bpp` bits a pixel, or the elbow.

    None is no demand. `most` is the largest k allowed.
    """

    most: int
    psnr: float | None = None
    max_bytes: int | None = None
    bpp: float | None = None
    auto: bool = False

    def limit(self, pixels: int) -> int | None:
        """Return the most bytes that a file of so many pixels may have; None is no limit."""
        limits = [] if self.max_bytes is None else [self.max_bytes]
        if self.bpp is not None:
            size = math.floor(min(self.bpp, MOST_BPP) * pixels / 8)
            # Division rounds: what the ledger calls so many bits a pixel must be allowed.
            limits.append(size + (8 * (size + 1) / pixels <= self.bpp))
        return min(limits, default=None)

    def limits(self) -> str:
        """Return what bounds the size, as it was asked for."""
        demands = {"max_bytes": self.max_bytes, "bpp": self.bpp}
        return " and ".join(f"{name} {value:g}" for name, value in demands.items() if value is not None)


@dataclass(frozen=True, slots=True, eq=False)
class Attempt(Generic[T]):
    """A file of at most k colours: its size and quality, and the file itself."""

    k: int
    size: int
    psnr: float
    made: T


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
    attempt: Callable[[int], Attempt[T]],
    size: Callable[[int], int],
    colours: int,
    pixels: int,
) -> Attempt[T]:
    """Return the attempt that meets the target.

    That is the one of smallest k with the quality asked for; without such a demand, of the largest k
    that fits; or of the k at the elbow. Quality is taken to grow with k: what is returned
    meets the target, and one with a k less by 1 (above 256: by up to k / 256) was tried and
    doesn't. `size` gives the bytes of a file of k entries without making it. `colours` are
    the distinct colours of the picture: with as many entries nothing is lost.

    Raises TargetError, which says how near it came.
    """
    most = min(target.most, colours)
    if target.auto:
        return _elbow(attempt, most)
    limit = target.limit(pixels)
    if limit is not None and size(1) > limit:
        raise TargetError(f"{target.limits()}: even one colour takes {size(1)} bytes, {limit} are allowed")
    if target.psnr is None:
        k = most if limit is None else bisect.bisect_right(range(1, most + 1), limit, key=size)
        return attempt(k)
    best = psnr(1 / pixels, 3)  # of any picture in which one value of one pixel is off by one
    found = attempt(most) if target.psnr > best else _first(attempt, most, target.psnr)
    if found.psnr < target.psnr:
        raise TargetError(f"psnr {target.psnr:g} dB: {found.k:,} colours reach {found.psnr:.2f} dB")
    if limit is not None and found.size > limit:
        raise TargetError(
            f"psnr {target.psnr:g} dB takes {found.k:,} colours and {found.size} bytes; {limit} are allowed"
        )
    return found


def _first(attempt: Callable[[int], Attempt[T]], most: int, wanted: float) -> Attempt[T]:
    """Return the attempt of smallest k with the PSNR wanted, or that of `most`.

    By doubling, then between the last two by halving the distance or, in turns, by taking
    the PSNR for a line over the logarithm of k, which it nearly is: 10 to 18 attempts for
    30 to 42 dB of a photograph, where halving alone takes 12 to 21.
    """
    low, high = attempt(1), attempt(min(2, most))
    if low.psnr >= wanted:
        return low
    while high.psnr < wanted:
        if high.k == most:
            return high
        low, high = high, attempt(min(2 * high.k, most))
    halve = False
    while high.k - low.k > max(1, high.k // STEPS):
        middle = (low.k + high.k) // 2
        if not halve and math.isfinite(high.psnr):
            share = (wanted - low.psnr) / (high.psnr - low.psnr)
            middle = round(low.k * (high.k / low.k) ** share)
        tried = attempt(min(max(middle, low.k + 1), high.k - 1))
        low, high = (low, tried) if tried.psnr >= wanted else (tried, high)
        halve = not halve
    return high


def _elbow(attempt: Callable[[int], Attempt[T]], most: int) -> Attempt[T]:
    """Return the smallest power of two after which two more doublings gain too little."""
    tries = [attempt(min(2, most))]
    while tries[-1].k < most and tries[-1].psnr < INVISIBLE and _pays(tries):
        tries.append(attempt(min(2 * tries[-1].k, most)))
    return tries[-1] if _pays(tries) else tries[-3]


def _pays(tries: list[Attempt[T]]) -> bool:
    """Say whether the last two doublings gained enough, or there weren't two yet."""
    return len(tries) < 3 or tries[-1].psnr - tries[-3].psnr >= PAYS
