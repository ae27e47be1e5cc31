"""The help of a command, and of `kmq` itself, as wide as the terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from kmq_cli.terminal.styles import Paint, paint_for
from kmq_cli.usage.declared import HELP, Command, Option

WIDEST = 100
"""Longer lines are hard to read."""

NARROW = 56
"""On a terminal narrower than this, texts are below the names of their options."""

COLUMN, SHORT_COLUMN = 26, 12
"""Where the texts after the names begin: after options, and after arguments and commands."""

CODE = re.compile("`([^`]*)`")
NOTE = re.compile(r"(\[[^][]*])$")

Entry = tuple[str, str, str, str]
"""Names, what to type after them, a text, and the note in brackets."""


def print_help(command: Command) -> None:
    """Print the help of a command."""
    page = _Page()
    page.usage(command.usage)
    page.paragraphs(command.explained)
    argument = command.argument
    note = "" if argument.default is None else f"default: {argument.default}"
    page.entries("Arguments", [(argument.usage.strip("[]"), "", argument.help, note)], SHORT_COLUMN)
    for panel, options in command.panels.items():
        page.entries(panel, list(map(_entry, options)))
    page.examples(command.examples)
    page.show()


def print_overview(explained: str, options: Sequence[Option], commands: Iterable[Command]) -> None:
    """Print the help of `kmq` itself: what it is, its own options, and its commands."""
    page = _Page()
    page.usage("kmq [OPTIONS] COMMAND [ARGS]...")
    page.paragraphs(explained)
    page.entries("Options", list(map(_entry, (*options, HELP))))
    summaries = ((each.name, each.explained.partition("\n\n")[0]) for each in commands)
    page.entries("Commands", [(name, "", text, "") for name, text in summaries], SHORT_COLUMN)
    page.show()


def _entry(option: Option) -> Entry:
    names = ", ".join(filter(None, (*option.names, option.off)))
    if names.startswith("--"):
        names = f"    {names}"  # below those that have a short name too
    kind = option.kind
    default = option.told_default
    if not default and kind is not None and option.default not in (None, "", ()):
        default = str(option.default)
    notes = [kind.limits if kind else "", f"default: {default}" if default else ""]
    return names, kind.metavar if kind else "", option.help, "; ".join(filter(None, notes))


class _Page:
    """Lines of help, styled if standard output is a terminal."""

    def __init__(self) -> None:
        self.paint: Paint = paint_for(sys.stdout)
        self.width = min(shutil.get_terminal_size().columns, WIDEST)
        self.lines: list[str] = []

    def usage(self, usage: str) -> None:
        first, *others = self._wrapped(usage, len("Usage: "))
        self.lines += [f"{self.paint('Usage:', 'title')} {first.strip()}", *others]

    def paragraphs(self, text: str) -> None:
        for paragraph in text.split("\n\n"):
            self.lines += ["", *self._styled(CODE, "code", self._wrapped(paragraph, 0))]

    def entries(self, title: str, entries: Sequence[Entry], column: int = COLUMN) -> None:
        self.lines += ["", self.paint(f"{title}:", "title")]
        for entry in entries:
            self.lines += self._entry(column if self.width >= NARROW else 6, *entry)

    def examples(self, markdown: str) -> None:
        title, *items = filter(None, markdown.splitlines())
        self.lines += ["", self.paint(title, "title")]
        for item in items:
            first, *others = self._wrapped(item.removeprefix("- "), 4)
            self.lines += self._styled(CODE, "code", [f"  - {first.strip()}", *others])

    def show(self) -> None:
        print("\n".join(self.lines))

    def _entry(self, indent: int, names: str, typed: str, text: str, note: str) -> Iterator[str]:
        """Give the lines of an entry: the text is on the line of its names if they are short."""
        left = f"  {names} {typed}".rstrip()
        shown = f"  {self.paint(names, 'name')} {self.paint(typed, 'value')}".rstrip()
        lines = self._wrapped(f"{text} [{note}]" if note else text, indent)
        if note:
            lines = self._styled(NOTE, "dim", lines)
        if len(left) + 2 <= indent:
            shown += " " * (indent - len(left)) + lines.pop(0).strip()
        yield shown
        yield from lines

    def _wrapped(self, text: str, indent: int) -> list[str]:
        prefix = " " * indent
        return textwrap.wrap(
            text, max(self.width, indent + 20), initial_indent=prefix, subsequent_indent=prefix,
            break_on_hyphens=False,
        )  # fmt: skip

    def _styled(self, pattern: re.Pattern[str], style: str, lines: list[str]) -> list[str]:
        """Return lines in which what a pattern finds has a style, in one line or over several."""
        return pattern.sub(lambda found: self.paint(found[1], style), "\n".join(lines)).split("\n")
