"""Several models beside each other: accuracy, error types, and the failure modes that they share."""

from collections.abc import Iterator
from dataclasses import dataclass

from barlow_report.formatting import counted
from barlow_report.lenses.error_types.records import ErrorTypeTables
from barlow_report.lenses.models.page_charts import MODEL_ERROR_TYPES, SHARED_MODES
from barlow_report.lenses.models.page_errors import common_page
from barlow_report.lenses.models.page_tables import known_table, models_table, modes_table
from barlow_report.lenses.models.records import ModelEntry, ModelTables, sharing_words
from barlow_report.report.datatable import DataTable, Link
from barlow_report.report.pages.facts import evaluated_classes
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Rule
from barlow_report.report.slots import Block, MethodPart, PagePart, Sentence

__all__ = ["MODELS_PATH", "ModelsView", "method_part", "models_pages", "sharing_sentence"]

MODELS_PATH = "models/index.html"


@dataclass(frozen=True, kw_only=True)
class ModelsView:
    """The page of models."""

    compared: ModelTables
    models: DataTable
    known: DataTable | None
    modes: DataTable
    types_chart: str | None
    modes_chart: str | None
    n_images: int
    lowest: ModelEntry
    highest: ModelEntry
    n_proposing: int
    n_for_all: int
    n_for_one: int
    is_suggested: bool
    evaluated: str


def models_pages(site: Site, compared: ModelTables, *, error_types: ErrorTypeTables | None) -> Iterator[SitePage]:
    """Yield the page of models, and that of errors that most of them make."""
    is_suggested = error_types is not None and error_types.is_suggested
    models, modes = models_table(site, compared, error_types), modes_table(site, compared)
    known = known_table(compared) if compared.has_metadata else None
    tables = [table for table in (models, known, modes if site.has_features else None) if table is not None]
    site.tables.update({table.name: table for table in tables})
    headings = (
        Heading("Accuracy", "models"),
        Heading("Error types", "types"),
        *([Heading("Failure modes", "modes")] if site.has_features else []),
        *([Heading("What is known", "known")] if known else []),
    )
    yield SitePage(
        path=MODELS_PATH,
        title="Models",
        section="Models",
        description=f"{counted(len(compared.models), 'model')} on the same images: accuracy, error types, and the "
        "failure modes that they share.",
        search="Comparison of models: top-1 accuracy, error types, parameters, shared failure modes.",
        template="lenses/models/page.html",
        view=lambda: _view(site, compared, models, known, modes, is_suggested=is_suggested),
        headings=headings,
        crumbs=(Link("Overview", "index.html"),),
        data=tuple(f"data/{table.name}.js" for table in tables),
    )
    yield common_page(site, compared, is_suggested=is_suggested)


def sharing_sentence(compared: ModelTables, rule: Rule) -> Sentence | None:
    """Say for which other models a rule of the report holds."""
    words = sharing_words(compared, rule.rule_id)
    return Sentence(text=words, more=Link("All models", f"{MODELS_PATH}#modes")) if words else None


def method_part() -> MethodPart:
    """The part of the method page."""
    block = Block(template="lenses/models/method.html", view=None)
    return MethodPart(section=PagePart(heading=Heading("Comparing models", "models"), block=block))


def _view(
    site: Site,
    compared: ModelTables,
    models: DataTable,
    known: DataTable | None,
    modes: DataTable,
    *,
    is_suggested: bool,
) -> ModelsView:
    by_accuracy = sorted(compared.models, key=lambda model: (model.accuracy.k or 0, model.model_id))
    return ModelsView(
        compared=compared,
        models=models,
        known=known,
        modes=modes,
        types_chart=MODEL_ERROR_TYPES if MODEL_ERROR_TYPES in site.charts else None,
        modes_chart=SHARED_MODES if SHARED_MODES in site.charts else None,
        n_images=compared.models[0].accuracy.n or 0,
        lowest=by_accuracy[0],
        highest=by_accuracy[-1],
        n_proposing=sum(model.n_found is not None for model in compared.models),
        n_for_all=sum(mode.n_holds == len(compared.models) for mode in compared.modes),
        n_for_one=sum(mode.n_holds == 1 for mode in compared.modes),
        is_suggested=is_suggested,
        evaluated=evaluated_classes(site.info),
    )
