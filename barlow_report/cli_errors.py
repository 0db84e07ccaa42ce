"""How every command ends: one message for an error that the user can act on, and its exit code."""

import functools
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from barlow_report.errors import BarlowReportError

__all__ = ["DebugOption", "reports_errors"]

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def reports_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn an error of `command` into one message and exit code 1, an interrupt into 130."""

    @functools.wraps(command)
    def wrapped(*args: Any, debug: bool, **kwargs: Any) -> None:
        try:
            command(*args, debug=debug, **kwargs)
        except BarlowReportError as error:
            _fail(str(error), debug=debug)
        except (typer.Exit, typer.BadParameter, BrokenPipeError):  # an exit code; wrong options; a reader has gone
            raise
        except KeyboardInterrupt:
            typer.echo("\nInterrupted. What was finished is kept; the same command goes on from there.", err=True)
            raise typer.Exit(130) from None
        except Exception as error:
            _fail(
                f"unexpected {type(error).__name__}: {error}\nThis is a bug of barlow-report. "
                "Run the command again with --debug and report what it prints.",
                debug=debug,
            )

    return wrapped


def _fail(message: str, *, debug: bool) -> None:
    if debug:
        typer.echo(traceback.format_exc(), err=True)
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(1)
