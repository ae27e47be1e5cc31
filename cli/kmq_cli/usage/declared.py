"""What a command takes, as data: the parser, the help, the completion and the reference all read this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast


class Kind(NamedTuple):
    """What an option's value can be. `read` raises ValueError for a text that it can't be."""

    metavar: str
    read: Callable[[str], Any] = str
    words: tuple[str, ...] = ()
    """Words to complete; where there are none, the shell completes names of files."""
    limits: str = ""
    """The smallest and the largest value, for people."""


class Option(NamedTuple):
    """An option. One without a `kind` is a flag, which takes no value."""

    parameter: str
    """The parameter of the command's function that gets the value."""
    names: tuple[str, ...]
    help: str
    kind: Kind | None = None
    default: Any = None
    told_default: str = ""
    """The default for people, where the value doesn't say it."""
    panel: str = "Options"
    off: str = ""
    """The name that turns a flag off."""
    aliases: tuple[str, ...] = ()
    """Names that other programs have for it, which the help doesn't show."""


class Argument(NamedTuple):
    """What is named without an option. It must be given unless there is a default."""

    parameter: str
    metavar: str
    help: str
    many: bool = False
    default: str | None = None

    @property
    def usage(self) -> str:
        """How the usage line shows it."""
        shown = f"{self.metavar}..." if self.many else self.metavar
        return shown if self.default is None else f"[{shown}]"


def _docstring(function: Callable[..., None]) -> str:
    """Return the docstring of a function from its source: `python -OO` drops it."""
    import ast
    import inspect
    import textwrap

    parsed = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return ast.get_docstring(cast("ast.FunctionDef", parsed.body[0])) or ""


HELP = Option("help", ("-h", "--help"), "Show the help and exit.", default=False)


class Command(NamedTuple):
    """A command: the function that runs it, whose docstring explains it, and what it takes."""

    name: str
    run: Callable[..., None]
    argument: Argument
    options: tuple[Option, ...]
    examples: str
    """Markdown, a list."""

    @property
    def usage(self) -> str:
        """The usage line."""
        return f"kmq {self.name} [OPTIONS] {self.argument.usage}"

    @property
    def explained(self) -> str:
        """The docstring of its function, without its indentation. The first paragraph is a summary."""
        lines = (self.run.__doc__ or _docstring(self.run)).splitlines()
        return "\n".join(line.strip() for line in lines).strip()

    @property
    def panels(self) -> dict[str, list[Option]]:
        """The options by the panels of the help, the unnamed one first."""
        panels: dict[str, list[Option]] = {"Options": []}
        for option in self.options:
            panels.setdefault(option.panel, []).append(option)
        panels["Options"].append(HELP)
        return panels
