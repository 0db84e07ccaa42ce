"""Failure directions: all classes in one table."""

from dataclasses import dataclass

from barlow_report.formatting import number, percent
from barlow_report.lenses.directions.places import DIRECTION_ANCHOR, LABELS, embeddings_words
from barlow_report.lenses.directions.records import ClassDirection, DirectionTables
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.pages.page import Site, SitePage

__all__ = ["DirectionsView", "directions_page"]


@dataclass(frozen=True, kw_only=True)
class DirectionsView:
    """All classes, and how many of them have what."""

    table: DataTable
    n_classes: int
    n_fitted: int
    n_verified: int
    n_held_out: int
    embeddings: str
    has_captions: bool


def directions_page(site: Site, directions: DirectionTables) -> SitePage:
    """The table of directions; only a run that has some has this page."""
    table = _table(site, directions)
    site.tables[table.name] = table
    entries = directions.classes.values()
    return SitePage(
        path="directions/index.html",
        title="Directions",
        section="Directions",
        description="The direction of the embeddings along which each class fails, tested on held-out images.",
        search="Failure directions: linear SVM, decision values, balanced accuracy, hardest images, captions.",
        template="lenses/directions/page.html",
        view=lambda: DirectionsView(
            table=table,
            n_classes=len(directions.classes),
            n_fitted=sum(entry.status == "fitted" for entry in entries),
            n_verified=sum(entry.verdict == "verified" for entry in entries),
            n_held_out=directions.n_held_out,
            embeddings=embeddings_words(directions.settings),
            has_captions=directions.has_captions,
        ),
        crumbs=(Link("Overview", "index.html"),),
        data=("data/directions.js",),
    )


def _table(site: Site, directions: DirectionTables) -> DataTable:
    level = site.catalog.rules_config.confidence_level
    columns = [
        TableColumn(key="class", label="Class", kind="link"),
        TableColumn(key="label", label="Evidence", kind="badge", words=LABELS),
        TableColumn(
            key="accuracy",
            label="Balanced accuracy",
            kind="number",
            starts="descending",
            title="Mean of the shares of held-out failures and of held-out successes that lie on their own side of 0; "
            "0.5 is chance.",
        ),
        TableColumn(
            key="interval",
            label="Interval",
            kind="text",
            title=f"{percent(level, decimals=0)} interval of the balanced accuracy.",
        ),
        TableColumn(
            key="failures",
            label="Failures found",
            kind="rate",
            starts="descending",
            title="Held-out failures on the hard side.",
        ),
        TableColumn(
            key="successes",
            label="Successes found",
            kind="rate",
            starts="descending",
            title="Held-out successes on the easy side.",
        ),
        TableColumn(key="q", label="q", kind="q", title="The Benjamini–Hochberg q-value over all directions."),
        TableColumn(
            key="cross-validated",
            label="Cross-validated",
            kind="number",
            starts="descending",
            title="Balanced accuracy on the fitted images, the best of several settings; no evidence by itself.",
        ),
    ]
    if directions.has_captions:
        columns.append(TableColumn(key="caption", label="Hardest caption", kind="text"))
    rows = [_row(site, entry, has_captions=directions.has_captions) for entry in directions.classes.values()]
    present = dict.fromkeys(entry.label for entry in directions.classes.values())
    rows.sort(key=_order)
    return DataTable(
        name="directions",
        caption="Directions",
        columns=tuple(columns),
        rows=rows,
        filters=(
            Filter(key="class", label="Name contains", kind="contains"),
            Filter(
                key="label", label="Evidence", kind="equals", choices=tuple((LABELS[value], value) for value in present)
            ),
            Filter(key="accuracy", label="Balanced accuracy ≥", kind="least"),
        ),
        sorted_by="accuracy",
        least=site.catalog.rules_config.min_images,
        empty="The run has no classes.",
        noun="classes",
    )


def _order(row: list[Cell]) -> tuple[bool, float, str]:
    value = row[2]
    name = row[0].text if isinstance(row[0], Link) else ""
    return (value is None, -value if isinstance(value, float) else 0.0, name.casefold())


def _row(site: Site, entry: ClassDirection, *, has_captions: bool) -> list[Cell]:
    row: list[Cell] = [
        Link(site.class_name(entry.class_id), f"{site.class_path(entry.class_id)}#{DIRECTION_ANCHOR}"),
        entry.label,
        entry.balanced_accuracy,
        _interval(entry),
        entry.failures if entry.failures.k is not None else None,
        entry.successes if entry.successes.k is not None else None,
        entry.q_value,
        entry.cross_validated,
    ]
    return [*row, entry.captions[0].caption if entry.captions else ""] if has_captions else row


def _interval(entry: ClassDirection) -> str:
    return "" if entry.low is None else f"{number(entry.low, decimals=2)}–{number(entry.high, decimals=2)}"
