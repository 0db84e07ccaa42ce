"""The command `barlow-report card`: a run's failure modes in a model card."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors, show_path

__all__ = ["card"]


@reports_errors
def card(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    file: Annotated[Path, typer.Argument(help="A model card in Markdown; a new one gets metadata, too.")],
    debug: DebugOption = False,
) -> None:
    """Write what RUN found into the model card FILE, in the place of what an earlier run left there."""
    from barlow_report.run_folder import Run
    from barlow_report.stages.site import write_card
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        was_there = write_card(Run.open(run), file, progress=progress)
        progress.message("Its section is up to date; metadata was left as it is" if was_there else "A new model card")
    show_path(file)
