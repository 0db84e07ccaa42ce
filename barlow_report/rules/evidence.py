"""Whether a failure mode is real: intervals, exact test, false-discovery rate and verdict.

A tree fitted on thousands of features finds failure modes in noise. Every rule is therefore counted again on
images it was not fitted on, and only those held-out counts speak for it.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.significance import Interval, adjust_p_values, exact_test, wilson_interval

__all__ = ["Interval", "adjust_p_values", "exact_test", "judge", "wilson_interval"]

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


def judge(
    is_candidate: Booleans, holds_held_out: Booleans, q_values: Floats, *, max_q_value: float, in_sample: bool
) -> npt.NDArray[np.object_]:
    """Give each rule its verdict.

    Args:
        is_candidate: (n_rules,) failure mode on the fitted images.
        holds_held_out: (n_rules,) both limits of a failure mode hold on the held-out images.
        q_values: (n_rules,) NaN where there was no test.
        max_q_value: The false-discovery rate of verified failure modes.
        in_sample: Nothing was held out.

    Returns:
        (n_rules,) `verified`, `not_verified` or `in_sample_only`.
    """
    if in_sample:
        return np.full(len(is_candidate), "in_sample_only", dtype=object)
    passed = is_candidate & holds_held_out & (np.nan_to_num(q_values, nan=1.0) <= max_q_value)
    return np.where(passed, "verified", "not_verified").astype(object)
