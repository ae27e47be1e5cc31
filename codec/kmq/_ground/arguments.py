"""Checks of arguments, shared by the public functions."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable

import numpy as np

LONGEST = 60
"""Most characters of a value that a message shows."""


def checked_integer(name: str, value: object, least: int, most: int) -> int:
    """Return `value`, an integer from `least` to `most`. Raises TypeError or ValueError, naming it."""
    try:
        if isinstance(value, (bool, np.bool)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}; it must be an integer") from None
    if not least <= number <= most:
        raise ValueError(f"{name} is {shown(number)}; it must be {least} to {most:,}")
    return number


def checked_type(name: str, value: object, kind: type, hint: str) -> None:
    """Raise TypeError unless `value` is a `kind`. The message names the argument and says what to pass."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {type(value).__name__}; it must be {hint}")


def checked_bytes(name: str, data: object) -> memoryview:
    """Return a view of the bytes of `data`. Raises TypeError, naming the argument, if `data` is no buffer."""
    try:
        return memoryview(data).cast("B")  # type: ignore[arg-type]
    except TypeError:
        is_file = isinstance(data, (str, os.PathLike)) or hasattr(data, "read")
        hint = " (kmq.open takes a path or an open file)" if is_file else ""
        raise TypeError(f"{name} is {type(data).__name__}; it must be bytes{hint}") from None


def checked_name(name: str, value: object, known: Iterable[str]) -> str:
    """Return `value`, one of the `known` names. Raises TypeError or ValueError, naming the argument."""
    names = tuple(known)
    if not isinstance(value, str):
        raise TypeError(f"{name} is {shown(value)}; it must be one of {', '.join(names)}")
    if value not in names:
        raise ValueError(f"{name} is {shown(value)}; it must be one of {', '.join(names)}")
    return value


def checked_number(name: str, value: object, least: float, most: float = math.inf) -> float:
    """Return `value` as a finite float from `least` to `most`.

    Raises TypeError or ValueError, naming the argument.
    """
    kinds = (int, float, np.integer, np.floating)
    if isinstance(value, (bool, np.bool, np.timedelta64)) or not isinstance(value, kinds):
        raise TypeError(f"{name} is {shown(value)}; it must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and least <= number <= most):
        bounds = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
        raise ValueError(f"{name} is {shown(value)}; it must be a finite number, {bounds}")
    return number


def shown(value: object) -> str:
    """Return `value` as a message shows it, cut after `LONGEST` characters."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return "too long to show"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
