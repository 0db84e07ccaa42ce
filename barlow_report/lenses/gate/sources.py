"""The runs that a gate reads."""

from pathlib import Path

from barlow_report.lenses.changes.results import TABLE_NAMES, RunResults
from barlow_report.run_folder import Run

__all__ = ["open_results", "results_of"]

_FURTHER = ("explained", "mode_names")


def open_results(path: Path) -> RunResults:
    """Read a run folder.

    Raises:
        RunFolderError: There is none at `path`, or its failures were not explained yet.
    """
    run = Run.open(path)
    run.require("explain")
    return results_of(run)


def results_of(run: Run) -> RunResults:
    """Read what a gate and a comparison need of a run."""
    names = [*TABLE_NAMES, *(name for name in _FURTHER if run.has_table(name))]
    return RunResults(
        info=run.info,
        tables={name: run.read_table(name) for name in names},
        activations=lambda feature_id, image_ids: run.features()[image_ids, feature_id],
        source=str(run.folder),
    )
