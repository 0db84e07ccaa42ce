"""Joint modes for a made-up run: every verdict occurs, in groups with a verified rule and without."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.lenses.joint.selection import choose_examples, shown_groups
from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table, empty_table

__all__ = ["N_SHOWN", "with_joint_modes"]

N_SHOWN = 12
_VERDICTS = ("verified", "verified", "real_but_small", "can_be_chance")


def with_joint_modes(source: ReportSource, *, verdicts: tuple[str, ...] = _VERDICTS) -> ReportSource:
    """Return the source with the tables of joint modes; `verdicts` are those of the groups, over and over."""
    rng = np.random.default_rng(3)
    rules, images = source.tables["rules"], source.tables["images"]
    # every second group without a verified rule, so that there is something to show
    is_in_doubt = rules["group_id"] % 2 == 0
    rules = rules.assign(
        verdict=rules["verdict"].where(~(is_in_doubt & (rules["verdict"] == "verified")), "can_be_chance")
    )
    fails = (images["label"] != images["prediction"]).to_numpy()
    modes, carrying, along = [], [], []
    members_of = {}
    for position, group in enumerate(source.tables["groups"].itertuples()):
        if pd.isna(group.class_id):
            continue
        members = np.flatnonzero(images[group.grouping].to_numpy() == group.class_id)
        if len(members) < 20:
            continue
        members_of[group.group_id] = members
        scores = np.clip(rng.normal(0.3, 0.1, len(members)) + 0.25 * fails[members], 0.01, 0.99)
        modes.append(_mode(group.group_id, verdicts[position // 2 % len(verdicts)], scores, fails[members]))
        feature_ids = rng.permutation(512)[:20].tolist()
        known = source.tables["conditions"]["feature_id"].unique()
        feature_ids[0] = int(known[position % len(known)]) if len(known) else feature_ids[0]
        carrying += [
            {"group_id": group.group_id, "rank": rank, "feature_id": f, "weight": (-1) ** rank * 0.04 / rank**0.5}
            for rank, f in enumerate(dict.fromkeys(feature_ids), start=1)
        ]
        order = members[np.argsort(-scores)]
        places = np.linspace(0, len(order) - 1, N_SHOWN).round().astype(int)
        along += [
            {"group_id": group.group_id, "position": i, "image_id": order[place], "score": np.sort(scores)[::-1][place]}
            for i, place in enumerate(places)
        ]
    tables = {
        "joint_modes": pd.DataFrame(modes),
        "joint_features": pd.DataFrame(carrying),
        "joint_images": pd.DataFrame(along),
    }
    shown = shown_groups(tables["joint_modes"], rules)
    thumbnails = source.tables["galleries"]["thumbnail"].unique().tolist()
    pictures = tables["joint_images"][tables["joint_images"]["group_id"].isin(shown)]
    tables["joint_pictures"] = pictures[["group_id", "position"]].assign(
        thumbnail=[thumbnails[i % len(thumbnails)] for i in pictures["image_id"]]
    )
    tables["joint_examples"] = _examples(tables["joint_features"], members_of, shown, thumbnails, n=len(images))
    checked = {name: check_table(name, frame, where=name) for name, frame in tables.items()}
    return replace(source, tables={**source.tables, **checked, "rules": rules})


def _mode(group_id: int, verdict: str, scores: np.ndarray, fails: np.ndarray) -> dict[str, Any]:
    is_high = scores > 0.4
    n, k = int(is_high.sum()), int(fails[is_high].sum())
    error, coverage = k / max(n, 1), k / max(int(fails.sum()), 1)
    small = {"verified": 0.0, "real_but_small": 0.05, "can_be_chance": 0.2}[verdict]
    error = fails.mean() + small if small else error
    return {
        "group_id": group_id,
        "auc": 0.8 - small,
        "threshold": 0.4,
        "printed_threshold": 0.4,
        "n_images": n,
        "n_failures": k,
        "error_rate": error,
        "error_rate_low": max(error - 0.1, 0),
        "error_rate_high": min(error + 0.1, 1),
        "error_coverage": coverage,
        "error_coverage_low": max(coverage - 0.1, 0),
        "error_coverage_high": min(coverage + 0.1, 1),
        "importance_value": error * coverage,
        "p_value": 0.002 if small < 0.1 else 0.3,
        "q_value": 0.004 if small < 0.1 else 0.4,
        "verdict": verdict,
    }


def _examples(
    carrying: pd.DataFrame, members_of: dict[int, np.ndarray], shown: set[int], thumbnails: list[str], *, n: int
) -> pd.DataFrame:
    features = np.random.default_rng(4).random((n, 512))
    parts = [
        choose_examples(features, members_of[int(str(group_id))], rows["feature_id"].tolist()[:6]).assign(
            group_id=group_id
        )
        for group_id, rows in carrying[carrying["group_id"].isin(shown)].groupby("group_id")
    ]
    found = pd.concat(parts, ignore_index=True) if parts else empty_table("joint_examples")
    return found.assign(thumbnail=[thumbnails[i % len(thumbnails)] for i in found["image_id"]])
