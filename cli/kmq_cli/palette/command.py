"""`kmq palette`: its options."""

from __future__ import annotations

import sys

from kmq_cli.terminal.failures import UsageError, complain, failures
from kmq_cli.terminal.options import FORCE, MAX_PIXELS
from kmq_cli.usage.declared import Argument, Command, Kind, Option
from kmq_cli.usage.kinds import one_of, whole

EXAMPLES = (
    "Examples:\n\n"
    "- look at it: `kmq palette photo.kmq`\n"
    "- choose 16 colours for another program: `kmq palette photo.jpg -k 16 -o photo.gpl`\n"
    "- as a picture: `kmq palette photo.kmq -o swatches.png`\n"
    "- from one kind of file to another: `kmq palette colours.act -o colours.hex`\n"
    "- the five most frequent colours: `kmq palette photo.kmq | sort -rnk3 | head -n 5`\n"
    "- for programs: `kmq palette photo.kmq --json | jq .entries[0].hex`\n"
)


SOURCE = Argument(
    "source",
    "IN",
    "A .kmq file, a picture, a palette file (.gpl, .hex, .pal, .act), the name of a palette, such as pico-8, "
    "or - for standard input.",
)
OUTPUT = Option(
    "output",
    ("-o", "--output"),
    "Write the palette to a .gpl, .hex, .pal, .act or .json file, or draw its swatches to .png or another "
    "picture; - for standard output.",
    Kind("OUT"),
    told_default="print it",
)
FORMAT = Option(
    "kind",
    ("--format",),
    "Write this kind, whatever the suffix of OUT.",
    one_of("gpl", "hex", "pal", "act", "json", "png"),
    told_default="by the suffix of OUT",
)
K = Option(
    "k",
    ("-k", "--k"),
    "Choose at most N colours for a picture, as encode does.",
    whole("N", 1, 65_536),
    told_default="all its colours",
)
EVERY = Option(
    "every",
    ("--all",),
    "Print every entry on a terminal, not only the first 256. Pipes always get all.",
    default=False,
)
AS_JSON = Option("as_json", ("--json",), "Print one line of JSON.", default=False)
OPTIONS = (OUTPUT, FORMAT, K, EVERY, MAX_PIXELS, FORCE, AS_JSON)


def palette(
    *,
    source: str,
    output: str | None,
    kind: str | None,
    k: int | None,
    every: bool,
    max_pixels: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Show a palette, with each colour's share of the pixels, or write it for another program.

    A terminal of 256 colours or more gets swatches; a pipe, or another terminal, gets a line for each entry:
    its index, its colour and its share. A .pal file has no alpha, and an .act file at most 256 colours, one
    of them transparent. A note says what was lost.
    """
    import kmq
    from kmq_cli.palette.counted import counted_palette
    from kmq_cli.palette.output import kind_for, palette_file, palette_json, print_palette
    from kmq_cli.terminal.streams import STANDARD, check_output, output_for, write_bytes

    if kind is not None and output is None:
        raise UsageError("--format is for a file: name one with -o")
    target = output_for(source, output, "") if output is not None else None
    written_as = None if target is None else kind_for(target, kind)
    with failures(source):
        if target is not None:
            check_output(STANDARD if source in kmq.PALETTES else source, target, force=force)
        counted = counted_palette(source, k, max_pixels)
    if target is not None and written_as is not None:
        with failures(target):
            data, lost = palette_file(counted, source, written_as)
        write_bytes(target, data, force=force, source=source)
        if lost:
            complain(target, f"note: {lost}")
    if as_json:
        print(palette_json(counted, source), file=sys.stderr if target == STANDARD else sys.stdout)
    elif target is None:
        print_palette(counted, source, every=every)


COMMAND = Command("palette", palette, SOURCE, OPTIONS, EXAMPLES)
