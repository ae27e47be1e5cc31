"""The `kmq` command: its subcommands, each in a module of its own, which has its options and its examples."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kmq_cli import demo as _demo
from kmq_cli import info as _info
from kmq_cli import verify as _verify
from kmq_cli.compare import command as _compare
from kmq_cli.decode import command as _decode
from kmq_cli.encode import command as _encode
from kmq_cli.palette import command as _palette
from kmq_cli.terminal.failures import interruption, standard_output


class _Commands(TyperGroup):
    """The commands, of which an interrupted one says so: Typer alone would leave without a word."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  of the Click that Typer has
        with interruption():
            return super().invoke(ctx)


app = typer.Typer(
    name="kmq",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # a third of the time that importing kmq takes

        print(f"kmq {version('kmq')}")
        raise typer.Exit


@app.callback()
def kmq(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_show_version,
            is_eager=True,
            help="Print the version and leave.",
        ),
    ] = False,
) -> None:
    """Compact images of few colours: a k-means palette and packed indices in a .kmq file.

    Start with `kmq demo`, which encodes and decodes a real photograph.
    """


# In the order of the help.
app.command(epilog=_encode.EXAMPLES)(_encode.encode)
app.command(epilog=_decode.EXAMPLES)(_decode.decode)
app.command(epilog=_info.EXAMPLES)(_info.info)
app.command(epilog=_verify.EXAMPLES)(_verify.verify)
app.command(epilog=_palette.EXAMPLES)(_palette.palette)
app.command(epilog=_compare.EXAMPLES)(_compare.compare)
app.command(epilog=_demo.EXAMPLES)(_demo.demo)


def main() -> None:
    """Run the command that the arguments name, and leave with its exit code."""
    if "_KMQ_COMPLETE" in os.environ:
        os.environ["COLUMNS"] = "10000"  # else descriptions are wrapped, and fish takes each line for a word
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name is no reason to fail
    with standard_output():
        app()
