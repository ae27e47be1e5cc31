"""The two ways that the loops are run: compiled, and with KMQ_UNCOMPILED=1 as Python."""

import functools
import importlib
import os
import sys

import numpy as np
import pytest
from hypothesis import settings

from kmq._ground import loops

UNCOMPILED = os.environ.get("KMQ_UNCOMPILED") == "1"

SLOWER = 40
"""Times fewer examples of a property uncompiled; a loop takes some hundred times as long."""

EXAMPLES = 50
"""Of a property that names no number."""


def examples(number: int = EXAMPLES) -> settings:
    """Return the settings of a property that is tried so many times; uncompiled, at least three times."""
    return settings(deadline=None, max_examples=max(3, number // SLOWER) if UNCOMPILED else number)


@functools.cache
def _all_uncompiled():
    """Import the source of every loop, as KMQ_UNCOMPILED=1 does; put back what was there."""
    for name in loops.LOOPS:  # most load only when a coding needs them
        importlib.import_module(name)
    there = {name: sys.modules.pop(name) for name in loops.LOOPS}
    try:
        loops.import_sources()
        return {name: sys.modules[name] for name in loops.LOOPS}
    finally:
        for name, module in there.items():
            sys.modules[name] = module
            room, _, last = name.rpartition(".")
            setattr(sys.modules[room], last, module)


def uncompiled(module):
    """Return the Python source that lies beside a compiled module, as a module."""
    return _all_uncompiled()[module.__name__]


BOTH = pytest.mark.parametrize("loops", ["compiled", "pure"])
"""For a test of a loop that is to be tried both ways whatever KMQ_UNCOMPILED says; see `of`."""


def of(way, module):
    """Return a compiled module, or the same as Python."""
    return module if way == "compiled" else uncompiled(module)


def run(function, arguments):
    """Run a function of a loop on arrays."""
    return function(*(memoryview(value) if isinstance(value, np.ndarray) else value for value in arguments))
