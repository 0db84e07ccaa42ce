"""Error types for a made-up run: every type occurs, and one failure mode is label noise."""

from dataclasses import replace

import numpy as np
import pandas as pd

from barlow_report.lenses.error_types.people import agreement_table
from barlow_report.lenses.error_types.tables import ERROR_TYPES
from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table
from tests.report.synthetic import PAYLOADS

__all__ = ["with_taxonomy"]


def with_taxonomy(
    source: ReportSource, *, hostile: bool = False, origin: str = "suggested", has_people: bool = False
) -> ReportSource:
    """Return the source with the tables of the taxonomy; co-occurrences are not assessed.

    People call the first 20 failures as they are called here, but every fourth one a co-occurrence.
    """
    images = source.tables["images"]
    failing = images[images["label"] != images["prediction"]]
    assessed = [error_type for error_type in ERROR_TYPES if error_type != "co_occurrence"]
    types = np.array(assessed, dtype=object)[failing["image_id"].to_numpy() % len(assessed)]
    details = [PAYLOADS[i % len(PAYLOADS)] if hostile else "animals" for i in failing["image_id"]]
    by_image = pd.DataFrame({"image_id": failing["image_id"], "error_type": types, "detail": details})
    parts: list[tuple[str, int | None, int | None, np.ndarray]] = [
        ("run", None, None, np.ones(len(failing), dtype=bool))
    ]
    parts += [("class", int(c), None, (failing["label"] == c).to_numpy()) for c in sorted(set(failing["label"]))]
    rules = source.tables["rules"]
    for rule in rules.itertuples():
        chosen = np.zeros(len(failing), dtype=bool)
        total = rule.n_failures + rule.n_failures_held_out
        chosen[:total] = True
        parts.append(("rule", None, int(rule.rule_id), chosen))
    first_mode = _first_mode(rules)
    tables = {
        "error_types": by_image,
        "error_type_counts": pd.concat(
            [
                _counts(scope, class_id, rule_id, types[chosen], assessed, is_noise=rule_id == first_mode)
                for scope, class_id, rule_id, chosen in parts
            ],
            ignore_index=True,
        ),
        "taxonomy_stages": _stages(types),
        "taxonomy_accuracies": pd.DataFrame(
            {
                "measure": ["top_1", "multi_label", "minor", "explainable"],
                "value": [0.7, 0.8, 0.9, None if hostile else 0.95],
                "n_images": len(images),
                "n_classes": len(source.tables["classes"]),
            }
        ),
        "superclasses": _superclasses(source, hostile=hostile, origin=origin),
        "error_galleries": _galleries(source, by_image),
        "errors": _errors(failing, types),
    }
    if has_people:
        named = by_image.head(20)
        said = [t if i % 4 else "co_occurrence" for i, t in enumerate(named["error_type"])]
        tables["people_types"] = pd.DataFrame(
            {
                "image_id": named["image_id"],
                "prediction": failing["prediction"].head(20),
                "people_type": said,
                "error_type": named["error_type"],
            }
        )
        tables["people_agreement"] = agreement_table(tables["people_types"], n_listed=25, level=0.95)
    checked = {name: check_table(name, frame, where=name) for name, frame in tables.items()}
    return replace(source, tables={**source.tables, **checked})


def _first_mode(rules: pd.DataFrame) -> int:
    modes = rules[rules["is_failure_mode"]]
    return int(modes["rule_id"].iloc[0]) if len(modes) else -1


def _counts(
    scope: str, class_id: int | None, rule_id: int | None, types: np.ndarray, assessed: list[str], *, is_noise: bool
) -> pd.DataFrame:
    if is_noise:
        types = np.array(["overlapping"] * len(types), dtype=object)
    n_of = [int((types == error_type).sum()) for error_type in assessed]
    n = len(types)
    return pd.DataFrame(
        {
            "scope": scope,
            "class_id": pd.array([class_id] * len(assessed), dtype="Int64"),
            "rule_id": pd.array([rule_id] * len(assessed), dtype="Int64"),
            "error_type": assessed,
            "n_errors": n_of,
            "n_failures": n,
            "low": [k / n * 0.9 if n else None for k in n_of],
            "high": [min(1.0, k / n * 1.1) if n else None for k in n_of],
        }
    ).astype({"low": "float64", "high": "float64"})


def _stages(types: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "position": range(len(ERROR_TYPES)),
            "error_type": ERROR_TYPES,
            "is_assessed": [error_type != "co_occurrence" for error_type in ERROR_TYPES],
            "input": [
                "needs taxonomy.co_occurrences in the configuration" if t == "co_occurrence" else f"given for {t}"
                for t in ERROR_TYPES
            ],
            "n_assessed": [int((types == t).sum()) for t in ERROR_TYPES],
            "n_errors": [int((types == t).sum()) for t in ERROR_TYPES],
        }
    )


def _superclasses(source: ReportSource, *, hostile: bool, origin: str) -> pd.DataFrame:
    n_classes = len(source.tables["classes"])
    rows = [
        {"superclass": PAYLOADS[i] if hostile else f"kind {i // 3}", "class_id": i, "origin": origin}
        for i in range(n_classes - 1)
        if not hostile or i < len(PAYLOADS)
    ]
    return pd.DataFrame(rows)


def _galleries(source: ReportSource, by_image: pd.DataFrame) -> pd.DataFrame:
    thumbnails = source.tables["galleries"]["thumbnail"].tolist()
    chosen = by_image.groupby("error_type").head(3).reset_index(drop=True)
    return pd.DataFrame(
        {
            "error_type": chosen["error_type"],
            "image_id": chosen["image_id"],
            "rank": chosen.groupby("error_type").cumcount() + 1,
            "thumbnail": [thumbnails[i % len(thumbnails)] for i in range(len(chosen))],
        }
    )


def _errors(failing: pd.DataFrame, types: np.ndarray) -> pd.DataFrame:
    """Every failure in two rules, every other one without a decision value."""
    image_ids = failing["image_id"].to_numpy()
    return pd.DataFrame(
        {
            "image_id": image_ids,
            "label": failing["label"].to_numpy(),
            "prediction": failing["prediction"].to_numpy(),
            "rule_ids": [f"{i % 3} {i % 3 + 1}" for i in image_ids],
            "decision_value": np.where(image_ids % 2 == 0, -0.5, np.nan),
            "error_type": types,
        }
    )
