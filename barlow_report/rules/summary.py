"""An explanation in one table for people at a keyboard: its failure modes, in words, with their evidence."""

from collections.abc import Sequence

import pandas as pd

from barlow_report.formatting import threshold

__all__ = ["summarize_modes"]

_SIGNS = {"le": "≤", "gt": ">"}
_VERDICTS = ("verified", "real_but_small", "not_of_class", "can_be_chance", "too_few_images", "in_sample_only")
_EVIDENCE = {
    "base_error_rate": "base_error_rate_held_out",
    "error_rate": "error_rate_held_out",
    "error_rate_low": "error_rate_held_out_low",
    "error_rate_high": "error_rate_held_out_high",
    "error_coverage": "error_coverage_held_out",
}


def summarize_modes(
    rules: pd.DataFrame, groups: pd.DataFrame, conditions: pd.DataFrame, *, feature_names: Sequence[str] = ()
) -> pd.DataFrame:
    """Write failure modes as one row each, the verified ones first, then by importance.

    Args:
        rules: The table `rules`.
        groups: The table `groups`.
        conditions: The table `conditions`.
        feature_names: (n_features,) names by feature_id; empty: `feature 37`.

    Returns:
        `rule_id`, `grouping`, `group`, `rule` in words, `verdict`, `base_error_rate`, `error_rate` with the ends of
        its interval, `error_coverage` (all in the evidence: held-out or estimated; without evidence they have no
        value), `q_value`, and `n_images` and `n_failures` that the rule was fitted to.
    """
    modes = rules[rules["verdict"].notna()].copy()
    modes["_place"] = modes["verdict"].map({verdict: place for place, verdict in enumerate(_VERDICTS)})
    modes = modes.sort_values(["_place", "importance_value", "rule_id"], ascending=[True, False, True])
    of_rule = {rule_id: found.sort_values("position") for rule_id, found in conditions.groupby("rule_id")}
    named = groups.set_index("group_id").loc[modes["group_id"]]
    return pd.DataFrame(
        {
            "rule_id": modes["rule_id"].to_numpy(),
            "grouping": named["grouping"].to_numpy(),
            "group": named["name"].to_numpy(),
            "rule": [_words(of_rule[rule_id], feature_names) for rule_id in modes["rule_id"]],
            "verdict": modes["verdict"].to_numpy(),
            **{name: modes[column].to_numpy() for name, column in _EVIDENCE.items()},
            "q_value": modes["q_value"].to_numpy(),
            "n_images": modes["n_images"].to_numpy(),
            "n_failures": modes["n_failures"].to_numpy(),
        }
    )


def _words(conditions: pd.DataFrame, feature_names: Sequence[str]) -> str:
    names = [
        feature_names[int(feature)] if len(feature_names) else f"feature {feature}"
        for feature in conditions["feature_id"]
    ]
    signs = [_SIGNS[branch] for branch in conditions["branch"]]
    return " and ".join(
        f"{name} {sign} {threshold(float(value))}"
        for name, sign, value in zip(names, signs, conditions["printed_threshold"], strict=True)
    )
