"""Reading and writing the palette files of other programs."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from kmq._colours.channels import in_channels
from kmq._ground.arguments import checked_name, checked_type, shown
from kmq._ground.errors import FormatError
from kmq._ground.whole_files import check_destination, write_whole
from kmq._indexed.index_plane import MAX_ENTRIES
from kmq._indexed.palette import Palette

MOST_BYTES = 1 << 22
"""Most bytes of a palette file. 65,536 entries take 2 MB in the most verbose format."""

Reader = Callable[[bytes], list[tuple[int, ...]]]
Writer = Callable[[list[tuple[int, ...]]], bytes]


def read_palette_file(data: bytes, suffix: str, name: str) -> Palette:
    """Return the palette in `data`, the bytes of a file that messages call `name`.

    `suffix` is a key of `PALETTE_READERS`. Entries keep their order and their repeats.

    Raises FormatError if the file is not of that kind, or has no entries or too many.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(f"{name}: more than {MOST_BYTES} bytes, the most that a palette file may have")
    try:
        rows = PALETTE_READERS[suffix](data)
    except (UnicodeDecodeError, struct.error) as error:
        raise FormatError(f"{name}: not a {suffix} palette: {error}") from None
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    if not 1 <= len(rows) <= MAX_ENTRIES:
        raise FormatError(f"{name}: {len(rows)} entries; a palette has 1 to {MAX_ENTRIES:,}")
    channels = max(len(row) for row in rows)
    return Palette([row + (255,) * (channels - len(row)) for row in rows])


def write_palette_file(palette: Palette, suffix: str) -> bytes:
    """Return the bytes that `save_palette` writes; `suffix` is one of `PALETTE_WRITERS`.

    Raises ValueError if that kind can't hold so many entries.
    """
    entries = palette.entries
    return PALETTE_WRITERS[suffix](
        [tuple(row) for row in in_channels(entries, max(3, palette.channels)).tolist()]
    )


def save_palette(
    file: str | os.PathLike[str] | BinaryIO,
    palette: Palette,
    kind: str | None = None,
    *,
    overwrite: bool = True,
) -> None:
    """Write `palette` to a file of another program, with the entries in their order.

    `kind` is "gpl" (GIMP, Inkscape, Aseprite), "hex" (a colour a line), "pal" (JASC) or "act" (Adobe); None
    takes it from the suffix of the path. `file` is a path, which is written whole or not at all, or a binary
    file open for writing. `load_palette` reads all four.

    Grey is written as RGB. Alpha is kept in gpl, as Aseprite has it there, and in hex; pal has none, and act
    has one transparent entry, the first of alpha 0. What a kind has no place for is written as opaque.

    Raises ValueError for a kind that isn't one of these or can't hold so many entries (act: 256); OSError if
    the file can't be written; FileExistsError if it exists and `overwrite` is false.
    """
    checked_type("palette", palette, Palette, "a Palette, as load_palette returns")
    check_destination(file, overwrite=overwrite)
    kinds = [suffix.removeprefix(".") for suffix in PALETTE_WRITERS]
    if kind is None:
        suffix = Path(file).suffix.lower() if isinstance(file, (str, os.PathLike)) else ""
        if suffix not in PALETTE_WRITERS:
            raise ValueError(f"kind is None and file {shown(file)}; name one of {', '.join(kinds)}")
    else:
        suffix = f".{checked_name('kind', kind, kinds)}"
    write_whole(file, write_palette_file(palette, suffix), overwrite=overwrite)


def _lines(text: str) -> list[str]:
    """Split at the line ends of Unix, Windows and the classic Mac, and nowhere else."""
    return re.split(r"\r\n?|\n", text)


def _numbers(line: str, place: int) -> tuple[int, ...]:
    """Return the three or four numbers from 0 to 255 that line number `place` begins with."""
    words = line.split()
    found: list[int] = []
    for word in words[:4]:
        if not re.fullmatch(r"[0-9]{1,3}", word):
            break
        found.append(int(word))
    if len(found) < 3 or max(found) > 255:
        raise FormatError(f"line {place} is {line[:40]!r}; it must be three numbers from 0 to 255")
    return tuple(found)


