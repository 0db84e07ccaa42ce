"""The command `barlow-report collect-files`: the candidates of a pool as files."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, JsonOption, reports_errors, show_path

__all__ = ["collect_files"]


@reports_errors
def collect_files(
    run: Annotated[Path, typer.Argument(help="The run folder, with a pool.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy images instead of linking them.")] = False,
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="The best of each failure mode.", show_default="all listed")
    ] = None,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write the images of RUN's pool that are worth collecting into FOLDER, with a table and Label Studio's tasks."""
    from barlow_report.lenses.pool.exporting import export_candidates
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        n_images = export_candidates(run, folder, copies=copy, n=n, progress=progress)
        progress.message(f"{n_images} images to collect")
    show_path(folder)
