"""How every command ends: the path of what it made, or one message for an error that the user can act on.

With --json both are lines of JSON as well, after those of the progress; see `progress_lines`.
"""

import functools
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from barlow_report.errors import BarlowReportError
from barlow_report.progress_lines import SCHEMA_VERSION, ProgressLines, asked_for
from barlow_report.storage import shown, with_addresses
from barlow_report.storage.commands import on_this_machine

__all__ = ["DebugOption", "JsonOption", "reports_errors", "show_path"]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Write progress, messages and errors as lines of JSON, for programs.")
]

_INTERRUPTED = 130


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn an error of `command` into one message and exit code 1, an interrupt into 130."""

    @functools.wraps(command)
    def wrapped(*args: Any, debug: bool, **kwargs: Any) -> None:
        with _lines(command.__name__, is_asked=bool(kwargs.get("json_lines"))):
            try:
                with on_this_machine(kwargs, command=command.__name__) as local:
                    command(*args, debug=debug, **local)
            except BarlowReportError as error:
                _fail(str(error), debug=debug)
            except (typer.Exit, typer.BadParameter, BrokenPipeError):  # an exit code; wrong options; a reader has gone
                raise
            except KeyboardInterrupt:
                _interrupted()
            except Exception as error:
                _fail(
                    f"unexpected {type(error).__name__}: {error}\nThis is a bug of barlow-report. "
                    "Run the command again with --debug and report what it prints.",
                    debug=debug,
                )

    return wrapped


def show_path(path: Path, *, hint: str = "") -> None:
    """Print what a command has made as the last line of standard output, and what to do with it as a message."""
    lines = asked_for.get()
    if lines is not None:
        lines.event("done", path=shown(path.resolve()))
    elif hint:
        typer.echo(hint, err=True)
    typer.echo(shown(path.resolve()))


@contextmanager
def _lines(command: str, *, is_asked: bool) -> Iterator[None]:
    """Have progress and errors written as lines of JSON until the block ends, if that is asked for."""
    if not is_asked:
        yield
        return
    lines = ProgressLines(sys.stderr)
    name = command.replace("_", "-")
    lines.event("start", schema=SCHEMA_VERSION, version=metadata.version("barlow-report"), command=name)
    token = asked_for.set(lines)
    try:
        yield
        if not lines.is_ended:
            lines.event("done", path=None)
    except typer.BadParameter as error:
        lines.event("error", text=str(error), exit_code=error.exit_code)
        raise
    finally:
        asked_for.reset(token)


def _interrupted() -> None:
    message = "Interrupted. What was finished is kept; the same command goes on from there."
    if (lines := asked_for.get()) is not None:
        lines.event("error", text=message, exit_code=_INTERRUPTED)
    else:
        typer.echo(f"\n{message}", err=True)
    raise typer.Exit(_INTERRUPTED) from None


def _fail(message: str, *, debug: bool) -> None:
    message = with_addresses(message)
    trace = {"traceback": traceback.format_exc()} if debug else {}
    if (lines := asked_for.get()) is not None:
        lines.event("error", text=message, exit_code=1, **trace)
    else:
        typer.echo("".join(f"{text}\n" for text in trace.values()) + f"Error: {message}", err=True)
    raise typer.Exit(1)
