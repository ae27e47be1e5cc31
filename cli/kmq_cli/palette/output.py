"""A palette for people, as swatches or lines, and for programs, as JSON or another program's file."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from kmq._colours.channels import in_channels
from kmq._palette.files import PALETTE_WRITERS, hex_code, read_palette_file, write_palette_file
from kmq_cli.palette.swatches import swatch_sheet
from kmq_cli.pictures.export import format_for
from kmq_cli.terminal.failures import printable
from kmq_cli.terminal.ledger_report import KINDS

if TYPE_CHECKING:
    from kmq_cli.palette.counted import CountedPalette

SHOWN = 256
"""Most entries that a terminal gets unless it asks for all."""


def kind_for(output: str, asked: str | None) -> str:
    """Return what to write: a suffix of `PALETTE_WRITERS`, ".json", or Pillow's name of a picture's format.

    Raises typer.BadParameter if neither `asked`, a suffix without its dot, nor the output's name tells.
    """
    suffix = Path(output).suffix.lower() if asked is None else f".{asked}"
    if suffix in PALETTE_WRITERS or suffix == ".json":
        return suffix
    if asked is not None:
        return asked.upper()
    if output == "-":
        raise typer.BadParameter("standard output has no suffix that tells the format: add --format gpl")
    try:
        return format_for(output)
    except typer.BadParameter:
        raise typer.BadParameter(
            f"{output}: kmq palette writes no {suffix or 'file without a suffix'}; "
            f"it does write {' '.join(PALETTE_WRITERS)} .json, and swatches as .png .webp and others"
        ) from None


def palette_file(counted: CountedPalette, source: str, kind: str) -> tuple[bytes, str]:
    """Return the bytes of a file of a kind that `kind_for` returns, and what it lost, "" if nothing.

    Raises ValueError if such a file can't hold it.
    """
    if kind == ".json":
        return palette_json(counted, source).encode() + b"\n", ""
    if kind in PALETTE_WRITERS:
        data = write_palette_file(counted.palette, kind)
        return data, _lost(counted, data, kind)
    out = io.BytesIO()
    try:
        swatch_sheet(counted).save(out, kind)
    except Exception as error:  # noqa: BLE001  each format's writer has its own ways to fail
        raise ValueError(f"{kind} can't hold this picture ({error}); .png can") from None
    return out.getvalue(), ""


def _lost(counted: CountedPalette, data: bytes, suffix: str) -> str:
    """Say what alpha the file lost, by reading it back."""
    again = read_palette_file(data, suffix, suffix).entries
    before, after = in_channels(counted.palette.entries, 4), in_channels(again, 4)
    lost = int((before[:, 3] != after[:, 3]).sum())
    has = "at most one transparent entry" if suffix == ".act" else "none"
    return f"{lost:,} of {len(before):,} entries lost their alpha: {suffix} has {has}" if lost else ""


def palette_json(counted: CountedPalette, source: str) -> str:
    """Return the palette as one line of JSON."""
    pixels, counts = counted.pixels, counted.counts
    entries = [
        {
            "index": index,
            "hex": f"#{hex_code(colour)}",
            "pixels": None if counts is None else int(counts[index]),
            "share": None if counts is None or pixels is None else int(counts[index]) / pixels,
        }
        for index, colour in enumerate(counted.colours.tolist())
    ]
    palette = counted.palette
    head = {"source": source, "k": palette.k, "channels": palette.channels, "pixels": pixels}
    return json.dumps(head | {"entries": entries})


def print_palette(counted: CountedPalette, source: str, *, every: bool) -> None:
    """Print swatches to a terminal that has colours, and elsewhere a line for each entry.

    Sixteen colours are none: in them a red is shown as a yellow. A terminal gets the first 256 entries,
    unless `every` asks for all.
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
    for index, colour in enumerate(counted.colours[:number].tolist()):
        share = f"  {counted.share(index):>8}" if counted.counts is not None else ""
        yield Text(f"{index:{width}}  #{hex_code(colour)}{share}")


def _swatch_lines(counted: CountedPalette, number: int, width: int) -> Iterator[Text]:
    """Give lines of as many entries as there is room for: index, swatch, colour, share."""
    digits, gap = len(str(counted.palette.k - 1)), 3
    cell = digits + 1 + 4 + 1 + len(hex_code(counted.colours[0])) + 1
    cell += 0 if counted.counts is None else 1 + len("100.00 %")
    columns = max(1, (width + gap) // (cell + gap))
    colours = counted.colours[:number]
    over_black, over_white = (counted.over(grey)[:number].tolist() for grey in (0, 255))
    for start in range(0, number, columns):
        line = Text()
        for index in range(start, min(start + columns, number)):
            line.append("" if index == start else " " * gap)
            line.append(f"{index:{digits}} ", "dim")
            for colour in (over_black[index], over_white[index]):
                line.append("  ", Style(bgcolor=Color.from_rgb(*colour)))
            line.append(f" #{hex_code(colours[index])}")
            if counted.counts is not None:
                line.append(f" {counted.share(index):>8}", "dim" if counted.counts[index] == 0 else "")
        yield line
