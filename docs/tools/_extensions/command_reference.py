"""The directive `kmq-command`: a command's usage, options and examples, from the command itself."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from kmq_cli.app import MODULES, command_of

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

    from kmq_cli.usage.declared import Command, Option


class CommandDirective(SphinxDirective):
    """Describes one command of `kmq`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what Markdown of the command becomes."""
        name = self.arguments[0]
        if name not in MODULES:
            raise self.error(f"kmq has no command {name!r}; it has {', '.join(MODULES)}")
        command = command_of(name)
        self.env.note_dependency(inspect.getfile(command.run))
        return self.parse_text_to_nodes(described(command))


def described(command: Command) -> str:
    """Return the Markdown that describes a command."""
    argument = command.argument
    default = "" if argument.default is None else f" Default: `{argument.default}`."
    blocks = [
        _directive("program", f"kmq {command.name}"),
        _directive("code-block", "text", command.usage),
        _with_code(command.explained),
        f"- `{argument.usage}`: {_with_code(argument.help)}{default}",
    ]
    for panel, options in command.panels.items():
        blocks += [f"**{panel}**", *map(_option, options)]
    blocks.append(re.sub(r"^(Examples?):", r"**\1**", command.examples))
    return "\n\n".join(blocks)


def _directive(name: str, argument: str, content: str = "") -> str:
    return f":::{{{name}}} {argument}\n{content}\n:::"


def _option(option: Option) -> str:
    typed = f" {option.kind.metavar}" if option.kind else ""
    signature = ", ".join(f"{name}{typed}" for name in filter(None, (*option.names, option.off)))
    limits = option.kind.limits if option.kind else ""
    told = [option.help, f"{limits[0].upper()}{limits[1:]}." if limits else ""]
    if option.told_default:
        told.append(f"Default: {option.told_default}.")
    told = [_with_code(text) for text in told if text]
    if not option.told_default and option.kind and option.default not in (None, ()):
        told.append(f"Default: `{option.default}`.")
    return _directive("option", signature, " ".join(told))


def _with_code(text: str) -> str:
    """Return Markdown in which options that are named are code."""
    return re.sub(r"(?<![`\w-])(--?[a-z][a-z-]*)(?![\w`-])", r"`\1`", text)


def setup(application: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    application.add_directive("kmq-command", CommandDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
