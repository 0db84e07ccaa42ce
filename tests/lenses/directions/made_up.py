"""Failure directions for a made-up run: every status and verdict occurs, with captions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table
from tests.report.synthetic import PAYLOADS

__all__ = ["with_directions"]

_STATUSES = ("fitted", "fitted", "fitted", "too_few_images", "no_failures", "only_failures", "too_few_of_one_outcome")


def with_directions(source: ReportSource, *, hostile: bool = False, captions: bool = True) -> ReportSource:
    """Return the source with the tables of directions; in a run without held-out images nothing is tested."""
    rng = np.random.default_rng(5)
    images, splits = source.tables["images"], source.tables["splits"]
    held_out = (splits["split"] == "held_out").to_numpy()
    failed = (images["label"] != images["prediction"]).to_numpy()
    values = rng.normal(size=len(images)) - 1.5 * failed
    rows, places, bins, shown, texts = [], [], [], [], []
    thumbnails = source.tables["tiles"]["thumbnail"].tolist() or [None]
    for c in source.tables["classes"]["class_id"]:
        own = (images["label"] == c).to_numpy()
        status = _STATUSES[c % len(_STATUSES)]
        rows.append(_row(int(c), status, own, held_out, failed, values))
        if status != "fitted":
            continue
        ids = np.flatnonzero(own)
        places.append(
            pd.DataFrame(
                {"image_id": ids, "decision_value": values[ids], "hardness": 0.5, "is_held_out": held_out[ids]}
            )
        )
        part = ids[held_out[ids]] if held_out[ids].any() else ids
        bins.append(_bins(int(c), values[part], failed[part]))
        order = part[np.argsort(values[part])]
        for place, chosen in (("hardest", order[:4]), ("middle", order[8:12]), ("easiest", order[-4:])):
            shown += [
                {
                    "class_id": c,
                    "place": place,
                    "rank": rank,
                    "image_id": image_id,
                    "decision_value": values[image_id],
                    "thumbnail": thumbnails[image_id % len(thumbnails)],
                }
                for rank, image_id in enumerate(chosen, 1)
            ]
        texts += [
            {
                "class_id": c,
                "caption": f"{PAYLOADS[i]} {i}" if hostile else f"a photo of a cat, number {i}",
                "attribute": PAYLOADS[-i] if hostile else "number",
                "score": i / 7 - 1,
                "rank": i,
            }
            for i in range(1, 16)
        ]
    tables = {
        "class_directions": pd.DataFrame(rows),
        "directions": pd.concat(places),
        "direction_histograms": pd.concat(bins),
        "direction_images": pd.DataFrame(shown),
        "errors": _errors(source, values),
    }
    if captions:
        tables["captions"] = pd.DataFrame(texts)
    checked = {name: check_table(name, frame, where=name) for name, frame in tables.items()}
    info = {**source.info, "config": {**source.info["config"], "directions": {"n_captions": 4}}}
    return replace(source, info=info, tables={**source.tables, **checked})


def _row(
    class_id: int, status: str, own: np.ndarray, held_out: np.ndarray, failed: np.ndarray, values: np.ndarray
) -> dict[str, Any]:
    fit, test = own & ~held_out, own & held_out
    n, k = int(test.sum()), int((test & failed).sum())
    is_fitted, is_tested = status == "fitted", status == "fitted" and n > 0
    verdict = ("in_sample_only" if n == 0 else ("verified", "can_be_chance")[class_id % 2]) if is_fitted else None
    return {
        "class_id": class_id,
        "status": status,
        "n_images": int(fit.sum()),
        "n_failures": int((fit & failed).sum()),
        "n_fitted": int(fit.sum()) if is_fitted else 0,
        "penalty": 0.1 if is_fitted else None,
        "balanced_accuracy_cross_validated": 0.71 if is_fitted else None,
        "n_images_held_out": n,
        "n_failures_held_out": k,
        "n_hard_failures_held_out": int((test & failed & (values <= 0)).sum()) if is_tested else None,
        "n_easy_successes_held_out": int((test & ~failed & (values > 0)).sum()) if is_tested else None,
        "balanced_accuracy_held_out": 0.68 if is_tested and class_id != 2 else None,
        "balanced_accuracy_held_out_low": 0.6 if is_tested and class_id != 2 else None,
        "balanced_accuracy_held_out_high": 0.74 if is_tested and class_id != 2 else None,
        "p_value": 0.001 if is_tested and class_id != 2 else None,
        "q_value": 0.002 if is_tested and class_id != 2 else None,
        "verdict": verdict,
        "reference_score": 0.4 if is_fitted else None,
    }


def _bins(class_id: int, values: np.ndarray, failed: np.ndarray) -> pd.DataFrame:
    edges = np.linspace(values.min(), values.max(), 13)
    return pd.DataFrame(
        {
            "class_id": class_id,
            "position": range(12),
            "low": edges[:-1],
            "high": edges[1:],
            "n_images": np.histogram(values, edges)[0],
            "n_failures": np.histogram(values[failed], edges)[0],
        }
    )


def _errors(source: ReportSource, values: np.ndarray) -> pd.DataFrame:
    images = source.tables["images"]
    errors = images.loc[images["label"] != images["prediction"], ["image_id", "label", "prediction"]]
    rule_ids = source.tables["rules"]["rule_id"].astype(str).tolist()
    joined = [f"{rule_ids[i % len(rule_ids)]} {rule_ids[(i + 1) % len(rule_ids)]}" for i in errors["image_id"]]
    return errors.assign(rule_ids=joined, decision_value=values[errors["image_id"]], error_type=None)
