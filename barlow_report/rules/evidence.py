"""Whether a failure mode is real: intervals, exact test, false-discovery rate and verdict.

A tree fitted on thousands of features finds failure modes in noise. So a rule is counted again on images that its fit
had no part in, or compared with what is found after shuffling the failures, and only that speaks for it.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.significance import Interval, adjust_p_values, exact_test, smallest_p_value, wilson_interval

__all__ = [
    "Interval",
    "adjust_p_values",
    "adjust_within_families",
    "exact_test",
    "judge",
    "smallest_p_value",
    "wilson_interval",
]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_ROUNDING = 1e-9  # of a p-value that equals the limit


def adjust_within_families(p_values: npt.ArrayLike, families: npt.ArrayLike) -> Floats:
    """Benjamini–Hochberg q-values within each family of tests; see `adjust_p_values`.

    The tests of one grouping are a family: groups by label, groups by prediction, confused pairs, the values of one
    column. A reader asks one question at a time, such as "what does the model miss?", and sees the groups of one
    grouping side by side; of what is verified there, a share of at most q is false on average.

    One family for the whole run would let groupings lean on each other. Images predicted as a class hold those that
    are not of it, and features can nearly always tell them apart: such groups have failure modes for that reason alone.
    Many small p-values of theirs would lower the bar for groups by label, whose false discoveries would then hide
    behind true ones of another kind; and an added column would change what is verified by label.

    The price: the share is bounded in each family, and so on average over the families, but not over the families that
    somebody picks because something was verified there (Benjamini and Bogomolov, JRSS B 76, 2014).

    Args:
        p_values: (n_tests,) 0 to 1; NaN is no test: it stays NaN and does not count.
        families: (n_tests,) what names the family of each test.

    Returns:
        (n_tests,) 0 to 1, not below the p-values.
    """
    p = np.asarray(p_values, dtype=np.float64)
    _, family_ids = np.unique(np.asarray(families), return_inverse=True)
    q = np.full(p.shape, np.nan)
    for family_id in range(int(family_ids.max(initial=-1)) + 1):
        members = family_ids == family_id
        q[members] = adjust_p_values(p[members])
    return q


def judge(
    is_candidate: Booleans,
    holds: Booleans,
    q_values: Floats,
    *,
    max_q_value: float,
    in_sample: bool,
    not_of_class: Booleans | None = None,
    smallest_p_values: Floats | None = None,
) -> npt.NDArray[np.object_]:
    """Give each failure mode its verdict.

    Args:
        is_candidate: (n_rules,) failure mode on the images that the rule was fitted on.
        holds: (n_rules,) both limits of a failure mode hold in the evidence as well.
        q_values: (n_rules,) NaN where there was no test.
        max_q_value: The false-discovery rate of verified failure modes.
        in_sample: There is no evidence: nothing was tested.
        not_of_class: (n_rules,) the rule tells the failures of a group by prediction from images of the class.
        smallest_p_values: (n_rules,) that the test of each rule could have given, whatever the outcome; default: small
            enough.

    Returns:
        (n_rules,) `verified`: the test passes and both limits hold; `real_but_small`: the test passes, but a limit is
        missed, so there is a difference and it is smaller than asked for; `not_of_class`: the test does not pass, but
        what it tells apart is the class from others; `too_few_images`: the test could not have passed, whatever the
        outcome; `can_be_chance`: it could have passed, and did not; `in_sample_only`. None for a rule that is no
        failure mode.
    """
    passed = np.nan_to_num(q_values, nan=1.0) <= max_q_value
    verdicts = np.where(passed, np.where(holds, "verified", "real_but_small"), "can_be_chance").astype(object)
    if not_of_class is not None:
        verdicts[not_of_class & ~passed] = "not_of_class"
    if smallest_p_values is not None:
        verdicts[smallest_p_values > max_q_value * (1 + _ROUNDING)] = "too_few_images"
    if in_sample:
        verdicts[:] = "in_sample_only"
    verdicts[~np.asarray(is_candidate, dtype=np.bool_)] = None
    return verdicts
