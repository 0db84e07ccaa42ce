"""The automatic evaluation, and how much of the failures the modes cover.

Singla et al. (CVPR 2021, section 7 and table 1) ask of every group whether the best leaf of its tree is a failure
mode, and how far the average leaf error rate exceeds the base error rate. Both are asked here of the images the
trees were fitted on, as there, and of the held-out images: the difference is what fitting to noise gains.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.fitting import GroupFit, NodeCounts
from barlow_report.rules.groups import Group
from barlow_report.tables import TABLES, empty_table

__all__ = ["summarize_evaluations", "tabulate_evaluations", "tabulate_explained"]

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def tabulate_evaluations(groups: Sequence[Group], fits: Sequence[GroupFit], *, settings: RulesConfig) -> pd.DataFrame:
    """One row per group with a tree and depth; see the table `evaluations`."""
    rows = [
        {"group_id": group.group_id, "depth": depth, **_evaluate(counts, settings)}
        for group, fit in zip(groups, fits, strict=True)
        for depth, counts in fit.by_depth.items()
    ]
    return _table("evaluations", rows)


def summarize_evaluations(groups: pd.DataFrame, evaluations: pd.DataFrame, *, settings: RulesConfig) -> pd.DataFrame:
    """One row per grouping and depth; see the table `evaluation`."""
    rows = []
    for grouping, members in groups.groupby("grouping", sort=False):
        of_grouping = evaluations[evaluations["group_id"].isin(members["group_id"])]
        for depth in sorted(set(settings.evaluation_depths)):
            trees = of_grouping[of_grouping["depth"] == depth]
            tested = trees[trees["is_failure_mode_held_out"].notna()]
            rows.append(
                {
                    "grouping": grouping,
                    "depth": depth,
                    "n_groups": len(members),
                    "n_trees": len(trees),
                    "n_with_mode": int(trees["is_failure_mode"].sum()),
                    "mean_tree_gain": trees["tree_gain"].mean() if len(trees) else np.nan,
                    "n_trees_held_out": len(tested),
                    "n_with_mode_held_out": int(tested["is_failure_mode_held_out"].sum()),
                    "mean_tree_gain_held_out": tested["tree_gain_held_out"].mean() if len(tested) else np.nan,
                    "mean_tree_gain_by_chance": tested["tree_gain_by_chance"].mean() if len(tested) else np.nan,
                }
            )
    return _table("evaluation", rows)


def tabulate_explained(
    groups: Sequence[Group],
    fits: Sequence[GroupFit],
    rules: pd.DataFrame,
    *,
    failure: Booleans,
    held_out: Booleans,
    is_shuffled: bool = False,
) -> pd.DataFrame:
    """Count the images and failures in failure modes and in verified ones; see the table `explained`.

    A failure belongs to one group of each grouping, and may be in a leaf of each: it is counted once. Where failures
    were shuffled, modes were found on the very failures that they are counted on. Each then counts in evidence with
    the share that the mode's estimated error rate is of the one that was seen (in several modes, the largest share),
    and the sum is rounded.

    Args:
        groups: All groups.
        fits: Their results.
        rules: The table `rules`.
        failure: (n_images,) bool.
        held_out: (n_images,) bool; where nothing is held out, nothing can be verified and the counts of verified
            modes have no value.
        is_shuffled: Whether rules were found on all images.
    """
    everything = np.ones_like(failure)
    parts_of_images = (everything, everything) if is_shuffled else (~held_out, held_out)
    in_sample = not is_shuffled and not held_out.any()
    modes = _flag_leaves(rules, rules["is_failure_mode"].to_numpy(), n_groups=len(groups))
    is_verified = (rules["verdict"] == "verified").to_numpy()
    verified = _flag_leaves(rules, is_verified, n_groups=len(groups))
    shares = np.zeros(verified.shape)
    if is_shuffled:
        seen, estimated = rules["error_rate"].to_numpy(), rules["error_rate_held_out"].to_numpy()
        ratios = np.minimum(np.divide(estimated, seen, out=np.ones_like(seen), where=seen > 0), 1.0)
        shares[rules["group_id"].to_numpy(), rules["node_id"].to_numpy()] = np.where(is_verified, ratios, 0.0)
    else:
        shares = verified.astype(np.float64)
    parts: dict[str | None, _Coverage] = {None: _Coverage(len(failure))}
    place: dict[str, Any]
    rows = []
    for group, fit in zip(groups, fits, strict=True):
        ids, alone = group.image_ids, _Coverage(len(group.image_ids))
        leaves = fit.leaves if fit.leaves is not None else np.zeros(len(ids), dtype=np.int8)  # no root is a mode
        found = (modes[group.group_id][leaves], shares[group.group_id][leaves], int(verified[group.group_id].sum()))
        alone.add(np.arange(len(ids)), *found)
        parts[None].add(ids, *found)
        parts.setdefault(group.grouping, _Coverage(len(failure))).add(ids, *found)
        place = {"scope": "group", "grouping": group.grouping, "group_id": group.group_id}
        fitted, tested = (part[ids] for part in parts_of_images)
        rows.append(place | alone.count(failure[ids], fitted, tested, in_sample=in_sample))
    above = []
    for name, part in parts.items():
        place = {"scope": "run" if name is None else "grouping", "grouping": name, "group_id": None}
        above.append(place | part.count(failure, *parts_of_images, in_sample=in_sample))
    return _table("explained", above + rows)


class _Coverage:
    """Which of some images belong, which are in a failure mode, and with which share each is in a verified one."""

    def __init__(self, n_images: int) -> None:
        self.members = np.zeros(n_images, dtype=np.bool_)
        self.in_modes = np.zeros(n_images, dtype=np.bool_)
        self.shares = np.zeros(n_images)
        self.n_verified = 0

    def add(self, places: npt.NDArray[np.int64], in_modes: Booleans, shares: Floats, n_verified: int) -> None:
        """Add the images of a group, at their places among the images."""
        self.members[places] = True
        self.in_modes[places] |= in_modes
        self.shares[places] = np.maximum(self.shares[places], shares)
        self.n_verified += n_verified

    def count(self, failure: Booleans, fitted: Booleans, tested: Booleans, *, in_sample: bool) -> dict[str, int | None]:
        """Count the images that rules were fitted on, those in evidence, and the failures among both."""
        fitted, tested, verified = self.members & fitted, self.members & tested, self.shares > 0
        failing, failing_tested = fitted & failure, tested & failure
        return {
            "n_verified": self.n_verified,
            "n_images": int(fitted.sum()),
            "n_images_in_modes": int((fitted & self.in_modes).sum()),
            "n_images_in_verified": None if in_sample else int((fitted & verified).sum()),
            "n_failures": int(failing.sum()),
            "n_failures_in_modes": int((failing & self.in_modes).sum()),
            "n_failures_in_verified": None if in_sample else int((failing & verified).sum()),
            "n_images_held_out": int(tested.sum()),
            "n_images_in_verified_held_out": None if in_sample else int((tested & verified).sum()),
            "n_failures_held_out": int(failing_tested.sum()),
            "n_failures_in_verified_held_out": None if in_sample else round(float(self.shares[failing_tested].sum())),
        }


def _flag_leaves(rules: pd.DataFrame, flags: Booleans, *, n_groups: int) -> Booleans:
    """Return (n_groups, n_nodes): True at the leaves whose rule is flagged."""
    nodes = rules["node_id"].to_numpy()
    flagged = np.zeros((n_groups, int(nodes.max(initial=0)) + 1), dtype=np.bool_)
    flagged[rules["group_id"].to_numpy(), nodes] = flags
    return flagged


def _evaluate(counts: NodeCounts, settings: RulesConfig) -> dict[str, Any]:
    """Measure one tree by the counts in its leaves."""
    n, k = counts.n_images, counts.n_failures
    n_held, k_held = counts.n_images_held_out, counts.n_failures_held_out
    modes, modes_held = _are_modes(n, k, settings), _are_modes(n_held, k_held, settings)
    values = metrics.importance_value(n, k, k.sum())
    best = int(np.lexsort((np.arange(len(n)), -values, ~modes))[0])
    base, base_held = (float(metrics.base_error_rate(a.sum(), b.sum())) for a, b in ((n, k), (n_held, k_held)))
    return {
        "n_leaves": len(n),
        "base_error_rate": base,
        "tree_gain": metrics.average_leaf_error_rate(n, k) - base,
        "n_images_held_out": int(n_held.sum()),
        "base_error_rate_held_out": base_held,
        "tree_gain_held_out": metrics.average_leaf_error_rate(n_held, k_held) - base_held,
        "tree_gain_by_chance": metrics.gain_by_chance(n_held, int(k_held.sum())),
        "is_failure_mode": bool(modes[best]),
        "is_failure_mode_held_out": int(modes[best] and modes_held[best]) if k_held.sum() else None,
    }


def _are_modes(n: npt.NDArray[np.int64], k: npt.NDArray[np.int64], settings: RulesConfig) -> Booleans:
    return metrics.is_failure_mode(
        metrics.error_rate(n, k),
        metrics.error_coverage(k, k.sum()),
        base_rate=metrics.base_error_rate(n.sum(), k.sum()),
        rho=settings.rho,
        tau=settings.tau,
    )


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    if not rows:
        return empty_table(name)
    table = pd.DataFrame(rows)
    nullable = {c.name: c.dtype for c in TABLES[name].columns if c.type == "int"}
    return table.astype(nullable)[TABLES[name].column_names]
