"""The `kmq` command: its own options, and which module has which subcommand."""

from __future__ import annotations

import importlib
import io
import itertools
import os
import sys
from collections.abc import Sequence
from types import MappingProxyType

from kmq_cli.terminal.failures import WRONG_USAGE, UsageError, failures, printable, standard_output
from kmq_cli.usage.declared import Command, Option
from kmq_cli.usage.parsing import like, line_of, values_of

MODULES = MappingProxyType(
    {
        "encode": "kmq_cli.encode.command",
        "decode": "kmq_cli.decode.command",
        "info": "kmq_cli.info",
        "verify": "kmq_cli.verify",
        "palette": "kmq_cli.palette.command",
        "compare": "kmq_cli.compare.command",
        "demo": "kmq_cli.demo",
    }
)
"""The modules of the commands, in the order of the help. Only the one that is needed is imported."""

EXPLAINED = """Compact images of few colours: a k-means palette and compressed indices in a .kmq file.

To begin, run `kmq demo`: it encodes and decodes a real photograph."""

OPTIONS = (
    Option("version", ("--version",), "Print the version and exit."),
    Option(
        "install", ("--install-completion",), "Install the script that completes lines in the current shell."
    ),
    Option("show", ("--show-completion",), "Print that script, to install it yourself."),
)


def command_of(name: str) -> Command:
    """Return the command of a name in `MODULES`."""
    command: Command = importlib.import_module(MODULES[name]).COMMAND
    return command


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name shouldn't make printing fail
    words = sys.argv[1:]
    with standard_output():
        unfinished = os.environ.get("_KMQ_COMPLETE")
        if unfinished is None:
            _run(words)
        else:
            _complete(words, unfinished.removeprefix("="))
    raise SystemExit(0)


def _run(words: Sequence[str]) -> None:
    own = list(itertools.takewhile(lambda word: word.startswith("-"), words))
    name, *rest = words[len(own) :] or [""]
    told = "kmq"
    try:
        given = {option.parameter for option in line_of(own, OPTIONS).given}
        if given:
            _do(given)
        elif not name:
            _overview()
            raise SystemExit(WRONG_USAGE)
        elif name not in MODULES:
            raise UsageError(f"there is no command {name}{like(name, MODULES) or '; kmq --help lists them'}")
        else:
            told = f"kmq {name}"
            _run_command(command_of(name), rest)
    except UsageError as error:
        print(printable(" ".join(f"{told}: {error}".split())), file=sys.stderr)
        raise SystemExit(WRONG_USAGE) from None


def _run_command(command: Command, words: Sequence[str]) -> None:
    line = line_of(words, command.options)
    if any(option.parameter == "help" for option in line.given):
        from kmq_cli.usage.help import print_help

        print_help(command)
    else:
        command.run(**values_of(command, line))


def _do(given: set[str]) -> None:
    """Do what options of `kmq` itself ask for."""
    if "help" in given:
        _overview()
    elif "version" in given:
        from importlib.metadata import version  # takes a third of the time of importing kmq

        print(f"kmq {version('kmq')}")
    elif "install" in given:
        from kmq_cli.usage.shells import install

        with failures("completion"):
            print(f"{install()} completes kmq in every shell that you start from now on")
    else:
        from kmq_cli.usage.shells import script

        print(script()[1], end="")


def _overview() -> None:
    from kmq_cli.usage.help import print_overview

    print_overview(EXPLAINED, OPTIONS, map(command_of, MODULES))


def _complete(before: Sequence[str], word: str) -> None:
    """Tell a shell which words can take the place of an unfinished one."""
    from kmq_cli.usage.completion import completions

    for each, meaning in completions(before, word, OPTIONS, {name: command_of(name) for name in MODULES}):
        print(f"{each}\t{meaning}")
