"""From the results of the groups to the tables of a run: groups, selection, nodes, rules, conditions."""

from collections.abc import Sequence
from dataclasses import astuple
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.evidence import adjust_within_families, exact_test, judge, wilson_interval
from barlow_report.rules.fitting import GroupFit
from barlow_report.rules.groups import Group
from barlow_report.tables import TABLES, empty_table

__all__ = [
    "find_unsettled",
    "tabulate_conditions",
    "tabulate_groups",
    "tabulate_joint",
    "tabulate_nodes",
    "tabulate_rules",
    "tabulate_selection",
]

Floats = npt.NDArray[np.float64]
Rates = dict[str, Floats]

_ENDS = ("", "_low", "_high")


def tabulate_groups(groups: Sequence[Group], fits: Sequence[GroupFit], *, settings: RulesConfig) -> pd.DataFrame:
    """One row per group; see the table `groups`."""
    counts = np.array([fit.counts_in_group for fit in fits], dtype=np.int64).reshape(-1, 4)
    part = 0 if settings.is_shuffled else 2  # of which images the rates in evidence are
    table = pd.DataFrame(
        {
            "group_id": [group.group_id for group in groups],
            "grouping": [group.grouping for group in groups],
            "class_id": pd.array([group.class_id for group in groups], dtype="Int64"),
            "name": [group.name for group in groups],
            "n_images": counts[:, 0],
            "n_failures": counts[:, 1],
            "base_error_rate": metrics.base_error_rate(counts[:, 0], counts[:, 1]),
            "average_leaf_error_rate": [_leaf_rate(fit, held_out=False) for fit in fits],
            "n_images_held_out": counts[:, 2],
            "n_failures_held_out": counts[:, 3],
            **_with_interval("base_error_rate", counts[:, part + 1], counts[:, part], settings),
            "average_leaf_error_rate_held_out": [
                _estimated_leaf_rate(fit) if settings.is_shuffled else _leaf_rate(fit, held_out=True) for fit in fits
            ],
            "noise_floor": [fit.noise_floor for fit in fits],
            "status": [fit.status for fit in fits],
        }
    )
    return _in_order("groups", table)


