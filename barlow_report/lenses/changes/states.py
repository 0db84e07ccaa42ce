"""What a comparison says: rates, their difference, a p-value, and the state that follows.

**A rule that nothing chose** among the images that compare it (all images, a class, a rule that was tested on held-out
images): both rates are counts, the p-value is that of the swap test or of Fisher's test, two-sided, which is twice the
smaller side.

**A rule whose run shuffled failures** was chosen for the failures that it is counted on, since nothing was held out. So
the rate of that run is too high by a known amount, the difference of the rate that was seen and the estimated one
(`barlow_report.rules.estimates`). Of the other run's rate the share φ of that amount is too high as well, φ the
correlation of both models' failures in the rule's images: where both fail on the same images, both owe the search as
much. Both are taken off, which leaves two estimates, and their difference. For two runs of one model it is 0.

The search can only make the run that found the rule look worse. So that the *other* run is worse is tested exactly,
as above, and that it is better by the estimates: their interval joins those of both rates, and the p-value is the
level at which its end, on the scale of a normal distribution, would be 0. A p-value is twice the smaller one again.

**q-values.** Failure modes, classes, and all images are three families of tests. Benjamini and Hochberg's q-values in
each would let each report a change in 5 % of the comparisons without any, and together in up to 15 %. So they are
corrected for the families as well (Benjamini and Bogomolov, Journal of the Royal Statistical Society B 76, 2014,
297–318): a family counts by its smallest q-value, which is its p-value by Simes; of m families of which r have one, a
test must pass r / m of the level in its family. So at most 5 % of the comparisons without a change report any, of any
kind and in either direction, and of those that are reported in a family 5 % are false on average over families. Where
all families have changes the correction is none, where one has, a factor of three.
tests/benchmarks/changes.py measures how often two runs without a change differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barlow_report.lenses.changes.counting import Side
from barlow_report.lenses.changes.differences import (
    Difference,
    Outcomes,
    Rate,
    correlation_of,
    counted_rate,
    fisher_tails,
    join_rates,
    normal_tails,
    score_interval,
    swap_tails,
)
from barlow_report.significance import adjust_p_values

__all__ = [
    "Compared",
    "compare_counts",
    "compare_estimate",
    "name_states",
    "not_compared",
    "q_values_of_families",
    "row_of",
]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One comparison; without `change` there is none, and `reason` says why. `is_worse` is the side that was tested."""

    outcomes: Outcomes | None = None
    old: Rate | None = None
    new: Rate | None = None
    change: Difference | None = None
    is_worse: bool = False
    lacks_activations: bool = False
    p_value: float = float("nan")
    test: str | None = None
    reason: str | None = None


def not_compared(reason: str, *, lacks_activations: bool = False) -> Compared:
    """A comparison that cannot be made; `lacks_activations`: only as an export has left something out."""
    return Compared(reason=reason, lacks_activations=lacks_activations)


def compare_counts(outcomes: Outcomes, *, level: float) -> Compared:
    """Compare two rates that nothing chose.

    Args:
        outcomes: With images for both models.
        level: Of the intervals, 0 to 1.
    """
    old, new = _counted(outcomes, level)
    tails, test = _exact(outcomes)
    change = join_rates(old, new, correlation=correlation_of(outcomes, level=level))
    if test == "mcnemar":
        worse, better = outcomes.n_newly_wrong or 0, outcomes.n_newly_right or 0
        change = score_interval(outcomes.n_new, worse, better, level=level)
    return Compared(
        outcomes=outcomes,
        old=old,
        new=new,
        change=change,
        is_worse=tails[0] < tails[1],
        p_value=min(2 * min(tails), 1.0),
        test=test,
    )


def compare_estimate(outcomes: Outcomes, *, found_by: Side, seen: float, estimate: Rate, level: float) -> Compared:
    """Compare two rates of a rule that was chosen for the failures of one of both runs.

    Args:
        outcomes: With images for both models.
        found_by: The run that found the rule.
        seen: Its error rate as it was seen.
        estimate: The same without what the search added.
        level: Of the intervals, 0 to 1.
    """
    counted = dict(zip(("old", "new"), _counted(outcomes, level), strict=True))
    other: Side = "new" if found_by == "old" else "old"
    share = _share_of_search(outcomes)
    added = max(seen - estimate.rate, 0.0)
    shown = {
        found_by: _with_ends(
            _lower(counted[found_by], added), estimate.rate - estimate.low, estimate.high - estimate.rate
        ),
        other: _lower(counted[other], share * added),
    }
    # what both owe to the search cancels: the more alike the failures, the less of its uncertainty is left
    own = counted[found_by]
    joined = {
        **shown,
        found_by: _with_ends(
            shown[found_by],
            share * (own.rate - own.low) + (1 - share) * (estimate.rate - estimate.low),
            share * (own.high - own.rate) + (1 - share) * (estimate.high - estimate.rate),
        ),
        other: _with_ends(
            shown[other], counted[other].rate - counted[other].low, counted[other].high - counted[other].rate
        ),
    }
    change = join_rates(joined["old"], joined["new"], correlation=max(correlation_of(outcomes, level=level), 0.0))
    exact, test = _exact(outcomes)
    worse, better = normal_tails(change, level=level)
    tails = {"worse": (exact[0], test), "better": (better, "estimate")}
    if found_by == "new":
        tails = {"worse": (worse, "estimate"), "better": (exact[1], test)}
    side = min(tails, key=lambda key: tails[key][0])
    p_value, test = tails[side]
    return Compared(
        outcomes=outcomes,
        old=shown["old"],
        new=shown["new"],
        change=change,
        is_worse=side == "worse",
        p_value=min(2 * p_value, 1.0),
        test=test,
    )


