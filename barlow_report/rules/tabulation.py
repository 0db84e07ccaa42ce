"""From the results of the groups to the tables of a run: groups, selection, nodes, rules, conditions."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.columns import are_failure_modes, in_order, stack, with_interval
from barlow_report.rules.evidence import adjust_within_families, exact_test, judge, smallest_p_value
from barlow_report.rules.fitting import GroupFit
from barlow_report.rules.groups import Group
from barlow_report.rules.judgement import estimate_measures, evidence_of_leaves, q_values_of
from barlow_report.tables import TABLES, empty_table

__all__ = [
    "tabulate_conditions",
    "tabulate_groups",
    "tabulate_nodes",
    "tabulate_rules",
    "tabulate_samples",
    "tabulate_selection",
]

Floats = npt.NDArray[np.float64]


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
            **with_interval("base_error_rate", counts[:, part + 1], counts[:, part], settings),
            "average_leaf_error_rate_held_out": [
                _estimated_leaf_rate(fit) if settings.is_shuffled else _leaf_rate(fit, held_out=True) for fit in fits
            ],
            "noise_floor": [fit.noise_floor for fit in fits],
            "status": [fit.status for fit in fits],
        }
    )
    return in_order("groups", table)


def tabulate_samples(groups: Sequence[Group], fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per group of which a sample was fitted; see the table `group_samples`."""
    rows = [(group.group_id, *fit.n_sampled) for group, fit in zip(groups, fits, strict=True) if fit.n_sampled]
    return pd.DataFrame(rows, columns=TABLES["group_samples"].column_names, dtype="int64")


def tabulate_selection(groups: Sequence[Group], fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per selected feature of each group; see the table `selection`."""
    sizes = [len(fit.selected) for fit in fits]
    return stack(
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
    found = list(zip(groups, fits, strict=True))
    fitted = [(g.group_id, f.tree, f.counts) for g, f in found if f.tree and f.counts]
    if not fitted:
        return empty_table("nodes")
    trees, counts = [tree for _, tree, _ in fitted], [counts for _, _, counts in fitted]
    return stack(
        "nodes",
        {
            "group_id": np.repeat([group_id for group_id, _, _ in fitted], [tree.n_nodes for tree in trees]),
            "node_id": [np.arange(tree.n_nodes) for tree in trees],
            "parent_id": _id_or_none(np.concatenate([tree.parent_ids for tree in trees])),
            "branch": np.array([tree.branch(i) for tree in trees for i in range(tree.n_nodes)], dtype=object),
            "depth": [tree.depths for tree in trees],
            "feature_id": _id_or_none(np.concatenate([tree.feature_ids for tree in trees])),
            "threshold": [tree.thresholds for tree in trees],
            "printed_threshold": [f.printed for _, f in found if f.tree and f.counts],
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
    found = evidence_of_leaves(leaves, fits) if settings.is_shuffled else None
    limits = are_failure_modes(metrics.error_rate(n, k), coverage, base, settings)
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
            **with_interval("base_error_rate", failures_held, total_held, settings),
            **with_interval("error_rate", k_held, n_held, settings),
            **with_interval("error_coverage", k_held, failures_held, settings),
            "importance_value_held_out": metrics.importance_value(n_held, k_held, failures_held),
            "p_value": exact_test(n_held, k_held, n_group_images=total_held, n_group_failures=failures_held),
            "p_value_baseline": np.nan,
            "stability": np.nan,
        }
    )
    not_of_class, smallest = np.zeros(len(table), dtype=np.bool_), np.zeros(len(table))
    if found is None:
        smallest = smallest_p_value(n_held, n_group_images=total_held, n_group_failures=failures_held)
        candidate = table["is_failure_mode"].to_numpy()
        tested = np.where(candidate, table["p_value"].to_numpy(), np.nan)
        q_values = adjust_within_families(tested, of_group["grouping"].to_numpy())
    else:
        table = table.assign(**estimate_measures(table, of_group, found, settings))
        q_values = q_values_of(groups, fits, leaves["group_id"].to_numpy(), found)[0]
        alone = adjust_within_families(found.p_values, of_group["grouping"].to_numpy())
        alike = np.nan_to_num(found.p_baselines, nan=0.0) > settings.max_q_value
        not_of_class = alike & (np.nan_to_num(alone, nan=1.0) <= settings.max_q_value)
    return in_order("rules", _number_rules(_add_verdicts(table, q_values, not_of_class, smallest, settings)))


def tabulate_conditions(rules: pd.DataFrame, fits: Sequence[GroupFit]) -> pd.DataFrame:
    """One row per condition of each rule, from the root; see the table `conditions`."""
    rows = []
    for rule_id, group_id, node_id in zip(rules["rule_id"], rules["group_id"], rules["node_id"], strict=True):
        tree, printed = fits[group_id].tree, fits[group_id].printed
        if tree is None:
            raise ValueError(f"rule {rule_id} belongs to group {group_id}, which has no tree")
        path = tree.path(node_id)
        for position, (above, node) in enumerate(pairwise(path)):
            condition = (tree.feature_ids[above], tree.branch(node), tree.thresholds[above], printed[above])
            rows.append((rule_id, position, *condition))
    if not rows:
        return empty_table("conditions")
    return in_order("conditions", pd.DataFrame(rows, columns=TABLES["conditions"].column_names))


def _add_verdicts(
    rules: pd.DataFrame,
    q_values: Floats,
    not_of_class: npt.NDArray[np.bool_],
    smallest_p_values: Floats,
    settings: RulesConfig,
) -> pd.DataFrame:
    holds = are_failure_modes(
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
        smallest_p_values=smallest_p_values,
    )
    return rules.assign(q_value=q_values, verdict=verdicts)


def _number_rules(rules: pd.DataFrame) -> pd.DataFrame:
    """Rank the rules of each group, failure modes first, then by importance value, then by node; number them all."""
    order = np.lexsort((rules["node_id"], -rules["importance_value"], ~rules["is_failure_mode"], rules["group_id"]))
    ranked = rules.iloc[order].reset_index(drop=True)
    return ranked.assign(
        rule_id=np.arange(len(ranked)), rank=ranked.groupby("group_id", sort=False).cumcount().to_numpy() + 1
    )


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
