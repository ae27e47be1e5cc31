"""`kmq encode`: its function, and which options exclude each other."""

from __future__ import annotations

from typing import Any

import typer

from kmq_cli.encode import options as of
from kmq_cli.terminal.options import (
    Force,
    Jobs,
    MaxPixels,
    Output,
    Quiet,
    Recursive,
    SkipExisting,
    Sources,
    Threads,
    reported,
    threads_for,
)

EXAMPLES = (
    "Examples:\n\n"
    "- photo.kmq with 16 colours: `kmq encode photo.jpg -k 16`\n"
    "- at least 38 dB: `kmq encode photo.jpg --psnr 38`\n"
    "- dithered, for a display: `kmq encode photo.jpg --palette e-paper-7 --dither floyd-steinberg`\n"
    "- only look at the result: `kmq encode icon.png -o - | kmq info -`\n"
    "- from another program: `magick x.tif png:- | kmq encode - -o x.kmq`\n"
    "- many, into a folder: `kmq encode *.png icons/*.gif -o out`\n"
    "- a folder and all below it: `kmq encode --recursive photos -o out --jobs 4`\n"
)


def encode(
    sources: Sources, output: Output = None,
    k: of.K = None, psnr: of.Psnr = None, max_bytes: of.MaxBytes = None, bpp: of.Bpp = None,
    palette: of.Palette = None, space: of.Space = None, effort: of.Effort = "default",
    dither: of.Dither = "none", strength: of.Strength = None,
    coding: of.Coding = "auto", keep_palette_order: of.KeepPaletteOrder = False, tile: of.Tile = "auto",
    threads: Threads = None, keep: of.Keep = "",
    n_init: of.Starts = None, max_iter: of.Iterations = None, tol: of.Tolerance = None,
    random_state: of.Seed = None,
    recursive: Recursive = False, jobs: Jobs = None, skip_if_larger: of.SkipIfLarger = None,
    skip_existing: SkipExisting = False, shared_palette: of.SharedPalette = False, dask: of.Dask = None,
    max_pixels: MaxPixels = None, force: Force = False, quiet: Quiet = False, as_json: of.AsJson = False,
) -> None:  # fmt: skip
    """Encode pictures: any that Pillow reads, into at most N colours.

    A picture of at most N colours is stored exactly. Otherwise KMeans chooses the colours and
    every pixel gets the nearest one, or is dithered. Prints the ledger: where the file's
    bytes went. Exit code 3: no number of colours meets --psnr, --max-bytes or --bpp.

    With many files, one that fails doesn't stop the others; the exit code is 1 at the end.
    """
    from kmq_cli.batch.tasks import is_one_file

    one_file = is_one_file(sources, recursive=recursive, jobs=jobs) and dask is None and not shared_palette
    options = {
        "k": k, "psnr": psnr, "max_bytes": max_bytes, "bpp": bpp, "palette": palette, "space": space,
        "effort": effort, "dither": dither, "strength": strength, "coding": coding, "tile": tile,
        "threads": threads_for(threads, one_file=one_file), "keep_palette_order": keep_palette_order,
        "keep": keep, "n_init": n_init, "max_iter": max_iter, "tol": tol, "random_state": random_state,
    }  # fmt: skip
    _check_together(options, shared_palette=shared_palette)
    from kmq_cli.encode.encoding import Encoding
    from kmq_cli.encode.many import encode_many
    from kmq_cli.encode.one import encode_one

    encoding = Encoding(options, max_pixels, force, skip_existing, skip_if_larger)
    report = reported(quiet=quiet, as_json=as_json)
    if one_file:
        encode_one(sources[0], output, encoding, report)
    else:
        encode_many(
            sources, output, encoding, recursive=recursive, jobs=jobs, report=report, dask=dask,
            shared_palette=shared_palette,
        )  # fmt: skip


def _check_together(options: dict[str, Any], *, shared_palette: bool) -> None:
    """Raise typer.BadParameter for options that exclude each other."""
    targets = {"--psnr": "psnr", "--max-bytes": "max_bytes", "--bpp": "bpp"}
    target = next((name for name, option in targets.items() if options[option] is not None), None)
    palette, k = options["palette"], options["k"]
    if palette is not None and (target or k is not None):
        raise typer.BadParameter(f"--palette has its own number of colours: leave {target or '-k'} out")
    if target and k == "auto":
        raise typer.BadParameter(f"{target} looks for a number of colours, as -k auto does: leave one out")
    if shared_palette and (palette is not None or target or k == "auto"):
        other = "--palette" if palette is not None else target or "-k auto"
        raise typer.BadParameter(f"--shared-palette chooses the colours for all pictures: leave {other} out")
