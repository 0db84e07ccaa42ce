"""The page of errors that most models make: pictures of each type, and all of them in a table."""

from dataclasses import dataclass

from barlow_report.formatting import count, counted
from barlow_report.lenses.error_types.records import MEANINGS, type_titles
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.lenses.models.page_tables import errors_table
from barlow_report.lenses.models.records import CommonError, ModelTables
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.pages.pictures import GalleryPicture

__all__ = ["COMMON_PATH", "CommonErrorsView", "common_page"]

COMMON_PATH = "models/common-errors/index.html"


@dataclass(frozen=True, kw_only=True)
class CommonGallery:
    """Errors of one type; `title` is empty where types were not computed."""

    title: str
    meaning: str
    anchor: str
    n_errors: int
    pictures: tuple[GalleryPicture, ...]


@dataclass(frozen=True, kw_only=True)
class CommonErrorsView:
    """The page of common errors; `n_all` of the images are missed by every model."""

    galleries: tuple[CommonGallery, ...]
    table: DataTable
    n_models: int
    n_images: int
    n_errors: int
    n_all: int
    is_suggested: bool


def common_page(site: Site, compared: ModelTables, *, is_suggested: bool) -> SitePage:
    """Show the images that most models miss; `is_suggested`: nobody has confirmed the superclasses of their types."""
    table = errors_table(site, compared, is_suggested=is_suggested)
    site.tables[table.name] = table
    by_type = _by_type(compared)
    titles = type_titles(is_suggested=is_suggested)
    children = tuple(Heading(_capital(titles[key]), _anchor(key)) for key in by_type if key)
    headings = [Heading("Pictures", "pictures", children)] if site.has_images else []
    n, n_models = len(compared.errors), len(compared.models)
    return SitePage(
        path=COMMON_PATH,
        title="Common errors",
        section="Models",
        description=f"{counted(n, 'image')} that more than half of {counted(n_models, 'model')} miss, by the type of "
        "the error that most of them make.",
        search="Common errors of models: images that most models miss, by error type.",
        template="lenses/models/common_errors.html",
        view=lambda: _view(site, compared, table, by_type, is_suggested=is_suggested),
        headings=(*headings, Heading("All", "all")),
        crumbs=(Link("Overview", "index.html"), Link("Models", "models/index.html")),
        data=(f"data/{table.name}.js",),
        has_contents=True,
    )


def _by_type(compared: ModelTables) -> dict[str, list[CommonError]]:
    """The errors of each type that occurs, in the order of the types."""
    found: dict[str, list[CommonError]] = {}
    for error in compared.errors:
        found.setdefault(error.error_type, []).append(error)
    return {key: found[key] for key in ("", *ERROR_TYPES) if key in found}


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _anchor(error_type: str) -> str:
    return f"type-{error_type.replace('_', '-')}" if error_type else "type"


def _view(
    site: Site,
    compared: ModelTables,
    table: DataTable,
    by_type: dict[str, list[CommonError]],
    *,
    is_suggested: bool,
) -> CommonErrorsView:
    n_models, titles = len(compared.models), type_titles(is_suggested=is_suggested)
    return CommonErrorsView(
        galleries=tuple(
            CommonGallery(
                title=_capital(titles[key]) if key else "",
                meaning=MEANINGS[key] if key else "",
                anchor=_anchor(key),
                n_errors=len(errors),
                pictures=tuple(_picture(site, error, n_models=n_models) for error in errors if error.thumbnail),
            )
            for key, errors in by_type.items()
        ),
        table=table,
        n_models=n_models,
        n_images=compared.models[0].accuracy.n or 0,
        n_errors=len(compared.errors),
        n_all=sum(error.missed.k == n_models for error in compared.errors),
        is_suggested=is_suggested and "fine_grained" in by_type,
    )


def _picture(site: Site, error: CommonError, *, n_models: int) -> GalleryPicture:
    images = site.catalog.images
    words = f"missed by {count(error.missed.k)} of {count(n_models)} models, {count(error.same.k)} of them like this"
    return GalleryPicture(
        thumbnail=error.thumbnail,
        path=images.name(error.image_id),
        label=site.class_name(int(images.label[error.image_id])),
        prediction=site.class_name(error.prediction),
        confidence="",
        is_failure=True,
        note=f"{words} ({error.detail})" if error.detail else words,
    )
