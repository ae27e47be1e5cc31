"""`kmq decode`: its options."""

from __future__ import annotations

from kmq_cli._options import Force, MaxPixels, Output, Source, Threads

EXAMPLES = (
    "Examples:\n\n"
    "- photo.png: `kmq decode photo.kmq`\n"
    "- another format: `kmq decode photo.kmq -o photo.webp`\n"
    "- from pipe to pipe, as PNG: `kmq decode - < photo.kmq | display`\n"
)


def decode(
    source: Source,
    output: Output = None,
    threads: Threads = 1,
    max_pixels: MaxPixels = None,
    force: Force = False,
) -> None:
    """Decode a .kmq file to a picture of any format that Pillow writes, by OUT's suffix.

    Up to 256 colours become an indexed PNG, not a larger true-colour one.
    """
    from kmq_cli._decode_file import run

    run(source, output, threads=threads, max_pixels=max_pixels, force=force)
