"""A comparison of models for a made-up run: the inspected one and others, with every failure mode and a foreign one."""

from dataclasses import replace

import numpy as np
import pandas as pd

from barlow_report.chart import Chart
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.lenses.models.page_charts import MODEL_ERROR_TYPES, SHARED_MODES
from barlow_report.report.source import ReportSource
from barlow_report.significance import wilson_interval
from barlow_report.tables import check_table
from tests.report.synthetic import PAYLOADS

__all__ = ["with_comparison"]

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 120"><circle cx="40" cy="40" r="5"/></svg>'


def with_comparison(source: ReportSource, *, n_models: int = 5, hostile: bool = False) -> ReportSource:
    """Return the source with the tables of a comparison; error types are counted where the source has some.

    Mode i, and model m after the inspected one: the model proposes it if i + m is even, and it holds if m ≤ i + 1.
    The inspected model proposes its own and all of them hold. One more mode is of model 1 alone.
    """
    modes = _modes(source, n_models=n_models)
    rates = _rates(modes, n_models=n_models)
    tables = {
        "models": _models(source, rates, n_models=n_models, hostile=hostile),
        "models_left_out": pd.DataFrame(
            {
                "name": [PAYLOADS[0] if hostile else "net x"],
                "reason": [PAYLOADS[1] if hostile else "net.pt: cannot be read"],
            }
        ),
        "model_error_types": _types(n_models) if "error_types" in source.tables else _types(0),
        "model_accuracies": pd.DataFrame(
            {
                "model_id": range(n_models),
                "measure": "multi_label",
                "value": [None if m == 1 else 0.6 + m / 100 for m in range(n_models)],
                "n_images": 100,
                "n_classes": 3,
            }
        ),
        "common_errors": _errors(source, n_models=n_models, has_types="error_types" in source.tables),
        "shared_modes": modes.assign(
            n_found=rates.groupby("mode_id")["is_found"].sum().to_numpy(),
            n_holds=rates.groupby("mode_id")["holds"].sum().to_numpy(),
        ),
        "shared_mode_conditions": _conditions(source, modes),
        "shared_mode_rates": rates,
    }
    checked = {name: check_table(name, frame, where=name) for name, frame in tables.items()}
    names = (MODEL_ERROR_TYPES, SHARED_MODES) if len(tables["model_error_types"]) else (SHARED_MODES,)
    charts = {name: Chart(light=_SVG, dark=_SVG, alt=name) for name in names}
    return replace(source, tables={**source.tables, **checked}, charts={**source.charts, **charts})


def _modes(source: ReportSource, *, n_models: int) -> pd.DataFrame:
    groups = source.tables["groups"].set_index("group_id")
    rules = source.tables["rules"]
    rules = rules[rules["is_failure_mode"]].join(groups[["grouping", "class_id"]], on="group_id")
    rules = rules[rules["grouping"].isin(["label", "prediction"])]
    own = [(rule.grouping, int(rule.class_id), 0, int(rule.rule_id)) for rule in rules.itertuples()]
    found = [*own, ("label", 0, min(1, n_models - 1), None)]
    frame = pd.DataFrame(found, columns=["grouping", "class_id", "model_id", "rule_id"])
    return frame.assign(mode_id=range(len(found)), rule_id=frame["rule_id"].astype("Int64"))


def _rates(modes: pd.DataFrame, *, n_models: int) -> pd.DataFrame:
    rows = []
    for mode in modes.itertuples():
        is_own = mode.model_id == 0
        for m in range(n_models):
            i = int(mode.mode_id)
            n = 0 if (i, m) == (0, n_models - 1) else 40 + m
            k = n // 2 + (i % 3 if n else 0)
            low, high = wilson_interval(k, n) if n else (np.nan, np.nan)
            rows.append(
                {
                    "mode_id": i,
                    "model_id": m,
                    "is_found": (m == 0 or (i + m) % 2 == 0) if is_own else m == 1,
                    "n_images": n,
                    "n_failures": k,
                    "n_group_images": 200,
                    "n_group_failures": 50,
                    "error_rate": k / n if n else np.nan,
                    "low": float(low),
                    "high": float(high),
                    "p_value": 0.001,
                    "q_value": 0.002,
                    "holds": (m == 0 or m <= i + 1) and n > 0 if is_own else m == 1,
                }
            )
    return pd.DataFrame(rows)