def name_states(
    compared: Sequence[Compared], *, q_values: Sequence[float], delta: float, max_q_value: float
) -> list[str]:
    """Name the state of each comparison: worse, better, unchanged, undecided or not_comparable."""
    states = []
    for found, q_value in zip(compared, q_values, strict=True):
        if found.change is None:
            states.append("not_comparable")
        elif q_value <= max_q_value:
            states.append("worse" if found.is_worse else "better")
        else:
            within = -delta <= found.change.low and found.change.high <= delta
            states.append("unchanged" if within else "undecided")
    return states


def row_of(found: Compared, *, q_value: float, state: str) -> dict[str, Any]:
    """The columns that all tables of comparisons share."""
    counts = found.outcomes
    return {
        "n_images_old": counts and counts.n_old,
        "n_failures_old": counts and counts.k_old,
        "n_images_new": counts and counts.n_new,
        "n_failures_new": counts and counts.k_new,
        **_ends("error_rate_old", found.old),
        **_ends("error_rate_new", found.new),
        "difference": found.change.difference if found.change else np.nan,
        "difference_low": found.change.low if found.change else np.nan,
        "difference_high": found.change.high if found.change else np.nan,
        "n_newly_wrong": counts and counts.n_newly_wrong,
        "n_newly_right": counts and counts.n_newly_right,
        "p_value": found.p_value,
        "q_value": q_value,
        "test": found.test,
        "state": state,
        "reason": found.reason,
    }


def q_values_of_families(families: Sequence[Sequence[Compared]]) -> list[list[float]]:
    """q-values of families of comparisons, corrected for all tests of a family and for all families.

    The level at which a test with the Benjamini–Hochberg value q in its family passes: there is an r such that r
    families have a smallest value of at most r / m of it, and q is at most r / m of it as well, m the families with a
    test. NaN where there was no test.
    """
    within = [adjust_p_values([found.p_value for found in family]) for family in families]
    smallest = sorted(float(np.nanmin(q)) for q in within if not np.isnan(q).all())
    levels = [
        np.minimum.reduce([np.maximum(p, q) * len(smallest) / r for r, p in enumerate(smallest, 1)], initial=1.0)
        for q in within
    ]
    return [np.where(np.isnan(q), np.nan, level).tolist() for q, level in zip(within, levels, strict=True)]


def _exact(outcomes: Outcomes) -> tuple[tuple[float, float], str]:
    if outcomes.pairs is None:
        return fisher_tails(outcomes), "fisher"
    varies = outcomes.pairs[0, 1:].any() or outcomes.pairs[1:, 0].any()
    return swap_tails(outcomes.pairs), "swap" if varies else "mcnemar"


def _counted(outcomes: Outcomes, level: float) -> tuple[Rate, Rate]:
    return (
        counted_rate(outcomes.n_old, outcomes.k_old, level=level),
        counted_rate(outcomes.n_new, outcomes.k_new, level=level),
    )


def _share_of_search(outcomes: Outcomes) -> float:
    """How alike both models' failures are, 0 to 1; 1 where no image is another under the new model."""
    if outcomes.pairs is None:
        return 0.0
    if outcomes.none_changed:
        return 1.0
    return max(correlation_of(outcomes), 0.0)


def _lower(rate: Rate, by: float) -> Rate:
    return Rate(rate=max(rate.rate - by, 0.0), low=max(rate.low - by, 0.0), high=max(rate.high - by, 0.0))


def _with_ends(rate: Rate, below: float, above: float) -> Rate:
    return Rate(rate=rate.rate, low=max(rate.rate - below, 0.0), high=min(rate.rate + above, 1.0))


def _ends(name: str, rate: Rate | None) -> dict[str, float]:
    values = (rate.rate, rate.low, rate.high) if rate else (np.nan,) * 3
    return {f"{name}{end}": value for end, value in zip(("", "_low", "_high"), values, strict=True)}
