"""The runs that a comparison reads: run folders, and files that `barlow-report export-results` wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.errors import RunFolderError
from barlow_report.files import digest_file
from barlow_report.lenses.changes.checking import check_results
from barlow_report.lenses.changes.exporting import read_export
from barlow_report.lenses.changes.results import FURTHER_TABLES, TABLE_NAMES, Integers, RunResults
from barlow_report.run_folder import Run, fingerprint

__all__ = ["digest_results", "open_results", "results_of"]


def open_results(path: Path) -> RunResults:
    """Read what a comparison needs of a run.

    Args:
        path: Its folder, or a file that `export_results` wrote.

    Raises:
        RunFolderError: There is none, its failures were not explained yet, or it is damaged.
    """
    if path.is_file():
        return check_results(read_export(path))
    run = Run.open(path)
    run.require("explain")
    return results_of(run)


def results_of(run: Run) -> RunResults:
    """Read what a comparison needs of an open run folder whose failures were explained."""
    names = [*TABLE_NAMES, *(name for name in FURTHER_TABLES if run.has_table(name))]
    return check_results(
        RunResults(
            info=run.info,
            tables={name: run.read_table(name) for name in names},
            activations=_Features(run).activations,
            source=str(run.folder),
        )
    )


def digest_results(path: Path, *, with_names: bool = True) -> str:
    """Return a hash of all that a comparison depends on in a run: where it lies is no part of it.

    Args:
        path: Its folder, or a file that `export_results` wrote.
        with_names: Whether the names of its failure modes count, as they do of an earlier run.

    Raises:
        RunFolderError: There is none at `path`, or its failures were not explained yet.
    """
    if path.is_file():
        try:
            return digest_file(path)
        except OSError as error:
            raise RunFolderError(
                f"{path}: cannot be read ({error.strerror}). Give a run folder, or its export."
            ) from error
    run = Run.open(path)
    run.require("explain")
    info = run.info
    names = run.table_bytes("mode_names").hex() if with_names and run.has_table("mode_names") else None
    return fingerprint(
        explain=info["stages"]["explain"], name=info.get("name"), created_at=info.get("created_at"), names=names
    )


class _Features:
    """The features of a run folder, checked when the first of them is asked for.

    They are mapped into memory, and what was read of them counts as used until they are closed: a comparison of
    thousands of rules would come to hold all of them. So they are opened anew for every read, which takes no time.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def activations(self, feature_id: int, image_ids: Integers) -> npt.NDArray[np.floating[Any]] | None:
        """See `Activations`."""
        features = self._run.features()
        return features[image_ids, feature_id] if 0 <= feature_id < features.shape[1] else None
