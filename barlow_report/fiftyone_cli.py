"""The command `barlow-report export-fiftyone`: the images of a run for FiftyOne."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, reports_errors, show_path

__all__ = ["export_fiftyone"]


@reports_errors
def export_fiftyone(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    debug: DebugOption = False,
) -> None:
    """Write RUN's images for FiftyOne: labels, predictions, failure modes as tags, and where features are strong."""
    from barlow_report.formatting import counted
    from barlow_report.stages.fiftyone import export_fiftyone as export
    from barlow_report.terminal import terminal_progress

    with terminal_progress() as progress:
        n = export(run, folder, progress=progress)
        progress.message(f"{counted(n, 'image')} written")
    show_path(
        folder,
        hint="Open it in Python: fiftyone.Dataset.from_dir(dataset_dir=FOLDER, "
        "dataset_type=fiftyone.types.LegacyFiftyOneDataset)",
    )
