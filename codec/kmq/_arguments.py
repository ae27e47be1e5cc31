"""Checks of arguments that several functions take."""

from __future__ import annotations

import operator

import numpy as np


def checked_integer(name: str, value: object, least: int, most: int) -> int:
    """Return `value` as an int. Raises TypeError or ValueError, naming the argument, if it isn't one."""
    try:
        if isinstance(value, (bool, np.bool)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be an integer") from None
    if not least <= number <= most:
        raise ValueError(f"{name} is {number}; it must be {least} to {most:,}")
    return number
