"""Small runs made by hand: 80 cats and 80 dogs; feature 0 is high for the first 40 dogs, feature 1 for 40 cats.

A rule says that dogs with the one, or cats with the other, fail more often.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.lenses.changes.results import TABLE_NAMES, RunResults
from barlow_report.run_folder import Run
from barlow_report.tables import Column, all_tables

__all__ = ["CAT", "DOG", "N", "hand_run", "save_run", "wrong"]

CAT, DOG = 0, 1
N = 80
_NAMES = ("cat", "dog")


def wrong(*, dogs: Sequence[int] = (), cats: Sequence[int] = ()) -> npt.NDArray[np.bool_]:
    """(160,) which images fail: places among the dogs and among the cats, 0 to 79; those below 40 have the feature."""
    fails = np.zeros(2 * N, dtype=np.bool_)
    fails[np.asarray(dogs, dtype=np.int64) + N] = True
    fails[np.asarray(cats, dtype=np.int64)] = True
    return fails


def hand_run(
    fails: npt.NDArray[np.bool_],
    *,
    modes: Sequence[tuple[str, int]] = (("label", DOG),),
    verdict: str = "verified",
    name: str = "run",
    evidence: str = "held_out",
    estimate: tuple[float, float, float] = (0.2, 0.1, 0.35),
    prefix: str = "a",
    feature_model: str | None = "cd",
    feature_order: tuple[int, int] = (0, 1),
    class_names: Sequence[str] = _NAMES,
    mean: float = 0.0,
) -> RunResults:
    """Return a run.

    Args:
        fails: See `wrong`; a cat that fails is called dog, and a dog cat.
        modes: Grouping and class of each failure mode.
        verdict: Of all of them.
        name: Of the run.
        evidence: Of its settings: every image is held out, or failures are shuffled.
        estimate: Error rate in evidence and its interval, where failures are shuffled.
        prefix: Of the images' digests: another one makes other images.
        feature_model: Hash of its weights.
        feature_order: Which feature_id is high for dogs, and which for cats.
        class_names: By class_id.
        mean: Of the feature model's preprocessing.
    """
    labels = np.repeat([CAT, DOG], N)
    place = np.tile(np.arange(N), 2)
    features = np.zeros((2 * N, 2), dtype=np.float32)
    features[(labels == DOG) & (place < 40), feature_order[0]] = 1.0
    features[(labels == CAT) & (place < 40), feature_order[1]] = 1.0
    predictions = np.where(fails, 1 - labels, labels)
    ids = np.arange(2 * N)
    rules = [
        {
            "rule_id": i,
            "group_id": i,
            "error_rate": 0.3,
            "error_rate_held_out": estimate[0],
            "error_rate_held_out_low": estimate[1],
            "error_rate_held_out_high": estimate[2],
            "verdict": verdict,
        }
        for i in range(len(modes))
    ]
    groups = [
        {"group_id": i, "grouping": grouping, "class_id": class_id, "name": class_names[class_id]}
        for i, (grouping, class_id) in enumerate(modes)
    ]
    conditions = [
        {
            "rule_id": i,
            "position": 0,
            "feature_id": feature_order[0] if class_id == DOG else feature_order[1],
            "branch": "gt",
            "threshold": 0.5,
            "printed_threshold": 0.5,
        }
        for i, (_, class_id) in enumerate(modes)
    ]
    return RunResults(
        info=_info(name, evidence, feature_model, mean),
        tables={
            "classes": pd.DataFrame({"class_id": range(len(class_names)), "name": class_names, "slug": class_names}),
            "images": pd.DataFrame({"image_id": ids, "label": labels, "prediction": predictions}),
            "contents": pd.DataFrame({"image_id": ids, "digest": [f"{prefix}{i}" for i in ids]}),
            "splits": pd.DataFrame({"image_id": ids, "split": "held_out"}),
            "groups": pd.DataFrame(groups, columns=["group_id", "grouping", "class_id", "name"]),
            "group_classes": pd.DataFrame({"group_id": [], "position": [], "class_id": []}, dtype=np.int64),
            "memberships": pd.DataFrame({"group_id": [], "image_id": []}, dtype=np.int64),
            "rules": pd.DataFrame(rules, columns=_RULE_COLUMNS),
            "conditions": pd.DataFrame(conditions, columns=_CONDITION_COLUMNS),
        },
        activations=lambda feature, rows: features[rows, feature],
        source=name,
    )


_RULE_COLUMNS = [
    "rule_id",
    "group_id",
    "error_rate",
    "error_rate_held_out",
    "error_rate_held_out_low",
    "error_rate_held_out_high",
    "verdict",
]
_CONDITION_COLUMNS = ["rule_id", "position", "feature_id", "branch", "threshold", "printed_threshold"]


def _info(name: str, evidence: str, feature_model: str | None, mean: float) -> dict[str, Any]:
    feature = {"sha256": feature_model and feature_model * 32, "n_features": 2, "preprocessing": {"mean": [mean]}}
    return {"name": name, "models": {"feature": feature}, "config": {"rules": {"evidence": evidence}}}


def save_run(results: RunResults, folder: Path) -> Path:
    """Write a run made by hand to a run folder, as if its failures had been explained; columns it lacks are filled."""
    run = Run.create(folder, info=dict(results.info))
    mark = results.name + str(int(results.is_failure.sum())).zfill(64)
    for name in TABLE_NAMES:
        frame = results.tables[name]
        columns = all_tables()[name].columns
        missing = {column.name: _filling(column) for column in columns if column.name not in frame}
        run.write_table(name, frame.assign(**missing)[[column.name for column in columns]])
    ids = np.arange(results.n_images)
    columns_of_features = [results.activations(feature, ids) for feature in range(2)]
    features = np.column_stack([values for values in columns_of_features if values is not None])
    run.write_features([features], shape=features.shape, dtype="float32")
    for stage in ("extract", "explain"):
        run.begin(stage, fingerprint=mark)
    for name in TABLE_NAMES:
        assert run.has_table(name)
    for stage in ("extract", "explain"):
        run.finish(stage, fingerprint=mark)
    run.update_info(run_id=mark[:16], created_at="2026-01-01T00:00:00+00:00")
    return folder


def _filling(column: Column) -> object:
    if column.nullable:
        return None
    return {"int": 0, "float": 0.0, "bool": False, "text": column.allowed[0] if column.allowed else ""}[column.type]
