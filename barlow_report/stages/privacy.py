"""How much of the photographs a site shows: all, a blur, or nothing.

The run folder keeps the pictures as they are; what a site may not show is taken out of the tables before the
site is built, so that nothing of it can reach a page. Blurred pictures are kept beside the others, and a list
says which is which, so that building a site again blurs nothing again.
"""

import json
from collections.abc import Mapping

import pandas as pd

from barlow_report.errors import SiteError
from barlow_report.files import atomic_write
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.tables import empty_table
from barlow_report.visuals.blurring import blur

__all__ = ["blurred", "without_photographs"]

# A feature attack starts from a photograph and still shows it; a heatmap says where, but not what
_PHOTOGRAPHS = {
    "tiles": ("thumbnail", "attack"),
    "galleries": ("thumbnail",),
    "quantiles": ("thumbnail",),
    "direction_images": ("thumbnail",),
    "error_galleries": ("thumbnail",),
}


def without_photographs(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables with none of the rows that stand for pictures."""
    return {name: empty_table(name) if name in _PHOTOGRAPHS else table for name, table in tables.items()}


def blurred(run: Run, tables: Mapping[str, pd.DataFrame], *, progress: Progress) -> dict[str, pd.DataFrame]:
    """Return the tables with every photograph replaced by a blurred one, making those that are missing.

    Raises:
        SiteError: A picture of the run cannot be read.
    """
    wanted = {
        name
        for table, columns in _PHOTOGRAPHS.items()
        if table in tables
        for column in columns
        for name in tables[table][column]
    }
    path = run.folder / "blurred.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = {name: made for name, made in known.items() if (run.media / made).is_file()}
    missing = sorted(wanted - known.keys())
    if missing:
        with progress.task("Blurring pictures", total=len(missing), unit="pictures") as advance:
            for name in missing:
                known[name] = run.add_media(blur(_read(run, name)))
                advance(1)
        atomic_write(path, json.dumps(known, sort_keys=True))
    changed = {
        table: tables[table].assign(**{column: tables[table][column].map(known) for column in columns})
        for table, columns in _PHOTOGRAPHS.items()
        if table in tables
    }
    return {**tables, **changed}


def _read(run: Run, name: str) -> bytes:
    try:
        return (run.media / name).read_bytes()
    except OSError as error:
        raise SiteError(
            f"{run.media / name}: cannot be read ({error.strerror}). Run the stage visualize again."
        ) from error
