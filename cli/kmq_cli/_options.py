"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[
    str, typer.Argument(metavar="IN", help="A file, or - for standard input.", show_default=False)
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file, or - for standard output.",
        show_default="IN with its suffix changed",
    ),
]
Force = Annotated[bool, typer.Option("-f", "--force", metavar="", help="Overwrite OUT if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print the ledger as one line of JSON.")]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2**62,
        metavar="N",
        help="Most pixels a picture may have.",
        show_default="89,478,485, as in Pillow",
    ),
]
Threads = Annotated[
    int, typer.Option(min=1, max=256, metavar="N", help="How many tiles to work on at a time.")
]
