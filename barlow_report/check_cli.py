"""The command `barlow-report check`: what a run would do."""

from pathlib import Path
from typing import Annotated, Any

import typer

from barlow_report.cli_errors import DebugOption, JsonOption, reports_errors

__all__ = ["SCHEMA", "check"]

SCHEMA = Path(__file__).with_name("check.schema.json")
_SCHEMA_VERSION = 1


@reports_errors
def check(
    config: Annotated[Path, typer.Argument(help="The configuration.")],
    run: Annotated[Path | None, typer.Option("--run", help="The run folder.", show_default="runs/<name>")] = None,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say in seconds what `run CONFIG` would do: its images, models, time and disk.

    Nothing is written; weights at addresses are copied to the cache. With --json standard output is one JSON object of
    the same facts.
    """
    from barlow_report.config import load_config
    from barlow_report.stages.forecast import Forecast
    from barlow_report.terminal import terminal_progress

    settings = load_config(config)
    folder = run or Path("runs") / settings.name
    with terminal_progress() as progress:
        forecast = Forecast(config=settings, folder=folder, progress=progress)
        parts = list(forecast.parts())
    if json_lines:
        total = forecast.total.as_json()
        _write_json(name=settings.name, parts=[part.as_json() for part in parts if part.key != "total"], total=total)
        return
    width = max(len(part.title) for part in parts)
    for part in parts:
        typer.echo(f"{part.title:<{width}}  {part.text}")


def _write_json(**found: Any) -> None:
    import json
    from importlib import metadata

    answer = {"schema": _SCHEMA_VERSION, "version": metadata.version("barlow-report"), **found}
    typer.echo(json.dumps(answer, allow_nan=False))
