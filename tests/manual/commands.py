"""The commands in a page, held to the command line as it is, without running them."""

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile
from typing import Any

from typer.main import get_command

from barlow_report.cli import app

_ASSIGNMENT = re.compile(r"\w+=")


def command_names() -> set[str]:
    """Return the names of all commands that are shown."""
    return {name for name, command in _root().commands.items() if not command.hidden}


def calls(code: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of barlow-report in a block of shell commands."""
    for line in code.splitlines():
        words = list(dropwhile(_ASSIGNMENT.match, shlex.split(line, comments=True)))
        if words and words[0].rpartition("/")[2] == "barlow-report":
            yield words[1:]


def complaint(arguments: list[str]) -> str:
    """Return what is wrong with a call, or nothing: an unknown command or option, or the number of its arguments."""
    command = _root()
    rest = list(arguments)
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return "" if rest in (["--help"], ["--version"]) else f"no command {' '.join(rest[:1])!r}"
        command = command.commands[rest.pop(0)]
    try:
        values, left, _ = command.make_parser(command.context_class(command)).parse_args(rest)
    except Exception as error:
        if not hasattr(error, "format_message"):  # of Click, which some versions of Typer carry within themselves
            raise
        return str(error.format_message())
    missing = [p.name for p in command.params if p.required and values.get(p.name) in (None, ())]
    return f"too many arguments: {left}" if left else f"missing: {missing}" if missing else ""


def mentioned(text: str) -> set[str]:
    """Return the commands that a text names as `barlow-report COMMAND`, alternatives (`a | b`) included."""
    found = set()
    for call in re.findall(r"`barlow-report ([^`]+)`", text):
        alternatives = re.match(r"[a-z-]+(?:\s*\\?\|\s*[a-z-]+)*", call)
        found |= set(re.split(r"\s*\\?\|\s*", alternatives[0])) if alternatives else set()
    return {name for name in found if not name.startswith("--")}


def _root() -> Any:
    return get_command(app)
