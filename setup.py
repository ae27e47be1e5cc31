"""Compiles every *_loop.py under codec/, and once what all of them share; the rest is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path("codec")
HEADERS = [path.as_posix() for path in sorted(ROOT.rglob("*_loop.pxd"))]
"""Constants, structures and functions of loops. They take each other's: a change compiles all anew."""

SHARED = "kmq._ground._memoryviews"
"""Cython's code for memoryviews, written while building. A copy in each loop would treble the time."""

FLAGS = ["-O3"] if "CFLAGS" in os.environ else ["-O3", "-g0"]
"""Without debug information, unless whoever builds chooses flags."""


def compiled(source: Path) -> Extension:
    """Return how a source is compiled, by its name in its package."""
    name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
    return Extension(name, [source.as_posix()], depends=HEADERS, extra_compile_args=FLAGS)


sources = [*sorted(ROOT.rglob("*_loop.py")), ROOT.joinpath(*SHARED.split(".")).with_suffix(".c")]
setup(
    ext_modules=cythonize([compiled(source) for source in sources], shared_utility_qualified_name=SHARED),
    options={"build_ext": {"parallel": min(8, os.cpu_count() or 1)}},
)
