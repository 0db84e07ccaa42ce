"""The join: one row per failure with everything that is known about it, whatever lenses a run has."""

import pandas as pd

from barlow_report.run_folder import Run
from barlow_report.stages.leaves import leaves_of_failures

__all__ = ["write_errors"]


def write_errors(run: Run) -> None:
    """Write table `errors` from what the lenses of the run have found; delete it where it has none."""
    has_types = run.is_finished("taxonomy") and run.has_table("error_types")
    has_values = run.is_finished("directions") and run.has_table("directions")
    if not (has_types or has_values):
        run.delete_table("errors")
        return
    images = run.read_table("images")
    errors = images.loc[images["label"] != images["prediction"], ["image_id", "label", "prediction"]]
    leaves = leaves_of_failures(run).sort_values(["image_id", "rule_id"])
    in_rules = leaves.groupby("image_id")["rule_id"].agg(lambda ids: " ".join(map(str, ids)))
    errors = errors.assign(rule_ids=errors["image_id"].map(in_rules).astype(object).fillna(""))
    values = run.read_table("directions") if has_values else None
    types = run.read_table("error_types") if has_types else None
    errors["decision_value"] = _column(errors, values, "decision_value").astype("float64")
    errors["error_type"] = _column(errors, types, "error_type").astype(object)
    run.write_table("errors", errors)


def _column(errors: pd.DataFrame, table: pd.DataFrame | None, name: str) -> pd.Series:
    if table is None:
        return pd.Series(None, index=errors.index, dtype=object)
    return errors["image_id"].map(table.set_index("image_id")[name])
