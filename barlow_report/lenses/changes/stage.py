"""Compare runs and write what became of their failure modes: for the command, and for a section `changes`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from barlow_report.config import Config
from barlow_report.errors import OutputError, RunFolderError
from barlow_report.formatting import count
from barlow_report.lenses.changes.comparing import compare_runs
from barlow_report.lenses.changes.config import DELTA
from barlow_report.lenses.changes.exporting import export_results
from barlow_report.lenses.changes.history import compare_releases, history_tables
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.sources import digest_results, open_results
from barlow_report.lenses.changes.tables import HISTORY_TABLES, TABLES
from barlow_report.lenses.changes.tabulating import comparison_tables
from barlow_report.lenses.changes.words import answer_of
from barlow_report.progress import Progress, SilentProgress
from barlow_report.run_folder import Run, TableFiles, fingerprint

__all__ = ["Compared", "compare", "export", "write_changes"]

_FORMAT = 4
_KEY = "changes"


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """What a comparison has said.

    Attributes:
        tables: See `tables.TABLES`.
        folder: Where they are; None: nowhere.
        is_run: Whether that is a run folder.
    """

    tables: dict[str, pd.DataFrame]
    folder: Path | None
    is_run: bool

    @property
    def answer(self) -> str:
        """What became of the failure modes, in one sentence."""
        return answer_of(self.tables)


def compare(
    runs: Sequence[Path],
    *,
    into: Path | None = None,
    delta: float = DELTA,
    history: bool = False,
    is_repair: bool = False,
    progress: Progress | None = None,
) -> Compared:
    """Compare the last of some runs with the one before it, and write the tables unless they are up to date.

    Args:
        runs: Run folders, or files that `export` wrote, the oldest first; two at least.
        into: The last run's folder, or another folder for the tables alone; default: the last run's folder, where it is
            one, else nowhere.
        delta: Largest change of an error rate that counts as none, 0 to 1.
        history: Also count every failure mode in each of the runs.
        is_repair: The last run's model was made to repair the failure modes of the one before.
        progress: Where to report to; default: nowhere.

    Raises:
        RunFolderError: A run cannot be read; `into` is another run.
        OutputError: The tables cannot be written.
    """
    progress = progress or SilentProgress()
    new = runs[-1]
    folder = into or (None if new.is_file() else new)
    run = None if folder is None or not (folder / "run.json").is_file() else Run.open(folder)
    if run is not None and into is not None:
        _refuse_other_run(run, open_results(new))
    earlier = [digest_results(path) for path in runs[:-1]]  # before the lock: what is missing is named without it
    lock: AbstractContextManager[None] = nullcontext() if run is None else run.locked()
    with lock:
        tables = _compare(
            run, runs, earlier=earlier, delta=delta, history=history, is_repair=is_repair, progress=progress
        )
        if folder is not None and run is None:
            _write_alone(folder, tables)
    return Compared(tables=tables, folder=folder, is_run=run is not None)


def write_changes(config: Config, run: Run, *, progress: Progress) -> None:
    """Write the tables of changes, unless they are up to date.

    Args:
        config: The configuration, with a section `changes`.
        run: The run folder, locked, with the stage `explain` finished.
        progress: Where to report to.

    Raises:
        ConfigError: There is no section `changes`.
        RunFolderError: The earlier run cannot be read.
    """
    settings = config.needed_section(_KEY, example="{baseline: RUN}")
    tables = _compare(
        run,
        [settings.earlier, run.folder],
        earlier=[digest_results(settings.earlier)],
        delta=settings.delta,
        history=False,
        is_repair=settings.repaired_from is not None,
        progress=progress,
    )
    progress.message(f"Since {tables['changes']['name_old'].iloc[0]}: {answer_of(tables)}")


def export(run: Path, file: Path, *, all_features: bool = False) -> None:
    """Write what a comparison needs of a run to one file; see `export_results`."""
    export_results(Run.open(run), file, all_features=all_features)


def _compare(
    run: Run | None,
    paths: Sequence[Path],
    *,
    earlier: list[str],
    delta: float,
    history: bool,
    is_repair: bool,
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Return the tables of a comparison, which are in the run folder then, where there is one.

    What each run depends on makes its mark: `earlier` is that of all but the last, in which names are of this
    comparison itself, and no part of it.
    """
    digests = [*earlier, digest_results(paths[-1], with_names=False)]
    mark = fingerprint(runs=digests, delta=delta, history=history, is_repair=is_repair, format=_FORMAT)
    if run is not None and run.is_done(_KEY, fingerprint=mark):
        progress.message("The comparison of runs is up to date")
        return {table.name: run.read_table(table.name) for table in TABLES if run.has_table(table.name)}
    tables = _tables([_open(path, progress) for path in paths], delta=delta, history=history, is_repair=is_repair)
    if run is not None:
        run.begin(_KEY, fingerprint=mark)
        for name, table in tables.items():
            run.write_table(name, table)
        run.finish(_KEY, fingerprint=mark)
    return tables


def _open(path: Path, progress: Progress) -> RunResults:
    run = open_results(path)
    progress.message(f"{run.name}: {count(run.n_images)} images, {count(int(run.is_failure.sum()))} failures")
    return run


def _tables(runs: Sequence[RunResults], *, delta: float, history: bool, is_repair: bool) -> dict[str, pd.DataFrame]:
    if not history:
        return comparison_tables(compare_runs(runs[-2], runs[-1], delta=delta), is_repair=is_repair)
    found = compare_releases(runs, delta=delta)
    return comparison_tables(found.steps[-1], is_repair=is_repair) | history_tables(found)


def _refuse_other_run(run: Run, new: RunResults) -> None:
    """Raise RunFolderError where the tables would not belong to the run they are written to."""
    found, expected = ((info.get("name"), info.get("run_id")) for info in (run.info, new.info))
    if found != expected:
        raise RunFolderError(
            f"{run.folder}: holds the run {found[0]} ({found[1]}), expected {expected[0]} ({expected[1]}), the last of "
            "those that are compared. Give its folder, or one that is not a run folder."
        )


def _write_alone(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    names = {f"{table.name}.parquet" for table in TABLES}
    others = sorted(path.name for path in folder.iterdir() if path.name not in names) if folder.is_dir() else []
    if others:
        raise OutputError(f"{folder}: holds other files, such as {others[0]}. Give an empty or new folder.")
    files = TableFiles(folder)
    for name in HISTORY_TABLES:
        files.delete_table(name)
    for name, table in tables.items():
        files.write_table(name, table)
