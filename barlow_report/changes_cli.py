"""The commands `barlow-report compare` and `export-results`: what became of failure modes since an earlier release."""

from pathlib import Path
from typing import Annotated

import typer

from barlow_report.cli_errors import DebugOption, JsonOption, reports_errors, show_path

__all__ = ["compare", "export_results"]


@reports_errors
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="OLD NEW",
            help="Run folders, or files that export-results wrote, the oldest first.",
            show_default=False,
        ),
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="Where the tables go: the run folder of NEW, or a folder for them alone.",
            show_default="NEW, where it is a run folder",
        ),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Take any number of runs, and count every failure mode in each.")
    ] = False,
    delta: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Largest change of an error rate that counts as none.")
    ] = 0.05,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="NEW's model was made to repair the failure modes of OLD: say whether it did."),
    ] = False,
    json_lines: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Say what became of the failure modes of the run OLD in the run NEW, and write it for NEW's site."""
    from barlow_report.lenses.changes import stage
    from barlow_report.lenses.changes.words import lines
    from barlow_report.terminal import terminal_progress

    if len(runs) < 2:
        raise typer.BadParameter("one run found, expected two: the earlier and the later one", param_hint="OLD NEW")
    if len(runs) > 2 and not history:
        raise typer.BadParameter(f"{len(runs)} runs found, expected two; for more, add --history", param_hint="OLD NEW")
    if not 0 < delta < 1:
        raise typer.BadParameter(
            f"found {delta}, expected a number between 0 and 1, such as 0.05", param_hint="--delta"
        )
    with terminal_progress() as progress:
        found = stage.compare(runs, into=into, delta=delta, history=history, is_repair=repair, progress=progress)
    for line in lines(found.tables):
        typer.echo(line)
    if found.folder is not None:
        hint = f"Show it on the run's site: barlow-report site {found.folder}" if found.is_run else ""
        show_path(found.folder, hint=hint)


@reports_errors
def export_results(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    file: Annotated[Path, typer.Argument(help="The file to write, such as results.zip.")],
    all_features: Annotated[
        bool,
        typer.Option(
            "--all-features",
            help="Also write features that no failure mode uses: needed to compare with runs on other images.",
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Write what a comparison needs of RUN to one file, without pictures, for later releases to compare with."""
    from barlow_report.lenses.changes.stage import export

    export(run, file, all_features=all_features)
    show_path(file)
