"""What a run folder has lost since it was written: looked for before anything in it counts as up to date."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd

from barlow_report.errors import DamagedFileError, SchemaError
from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.run_folder import Run, stage_tables

__all__ = ["redo_damaged"]

_PICTURES = ("thumbnail", "map", "heatmap", "attack")


def redo_damaged(run: Run, *, progress: Progress) -> None:
    """Drop the marks of stages of which a table, the features or a picture is damaged, missing or outdated, and say so.

    They are then done again, and what depends on them. Every file is read once: tables and pictures are small, and
    features are checked at about 1 GB a second; the stages of this process then do not check them again.

    Args:
        run: The run folder, locked.
        progress: Where to report to.
    """
    for stage in stage_tables():
        if run.is_finished(stage) and (found := _damage(run, stage)):
            progress.message(f"{found}: {stage} is done again")
            run.redo(stage)
    for lens in registry.LENSES:
        if lens.section() is None:
            for table in lens.tables():
                if run.has_table(table.name) and next(_damaged_tables(run, [table.name]), None):
                    run.delete_table(table.name)  # what follows from other lenses is written where it is missing


def _damage(run: Run, stage: str) -> str | None:
    """Name the first file of `stage` that is damaged, missing or of another version; None where all are whole."""
    if found := next(_damaged_tables(run, run.promised_tables(stage)), None):
        return found
    if stage == "extract":
        try:
            run.check_array_file("features")
        except DamagedFileError:
            return "features.npy is damaged or missing"
    names: set[str] = set()
    for table in run.promised_tables(stage):
        try:
            names.update(_pictures(run.read_table(table)))
        except SchemaError:
            return f"{table}.parquet was written by another version"
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        n_damaged = sum(not is_whole for is_whole in pool.map(run.has_media, names))
    verb = "is" if n_damaged == 1 else "are"
    return f"{n_damaged} of {len(names)} pictures {verb} damaged or missing" if n_damaged else None


def _damaged_tables(run: Run, names: list[str]) -> Iterator[str]:
    for name in names:
        try:
            run.check_table_file(name)
        except DamagedFileError:
            yield f"{name}.parquet is damaged or missing"


def _pictures(table: pd.DataFrame) -> Iterator[str]:
    for column in _PICTURES:
        if column in table.columns:
            yield from table[column].dropna()
