"""The tables of joint modes: groups in which a direction through all features was tested."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules.columns import are_failure_modes, in_order, stack
from barlow_report.rules.evidence import adjust_within_families, judge
from barlow_report.rules.fitting import GroupFit
from barlow_report.rules.groups import Group
from barlow_report.rules.judgement import evidence_of_leaves, q_values_of
from barlow_report.tables import empty_table

__all__ = ["tabulate_joint"]


def tabulate_joint(
    groups: Sequence[Group],
    table: pd.DataFrame,
    nodes: pd.DataFrame,
    fits: Sequence[GroupFit],
    *,
    settings: RulesConfig,
) -> dict[str, pd.DataFrame]:
    """The tables `joint_modes`, `joint_features` and `joint_images` of the groups in which a direction was tested.

    Args:
        groups: All groups.
        table: The table `groups`.
        nodes: The table `nodes`.
        fits: Their results.
        settings: The section `rules`.
    """
    found = [(g, f.joint) for g, f in zip(groups, fits, strict=True) if f.joint is not None]
    if not found:
        return {name: empty_table(name) for name in ("joint_modes", "joint_features", "joint_images")}
    ids, joints = np.array([g.group_id for g, _ in found]), [joint for _, joint in found]
    totals = table["n_failures"].to_numpy()[ids]
    rates = {name: np.array([getattr(j.estimate, name) for j in joints]) for name in ("rate", "low", "high")}
    sizes = np.array([j.n_images for j in joints])
    coverage = {name: np.minimum(values * sizes / totals, 1.0) for name, values in rates.items()}
    p_values = np.array([j.p_value for j in joints])
    leaves = nodes[nodes["feature_id"].isna()]
    of_groups = q_values_of(table, fits, leaves["group_id"].to_numpy(), evidence_of_leaves(leaves, fits))[1]
    alone = adjust_within_families(p_values, table["grouping"].to_numpy()[ids])
    q_values = np.maximum(of_groups[ids], alone)
    base = table["base_error_rate"].to_numpy()[ids]
    modes = pd.DataFrame(
        {
            "group_id": ids,
            "auc": [j.auc for j in joints],
            "threshold": [j.threshold for j in joints],
            "printed_threshold": [j.printed_threshold for j in joints],
            "n_images": sizes,
            "n_failures": [j.n_failures for j in joints],
            "error_rate": rates["rate"],
            "error_rate_low": rates["low"],
            "error_rate_high": rates["high"],
            "error_coverage": coverage["rate"],
            "error_coverage_low": coverage["low"],
            "error_coverage_high": coverage["high"],
            "importance_value": rates["rate"] * coverage["rate"],
            "p_value": p_values,
            "q_value": q_values,
            "verdict": judge(
                np.ones(len(ids), dtype=np.bool_),
                are_failure_modes(rates["rate"], coverage["rate"], base, settings),
                q_values,
                max_q_value=settings.max_q_value,
                in_sample=False,
            ),
        }
    )
    n_features, n_images = [len(j.feature_ids) for j in joints], [len(j.places) for j in joints]
    return {
        "joint_modes": in_order("joint_modes", modes),
        "joint_features": stack(
            "joint_features",
            {
                "group_id": np.repeat(ids, n_features),
                "rank": [np.arange(1, n + 1) for n in n_features],
                "feature_id": [j.feature_ids for j in joints],
                "weight": [j.weights for j in joints],
            },
        ),
        "joint_images": stack(
            "joint_images",
            {
                "group_id": np.repeat(ids, n_images),
                "position": [np.arange(n) for n in n_images],
                "image_id": [g.image_ids[j.places] for g, j in found if j is not None],
                "score": [j.scores for j in joints],
            },
        ),
    }