def tabulate_selection(groups: Sequence[Group], fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per selected feature of each group; see the table `selection`."""
    sizes = [len(fit.selected) for fit in fits]
    return _stack(
        "selection",
        {
            "group_id": np.repeat([group.group_id for group in groups], sizes),
            "feature_id": [fit.selected for fit in fits],
            "mutual_information": [fit.mutual_information for fit in fits],
            "rank": [np.arange(1, size + 1) for size in sizes],
        },
    )


def tabulate_nodes(groups: Sequence[Group], fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per node of each tree; see the table `nodes`."""
    fitted = [(g.group_id, f.tree, f.counts) for g, f in zip(groups, fits, strict=True) if f.tree and f.counts]
    if not fitted:
        return empty_table("nodes")
    trees, counts = [tree for _, tree, _ in fitted], [counts for _, _, counts in fitted]
    return _stack(
        "nodes",
        {
            "group_id": np.repeat([group_id for group_id, _, _ in fitted], [tree.n_nodes for tree in trees]),
            "node_id": [np.arange(tree.n_nodes) for tree in trees],
            "parent_id": _id_or_none(np.concatenate([tree.parent_ids for tree in trees])),
            "branch": np.array([tree.branch(i) for tree in trees for i in range(tree.n_nodes)], dtype=object),
            "depth": [tree.depths for tree in trees],
            "feature_id": _id_or_none(np.concatenate([tree.feature_ids for tree in trees])),
            "threshold": [tree.thresholds for tree in trees],
            "n_images": [c.n_images for c in counts],
            "n_failures": [c.n_failures for c in counts],
            "n_images_held_out": [c.n_images_held_out for c in counts],
            "n_failures_held_out": [c.n_failures_held_out for c in counts],
        },
    )


def tabulate_rules(
    groups: pd.DataFrame, nodes: pd.DataFrame, fits: Sequence[GroupFit], *, settings: RulesConfig
) -> pd.DataFrame:
    """One row per leaf, with its measures and the evidence for it; see the table `rules`."""
    leaves = nodes[nodes["feature_id"].isna()]
    of_group = groups.set_index("group_id").loc[leaves["group_id"]]
    n, k = leaves["n_images"].to_numpy(), leaves["n_failures"].to_numpy()
    n_held, k_held = leaves["n_images_held_out"].to_numpy(), leaves["n_failures_held_out"].to_numpy()
    total_held, failures_held = (of_group[c].to_numpy() for c in ("n_images_held_out", "n_failures_held_out"))
    base, coverage = of_group["base_error_rate"].to_numpy(), metrics.error_coverage(k, of_group["n_failures"])
    found = _evidence_of_leaves(leaves, fits) if settings.is_shuffled else None
    limits = _are_failure_modes(metrics.error_rate(n, k), coverage, base, settings)
    table = pd.DataFrame(
        {
            "group_id": leaves["group_id"].to_numpy(),
            "node_id": leaves["node_id"].to_numpy(),
            "n_images": n,
            "n_failures": k,
            "base_error_rate": base,
            "error_rate": metrics.error_rate(n, k),
            "error_coverage": coverage,
            "importance_value": metrics.importance_value(n, k, of_group["n_failures"]),
            "is_failure_mode": limits if found is None else limits & ~np.isnan(found.p_values),
            "n_images_held_out": n_held,
            "n_failures_held_out": k_held,
            **_with_interval("base_error_rate", failures_held, total_held, settings),
            **_with_interval("error_rate", k_held, n_held, settings),
            **_with_interval("error_coverage", k_held, failures_held, settings),
            "importance_value_held_out": metrics.importance_value(n_held, k_held, failures_held),
            "p_value": exact_test(n_held, k_held, n_group_images=total_held, n_group_failures=failures_held),
            "p_value_baseline": np.nan,
            "stability": np.nan,
        }
    )
    not_of_class = np.zeros(len(table), dtype=np.bool_)
    if found is None:
        candidate = table["is_failure_mode"].to_numpy()
        tested = np.where(candidate, table["p_value"].to_numpy(), np.nan)
        q_values = adjust_within_families(tested, of_group["grouping"].to_numpy())
    else:
        table = table.assign(**_estimates(table, of_group, found, settings))
        q_values = _q_values(groups, fits, leaves["group_id"].to_numpy(), found)[0]
        alone = adjust_within_families(found.p_values, of_group["grouping"].to_numpy())
        alike = np.nan_to_num(found.p_baselines, nan=0.0) > settings.max_q_value
        not_of_class = alike & (np.nan_to_num(alone, nan=1.0) <= settings.max_q_value)
    return _in_order("rules", _number_rules(_add_verdicts(table, q_values, not_of_class, settings)))


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
    of_groups = _q_values(table, fits, leaves["group_id"].to_numpy(), _evidence_of_leaves(leaves, fits))[1]
    alone = adjust_within_families(p_values, table["grouping"].to_numpy()[ids])
    q_values = np.maximum(of_groups[ids], alone)
    base = table["base_error_rate"].to_numpy()[ids]
    modes = pd.DataFrame(
        {
            "group_id": ids,
            "auc": [j.auc for j in joints],
            "threshold": [j.threshold for j in joints],
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
                _are_failure_modes(rates["rate"], coverage["rate"], base, settings),
                q_values,
                max_q_value=settings.max_q_value,
                in_sample=False,
            ),
        }
    )
    n_features, n_images = [len(j.feature_ids) for j in joints], [len(j.places) for j in joints]
    return {
        "joint_modes": _in_order("joint_modes", modes),
        "joint_features": _stack(
            "joint_features",
            {
                "group_id": np.repeat(ids, n_features),
                "rank": [np.arange(1, n + 1) for n in n_features],
                "feature_id": [j.feature_ids for j in joints],
                "weight": [j.weights for j in joints],
            },
        ),
        "joint_images": _stack(
            "joint_images",
            {
                "group_id": np.repeat(ids, n_images),
                "position": [np.arange(n) for n in n_images],
                "image_id": [g.image_ids[j.places] for g, j in found if j is not None],
                "score": [j.scores for j in joints],
            },
        ),
    }


