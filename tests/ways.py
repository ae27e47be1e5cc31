"""The two ways that the loops are run: compiled, and with KMQ_UNCOMPILED=1 as Python."""

import os

from hypothesis import settings

UNCOMPILED = os.environ.get("KMQ_UNCOMPILED") == "1"

SLOWER = 40
"""Times fewer examples of a property uncompiled; a loop takes some hundred times as long."""

EXAMPLES = 100
"""Of a property that names no number: Hypothesis's own."""


def examples(number: int = EXAMPLES) -> settings:
    """Return the settings of a property that is tried so many times; uncompiled, at least three times."""
    return settings(deadline=None, max_examples=max(3, number // SLOWER) if UNCOMPILED else number)
