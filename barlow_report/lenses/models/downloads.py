"""What is known and counted of models, and the errors that most of them make, as CSV."""

from collections.abc import Iterator, Mapping

from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.lenses.models.records import ModelTables
from barlow_report.report.downloads import csv_line
from barlow_report.report.pages.page import Site

__all__ = ["downloads"]


def downloads(site: Site, compared: ModelTables) -> Mapping[str, Iterator[str]]:
    """Return the files by their names below `data/`."""
    found = {"models.csv": _models(compared)}
    if compared.errors:
        found["common-errors.csv"] = _errors(site, compared)
    return found


def _models(compared: ModelTables) -> Iterator[str]:
    """Yield the numbers that the page's chart and tables of models show, a row for each model."""
    assessed = {entry.error_type for model in compared.models if model.errors for entry in model.errors.types}
    types = [error_type for error_type in ERROR_TYPES if error_type in assessed]
    known = ("family", "n_parameters", "input_height", "input_width", "pretraining", "published_accuracy")
    yield csv_line(
        (
            "model_id",
            "name",
            "n_images",
            "n_correct",
            "n_failures",
            *(f"n_{name}" for name in types),
            *known,
            "n_modes_found",
            "n_modes_hold",
        )
    )
    for model in compared.models:
        counts = {entry.error_type: entry.share.k for entry in model.errors.types} if model.errors else {}
        n, k = model.accuracy.n or 0, model.accuracy.k or 0
        yield csv_line(
            (
                model.model_id,
                model.name,
                n,
                k,
                n - k,
                *(counts.get(name) for name in types),
                *(getattr(model.known, name) for name in known),
                model.n_found,
                model.n_holds,
            )
        )


def _errors(site: Site, compared: ModelTables) -> Iterator[str]:
    """Yield the images that most models miss, the most missed first; paths only where the site may show them."""
    catalog = site.catalog
    paths = ("path",) if catalog.shows_paths else ()
    yield csv_line(
        ("image_id", *paths, "label", "prediction", "n_models", "n_missed", "n_same", "error_type", "detail")
    )
    for error in compared.errors:
        image_id = error.image_id
        yield csv_line(
            (
                image_id,
                *((catalog.images.path(image_id),) if paths else ()),
                site.class_name(int(catalog.images.label[image_id])),
                site.class_name(error.prediction),
                len(compared.models),
                error.missed.k,
                error.same.k,
                error.error_type or None,
                error.detail or None,
            )
        )
