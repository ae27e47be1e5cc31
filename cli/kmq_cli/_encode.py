"""`kmq encode`."""

from __future__ import annotations

import io
import sys
import zlib
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console

import kmq
from kmq._fixed_palette import fixed_palette
from kmq_cli._failures import complain, failures
from kmq_cli._ledger_report import ledger_json, print_ledger
from kmq_cli._source import open_image
from kmq_cli._streams import STANDARD, check_output, check_suffix, output_for, read_bytes, write_bytes

if TYPE_CHECKING:
    from PIL import Image


def run(
    source: str,
    output: str | None,
    options: dict[str, Any],
    *,
    max_pixels: int | None,
    force: bool,
    report: Literal["none", "json", "table"],
) -> None:
    """Encode `source`, write the file, and report; with the file on standard output only JSON, beside it."""
    target = output_for(source, output, ".kmq")
    check_suffix(target)
    palette = None if options["palette"] is None else _palette(options["palette"])
    with failures(source):
        given = read_bytes(source, max_pixels)
        check_output(source, target, force=force)
        encoded = io.BytesIO()
        image, frames = open_image(given, max_pixels)
        with image:
            if frames > 1:
                complain(source, f"note: has {frames} frames; the first was encoded")
            with Console(stderr=True).status(f"encoding {image.width:,} x {image.height:,} pixels"):
                ledger = kmq.save(encoded, image, **(options | {"palette": palette}))
                notes = []
                if report == "table" and target != STANDARD and options["dither"] != "none":
                    notes.append(("dithering", _cost_of_dithering(encoded.getvalue(), image, options)))
    if palette is not None and ledger.k > palette.k:
        complain(source, "note: a transparent entry was added to the palette for its transparent pixels")
    write_bytes(target, encoded.getvalue(), force=force)
    if report == "json":
        print(ledger_json(ledger), file=sys.stderr if target == STANDARD else sys.stdout)
    elif report == "table" and target != STANDARD:
        share = ledger.total_bytes / len(given)
        compared = f"{100 * share:.1f} % of it" if share < 1 else f"{share:.2f} times as many"
        print(f"{source} has {len(given):,} bytes, {target} {ledger.total_bytes:,}: {compared}\n")
        print_ledger(ledger, len(given), notes)


def _palette(named: str) -> kmq.Palette:
    with failures("--palette"):
        try:
            return fixed_palette(named)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None


def _cost_of_dithering(data: bytes, image: Image.Image, options: dict[str, Any]) -> str:
    """Say how many more bytes the file has than one of the same entries, undithered.

    The palettes' own bytes are left out: that of the undithered file keeps its order, which may take more.
    """
    with kmq.KmqFile(data, max_pixels=None) as file:
        dithered, palette = file.ledger(), file.palette
    same = {name: options[name] for name in ("coding", "effort", "tile", "threads", "keep")}
    in_srgb = options["palette"] is not None or options["psnr"] is not None
    same["space"] = options["space"] or ("srgb" if in_srgb else "oklab")
    plain = kmq.encode(image, palette=palette, **same)
    undithered = kmq.inspect(plain, max_pixels=None)
    after, before = (ledger.total_bytes - ledger.palette_bytes for ledger in (dithered, undithered))
    more = f"{after - before:,} bytes more here"
    if undithered.coding != "packed":
        return more
    sizes = [
        len(zlib.compress(kmq.KmqFile(file, max_pixels=None).indices().indices.tobytes()))
        for file in (data, plain)
    ]
    return f"{more}; deflated, its indices take {sizes[0]:,} bytes, undithered {sizes[1]:,}"
