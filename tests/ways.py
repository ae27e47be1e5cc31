"""The two ways that the loops are run: compiled, and with KMQ_UNCOMPILED=1 as Python."""

import functools
import importlib.machinery
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

UNCOMPILED = os.environ.get("KMQ_UNCOMPILED") == "1"

SLOWER = 40
"""Times fewer examples of a property uncompiled; a loop takes some hundred times as long."""

EXAMPLES = 100
"""Of a property that names no number: Hypothesis's own."""


def examples(number: int = EXAMPLES) -> settings:
    """Return the settings of a property that is tried so many times; uncompiled, at least three times."""
    return settings(deadline=None, max_examples=max(3, number // SLOWER) if UNCOMPILED else number)


@functools.cache
def uncompiled(module):
    """Load the Python source that lies beside a compiled module."""
    source = Path(module.__file__).with_name(module.__name__.rpartition(".")[2] + ".py")
    loader = importlib.machinery.SourceFileLoader(f"uncompiled_{source.stem}", str(source))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    loaded = importlib.util.module_from_spec(spec)
    loader.exec_module(loaded)
    return loaded


BOTH = pytest.mark.parametrize("loops", ["compiled", "pure"])
"""For a test of a loop that is to be tried both ways whatever KMQ_UNCOMPILED says; see `of`."""


def of(loops, module):
    """Return a compiled module, or the same as Python."""
    return module if loops == "compiled" else uncompiled(module)


def run(function, arguments):
    """Run a function of a loop on arrays."""
    return function(*(memoryview(value) if isinstance(value, np.ndarray) else value for value in arguments))