def _read_gpl(data: bytes) -> list[tuple[int, ...]]:
    """Read a palette of GIMP, Inkscape or Aseprite, which marks alpha with "Channels: RGBA"."""
    lines = _lines(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    if not lines or lines[0].strip() != "GIMP Palette":
        raise FormatError("line 1 must be 'GIMP Palette'")
    alpha = False
    rows = []
    for place, line in enumerate(lines[1:], 2):
        if line.startswith("Channels:"):
            alpha = line.split(":", 1)[1].strip() == "RGBA"
        elif line.strip() and not line.lstrip().startswith("#") and not re.match(r"(Name|Columns):", line):
            rows.append(_numbers(line, place)[: 4 if alpha else 3])
    return rows


def _read_hex(data: bytes) -> list[tuple[int, ...]]:
    """Read one colour a line, RRGGBB or RRGGBBAA, with or without "#". A line with ";" is a comment."""
    rows = []
    for place, line in enumerate(_lines(data.decode("utf-8-sig")), 1):
        word = line.strip().removeprefix("#")
        if not word or word.startswith(";"):
            continue
        if not re.fullmatch(r"[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", word):
            raise FormatError(f"line {place} is {line[:40]!r}; it must be RRGGBB or RRGGBBAA")
        rows.append(tuple(bytes.fromhex(word)))
    return rows


def _read_pal(data: bytes) -> list[tuple[int, ...]]:
    """Read a palette of Paint Shop Pro (text, JASC-PAL) or Windows (binary, RIFF)."""
    if data.startswith(b"RIFF"):
        return _read_riff(data)
    lines = _lines(data.decode("utf-8-sig"))
    if len(lines) < 3 or lines[0].strip() != "JASC-PAL" or not re.fullmatch(r"[0-9]{1,5}", lines[2].strip()):
        raise FormatError(
            "a .pal file begins with JASC-PAL, a version and the number of colours, or with RIFF"
        )
    rows = [_numbers(line, place) for place, line in enumerate(lines[3:], 4) if line.strip()]
    if len(rows) != int(lines[2]):
        raise FormatError(f"line 3 promises {int(lines[2])} colours; there are {len(rows)}")
    return rows


def _read_riff(data: bytes) -> list[tuple[int, ...]]:
    if data[8:16] != b"PAL data":
        raise FormatError(f"offset 8 is {data[8:16]!r}; it must be b'PAL data'")
    _, version, count = struct.unpack_from("<IHH", data, 16)
    if version != 0x0300:
        raise FormatError(f"offset 20: version is {version:#06x}; it must be 0x0300")
    if len(data) < 24 + 4 * count:
        raise FormatError(f"offset 22 promises {count} colours; there are bytes for {(len(data) - 24) // 4}")
    return [tuple(data[start : start + 3]) for start in range(24, 24 + 4 * count, 4)]


def _read_act(data: bytes) -> list[tuple[int, ...]]:
    """Read an Adobe colour table: 256 colours, then perhaps how many are used and which is transparent."""
    if len(data) not in (768, 772):
        raise FormatError(f"{len(data)} bytes; an .act file has 768 or 772")
    count, hidden = struct.unpack(">HH", data[768:]) if len(data) == 772 else (256, 0xFFFF)
    if not 1 <= count <= 256:
        raise FormatError(f"offset 768 promises {count} colours; it must be 1 to 256")
    rows: list[tuple[int, ...]] = [tuple(data[start : start + 3]) for start in range(0, 3 * count, 3)]
    if hidden < count:
        rows[hidden] = (0, 0, 0, 0)
    return rows


PALETTE_READERS: MappingProxyType[str, Reader] = MappingProxyType(
    {".gpl": _read_gpl, ".hex": _read_hex, ".pal": _read_pal, ".act": _read_act}
)
"""Readers by suffix."""


def _write_gpl(rows: list[tuple[int, ...]]) -> bytes:
    alpha = ["Channels: RGBA"] if len(rows[0]) == 4 else []
    colours = [" ".join(f"{value:3}" for value in row) + f"\t#{bytes(row).hex().upper()}" for row in rows]
    return _joined(["GIMP Palette", *alpha, "Name: kmq", "Columns: 16", "#", *colours], "\n")


def _write_hex(rows: list[tuple[int, ...]]) -> bytes:
    return _joined([bytes(row).hex() for row in rows], "\n")


def _write_pal(rows: list[tuple[int, ...]]) -> bytes:
    """Write JASC-PAL text, without alpha: many programs would read a fourth number as the next red."""
    colours = [" ".join(map(str, row[:3])) for row in rows]
    return _joined(["JASC-PAL", "0100", str(len(rows)), *colours], "\r\n")


def _write_act(rows: list[tuple[int, ...]]) -> bytes:
    if len(rows) > 256:
        raise ValueError(f"an .act file has at most 256 colours; the palette has {len(rows):,}")
    hidden = next((index for index, row in enumerate(rows) if row[3:] == (0,)), 0xFFFF)
    table = b"".join(bytes(row[:3]) for row in rows)
    return table.ljust(768, b"\0") + struct.pack(">HH", len(rows), hidden)


def _joined(lines: list[str], end: str) -> bytes:
    return "".join(line + end for line in lines).encode("ascii")


PALETTE_WRITERS: MappingProxyType[str, Writer] = MappingProxyType(
    {".gpl": _write_gpl, ".hex": _write_hex, ".pal": _write_pal, ".act": _write_act}
)
"""Writers by suffix."""
