"""How much of the photographs a site shows: all, a blur, or nothing.

The run folder keeps the pictures as they are; what a site may not show is taken out of the tables before the
site is built, so that nothing of it can reach a page. Blurred pictures are kept beside the others, and a list
says which is which, so that building a site again blurs nothing again.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from barlow_report.lenses import registry
from barlow_report.progress import Progress
from barlow_report.run_folder import Run
from barlow_report.seals import is_sealed, read_sealed_json, write_sealed_json
from barlow_report.tables import empty_table
from barlow_report.visuals.blurring import blur

__all__ = ["blurred", "without_photographs"]

_MADE = "made"
# A feature attack starts from a photograph and still shows it; a heatmap says where, but not what
_OF_THE_REPORT: dict[str, Sequence[str]] = {
    "tiles": ("thumbnail", "attack"),
    "galleries": ("thumbnail",),
    "quantiles": ("thumbnail",),
    "group_quantiles": ("thumbnail",),
    "mode_pictures": ("thumbnail",),
    "strip_images": ("thumbnail",),
}


def _photographs() -> dict[str, Sequence[str]]:
    """The columns that name photographs, by table, those of the lenses included."""
    return {**_OF_THE_REPORT, **{t: c for lens in registry.LENSES for t, c in lens.photographs().items()}}


def without_photographs(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables with none of the rows that stand for pictures."""
    photographs = _photographs()
    return {name: empty_table(name) if name in photographs else table for name, table in tables.items()}


def blurred(run: Run, tables: Mapping[str, pd.DataFrame], *, progress: Progress) -> dict[str, pd.DataFrame]:
    """Return the tables with every photograph replaced by a blurred one, making those that are missing.

    Raises:
        DamagedFileError: A picture of the run is missing or damaged.
    """
    photographs = {table: columns for table, columns in _photographs().items() if table in tables}
    wanted = {
        name for table, columns in photographs.items() for column in columns for name in tables[table][column].dropna()
    }
    path = run.folder / "blurred.json"
    known: dict[str, str] = read_sealed_json(path, advice="")[_MADE] if is_sealed(path) else {}
    known = {name: made for name, made in known.items() if run.has_media(made)}
    missing = sorted(wanted - known.keys())
    if missing:
        with progress.task("Blurring pictures", total=len(missing), unit="pictures") as advance:
            for name in missing:
                known[name] = run.add_media(blur(run.read_media(name)))
                advance(1)
        write_sealed_json(path, {_MADE: dict(sorted(known.items()))})
    changed = {
        table: tables[table].assign(
            **{column: [known.get(name) for name in tables[table][column]] for column in columns}
        )
        for table, columns in photographs.items()
    }
    return {**tables, **changed}
