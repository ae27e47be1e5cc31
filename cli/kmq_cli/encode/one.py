"""`kmq encode` of one file: the file, and its ledger."""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kmq
from kmq_cli.batch.tasks import check_no_folder, exists
from kmq_cli.encode.encoding import ENTRY_ADDED, FIRST_FRAME, no_smaller, opened_for, tell_density
from kmq_cli.pictures.tiff import large_tiff
from kmq_cli.terminal.failures import UsageError, complain, failures
from kmq_cli.terminal.ledger_report import compared, ledger_json, print_ledger
from kmq_cli.terminal.progress import pixels_bar, working
from kmq_cli.terminal.streams import (
    STANDARD,
    check_output,
    check_suffix,
    made_like,
    output_for,
    read_bytes,
    write_bytes,
)

if TYPE_CHECKING:
    from PIL import Image

    from kmq_cli.encode.encoding import Encoding
    from kmq_cli.pictures.tiff import TiffPicture
    from kmq_cli.terminal.options import Report

LONG_PIXELS = 1 << 16
"""Pixels from which on a terminal shows that a picture is being encoded: smaller ones are done sooner."""

TARGETS = frozenset({"psnr", "max_bytes", "bpp"})
WHOLE = TARGETS | {"dither", "strength", "keep"}
"""Options of `kmq.encode` that need the whole picture at once."""


def encode_one(
    source: str, output: str | None, encoding: Encoding, report: Report, *, keep_suffix: bool = False
) -> None:
    """Encode `source`, write the file, and report.

    If the file goes to standard output, only the JSON report is printed, on standard error.
    """
    target = output_for(source, output, ".kmq", keep_suffix=keep_suffix)
    check_suffix(target)
    if target == STANDARD and encoding.skip_if_larger:
        raise UsageError("--skip-if-larger: what is left out of standard output leaves an empty file")
    encoding = encoding.loaded()
    with failures(source):
        check_no_folder(source)
        if encoding.skip_existing and target != STANDARD and Path(target).is_file():
            complain(source, f"left out: {exists(target)}")
            return
        if _takes_parts(target, encoding):
            check_output(source, target, force=encoding.force)
            with large_tiff(source) as picture:
                if picture is not None:
                    with made_like(source, target, preserve=encoding.preserve):
                        ledger = _encode_parts(source, target, picture, encoding)
                    _tell(source, Path(source).stat().st_size, target, ledger, report)
                    return
    _encode_whole(source, target, encoding, report)


def _encode_whole(source: str, target: str, encoding: Encoding, report: Report) -> None:
    """Encode a picture that Pillow opens, write the file unless it is to be left out, and report."""
    options, notes = encoding.options, []
    with failures(source):
        given = read_bytes(source, encoding.max_pixels)
        check_output(source, target, force=encoding.force)
        encoded = io.BytesIO()
        image, frames = opened_for(encoding, given, encoding.frame)
        with image:
            if frames > 1 and encoding.frame is None:
                complain(source, FIRST_FRAME.format(frames=frames))
            shown = image.width * image.height >= LONG_PIXELS
            with working(f"encoding {image.width:,} x {image.height:,} pixels") if shown else nullcontext():
                ledger = kmq.save(encoded, image, **options)
                if report == "text" and target != STANDARD and options["dither"] != "none":
                    notes.append(("dithering", _cost_of_dithering(encoded.getvalue(), image, options)))
    if encoding.adds_entry(ledger.k):
        complain(source, ENTRY_ADDED)
    if encoding.skip_if_larger and ledger.total_bytes >= len(given):
        complain(source, f"left out: {no_smaller(len(given), ledger.total_bytes)}")
        return
    write_bytes(target, encoded.getvalue(), force=encoding.force, source=source, preserve=encoding.preserve)
    _tell(source, len(given), target, ledger, report, notes)


def _takes_parts(target: str, encoding: Encoding) -> bool:
    """Tell whether what is asked for can be done part by part."""
    options = encoding.options
    return (
        target != STANDARD
        and not (encoding.skip_if_larger or encoding.opaque)
        and options["dither"] == "none"
        and options["k"] != "auto"
        and not options["keep"]
        and all(options[name] is None for name in TARGETS)
        and not encoding.frame
    )


def _encode_parts(source: str, target: str, picture: TiffPicture, encoding: Encoding) -> kmq.Ledger:
    """Encode a picture that is read part by part, to the bytes that it would have as a whole."""
    height, width = picture.shape[:2]
    limit = kmq.MAX_PIXELS if encoding.max_pixels is None else encoding.max_pixels
    if width * height > limit:
        raise kmq.LimitError(f"the picture has more than {limit:,} pixels")
    if picture.frames > 1 and encoding.frame is None:
        complain(source, FIRST_FRAME.format(frames=picture.frames))
    tell_density(picture.dpi)
    options = {name: value for name, value in encoding.options.items() if name not in WHOLE}
    with pixels_bar(f"encoding {width:,} x {height:,} pixels") as progress:
        ledger = kmq.encode_tiles(
            picture, target, **options, fewest_channels=True, overwrite=encoding.force, progress=progress
        )
    if encoding.adds_entry(ledger.k):
        complain(source, ENTRY_ADDED)
    return ledger


def _tell(
    source: str,
    source_bytes: int,
    target: str,
    ledger: kmq.Ledger,
    report: Report,
    notes: Iterable[tuple[str, str]] = (),
) -> None:
    """Print what was made of a file, in the form that was asked for."""
    if report == "json":
        print(ledger_json(ledger), file=sys.stderr if target == STANDARD else sys.stdout)
    elif report == "text" and target != STANDARD:
        print(compared(source, source_bytes, target, ledger.total_bytes), end="\n\n")
        print_ledger(ledger, source_bytes, notes)


def _cost_of_dithering(data: bytes, image: Image.Image, options: Mapping[str, Any]) -> str:
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
