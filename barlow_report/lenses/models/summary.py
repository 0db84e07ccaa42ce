"""What a comparison of models leaves: a row for each model, and the failure modes that hold for at least one."""

from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.significance import wilson_interval
from barlow_report.tables import all_tables, empty_table

if TYPE_CHECKING:
    from barlow_report.lenses.models.shared_modes import Mode

__all__ = ["shared_mode_tables", "summarise_models"]

Integers = npt.NDArray[np.int64]
Predictions = npt.NDArray[np.int32]

_SHARED = ("shared_modes", "shared_mode_conditions", "shared_mode_rates")


def summarise_models(
    names: list[str], labels: Integers, predictions: Predictions, rates: pd.DataFrame, *, level: float
) -> pd.DataFrame:
    """Return table `models`: the accuracy of each model, and how many failure modes it has."""
    n_correct = (predictions == labels[:, None]).sum(axis=0)
    low, high = wilson_interval(n_correct, len(labels), level=level)
    n_modes = rates.groupby("model_id")[["is_found", "holds"]].sum().reindex(range(len(names)), fill_value=0)
    return pd.DataFrame(
        {
            "model_id": range(len(names)),
            "name": names,
            "n_images": len(labels),
            "n_correct": n_correct,
            "accuracy_low": low,
            "accuracy_high": high,
            "n_found": n_modes["is_found"].astype("Int64").to_numpy(),
            "n_holds": n_modes["holds"].to_numpy(dtype=np.int64),
        }
    )


def shared_mode_tables(modes: "list[Mode]", rates: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of the failure modes that hold for at least one model."""
    n_holds = rates.groupby("mode_id")["holds"].sum()
    kept = n_holds[n_holds > 0]
    if not len(kept):
        return {name: empty_table(name) for name in _SHARED}
    chosen = [(mode_id, modes[mode_id]) for mode_id in kept.index.tolist()]
    rows = [
        {
            "mode_id": mode_id,
            "grouping": mode.best.grouping,
            "class_id": mode.best.class_id,
            "model_id": mode.best.model_id,
            "rule_id": mode.best.rule_id if mode.best.model_id == 0 else None,
            "n_found": len(mode.found_by),
            "n_holds": int(kept[mode_id]),
        }
        for mode_id, mode in chosen
    ]
    conditions = [
        (mode_id, position, *astuple(condition))
        for mode_id, mode in chosen
        for position, condition in enumerate(mode.best.conditions)
    ]
    columns = all_tables()["shared_mode_conditions"].column_names
    return {
        "shared_modes": pd.DataFrame(rows).astype({"rule_id": "Int64"}),
        "shared_mode_conditions": pd.DataFrame(conditions, columns=columns),
        "shared_mode_rates": rates[rates["mode_id"].isin(kept.index)],
    }