def tabulate_conditions(rules: pd.DataFrame, fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per condition of each rule, from the root; see the table `conditions`."""
    rows = []
    for rule_id, group_id, node_id in zip(rules["rule_id"], rules["group_id"], rules["node_id"], strict=True):
        tree = fits[group_id].tree
        if tree is None:
            raise ValueError(f"rule {rule_id} belongs to group {group_id}, which has no tree")
        path = tree.path(node_id)
        for position, (above, node) in enumerate(pairwise(path)):
            rows.append((rule_id, position, tree.feature_ids[above], tree.branch(node), tree.thresholds[above]))
    if not rows:
        return empty_table("conditions")
    return _in_order("conditions", pd.DataFrame(rows, columns=TABLES["conditions"].column_names))


class _LeafEvidence(NamedTuple):
    """Evidence of leaves, (n_leaves,) each; p-value and stability are NaN where a leaf is no candidate."""

    rates: Floats
    lows: Floats
    highs: Floats
    p_values: Floats
    stabilities: Floats
    p_baselines: Floats
    is_first: npt.NDArray[np.bool_]


def _evidence_of_leaves(leaves: pd.DataFrame, fits: Sequence[GroupFit]) -> _LeafEvidence:
    found = [fits[g].evidence[n] for g, n in zip(leaves["group_id"], leaves["node_id"], strict=True)]
    values = [(*astuple(e.estimate), e.p_value, e.stability, e.p_baseline) for e in found]
    columns = np.array(values, dtype=np.float64).reshape(-1, 6).T
    rates, lows, highs, p_values, stabilities, p_baselines = columns
    return _LeafEvidence(
        rates=rates,
        lows=lows,
        highs=highs,
        p_values=p_values,
        stabilities=stabilities,
        p_baselines=p_baselines,
        is_first=np.array([e.is_first for e in found], dtype=np.bool_),
    )


def find_unsettled(
    groups: Sequence[Group], fits: Sequence[GroupFit], *, settings: RulesConfig
) -> dict[int, RulesConfig]:
    """Find the groups that more shuffles could settle, and the settings with as many.

    Where few of many groups have a failure mode, the smallest p-value that `n_shuffles` can give is too large for the
    correction for all groups. Groups that have this p-value and miss the limit are shuffled more often: so that one
    of their grouping alone could pass. There are few of them, as many would have passed. A p-value of more shuffles is
    as valid, and takes the place of a smaller or equal bound only.

    Returns:
        Settings by place in `groups`.
    """
    families = [group.grouping for group in groups]
    smallest = 1 / (1 + settings.n_shuffles)
    unsettled: dict[int, RulesConfig] = {}
    for name in ("p_value", "p_value_of_cut"):
        p_values = np.array([getattr(fit, name) for fit in fits])
        q_values = adjust_within_families(p_values, families)
        # of two tests the smaller p-value may count twice
        for i in np.flatnonzero((p_values <= 2 * smallest) & (q_values > settings.max_q_value)):
            n_tests = int(np.sum(~np.isnan(p_values) & (np.array(families) == families[i])))
            n_shuffles = int(np.ceil(2 * n_tests / settings.max_q_value))
            unsettled[int(i)] = settings.model_copy(update={"n_shuffles": max(n_shuffles, settings.n_shuffles)})
    return unsettled


def _estimates(rules: pd.DataFrame, of_group: pd.DataFrame, found: _LeafEvidence, settings: RulesConfig) -> Rates:
    """The measures in evidence where failures were shuffled: estimates, not counts."""
    n, total = rules["n_images"].to_numpy(), of_group["n_failures"].to_numpy()
    images = of_group["n_images"].to_numpy()
    share = n / total
    coverage = {
        name: np.minimum(values * share, 1.0)
        for name, values in zip(_ENDS, (found.rates, found.lows, found.highs), strict=True)
    }
    return {
        **_with_interval("base_error_rate", total, images, settings),
        **{
            f"error_rate_held_out{end}": values
            for end, values in zip(_ENDS, (found.rates, found.lows, found.highs), strict=True)
        },
        **{f"error_coverage_held_out{end}": values for end, values in coverage.items()},
        "importance_value_held_out": found.rates * coverage[""],
        "p_value": found.p_values,
        "p_value_baseline": found.p_baselines,
        "stability": found.stabilities,
    }


def _q_values(
    groups: pd.DataFrame, fits: Sequence[GroupFit], group_ids: npt.NDArray[np.int64], found: _LeafEvidence
) -> tuple[Floats, Floats]:
    """Adjust the tests of each grouping: one for each group, and one for each further mode of a group.

    The test of a group asks whether anything foretells its failures, its best cut or its direction. Every group that
    was tested counts, whatever was found in it. Where directions are found in many groups, that alone would let cuts
    pass that are chance. So the tests of cuts are adjusted among themselves as well, as those of directions are by
    `tabulate_joint`, and a mode has the larger q-value of both.

    Returns:
        Of the leaves, and of the groups.
    """
    families = groups["grouping"].to_numpy()
    of_families = families[group_ids]
    of_groups, of_cuts = (np.array([getattr(f, name) for f in fits]) for name in ("p_value", "p_value_of_cut"))
    further = np.where(found.is_first, np.nan, np.fmax(found.p_values, of_groups[group_ids]))
    further[np.isnan(found.p_values)] = np.nan
    q, q_cuts = (
        adjust_within_families(np.append(p_values, further), np.append(families, of_families))
        for p_values in (of_groups, of_cuts)
    )
    of_leaves = np.where(found.is_first, np.fmax(q, q_cuts)[: len(fits)][group_ids], np.fmax(q, q_cuts)[len(fits) :])
    return np.where(np.isnan(found.p_values), np.nan, of_leaves), q[: len(fits)]


def _add_verdicts(
    rules: pd.DataFrame, q_values: Floats, not_of_class: npt.NDArray[np.bool_], settings: RulesConfig
) -> pd.DataFrame:
    holds = _are_failure_modes(
        rules["error_rate_held_out"].to_numpy(),
        rules["error_coverage_held_out"].to_numpy(),
        rules["base_error_rate_held_out"].to_numpy(),
        settings,
    )
    verdicts = judge(
        rules["is_failure_mode"].to_numpy(),
        holds,
        q_values,
        max_q_value=settings.max_q_value,
        in_sample=settings.held_out_fraction == 0,
        not_of_class=not_of_class,
    )
    return rules.assign(q_value=q_values, verdict=verdicts)


def _number_rules(rules: pd.DataFrame) -> pd.DataFrame:
    """Rank the rules of each group, failure modes first, then by importance value, then by node; number them all."""
    order = np.lexsort((rules["node_id"], -rules["importance_value"], ~rules["is_failure_mode"], rules["group_id"]))
    ranked = rules.iloc[order].reset_index(drop=True)
    return ranked.assign(
        rule_id=np.arange(len(ranked)), rank=ranked.groupby("group_id", sort=False).cumcount().to_numpy() + 1
    )


def _are_failure_modes(rate: Floats, coverage: Floats, base: Floats, settings: RulesConfig) -> npt.NDArray[np.bool_]:
    return metrics.is_failure_mode(rate, coverage, base_rate=base, rho=settings.rho, tau=settings.tau)


def _with_interval(
    name: str, hits: npt.NDArray[np.int64], trials: npt.NDArray[np.int64], settings: RulesConfig
) -> Rates:
    interval = wilson_interval(hits, trials, level=settings.confidence_level)
    return {
        f"{name}_held_out": metrics.error_rate(trials, hits),
        f"{name}_held_out_low": interval.low,
        f"{name}_held_out_high": interval.high,
    }


def _leaf_rate(fit: GroupFit, *, held_out: bool) -> float:
    if fit.tree is None or fit.counts is None:
        return float("nan")
    counts, leaves = fit.counts, fit.tree.leaf_ids
    n = counts.n_images_held_out if held_out else counts.n_images
    k = counts.n_failures_held_out if held_out else counts.n_failures
    return metrics.average_leaf_error_rate(n[leaves], k[leaves])


def _estimated_leaf_rate(fit: GroupFit) -> float:
    """Sum over leaves of estimated coverage × estimated error rate."""
    if fit.counts is None:
        return float("nan")
    leaves = list(fit.evidence)
    rates = np.array([fit.evidence[leaf].estimate.rate for leaf in leaves])
    failures = rates * fit.counts.n_images[leaves]
    return float(failures @ rates / failures.sum())


def _id_or_none(ids: npt.NDArray[np.int64]) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(ids.copy(), ids < 0)


def _stack(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """Make a table of columns that are arrays, or lists with one array per group."""
    return _in_order(
        name, pd.DataFrame({k: np.concatenate(v) if isinstance(v, list) else v for k, v in columns.items()})
    )


def _in_order(name: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[TABLES[name].column_names]
