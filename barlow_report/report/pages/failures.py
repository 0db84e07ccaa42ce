"""The list of all failures of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from barlow_report.formatting import counted
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, Picture, TableColumn
from barlow_report.report.glossary import meaning
from barlow_report.report.mode_images import failures_in_modes
from barlow_report.report.mode_words import mode_name
from barlow_report.report.pages.page import Site, SitePage

__all__ = ["FailuresView", "failures_page"]

_MOST_LISTED = 20_000  # a data script of two megabytes
_PAGE_SIZE = 50
_MOST_CHOICES = 100


@dataclass(frozen=True, kw_only=True)
class FailuresView:
    """The table, and how many of all failures are in it."""

    table: DataTable
    n_listed: int
    n_failures: int


def failures_page(site: Site) -> SitePage:
    """All failures, to sort and filter; its filters `label` and `prediction` may be linked to by name."""
    table = _table(site)
    site.tables[table.name] = table
    n_failures = site.catalog.images.failures.k or 0
    above = (Link("Failure modes", "failure-modes/index.html"),) if site.has_features else ()
    return SitePage(
        path="failures/index.html",
        title="All failures",
        section="Failure modes" if site.has_features else "All failures",
        description=f"{counted(n_failures, 'image that fails', 'images that fail')}.",
        search="All failures: every image that fails, with its label and prediction, and its failure modes.",
        template="pages/failures.html",
        view=lambda: FailuresView(table=table, n_listed=len(table.rows), n_failures=n_failures),
        crumbs=(Link("Overview", "index.html"), *above),
        data=(f"data/{table.name}.js",),
    )


def _table(site: Site) -> DataTable:
    images, modes = site.catalog.images, site.catalog.failure_modes()
    links = {
        rule.rule_id: Link(mode_name(site.catalog.groups[rule.group_id], rule), site.mode_path(rule)) for rule in modes
    }
    listed = _listed(site)
    in_modes = {
        image_id: rule_ids
        for image_id, rule_ids in failures_in_modes(site.catalog.mode_images, is_failure=images.is_failure)
        if image_id in listed
    }
    has_confidence = not np.isnan(images.confidence.astype(float)).all()
    has_pictures = any(site.catalog.thumbnails.get(image_id) is not None for image_id in listed)
    columns = (
        *([TableColumn(key="picture", label="Picture", kind="picture")] if has_pictures else []),
        TableColumn(key="image", label="Image", kind="text"),
        TableColumn(key="label", label="Label", kind="text"),
        TableColumn(key="prediction", label="Prediction", kind="text"),
        *(
            [
                TableColumn(
                    key="confidence",
                    label="Confidence",
                    kind="percent",
                    starts="descending",
                    title=meaning("confidence"),
                )
            ]
            if has_confidence
            else []
        ),
        *([TableColumn(key="mode", label="Failure modes", kind="links")] if site.has_features else []),
    )
    choices = (("in one or more", "some"), ("in none", "none"), *((link.text, link.text) for link in links.values()))
    return DataTable(
        name="failures",
        caption="Failures",
        columns=columns,
        rows=[
            _row(site, image_id, [links[r] for r in in_modes[image_id] if r in links], columns) for image_id in listed
        ],
        filters=(
            Filter(key="label", label="Label", kind="name"),
            Filter(key="prediction", label="Prediction", kind="name"),
            *(
                [Filter(key="confidence", label="Confidence ≥ %", kind="least", is_percent=True)]
                if has_confidence
                else []
            ),
            *([_mode_filter(choices, n_modes=len(links))] if site.has_features else []),
            *([Filter(key="image", label="Path contains", kind="contains")] if site.catalog.shows_paths else []),
        ),
        sorted_by="confidence" if has_confidence else "",
        page_size=_PAGE_SIZE,
        empty="No image of this run fails.",
        noun="failures",
    )


def _mode_filter(choices: tuple[tuple[str, str], ...], *, n_modes: int) -> Filter:
    if n_modes > _MOST_CHOICES:
        return Filter(key="mode", label="Failure mode contains", kind="contains")
    return Filter(key="mode", label="Failure mode", kind="equals", choices=choices)


def _listed(site: Site) -> dict[int, None]:
    """The failures that the table holds: those that the model was surest of, in this order."""
    images = site.catalog.images
    ids = np.flatnonzero(images.is_failure)
    sure = np.nan_to_num(images.confidence[ids].astype(float), nan=-1.0)
    return dict.fromkeys(ids[np.lexsort((ids, -sure))][:_MOST_LISTED].tolist())


def _row(site: Site, image_id: int, modes: Sequence[Link], columns: Sequence[TableColumn]) -> list[Cell]:
    images = site.catalog.images
    label, prediction = (site.class_name(int(ids[image_id])) for ids in (images.label, images.prediction))
    confidence, thumbnail = float(images.confidence[image_id]), site.catalog.thumbnails.get(image_id)
    cells: dict[str, Cell] = {
        "picture": thumbnail and Picture(thumbnail, ""),  # the row says what it is
        "image": images.name(image_id),
        "label": label,
        "prediction": prediction,
        "confidence": None if confidence != confidence else confidence,
        "mode": tuple(modes),
    }
    return [cells[column.key] for column in columns]
