"""The command `barlow-report check`: what a run would do."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors

__all__ = ["check"]


@reports_errors
def check(
    config: Annotated[Path, typer.Argument(help="The configuration.")],
    run: Annotated[Path | None, typer.Option("--run", help="The run folder.", show_default="runs/<name>")] = None,
    debug: DebugOption = False,
) -> None:
    """Say in seconds what `run CONFIG` would do: its images, models, time and disk.

    Nothing is written; weights at addresses are copied to the cache.
    """
    from barlow_report.config import load_config
    from barlow_report.stages.forecast import forecast
    from barlow_report.terminal import terminal_progress

    settings = load_config(config)
    with terminal_progress() as progress:
        lines = list(forecast(settings, run or Path("runs") / settings.name, progress=progress))
    width = max(len(word) for word, _ in lines)
    for word, text in lines:
        typer.echo(f"{word:<{width}}  {text}")
