"""The automatic evaluation and the share of failures that modes cover."""

import numpy as np
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.rules import Explanation, Grouping, explain_failures, leaf_members
from barlow_report.rules.groups import split_images
from barlow_report.tables import check_table
from tests.rules.synthetic import draw

DATA = draw(n_images=1500)
ALL = Grouping(name="all", names=("everything",), class_ids=(None,), image_ids=(np.arange(1500),))
FAILURE = DATA.predictions != DATA.labels


def explain(**settings: object) -> Explanation:
    return explain_failures(
        DATA.features,
        DATA.labels,
        DATA.predictions,
        settings=RulesConfig.model_validate({"evidence": "held_out", **settings}),
        groupings=(ALL,),
    )


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    return explain(max_depth=2, evaluation_depths=(1, 2))


def test_the_evaluation_at_the_depth_of_the_rules_is_that_of_the_rules(explanation: Explanation) -> None:
    groups = explanation.groups.set_index("group_id")
    best = explanation.rules[explanation.rules["rank"] == 1].set_index("group_id")
    rows = explanation.evaluations[explanation.evaluations["depth"] == 2].set_index("group_id")
    np.testing.assert_allclose(rows["tree_gain"], groups["average_leaf_error_rate"] - groups["base_error_rate"])
    np.testing.assert_allclose(
        rows["tree_gain_held_out"],
        groups["average_leaf_error_rate_held_out"] - groups["base_error_rate_held_out"],
    )
    assert rows["n_leaves"].tolist() == explanation.rules.groupby("group_id").size().tolist()
    assert rows["is_failure_mode"].tolist() == best["is_failure_mode"].tolist()
    holds = (best["error_rate_held_out"] >= best["base_error_rate_held_out"] + 0.1) & (
        best["error_coverage_held_out"] >= 0.2
    )
    assert rows["is_failure_mode_held_out"].tolist() == (holds & best["is_failure_mode"]).astype(int).tolist()


def test_a_deeper_tree_gains_at_least_as_much_on_the_images_it_was_fitted_on(explanation: Explanation) -> None:
    gains = explanation.evaluations.pivot_table(index="group_id", columns="depth", values="tree_gain")
    assert (gains[2] >= gains[1] - 1e-12).all()
    assert (gains[1] >= 0).all()


def test_the_summary_counts_groups_and_averages_gains(explanation: Explanation) -> None:
    summary = explanation.evaluation.set_index(["grouping", "depth"])
    assert list(summary.index) == [(g, d) for g in ("label", "prediction", "all") for d in (1, 2)]
    by_label = explanation.evaluations[
        (explanation.evaluations["group_id"] < 4) & (explanation.evaluations["depth"] == 1)
    ]
    row = summary.loc[("label", 1)]
    assert (row["n_groups"], row["n_trees"], row["n_trees_held_out"]) == (4, 4, 4)
    assert row["n_with_mode"] == by_label["is_failure_mode"].sum()
    assert row["n_with_mode_held_out"] == by_label["is_failure_mode_held_out"].sum()
    assert row["mean_tree_gain"] == pytest.approx(by_label["tree_gain"].mean())
    assert row["mean_tree_gain_held_out"] == pytest.approx(by_label["tree_gain_held_out"].mean())


def covered(explanation: Explanation, group_ids: list[int], column: str, value: object) -> np.ndarray:
    """Images in a leaf of these groups that is a mode, from the conditions alone."""
    classes = {"label": DATA.labels, "prediction": DATA.predictions}
    groups = explanation.groups.set_index("group_id")
    result = np.zeros(len(FAILURE), dtype=np.bool_)
    rules = explanation.rules[(explanation.rules[column] == value) & explanation.rules["group_id"].isin(group_ids)]
    for rule in rules.itertuples():
        group = groups.loc[rule.group_id]
        of_group = classes[group["grouping"]] == group["class_id"] if group["grouping"] in classes else True
        conditions = explanation.conditions[explanation.conditions["rule_id"] == rule.rule_id]
        result |= leaf_members(DATA.features, conditions) & of_group
    return result