def _conditions(source: ReportSource, modes: pd.DataFrame) -> pd.DataFrame:
    own = source.tables["conditions"].merge(modes.dropna(subset="rule_id")[["mode_id", "rule_id"]], on="rule_id")
    own = own[["mode_id", "position", "feature_id", "branch", "threshold", "printed_threshold"]]
    foreign = {"mode_id": len(modes) - 1, "position": 0, "feature_id": 4321, "branch": "le", "threshold": 0.125}
    foreign["printed_threshold"] = foreign["threshold"]
    return pd.concat([own, pd.DataFrame([foreign])], ignore_index=True)


def _models(source: ReportSource, rates: pd.DataFrame, *, n_models: int, hostile: bool) -> pd.DataFrame:
    n_images = len(source.tables["images"])
    correct = [round(n_images * (0.9 - 0.5 * m / n_models)) for m in range(n_models)]
    bounds = [wilson_interval(k, n_images) for k in correct]
    per_model = rates.groupby("model_id")
    found = per_model["is_found"].sum().astype("Int64")
    found.iloc[-1] = None  # the last one was given no trees of its own
    return pd.DataFrame(
        {
            "model_id": range(n_models),
            "name": [PAYLOADS[m % len(PAYLOADS)] if hostile else f"net {m}" for m in range(n_models)],
            "n_images": n_images,
            "n_correct": correct,
            "accuracy_low": [float(low) for low, _ in bounds],
            "accuracy_high": [float(high) for _, high in bounds],
            "n_found": found.to_numpy(),
            "n_holds": per_model["holds"].sum().to_numpy(),
            # nothing is known of the inspected model, and little of the last one
            "family": [None, *(f"family {m % 3}" for m in range(1, n_models))],
            "n_parameters": pd.array([None, *(10 ** (3 + m % 6) * 7 for m in range(1, n_models))], dtype="Int64"),
            "input_height": pd.array([None, *(224 for _ in range(1, n_models))], dtype="Int64"),
            "input_width": pd.array([None, *(224 + 32 * (m % 2) for m in range(1, n_models))], dtype="Int64"),
            "pretraining": [None, *("ImageNet-1k" if m % 2 else None for m in range(1, n_models))],
            "published_accuracy": [None, *(0.7 + m / 1000 if m % 2 else None for m in range(1, n_models))],
        }
    )


def _errors(source: ReportSource, *, n_models: int, has_types: bool) -> pd.DataFrame:
    """Every third failure of the run is common: all models miss the first ones, and fewer of them the later ones."""
    images = source.tables["images"]
    failures = images[images["label"] != images["prediction"]].iloc[::3]
    least = n_models // 2 + 1
    n = len(failures)
    missed = [max(least, n_models - place // 3) for place in range(n)]
    kinds = [ERROR_TYPES[1 + place % (len(ERROR_TYPES) - 1)] if has_types else None for place in range(n)]
    frame = pd.DataFrame(
        {
            "image_id": failures["image_id"].to_numpy(),
            "n_missed": missed,
            "prediction": failures["prediction"].to_numpy(),
            "n_same": [max(1, m - place % 2) for place, m in enumerate(missed)],
            "error_type": pd.Series(kinds, dtype=object),
            "detail": pd.Series(["a kind" if kind == "fine_grained" else None for kind in kinds], dtype=object),
        }
    )
    frame["rank"] = frame.groupby(frame["error_type"].fillna("")).cumcount() + 1
    thumbnails = source.tables["galleries"]["thumbnail"].unique()
    pictures = [thumbnails[place % len(thumbnails)] if r <= 3 else None for place, r in enumerate(frame["rank"])]
    return frame.assign(thumbnail=pd.Series(pictures, dtype=object))


def _types(n_models: int) -> pd.DataFrame:
    assessed = [error_type for error_type in ERROR_TYPES if error_type != "co_occurrence"]
    rows = [
        {
            "model_id": m,
            "error_type": error_type,
            "n_errors": i + m,
            "n_failures": sum(range(len(assessed))) + m * len(assessed),
            "low": 0.01,
            "high": 0.9,
        }
        for m in range(n_models)
        for i, error_type in enumerate(assessed)
    ]
    columns = ["model_id", "error_type", "n_errors", "n_failures", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"model_id": "int64", "n_errors": "int64", "n_failures": "int64", "low": float, "high": float})
