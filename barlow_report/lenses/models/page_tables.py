"""The tables of the page that compares models: their accuracy, what is known of them, and failure modes."""

from barlow_report.formatting import percent
from barlow_report.lenses.error_types.page_tables import type_cells, type_columns
from barlow_report.lenses.error_types.records import ErrorTypeTables, type_titles
from barlow_report.lenses.models.metadata import Metadata
from barlow_report.lenses.models.records import ModelTables, SharedMode, listed_models
from barlow_report.report.datatable import Cell, DataTable, Filter, Link, TableColumn
from barlow_report.report.glossary import meaning
from barlow_report.report.pages.page import Site
from barlow_report.report.records import Share
from barlow_report.report.words import GROUPINGS, condition_words

__all__ = ["errors_table", "known_table", "models_table", "modes_table", "percent_text", "size_words"]

_PAGE_SIZE = 12  # so that the chart of many models is near their table
_N_COLUMNS = 3  # so many models have a column of their own


def models_table(site: Site, compared: ModelTables, error_types: ErrorTypeTables | None) -> DataTable:
    """Accuracy, error types and failure modes of each model."""
    has_types = error_types is not None and any(model.errors is not None for model in compared.models)
    rows: list[list[Cell]] = []
    for model in sorted(compared.models, key=lambda m: (-(m.accuracy.k or 0), m.model_id)):
        row: list[Cell] = [model.name, model.accuracy]
        if error_types is not None and has_types:
            if error_types.finds_label_noise:
                row.append(percent_text(model.accuracies.get("multi_label")))
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
        page_size=_PAGE_SIZE,
        empty="There are no models.",
        noun="models",
    )


def known_table(compared: ModelTables) -> DataTable:
    """What is known of each model beside its predictions."""
    rows: list[list[Cell]] = [
        [
            model.name,
            model.known.family,
            model.known.n_parameters,
            size_words(model.known),
            model.known.pretraining,
            percent_text(model.known.published_accuracy),
            percent_text(model.accuracy.value),
        ]
        for model in sorted(compared.models, key=lambda m: (-(m.accuracy.k or 0), m.model_id))
    ]
    families = sorted({model.known.family for model in compared.models if model.known.family})
    return DataTable(
        name="known-models",
        caption="Size, training and published accuracy of each model",
        columns=(
            TableColumn(key="model", label="Model", kind="text"),
            TableColumn(key="family", label="Family", kind="text", is_below=True),
            TableColumn(
                key="parameters",
                label="Parameters",
                kind="count",
                starts="descending",
                title="Numbers that it has learned.",
            ),
            TableColumn(key="input", label="Input", kind="text", is_below=True, title="Height × width in pixels."),
            TableColumn(
                key="pretraining", label="Trained on", kind="text", title="As its library or a person states it."
            ),
            TableColumn(
                key="published",
                label="Top-1 as published",
                kind="text",
                starts="descending",
                title="Mostly on the validation images of ImageNet-1k, as its library or a person states it.",
            ),
            TableColumn(key="here", label="Top-1 here", kind="text", starts="descending", is_below=True),
        ),
        rows=rows,
        filters=(
            Filter(key="model", label="Name contains", kind="contains"),
            Filter(key="family", label="Family", kind="equals", choices=tuple((name, name) for name in families)),
            Filter(key="parameters", label="Parameters ≥", kind="least"),
        ),
        sorted_by="",
        page_size=_PAGE_SIZE,
        empty="There are no models.",
        noun="models with what is known of them",
    )


def errors_table(site: Site, compared: ModelTables, *, is_suggested: bool) -> DataTable:
    """The images that most models miss; `is_suggested`: nobody has confirmed the superclasses of their types."""
    titles = type_titles(is_suggested=is_suggested)
    has_types = any(error.error_type for error in compared.errors)
    images = site.catalog.images
    rows: list[list[Cell]] = [
        [
            images.name(error.image_id),
            site.class_link(int(images.label[error.image_id])),
            site.class_link(error.prediction),
            error.missed,
            error.same,
            *([titles.get(error.error_type)] if has_types else []),
        ]
        for error in compared.errors
    ]
    types = list(dict.fromkeys(titles[error.error_type] for error in compared.errors if error.error_type))
    columns = [
        TableColumn(key="image", label="Image", kind="text"),
        TableColumn(key="label", label="Label", kind="link"),
        TableColumn(
            key="prediction",
            label="Most often taken for",
            kind="link",
            is_below=True,
            title="The class that most of the models that miss it predict.",
        ),
        TableColumn(key="missed", label="Missed by", kind="rate", starts="descending", title="Models that miss it."),
        TableColumn(
            key="same",
            label="This error",
            kind="rate",
            starts="descending",
            title="Models that take it for that very class.",
        ),
        *([TableColumn(key="type", label="Type of this error", kind="text")] if has_types else []),
    ]
    return DataTable(
        name="common-errors",
        caption="Images that most models miss",
        columns=tuple(columns),
        rows=rows,
        filters=(
            Filter(key="", label="Image or class contains", kind="contains"),
            Filter(key="missed", label="Missed by ≥ % of models", kind="least", is_percent=True),
            *(
                [Filter(key="type", label="Type", kind="equals", choices=tuple((word, word) for word in types))]
                if has_types
                else []
            ),
        ),
        sorted_by="missed",
        page_size=50,
        empty="No image is missed by more than half of the models.",
        noun="images",
    )


def size_words(known: Metadata) -> str | None:
    """The size of the images that a model gets: height × width."""
    if known.input_height is None or known.input_width is None:
        return None
    return f"{known.input_height} × {known.input_width}"


def percent_text(value: float | None) -> str | None:
    """An accuracy in words."""
    return None if value is None else percent(value, is_rest=True)


def modes_table(site: Site, compared: ModelTables) -> DataTable:
    """Failure modes that hold for at least one model, and for which ones."""
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
