"""What the shell gets when it completes a word of a line that begins with `kmq`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kmq_cli.terminal.failures import UsageError
from kmq_cli.usage.declared import HELP, Command, Option
from kmq_cli.usage.parsing import ValueMissingError, line_of

Word = tuple[str, str]
"""A word, and what it means."""


def completions(
    before: Sequence[str], word: str, options: Sequence[Option], commands: Mapping[str, Command]
) -> list[Word]:
    """Return the words that can take the place of `word` after those `before` it.

    If there are none, a name of a file can be there, which the shell completes.
    """
    name = next((each for each in before if not each.startswith("-")), None)
    if name is None:
        known = _names(options) if word.startswith("-") else _summaries(commands)
    elif name in commands:
        known = _in_command(before[before.index(name) + 1 :], word, commands[name])
    else:
        known = iter(())
    return [(each, text) for each, text in known if each.startswith(word)]


def _in_command(before: Sequence[str], word: str, command: Command) -> Iterator[Word]:
    try:
        line_of(before, command.options)
    except ValueMissingError as missing:
        yield from ((each, "") for each in missing.kind.words)
        return
    except UsageError:
        pass  # what comes later may be right
    if word.startswith("-") and "--" not in before:
        yield from _names(command.options)


def _names(options: Iterable[Option]) -> Iterator[Word]:
    for option in (*options, HELP):
        for name in filter(None, (*option.names, option.off)):
            yield name, option.help


def _summaries(commands: Mapping[str, Command]) -> Iterator[Word]:
    for name, command in commands.items():
        yield name, " ".join(command.explained.partition("\n\n")[0].split())
