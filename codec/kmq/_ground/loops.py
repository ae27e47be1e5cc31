"""Checks that the loops are compiled, or runs their sources instead.

A loop never runs as Python by accident: that would be some hundred times slower, so a loop that isn't
compiled is an ImportError. KMQ_UNCOMPILED=1 asks for it. The bytes are the same, a debugger and a
coverage tool can follow the loops, and no compiler is needed.
"""

import importlib
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, SourceFileLoader
from pathlib import Path

PACKAGE = "kmq"
ROOT = Path(__file__).parents[1]
LOOPS = tuple(
    sorted(
        ".".join([PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]) for path in ROOT.rglob("*_loop.py")
    )
)
"""Names of the modules that setup.py compiles. Finding them takes 0.7 ms at import."""


def check_loops() -> None:
    """Raise ImportError unless every loop is compiled; with KMQ_UNCOMPILED=1, import their sources."""
    wanted = os.environ.get("KMQ_UNCOMPILED", "")
    if wanted not in ("", "0", "1"):
        raise ImportError(f"KMQ_UNCOMPILED is {wanted!r}; it must be 0 or 1")
    if not LOOPS:
        raise ImportError(f"the sources of the loops are missing: no *_loop.py below {ROOT}")
    if wanted == "1":
        import_sources()
        return
    for loop in LOOPS:
        _check_compiled(loop)


def _check_compiled(name: str) -> None:
    source = _source(name)
    if not any(source.with_suffix(suffix).exists() for suffix in EXTENSION_SUFFIXES):
        raise ImportError(
            f"{name} isn't compiled for this Python (found: {source}): install kmq again with a C compiler, "
            "or set KMQ_UNCOMPILED=1 to run it as Python, slowly"
        )


def _source(name: str) -> Path:
    return ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py")


class _Sources:
    """Finds the source of a loop, whether or not it is compiled too."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return where the source is, or None for any other module."""
        if name not in LOOPS:
            return None
        source = _source(name)
        spec = ModuleSpec(name, SourceFileLoader(name, str(source)), origin=str(source))
        spec.has_location = True
        return spec


def import_sources() -> None:
    """Import the source of every loop that is not imported yet. Raise ImportError if Cython is missing."""
    finder = _Sources()  # in place while they are imported, because loops import loops
    sys.meta_path.insert(0, finder)
    try:
        for loop in LOOPS:
            importlib.import_module(loop)
    except ModuleNotFoundError as error:
        if error.name == "cython":
            raise ImportError(f"KMQ_UNCOMPILED=1 needs the package Cython: {error}") from error
        raise
    finally:
        sys.meta_path.remove(finder)
