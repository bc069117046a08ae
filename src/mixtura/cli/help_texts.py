"""Help of commands in the language of the shell.

Texts of options stand where the options do, in English; they are translated when help is shown. Typer makes
commands anew for every run, so that they may be changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from typing import Any

from typer import rich_utils

from mixtura.support.language import marked
from mixtura.support.language import translated as _

# What typer itself says around our texts.
_OF_TYPER = {
    "DEFAULT_STRING": marked("[default: {}]"),
    "REQUIRED_LONG_STRING": marked("[required]"),
    "ARGUMENTS_PANEL_TITLE": marked("Arguments"),
    "OPTIONS_PANEL_TITLE": marked("Options"),
    "COMMANDS_PANEL_TITLE": marked("Commands"),
}

# Words in the place of a value, as in INTEGER>=1; values that stand for themselves are in small letters.
_METAVAR = re.compile("[A-Z]{3,}")


def share_language(group: Any) -> None:
    """Let every command of a group have --lang, too: it may stand before the command or after it."""
    option = copy(next(param for param in group.params if "--lang" in param.opts))
    option.expose_value = False
    for command in group.commands.values():
        command.params.append(option)


def translate(command: Any, context: Any) -> None:
    """Put the texts of a command into the language of the shell."""
    for name, text in _OF_TYPER.items():
        setattr(rich_utils, name, _(text))
    for thing, attribute, text in texts(command, context):
        setattr(thing, attribute, _(text))
    for thing, attribute, text in metavars(command, context):
        setattr(thing, attribute, _METAVAR.sub(lambda word: _(word[0]), text))


def texts(command: Any, context: Any) -> Iterator[tuple[Any, str, str]]:
    """Every text of a command: what has it, the name of the attribute, and the text."""
    params = command.get_params(context)
    attributes = ("help", "epilog", "show_default", "rich_help_panel")
    for thing in (command, *params):
        for attribute in attributes:
            text = getattr(thing, attribute, None)
            if isinstance(text, str) and text:
                yield thing, attribute, text


def metavars(command: Any, context: Any) -> Iterator[tuple[Any, str, str]]:
    """What stands for values that the user gives, as `texts` has those."""
    for thing in (command, *command.get_params(context)):
        for attribute in ("metavar", "options_metavar", "subcommand_metavar"):
            text = getattr(thing, attribute, None)
            if isinstance(text, str):
                yield thing, attribute, text


def words_of(metavar: str) -> list[str]:
    """The words of a metavar that are translated."""
    return _METAVAR.findall(metavar)


def format_usage(command: Any, context: Any, formatter: Any) -> None:
    """Say how a command is used, as click does."""
    pieces = command.collect_usage_pieces(context)
    formatter.write_usage(context.command_path, " ".join(pieces), _("Usage: "))
