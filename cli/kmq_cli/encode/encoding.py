"""What is asked of `kmq encode` for every file, and what it says of one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import kmq
from kmq_cli.pictures.source import open_image
from kmq_cli.terminal.failures import UsageError, failures

FIRST_FRAME = "note: has {frames} frames; the first was encoded (--frame takes another, or all)"
DENSITY_LOST = "the density, {:.4g} x {:.4g} dpi, isn't kept; --keep density keeps it"
ENTRY_ADDED = "note: a transparent entry was added to the palette for its transparent pixels"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode a file: the options of `kmq.encode`, and what to do about files that exist or are larger.

    `skip_if_larger` None is the default of the command: on for many files, off for one. `frame` is which to
    encode of a file that has several; None is the first, with a note if there are more.
    """

    options: Mapping[str, Any]
    max_pixels: int | None
    force: bool
    skip_existing: bool
    skip_if_larger: bool | None
    frame: int | None = None
    preserve: bool = False
    opaque: bool = False
    truncated: bool = False

    def loaded(self) -> Encoding:
        """Return the same with the palette that was named, so that it is read once for all files.

        If it can't be read, the command ends.
        """
        named = self.options["palette"]
        if named is None:
            return self
        with failures("--palette"):
            try:
                palette = kmq.load_palette(named)
            except ValueError as error:
                raise UsageError(str(error)) from None
        return replace(self, options={**self.options, "palette": palette})

    def adds_entry(self, k: int) -> bool:
        """Tell whether a file of `k` entries has one more than the palette that was given."""
        palette = self.options["palette"]
        return palette is not None and k > palette.k


def opened_for(encoding: Encoding, data: bytes, frame: int | None) -> kmq.OpenedPicture:
    """Open a picture, given the bytes of its file, for encoding. Raises what `open_image` does."""
    opened = open_image(
        data, encoding.max_pixels, frame or 0, opaque=encoding.opaque, truncated=encoding.truncated
    )
    if not {"density", "all"} & set(encoding.options["keep"]):
        tell_density(opened.image.info.get("dpi"))
    return opened


def tell_density(dpi: Any) -> None:  # noqa: ANN401  Pillow's, from a file
    """Warn that a density, in dots an inch across and down, is lost."""
    if _is_told(dpi):
        warnings.warn(DENSITY_LOST.format(*dpi), stacklevel=2)


def _is_told(dpi: object) -> bool:
    """Tell whether a density was chosen for print: 72 and 96 are what programs write when nobody has."""
    try:
        return isinstance(dpi, tuple) and not {round(float(number)) for number in dpi} <= {0, 1, 72, 96}
    except (ValueError, OverflowError):
        return False


def no_smaller(source_bytes: int, output_bytes: int) -> str:
    """Say why a file is left out that would be no smaller than its source."""
    sizes = f"its .kmq would have {output_bytes:,} bytes, and it has {source_bytes:,}"
    return f"{sizes}; --no-skip-if-larger writes it anyway"
