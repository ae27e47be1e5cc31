"""The directive `kmq-command`: a command's usage, options and examples, from the command itself."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from sphinx.util.docutils import SphinxDirective
from typer.models import ArgumentInfo, CommandInfo, OptionInfo
from typer.utils import get_params_from_function

from kmq_cli.app import app

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from typer.models import ParamMeta

UNBOUNDED = 2**31 - 1
"""A limit from here on is that of a machine's numbers, and says nothing."""


class Command(SphinxDirective):
    """Describes one command of `kmq`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what Markdown of the command becomes."""
        commands = {_name(command): command for command in app.registered_commands}
        if self.arguments[0] not in commands:
            raise self.error(f"kmq has no command {self.arguments[0]!r}; it has {', '.join(commands)}")
        self.env.note_dependency(inspect.getfile(commands[self.arguments[0]].callback))
        return self.parse_text_to_nodes(described(commands[self.arguments[0]]))


def described(command: CommandInfo) -> str:
    """Return the Markdown that describes a command."""
    name = f"kmq {_name(command)}"
    parameters = get_params_from_function(command.callback).values()
    arguments = [each for each in parameters if isinstance(each.default, ArgumentInfo)]
    options = [each for each in parameters if isinstance(each.default, OptionInfo)]
    usage = " ".join([name, "[OPTIONS]", *map(_usage, arguments)])
    blocks = [
        _directive("program", name),
        _directive("code-block", "text", usage),
        _with_code(inspect.cleandoc(command.callback.__doc__ or "")),
        "\n".join(f"- `{_usage(each)}`: {_told(each)}" for each in arguments),
    ]
    panels = dict.fromkeys(option.default.rich_help_panel for option in options)
    for panel in sorted(panels, key=lambda panel: panel is not None):  # as in the help, without one first
        blocks.append(f"**{panel or 'Options'}**")
        blocks += [_option(option) for option in options if option.default.rich_help_panel == panel]
        if panel is None:
            blocks.append(_directive("option", "-h, --help", "Show the help and exit."))
    blocks.append(re.sub(r"^(Examples?):", r"**\1**", command.epilog or ""))
    return "\n\n".join(blocks)


def _name(command: CommandInfo) -> str:
    return command.name or command.callback.__name__.replace("_", "-")


def _directive(name: str, argument: str, content: str = "") -> str:
    return f":::{{{name}}} {argument}\n{content}\n:::"


def _usage(argument: ParamMeta) -> str:
    repeated = getattr(argument.annotation, "__origin__", None) is list
    metavar = f"{argument.default.metavar}..." if repeated else argument.default.metavar
    return metavar if argument.default.default is ... else f"[{metavar}]"


def _option(option: ParamMeta) -> str:
    names = option.default.param_decls or [f"--{option.name.replace('_', '-')}"]
    metavar = _metavar(option)
    signature = ", ".join(f"{name}{metavar}" for declared in names for name in declared.split("/"))
    return _directive("option", signature, _told(option))


def _metavar(option: ParamMeta) -> str:
    if option.default.metavar is not None:
        return f" {option.default.metavar}".rstrip()
    choices = _choices(option.annotation)
    return f" {'|'.join(choices)}" if choices else ""


def _choices(annotation: Any) -> list[str]:  # noqa: ANN401  whatever a parameter is annotated with
    kinds = [annotation, *get_args(annotation)]  # one of them, of "SpaceName | None"
    return [name for kind in kinds if get_origin(kind) is Literal for name in get_args(kind)]


def _told(parameter: ParamMeta) -> str:
    info = parameter.default
    return " ".join(filter(None, [_with_code(info.help), _limits(info), _default(info)]))


def _limits(info: ArgumentInfo | OptionInfo) -> str:
    most = None if info.max is None or info.max >= UNBOUNDED else info.max
    if info.min is None or isinstance(info, ArgumentInfo):
        return ""
    return f"At least {info.min:,}." if most is None else f"{info.min:,} to {most:,}."


def _default(info: ArgumentInfo | OptionInfo) -> str:
    if isinstance(info.show_default, str):
        return _with_code(f"Default: {info.show_default}.")
    value = getattr(info.default, "value", info.default)
    if not info.show_default or value is None or value is ... or value is False or value == "":
        return ""
    return f"Default: `{value}`."


def _with_code(text: str) -> str:
    """Return Markdown in which options that are named are code."""
    return re.sub(r"(?<![`\w-])(--?[a-z][a-z-]*)(?![\w`-])", r"`\1`", text)


def setup(application: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    application.add_directive("kmq-command", Command)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
