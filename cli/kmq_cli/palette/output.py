"""A palette for people, as swatches or lines, and for programs, as JSON or another program's file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

import kmq
from kmq_cli.palette.counted import PALETTE_SUFFIXES
from kmq_cli.palette.swatches import swatch_sheet
from kmq_cli.pictures.export import format_for
from kmq_cli.terminal.failures import UsageError, printable
from kmq_cli.terminal.ledger_report import KINDS

if TYPE_CHECKING:
    from kmq_cli.palette.counted import CountedPalette

SHOWN = 256
"""Most entries that a terminal gets unless it asks for all."""


def kind_for(output: str, asked: str | None) -> str:
    """Return what to write: one of `PALETTE_SUFFIXES`, ".json", or Pillow's name of a picture's format.

    `asked` is a suffix without its dot. Raises UsageError if neither that nor the output's name
    decides.
    """
    suffix = Path(output).suffix.lower() if asked is None else f".{asked}"
    if suffix in PALETTE_SUFFIXES or suffix == ".json":
        return suffix
    if asked is not None:
        return asked.upper()
    if output == "-":
        raise UsageError("standard output needs a format: add --format gpl, or another one")
    try:
        return format_for(output)
    except UsageError:
        raise UsageError(
            f"{output}: kmq palette can't write {suffix or 'a file without a suffix'}; it writes "
            f"{' '.join(PALETTE_SUFFIXES)} .json, and pictures of the swatches as .png .webp and others"
        ) from None


def palette_file(counted: CountedPalette, source: str, kind: str) -> tuple[bytes, str]:
    """Return the bytes of a file of a kind that `kind_for` returns, and what it lost ("" for nothing).

    Raises ValueError if such a file can't hold it.
    """
    if kind == ".json":
        return palette_json(counted, source).encode() + b"\n", ""
    out = io.BytesIO()
    if kind in PALETTE_SUFFIXES:
        kmq.save_palette(out, counted.palette, kind.removeprefix("."))
        return out.getvalue(), _lost(counted.palette, kind)
    try:
        swatch_sheet(counted).save(out, kind)
    except Exception as error:  # noqa: BLE001  each format's writer has its own ways to fail
        raise ValueError(f"{kind} can't hold this picture ({error}); .png can") from None
    return out.getvalue(), ""


def _lost(palette: kmq.Palette, suffix: str) -> str:
    """Say how many entries lost their alpha in a palette file."""
    if palette.channels < 4 or suffix in (".gpl", ".hex"):
        return ""
    alpha, has = palette.entries[:, 3], "no alpha"
    lost = int((alpha < 255).sum())
    if suffix == ".act":
        lost -= bool((alpha == 0).any())
        has = "at most one transparent entry"
    return f"{lost:,} of {palette.k:,} entries lost their alpha: {suffix} has {has}" if lost else ""


def palette_json(counted: CountedPalette, source: str) -> str:
    """Return the palette as one line of JSON."""
    pixels, counts = counted.pixels, counted.counts
    entries = [
        {
            "index": index,
            "hex": code,
            "pixels": None if counts is None else int(counts[index]),
            "share": None if counts is None or pixels is None else int(counts[index]) / pixels,
        }
        for index, code in enumerate(counted.codes)
    ]
    palette = counted.palette
    head = {"source": source, "k": palette.k, "channels": palette.channels, "pixels": pixels}
    return json.dumps(head | {"entries": entries})


def print_palette(counted: CountedPalette, source: str, *, every: bool) -> None:
    """Print swatches to a terminal of 256 colours or more, and elsewhere a line for each entry.

    Sixteen colours are too few: they show a red as a yellow. A terminal gets the first 256 entries, unless
    `every` asks for all.
    """
    console = Console(highlight=False, soft_wrap=True)
    colourful = console.color_system in ("256", "truecolor") and not console.no_color
    k = counted.palette.k
    number = k if every or not console.is_terminal else min(k, SHOWN)
    if colourful:
        entries = "entry" if k == 1 else "entries"
        pixels = "" if counted.pixels is None else f" for {counted.pixels:,} pixels"
        heading = f"{k:,} {KINDS[counted.palette.channels]} {entries}{pixels}"
        console.print(Text.assemble((printable(source), "bold"), f"  {heading}"), end="\n\n")
    for line in _swatch_lines(counted, number, console.width) if colourful else _plain_lines(counted, number):
        console.print(line)
    if number < k:
        console.print(Text(f"and {k - number:,} more; --all prints them", "dim" if colourful else ""))


def _plain_lines(counted: CountedPalette, number: int) -> Iterator[Text]:
    """Give a line for each entry: index, colour, share."""
    width = len(str(counted.palette.k - 1))
    for index, code in enumerate(counted.codes[:number]):
        share = f"  {counted.share(index):>8}" if counted.counts is not None else ""
        yield Text(f"{index:{width}}  {code}{share}")


def _swatch_lines(counted: CountedPalette, number: int, width: int) -> Iterator[Text]:
    """Give lines, each with as many entries as fit: index, swatch, colour, share."""
    digits, gap = len(str(counted.palette.k - 1)), 3
    codes = counted.codes
    cell = digits + 1 + 4 + 1 + len(codes[0])
    cell += 0 if counted.counts is None else 1 + len("100.00 %")
    columns = max(1, (width + gap) // (cell + gap))
    over_black, over_white = (counted.over(grey)[:number].tolist() for grey in (0, 255))
    for start in range(0, number, columns):
        line = Text()
        for index in range(start, min(start + columns, number)):
            line.append("" if index == start else " " * gap)
            line.append(f"{index:{digits}} ", "dim")
            for colour in (over_black[index], over_white[index]):
                line.append("  ", Style(bgcolor=Color.from_rgb(*colour)))
            line.append(f" {codes[index]}")
            if counted.counts is not None:
                line.append(f" {counted.share(index):>8}", "dim" if counted.counts[index] == 0 else "")
        yield line
