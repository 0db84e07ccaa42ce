"""The charts of the page of models, from its tables."""

from collections.abc import Mapping

import pandas as pd

from barlow_report.chart import Chart
from barlow_report.lenses.error_types.records import is_suggested, type_titles
from barlow_report.lenses.models.charts import error_types_by_accuracy, modes_by_model
from barlow_report.lenses.models.records import shared_conditions
from barlow_report.report.words import GROUPINGS, condition_words
from barlow_report.visible import visible
from barlow_report.visuals.drawing import shorten

__all__ = ["MODEL_ERROR_TYPES", "SHARED_MODES", "charts"]

MODEL_ERROR_TYPES = "model_error_types"
"""Name of the chart of error types by the accuracy of models."""

SHARED_MODES = "shared_modes"
"""Name of the chart of failure modes by model."""


def charts(tables: Mapping[str, pd.DataFrame]) -> dict[str, Chart]:
    """Error types by accuracy, and failure modes by model, where there are any."""
    if "models" not in tables:
        return {}
    models = tables["models"].sort_values("model_id")
    accuracy = (models["n_correct"] / models["n_images"]).to_numpy()
    found = {}
    types = tables["model_error_types"].assign(share=lambda t: t["n_errors"] / t["n_failures"].clip(lower=1))
    occurring = types.loc[types["n_errors"] > 0, "error_type"].unique()
    if len(occurring):
        families = models["family"].map(lambda family: visible(family) if isinstance(family, str) else None)
        points = types.assign(
            accuracy=accuracy[types["model_id"]], family=families.to_numpy(dtype=object)[types["model_id"]]
        )
        called = type_titles(is_suggested=is_suggested(tables))
        titles = {error_type: title for error_type, title in called.items() if error_type in occurring}
        found[MODEL_ERROR_TYPES] = error_types_by_accuracy(points, titles=titles)
    modes = tables["shared_modes"].sort_values(["n_holds", "mode_id"], ascending=[False, True])
    if len(modes):
        rates = tables["shared_mode_rates"]
        holds, proposed = (
            rates.pivot_table(index="mode_id", columns="model_id", values=column, aggfunc="first")
            .loc[modes["mode_id"]]
            .to_numpy(dtype=bool)
            for column in ("holds", "is_found")
        )
        found[SHARED_MODES] = modes_by_model(
            holds,
            proposed,
            modes=_mode_names(tables, modes),
            models=[visible(name) for name in models["name"]],
            accuracies=accuracy.tolist(),
        )
    return found


def _mode_names(tables: Mapping[str, pd.DataFrame], modes: pd.DataFrame) -> list[str]:
    names = tables["classes"].set_index("class_id")["name"]
    names = names.map(lambda name: shorten(visible(name), max_length=16))
    conditions = shared_conditions(tables)
    return [
        f"{names[row.class_id]} {GROUPINGS[row.grouping]}: "
        f"{condition_words(conditions.get(row.mode_id, ()), exact=False) or 'all images'}"
        for row in modes.itertuples()
    ]
