"""The page of the commands, from the command line itself."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from barlow_report.cli import app
from barlow_report.manual.reference.marking import definitions, heading, inline, paragraphs

__all__ = ["commands_page"]

_INTRODUCTION = """# Commands

Every command, made from the command line itself; `barlow-report COMMAND --help` says the same.

Exit codes: 0: done; 1: an error that you can act on, in one message (`--debug` adds the traceback); 2: wrong usage;
3: a gate that failed, or that could not tell. Progress and messages go to standard error. The last line on standard
output is the path of what was made.
"""


def commands_page() -> str:
    """Return the page, in Markdown."""
    root: Any = get_command(app)
    return "\n".join([_INTRODUCTION, *_commands(root.commands, before="", level=2)])


def _commands(commands: dict[str, Any], *, before: str, level: int) -> Iterator[str]:
    for name, command in sorted(commands.items()):
        if command.hidden:
            continue
        full = f"{before}{name}"
        yield heading(level, f"`{full}`", full.replace(" ", "-"))
        yield paragraphs(command.help or "") + "\n"
        if hasattr(command, "commands"):
            yield from _commands(command.commands, before=f"{full} ", level=level + 1)
        else:
            yield from _one(command, full)


def _one(command: Any, name: str) -> Iterator[str]:
    context = command.context_class(command, info_name=name)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.get_help_record(context)]
    usage = " ".join(["barlow-report", name, *(_argument(p) for p in arguments), "[OPTIONS]" if options else ""])
    yield f"\n```sh\n{usage.strip()}\n```\n"
    entries = [("", _argument(p), "", _words(p, context)) for p in arguments]
    entries += [("", p.get_help_record(context)[0], "", _words(p, context)) for p in options]
    yield definitions(entries)


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    name = f"{name}…" if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _words(parameter: Any, context: Any) -> str:
    return inline((parameter.get_help_record(context) or ("", parameter.help or ""))[1].replace("  [required]", ""))
