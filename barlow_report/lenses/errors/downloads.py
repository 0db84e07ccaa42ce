"""Every failure as CSV and JSON, line by line: there may be many."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pandas as pd

from barlow_report.lenses.error_types.records import ErrorTypeTables
from barlow_report.report.downloads import as_json, csv_line
from barlow_report.report.pages.page import Site

__all__ = ["errors_csv", "errors_json"]


def _records(site: Site, errors: pd.DataFrame, error_types: ErrorTypeTables) -> Iterator[dict[str, Any]]:
    """Every failure with what is known about it; paths only where the site may show them."""
    catalog = site.catalog
    names = {class_id: entry.name for class_id, entry in catalog.classes.items()}
    columns = ("image_id", "label", "prediction", "rule_ids", "decision_value", "error_type")
    for image_id, label, prediction, rule_ids, value, error_type in zip(
        *(errors[column].tolist() for column in columns), strict=True
    ):
        yield {
            "image_id": image_id,
            **({"path": catalog.images.path(image_id)} if catalog.shows_paths else {}),
            "label": names[label],
            "prediction": names[prediction],
            "error_type": error_type,
            "detail": error_types.details.get(image_id),
            "rule_ids": [int(rule_id) for rule_id in rule_ids.split()],
            "decision_value": None if value != value else value,
            "superclasses": error_types.origin,
        }


def errors_csv(site: Site, errors: pd.DataFrame, error_types: ErrorTypeTables) -> Iterator[str]:
    """Yield all failures with their error types as CSV, line by line; the ids of rules have spaces between them."""
    paths = ("path",) if site.catalog.shows_paths else ()
    header = (
        "image_id",
        *paths,
        "label",
        "prediction",
        "error_type",
        "detail",
        "rule_ids",
        "decision_value",
        "superclasses",
    )
    yield csv_line(header)
    for record in _records(site, errors, error_types):
        yield csv_line([" ".join(map(str, v)) if isinstance(v, list) else v for v in record.values()])


def errors_json(site: Site, errors: pd.DataFrame, error_types: ErrorTypeTables) -> Iterator[str]:
    """Yield all failures with their error types as JSON, one failure in a line."""
    yield '{"errors":['
    records = _records(site, errors, error_types)
    first = next(records, None)
    if first is not None:
        yield from chain(["\n", as_json(first).rstrip()], (f",\n{as_json(record).rstrip()}" for record in records))
    yield "\n]}\n"
