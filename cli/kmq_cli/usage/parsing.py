"""From the words of a command line to the values of a command's options.

Options and arguments come in any order. A value follows its option, as `--tile 64`, `--tile=64`, `-k 16` or
`-k16`; short flags can be joined, as in `-fq`; after `--` all words are arguments. The last one of an option
counts. No abbreviations: a new option must not change what an old line means.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from kmq_cli.terminal.failures import UsageError
from kmq_cli.usage.declared import HELP, Argument, Command, Kind, Option

ELSEWHERE = MappingProxyType(
    {
        "--continue": "--skip-existing",
        "--out": "--output",
        "--output-dir": "--output",
        "--overwrite": "--force",
        "--parallel": "--jobs",
        "--quality": "--psnr",
        "--resume": "--skip-existing",
        "--workers": "--jobs",
        "compress": "encode",
        "decompress": "decode",
        "extract": "decode",
    }
)
"""Names that other programs have for a command or an option, and its name here: to suggest, not to accept."""


class ValueMissingError(UsageError):
    """The line ends with an option whose value should follow."""

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(f"{name} needs a value: {name} {kind.metavar}")
        self.kind = kind


class Given(NamedTuple):
    """An option as it was typed: its name, and its text, or whether the flag is on."""

    name: str
    value: str | bool


class Line(NamedTuple):
    """What a line says: which options are given, and the arguments."""

    given: Mapping[Option, Given]
    arguments: Sequence[str]


def line_of(words: Iterable[str], options: Iterable[Option]) -> Line:
    """Return what the words say. Raises UsageError for an option that isn't one of `options`."""
    named = {name: (option, True) for option in (*options, HELP) for name in option.names}
    named |= {name: (option, True) for option in options for name in option.aliases}
    named |= {option.off: (option, False) for option in options if option.off}
    given: dict[Option, Given] = {}
    arguments: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            arguments += left
        elif word.startswith("--"):
            name, equals, text = word.partition("=")
            option, on = _found(name, named)
            if option.kind is not None:
                given[option] = Given(name, text if equals else _following(left, name, option.kind))
            elif equals:
                raise UsageError(f"{name} takes no value: type {name} alone")
            else:
                given[option] = Given(name, on)
        elif word.startswith("-") and word != "-":
            given |= _short(word, left, named)
        else:
            arguments.append(word)
    return Line(given, arguments)


def values_of(command: Command, line: Line) -> dict[str, Any]:
    """Return the arguments of the command's function. Raises UsageError for what can't be one."""
    values = {option.parameter: option.default for option in command.options}
    for option, (name, value) in line.given.items():
        if isinstance(value, bool) or option.kind is None:
            values[option.parameter] = value
            continue
        try:
            values[option.parameter] = option.kind.read(value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    return values | {command.argument.parameter: _argument(command, command.argument, line.arguments)}


def like(word: str, words: Iterable[str]) -> str:
    """Return a question that names words like one that was typed; "" if there are none."""
    import difflib

    words = list(words)
    if ELSEWHERE.get(word) in words:
        return f"; did you mean {ELSEWHERE[word]}?"
    bare = {each.lstrip("-"): each for each in words}  # all options begin alike
    close = [bare[each] for each in difflib.get_close_matches(word.lstrip("-"), bare, n=2)]
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _found(name: str, named: Mapping[str, tuple[Option, bool]]) -> tuple[Option, bool]:
    if name not in named:
        raise UsageError(f"there is no option {name}{like(name, named) or '; --help lists them'}")
    return named[name]


def _following(left: Iterator[str], name: str, kind: Kind) -> str:
    try:
        return next(left)
    except StopIteration:
        raise ValueMissingError(name, kind) from None


def _short(word: str, left: Iterator[str], named: Mapping[str, tuple[Option, bool]]) -> dict[Option, Given]:
    """Return the options of a word like -f, -fq, -k16 or -fqk; the value may be the next word."""
    given: dict[Option, Given] = {}
    for place, letter in enumerate(word[1:], 2):
        name = f"-{letter}"
        if name not in named and os.path.lexists(word):
            raise UsageError(f"there is no option {name}; to name the file, type -- {word} or ./{word}")
        option, on = _found(name, named)
        if option.kind is not None:
            given[option] = Given(name, word[place:] or _following(left, name, option.kind))
            break
        given[option] = Given(name, on)
    return given


def _argument(command: Command, argument: Argument, words: Sequence[str]) -> str | list[str] | None:
    if not words and argument.default is None:
        raise UsageError(f"{argument.metavar} is missing: {command.usage}")
    if argument.many:
        return list(words)
    if len(words) > 1:
        raise UsageError(f"{words[1]!r} is one too many: {command.usage}")
    return words[0] if words else argument.default
