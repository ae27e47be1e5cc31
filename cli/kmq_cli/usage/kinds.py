"""Kinds of values: words, numbers, and texts that a function reads."""

from __future__ import annotations

import math
from collections.abc import Callable

from kmq_cli.usage.declared import Kind

TOLD = 2**31 - 1
"""A limit from here on is that of a machine's numbers, and the help doesn't say it."""


def one_of(*words: str) -> Kind:
    """Return the kind of one of several words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return Kind("|".join(words), read, words)


def whole(metavar: str, least: int, most: int) -> Kind:
    """Return the kind of a whole number within limits."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ValueError(f"{text!r} is not a whole number from {least:,} to {most:,}")
        return number

    return Kind(metavar, read, limits=_limits(least, most))


def number(metavar: str, least: float, most: float = math.inf) -> Kind:
    """Return the kind of a finite number within limits."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (least <= value <= most and math.isfinite(value)):
            up = f"to {most:,}" if math.isfinite(most) else "up"
            raise ValueError(f"{text!r} is not a number from {least:,} {up}")
        return value

    return Kind(metavar, read, limits=_limits(least, most))


def names_of(words: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return a function that reads some of `words`, with commas between."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.split(",")))
        for name in names:
            if name not in words:
                raise ValueError(f"{name!r} is not one of {', '.join(words)}")
        return names

    return read


def _limits(least: float, most: float) -> str:
    return f"at least {least:,}" if most >= TOLD else f"{least:,} to {most:,}"
