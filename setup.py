"""Compiles every *_loop.py under codec/; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

ROOT = Path("codec")
HEADERS = [path.as_posix() for path in sorted(ROOT.rglob("*_loop.pxd"))]
"""Constants, structures and functions of loops. They take each other's: a change compiles all anew."""


def compiled(source: Path) -> Extension:
    """Return how a loop is compiled, by its name in its package."""
    name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
    return Extension(name, [source.as_posix()], depends=HEADERS, extra_compile_args=["-O3"])


setup(ext_modules=[compiled(source) for source in sorted(ROOT.rglob("*_loop.py"))])
