"""Structures of C, for loops that run uncompiled: compiled, a loop's `.pxd` has them."""

from __future__ import annotations

from copy import deepcopy


def structure(**fields: object) -> type:
    """Return a class of objects that begin with copies of these fields, and may get others.

    `Name[1]`, which loops declare because C passes an array of one as a pointer, is the class itself.
    """

    class Structure:
        def __init__(self) -> None:
            self.__dict__.update(deepcopy(fields))

        def __class_getitem__(cls, size: int) -> type:
            assert size == 1  # noqa: S101  larger arrays are lists
            return cls

    return Structure
