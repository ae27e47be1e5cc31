"""The `kmq` command and its subcommands, each in a module of its own with its options and examples."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kmq_cli import demo, info, verify
from kmq_cli.compare import command as compare
from kmq_cli.decode import command as decode
from kmq_cli.encode import command as encode
from kmq_cli.palette import command as palette
from kmq_cli.terminal.failures import interruption, standard_output


class _Commands(TyperGroup):
    """The commands. An interrupted one says so; Typer alone would exit silently."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  a context of Typer's Click
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
        from importlib.metadata import version  # takes a third of the time of importing kmq

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
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Compact images of few colours: a k-means palette and packed indices in a .kmq file.

    To begin, run `kmq demo`: it encodes and decodes a real photograph.
    """


# In the order of the help.
app.command(epilog=encode.EXAMPLES)(encode.encode)
app.command(epilog=decode.EXAMPLES)(decode.decode)
app.command(epilog=info.EXAMPLES)(info.info)
app.command(epilog=verify.EXAMPLES)(verify.verify)
app.command(epilog=palette.EXAMPLES)(palette.palette)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=demo.EXAMPLES)(demo.demo)


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if "_KMQ_COMPLETE" in os.environ:
        os.environ["COLUMNS"] = "10000"  # or descriptions wrap, and fish takes each line for a word
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name shouldn't make printing fail
    with standard_output():
        app()
