"""What speaks for rules where failures were shuffled: evidence of leaves, estimated measures, q-values."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules.columns import ENDS, Rates, with_interval
from barlow_report.rules.evidence import adjust_within_families
from barlow_report.rules.fitting import GroupFit
from barlow_report.rules.groups import Group

__all__ = ["LeafEvidences", "estimate_measures", "evidence_of_leaves", "find_unsettled", "q_values_of"]

Floats = npt.NDArray[np.float64]


class LeafEvidences(NamedTuple):
    """Evidence of leaves, (n_leaves,) each; p-value and stability are NaN where a leaf is no candidate."""

    rates: Floats
    lows: Floats
    highs: Floats
    p_values: Floats
    stabilities: Floats
    p_baselines: Floats
    is_first: npt.NDArray[np.bool_]


def evidence_of_leaves(leaves: pd.DataFrame, fits: Sequence[GroupFit]) -> LeafEvidences:
    """Collect the evidence of the leaves among the rows of the table `nodes`, in their order."""
    found = [fits[g].evidence[n] for g, n in zip(leaves["group_id"], leaves["node_id"], strict=True)]
    values = [(*astuple(e.estimate), e.p_value, e.stability, e.p_baseline) for e in found]
    columns = np.array(values, dtype=np.float64).reshape(-1, 6).T
    rates, lows, highs, p_values, stabilities, p_baselines = columns
    return LeafEvidences(
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


def estimate_measures(
    rules: pd.DataFrame, of_group: pd.DataFrame, found: LeafEvidences, settings: RulesConfig
) -> Rates:
    """The measures in evidence where failures were shuffled: estimates, not counts."""
    n, total = rules["n_images"].to_numpy(), of_group["n_failures"].to_numpy()
    images = of_group["n_images"].to_numpy()
    share = n / total
    coverage = {
        name: np.minimum(values * share, 1.0)
        for name, values in zip(ENDS, (found.rates, found.lows, found.highs), strict=True)
    }
    return {
        **with_interval("base_error_rate", total, images, settings),
        **{
            f"error_rate_held_out{end}": values
            for end, values in zip(ENDS, (found.rates, found.lows, found.highs), strict=True)
        },
        **{f"error_coverage_held_out{end}": values for end, values in coverage.items()},
        "importance_value_held_out": found.rates * coverage[""],
        "p_value": found.p_values,
        "p_value_baseline": found.p_baselines,
        "stability": found.stabilities,
    }


def q_values_of(
    groups: pd.DataFrame, fits: Sequence[GroupFit], group_ids: npt.NDArray[np.int64], found: LeafEvidences
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
