"""Several models beside each other: accuracy, error types, and the failure modes that they share."""

from dataclasses import dataclass

from barlow_report.formatting import counted, percent
from barlow_report.lenses.error_types.page_tables import type_cells, type_columns
from barlow_report.lenses.error_types.records import ErrorTypeTables
from barlow_report.lenses.models.page_charts import MODEL_ERROR_TYPES, SHARED_MODES
from barlow_report.lenses.models.records import ModelEntry, ModelTables, SharedMode, listed_models, sharing_words
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.page import Heading, Site, SitePage
from barlow_report.report.records import Rule, Share
from barlow_report.report.slots import Block, MethodPart, PagePart, Sentence
from barlow_report.report.words import GROUPINGS, condition_words

__all__ = ["MODELS_PATH", "ModelsView", "method_part", "models_page", "sharing_sentence"]

MODELS_PATH = "models/index.html"
_N_COLUMNS = 3  # so many models have a column of their own


@dataclass(frozen=True, kw_only=True)
class ModelsView:
    """The page of models."""

    compared: ModelTables
    models: DataTable
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


def models_page(site: Site, compared: ModelTables, *, error_types: ErrorTypeTables | None) -> SitePage:
    """Compare models by error type and by failure mode."""
    models, modes = _models_table(site, compared, error_types), _modes_table(site, compared)
    shown = (models, modes) if site.has_features else (models,)
    site.tables.update({table.name: table for table in shown})
    return SitePage(
        path=MODELS_PATH,
        title="Models",
        section="Models",
        description=f"{counted(len(compared.models), 'model')} on the same images: accuracy, error types, and the "
        "failure modes that they share.",
        search="Comparison of models: top-1 accuracy, error types, shared failure modes.",
        template="lenses/models/page.html",
        view=lambda: _view(
            site, compared, models, modes, is_suggested=error_types is not None and error_types.is_suggested
        ),
        headings=(
            Heading("Accuracy", "models"),
            Heading("Error types", "types"),
            *((Heading("Failure modes", "modes"),) if site.has_features else ()),
        ),
        crumbs=(Link("Overview", "index.html"),),
        data=tuple(f"data/{table.name}.js" for table in shown),
    )


def sharing_sentence(compared: ModelTables, rule: Rule) -> Sentence | None:
    """Say for which other models a rule of the report holds."""
    words = sharing_words(compared, rule.rule_id)
    return Sentence(text=words, more=Link("All models", f"{MODELS_PATH}#modes")) if words else None


def method_part() -> MethodPart:
    """The part of the method page."""
    block = Block(template="lenses/models/method.html", view=None)
    return MethodPart(section=PagePart(heading=Heading("Comparing models", "models"), block=block))


def _view(site: Site, compared: ModelTables, models: DataTable, modes: DataTable, *, is_suggested: bool) -> ModelsView:
    by_accuracy = sorted(compared.models, key=lambda model: (model.accuracy.k or 0, model.model_id))
    return ModelsView(
        compared=compared,
        models=models,
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
    )


def _models_table(site: Site, compared: ModelTables, error_types: ErrorTypeTables | None) -> DataTable:
    has_types = error_types is not None and any(model.errors is not None for model in compared.models)
    rows: list[list[Cell]] = []
    for model in sorted(compared.models, key=lambda m: (-(m.accuracy.k or 0), m.model_id)):
        row: list[Cell] = [model.name, model.accuracy]
        if error_types is not None and has_types:
            if error_types.finds_label_noise:
                row.append(_percent(model.accuracies.get("multi_label")))
            row += type_cells(error_types, model.errors)
        rows.append([*row, model.n_found, model.n_holds] if site.has_features else row)
    columns = [
        TableColumn(key="model", label="Model", kind="text"),
        TableColumn(
            key="accuracy",
            label="Top-1",
            kind="rate",
            starts="descending",
            title="Images that are right.",
            is_rest=True,
        ),
    ]
    if error_types is not None and has_types:
        if error_types.finds_label_noise:
            columns.append(
                TableColumn(
                    key="multi-label-accuracy",
                    label="Multi-label accuracy",
                    kind="text",
                    starts="descending",
                    is_below=True,
                    title="Mean over classes, with other correct labels and overlapping classes counted as correct.",
                )
            )
        columns += type_columns(error_types)
    of_modes = [
        TableColumn(
            key="found",
            label="Modes found",
            kind="count",
            starts="descending",
            title="Failure modes of the model's own trees, on the images they were fitted to.",
        ),
        TableColumn(
            key="holds",
            label="Modes that hold",
            kind="count",
            starts="descending",
            is_below=True,
            title="Failure modes of any model that hold for this one on held-out images.",
        ),
    ]
    return DataTable(
        name="models",
        caption="Models",
        columns=tuple([*columns, *of_modes] if site.has_features else columns),
        rows=rows,
        filters=(Filter(key="model", label="Name contains", kind="contains"),),
        sorted_by="accuracy",
        page_size=50,
        empty="There are no models.",
        noun="models",
    )


def _percent(value: float | None) -> str | None:
    return None if value is None else percent(value, is_rest=True)


def _modes_table(site: Site, compared: ModelTables) -> DataTable:
    n = len(compared.models)
    shown = compared.models if n <= _N_COLUMNS else ()
    rows: list[list[Cell]] = []
    for mode in compared.modes:
        holds = [model.name for model, rate in zip(compared.models, mode.rates, strict=True) if rate.holds]
        rows.append(
            [
                _mode_link(site, mode),
                site.class_link(mode.class_id),
                GROUPINGS[mode.grouping],
                Share(mode.n_holds, n),
                Share(mode.n_found, n),
                *([rate.error for rate in mode.rates] if shown else [listed_models(holds)]),
            ]
        )
    columns = [
        TableColumn(key="rule", label="Rule", kind="link"),
        TableColumn(key="class", label="Class", kind="link"),
        TableColumn(key="grouping", label="Grouping", kind="text"),
        TableColumn(
            key="holds", label="Holds for", kind="rate", starts="descending", title="Models for which it is verified."
        ),
        TableColumn(
            key="found", label="Found by", kind="rate", starts="descending", title="Models whose own trees have it."
        ),
    ]
    if shown:
        columns += [
            TableColumn(
                key=f"model-{model.model_id}",
                label=f"ER of {model.name}",
                kind="rate",
                starts="descending",
                title=meaning("er", of="of held-out images"),
            )
            for model in shown
        ]
    else:
        columns.append(TableColumn(key="models", label="Models it holds for", kind="text"))
    kinds = list(dict.fromkeys(GROUPINGS[mode.grouping] for mode in compared.modes))
    return DataTable(
        name="shared-modes",
        caption="Failure modes that hold for at least one model",
        columns=tuple(columns),
        rows=rows,
        filters=(
            Filter(key="", label="Rule, class or model contains", kind="contains"),
            Filter(key="grouping", label="Grouping", kind="equals", choices=tuple((kind, kind) for kind in kinds)),
            Filter(key="holds", label="Holds for ≥ % of models", kind="least", is_percent=True),
        ),
        sorted_by="holds",
        page_size=25,
        empty="No failure mode holds for any of the models."
        if not site.catalog.is_in_sample
        else "No image was held out, so nothing can be compared. Set rules.held_out_fraction.",
        noun="failure modes",
    )


def _mode_link(site: Site, mode: SharedMode) -> Link:
    words = condition_words(mode.conditions) or "all images"
    rule = None if mode.rule_id is None else site.catalog.rules.get(mode.rule_id)
    return Link(words, site.class_path(mode.class_id) if rule is None else site.rule_path(rule))
