"""Styles of what a terminal shows: bold, dim and a few colours; elsewhere none."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import TextIO

BOLD, DIM, CYAN, YELLOW = 1, 2, 36, 33
FIRST_COLOUR = 30

STYLES = MappingProxyType(
    {
        "plain": (),
        "title": (BOLD,),
        "dim": (DIM,),
        "name": (BOLD, CYAN),
        "value": (YELLOW,),
        "code": (CYAN,),
    }
)
"""Numbers of SGR (ECMA-48)."""

Paint = Callable[[str, str], str]
"""Returns a text in a style."""


def paint_for(stream: TextIO | None) -> Paint:
    """Return what paints texts for a stream.

    Only a terminal gets styles, or any stream if FORCE_COLOR is set; with NO_COLOR they have no colours.
    """
    if not (os.environ.get("FORCE_COLOR") or _has_styles(stream)):
        return lambda text, _style: text
    coloured = not os.environ.get("NO_COLOR")

    def paint(text: str, style: str) -> str:
        codes = [str(code) for code in STYLES[style] if coloured or code < FIRST_COLOUR]
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text else text

    return paint


def is_terminal(stream: object) -> bool:
    """Tell whether a stream is a terminal that can overwrite a line."""
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _has_styles(stream: TextIO | None) -> bool:
    # The old console of Windows would show the numbers.
    return is_terminal(stream) and (sys.platform != "win32" or "WT_SESSION" in os.environ)