@pytest.mark.parametrize(
    ("scope", "grouping", "group_ids"),
    [("run", None, list(range(9))), ("grouping", "prediction", [4, 5, 6, 7]), ("group", "label", [2])],
)
def test_covered_failures_are_counted_once_over_overlapping_groups(
    explanation: Explanation, scope: str, grouping: str | None, group_ids: list[int]
) -> None:
    table = explanation.explained
    rows = table[
        (table["scope"] == scope) & (table["grouping"].isna() if grouping is None else table["grouping"] == grouping)
    ]
    row = rows.iloc[2] if scope == "group" else rows.iloc[0]
    members = DATA.labels == 2 if scope == "group" else np.ones(1500, dtype=np.bool_)
    held_out = (explanation.splits["split"] == "held_out").to_numpy()
    verified = covered(explanation, group_ids, "verdict", "verified")
    modes = covered(explanation, group_ids, "is_failure_mode", True)
    assert verified.any()
    assert row["n_images"] == (members & ~held_out).sum()
    assert row["n_images_in_modes"] == (modes & ~held_out).sum()
    assert row["n_images_in_verified"] == (verified & ~held_out).sum()
    assert row["n_images_held_out"] == (members & held_out).sum()
    assert row["n_images_in_verified_held_out"] == (verified & held_out).sum()
    assert row["n_failures"] == (FAILURE & members & ~held_out).sum()
    assert row["n_failures_held_out"] == (FAILURE & members & held_out).sum()
    assert row["n_failures_in_modes"] == (FAILURE & modes & ~held_out).sum()
    assert row["n_failures_in_verified"] == (FAILURE & verified & ~held_out).sum()
    assert row["n_failures_in_verified_held_out"] == (FAILURE & verified & held_out).sum()
    rules = explanation.rules[explanation.rules["group_id"].isin(group_ids)]
    assert row["n_verified"] == (rules["verdict"] == "verified").sum()


def test_the_whole_run_is_covered_at_least_as_well_as_any_grouping_and_less_than_their_sum(
    explanation: Explanation,
) -> None:
    table = explanation.explained
    run = table[table["scope"] == "run"].iloc[0]["n_failures_in_verified_held_out"]
    groupings = table[table["scope"] == "grouping"]["n_failures_in_verified_held_out"]
    assert groupings.max() <= run < groupings.sum()


def test_in_sample_mode_has_no_held_out_evaluation_and_no_verified_coverage() -> None:
    explanation = explain(held_out_fraction=0.0)
    assert explanation.evaluations["is_failure_mode_held_out"].isna().all()
    assert explanation.evaluations["tree_gain_held_out"].isna().all()
    assert (explanation.evaluation["n_trees_held_out"] == 0).all()
    for counted in ("n_failures_in_verified", "n_images_in_verified", "n_images_in_verified_held_out"):
        assert explanation.explained[counted].isna().all()
    assert (explanation.explained["n_failures_in_modes"] > 0).all()
    for name in ("evaluations", "evaluation", "explained"):
        check_table(name, getattr(explanation, name), where="test")


def test_without_any_tree_the_tables_say_so_and_fit_their_schemas() -> None:
    labels = np.zeros(30, dtype=np.int64)
    explanation = explain_failures(np.ones((30, 2)), labels, labels)
    assert explanation.evaluations.empty
    assert explanation.evaluation[["n_trees", "n_with_mode"]].to_numpy().sum() == 0
    assert explanation.evaluation["mean_tree_gain"].isna().all()
    assert explanation.explained["n_failures"].sum() == 0
    for name in ("evaluations", "evaluation", "explained"):
        check_table(name, getattr(explanation, name), where="test")
    assert isinstance(explanation.explained, pd.DataFrame)


def test_no_depths_to_evaluate_is_no_evaluation() -> None:
    explanation = explain(evaluation_depths=())
    assert explanation.evaluations.empty
    assert explanation.evaluation.empty


@pytest.mark.parametrize("evidence", ["held_out", "shuffles"])
def test_trees_are_evaluated_on_images_that_they_were_not_fitted_to_whatever_the_evidence(evidence: str) -> None:
    explanation = explain(evidence=evidence, evaluation_depths=(1,))
    rows = explanation.evaluations.set_index("group_id")
    held_out = split_images(DATA.labels, FAILURE, held_out_fraction=0.3, seed=0)
    for class_id in range(4):
        members = (DATA.labels == class_id) & held_out
        n, k = int(members.sum()), int((members & FAILURE).sum())
        row = rows.loc[class_id]
        assert (row["n_images_held_out"], row["base_error_rate_held_out"]) == (n, k / n)
        assert row["tree_gain_by_chance"] == pytest.approx((1 - k / n) / (n - 1))
    table = explanation.evaluation.set_index("grouping")
    assert table.loc["label", "mean_tree_gain_by_chance"] == pytest.approx(rows.loc[:3, "tree_gain_by_chance"].mean())
