"""`kmq encode`: its function, and which options exclude each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kmq_cli.encode.options import OPTIONS
from kmq_cli.terminal.failures import UsageError
from kmq_cli.terminal.options import files, reported, threads_for
from kmq_cli.usage.declared import Command

EXAMPLES = (
    "Examples:\n\n"
    "- photo.kmq with 16 colours: `kmq encode photo.jpg -k 16`\n"
    "- at least 38 dB: `kmq encode photo.jpg --psnr 38`\n"
    "- dithered, for a display: `kmq encode photo.jpg --palette e-paper-7 --dither floyd-steinberg`\n"
    "- only print the ledger: `kmq encode icon.png -o - | kmq info -`\n"
    "- from another program: `magick x.tif png:- | kmq encode - -o x.kmq`\n"
    "- many, into a folder: `kmq encode *.png icons/*.gif -o out`\n"
    "- a folder and all below it: `kmq encode --recursive photos -o out --jobs 4`\n"
    "- every colour kept: `kmq encode --recursive icons -o out -k 65536`\n"
)


def encode(
    *,
    sources: Sequence[str],
    output: str | None,
    recursive: bool,
    jobs: int | None,
    skip_if_larger: bool | None,
    skip_existing: bool,
    keep_suffix: bool,
    shared_palette: bool,
    dask: str | None,
    frame: int | str | None,
    max_pixels: int | None,
    force: bool,
    preserve: bool,
    opaque: bool,
    truncated: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401  those of kmq.encode
) -> None:
    """Encode pictures of any format that Pillow reads, in at most N colours.

    A picture of at most N colours is stored exactly. Otherwise k-means chooses the colours and
    every pixel gets the nearest one, or is dithered. Prints the ledger: where the file's
    bytes went. Exit code 3: no number of colours meets --psnr, --max-bytes or --bpp.

    If one of many files fails, the others are still encoded; the exit code is then 1.
    """
    from kmq_cli.batch.tasks import is_one_file

    all_frames = frame == "all"
    one_file = is_one_file(sources, recursive=recursive, jobs=jobs) and dask is None
    one_file = one_file and not (shared_palette or all_frames)
    options["threads"] = threads_for(options["threads"], one_file=one_file)
    _check_together(options, shared_palette=shared_palette)
    from kmq_cli.encode.encoding import Encoding

    encoding = Encoding(
        options, max_pixels, force, skip_existing, skip_if_larger, frame if isinstance(frame, int) else None,
        preserve, opaque, truncated,
    )  # fmt: skip
    report = reported(quiet=quiet, as_json=as_json)
    if one_file:
        from kmq_cli.encode.one import encode_one

        encode_one(sources[0], output, encoding, report, keep_suffix=keep_suffix)
    else:
        from kmq_cli.encode.many import encode_many

        encode_many(
            sources, output, encoding, recursive=recursive, jobs=jobs, report=report, dask=dask,
            shared_palette=shared_palette, keep_suffix=keep_suffix, all_frames=all_frames,
        )  # fmt: skip


def _check_together(options: Mapping[str, Any], *, shared_palette: bool) -> None:
    """Raise UsageError for options that exclude each other."""
    targets = {"--psnr": "psnr", "--max-bytes": "max_bytes", "--bpp": "bpp"}
    target = next((name for name, option in targets.items() if options[option] is not None), None)
    palette, k = options["palette"], options["k"]
    if palette is not None and (target or k is not None):
        raise UsageError(f"--palette has its own number of colours: leave {target or '-k'} out")
    if target and k == "auto":
        raise UsageError(f"{target} looks for a number of colours, as -k auto does: leave one out")
    if shared_palette and (palette is not None or target or k == "auto"):
        other = "--palette" if palette is not None else target or "-k auto"
        raise UsageError(f"--shared-palette chooses the colours for all pictures: leave {other} out")


COMMAND = Command("encode", encode, files("photos/*.png"), OPTIONS, EXAMPLES)
