"""Failure modes found on all images: what is planted is found, alone, with others, in two conditions; noise is not."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.rules import Explanation, explain_failures, leaf_members
from barlow_report.rules.metrics import is_failure_mode
from barlow_report.significance import adjust_p_values
from barlow_report.tables import check_table

N = 400
SETTINGS = RulesConfig(groupings=("label",), evaluation_depths=(1,), n_shuffles=499, n_resamples=30)


def two_clusters(seed: int, *, n: int = N, n_features: int = 20) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (random.normal(size=(n, n_features)) + 7 * (random.random((n, n_features)) < 0.4)).astype(np.float32)


def explain_one(
    features: npt.NDArray[np.float32], risk: npt.NDArray[np.float64], *, seed: int = 0, settings: RulesConfig = SETTINGS
) -> Explanation:
    """Explain one group whose images fail with their risk."""
    failure = np.random.default_rng([seed, 9]).random(len(features)) < risk
    labels = np.zeros(len(features), dtype=np.int64)
    return explain_failures(features, labels, failure.astype(np.int64), settings=settings, seed=seed)


def verified(explanation: Explanation) -> list[set[tuple[int, str]]]:
    """Features and sides of each verified mode."""
    ids = explanation.rules.loc[explanation.rules["verdict"] == "verified", "rule_id"]
    conditions = explanation.conditions
    return [{(c.feature_id, c.branch) for c in conditions[conditions["rule_id"] == i].itertuples()} for i in ids]


def test_one_condition_is_found_with_its_rate_and_is_stable() -> None:
    features = two_clusters(1)
    has = features[:, 4] > 3.5
    explanation = explain_one(features, np.where(has, 0.6, 0.1))
    assert verified(explanation) == [{(4, "gt")}]
    (mode,) = explanation.rules[explanation.rules["verdict"] == "verified"].itertuples()
    assert mode.error_rate_held_out == pytest.approx(0.6, abs=0.1)
    assert mode.error_rate_held_out_low < 0.6 < mode.error_rate_held_out_high
    assert mode.p_value == 1 / 500
    assert mode.stability > 0.9
    assert (mode.n_images, mode.n_images_held_out) == (has.sum(), 0)
    assert explanation.splits["split"].eq("fit").all()
    members = leaf_members(features, explanation.conditions[explanation.conditions["rule_id"] == mode.rule_id])
    np.testing.assert_array_equal(members, has)
    run = explanation.explained.iloc[0]
    assert run["n_failures_held_out"] == run["n_failures"]
    assert run["n_images_held_out"] == len(features)
    assert run["n_images_in_verified_held_out"] == run["n_images_in_verified"] == has.sum()
    assert 0 < run["n_failures_in_verified_held_out"] <= run["n_failures_in_verified"]


def test_a_second_mode_is_found_among_the_images_that_the_first_does_not_explain() -> None:
    features = two_clusters(2, n=900)
    first, second = features[:, 4] > 3.5, features[:, 9] > 3.5
    explanation = explain_one(features, np.where(first | second, 0.7, 0.05))
    assert sorted(map(sorted, verified(explanation))) in (
        [[(4, "gt")], [(4, "le"), (9, "gt")]],
        [[(4, "gt"), (9, "le")], [(9, "gt")]],
    )
    modes = explanation.rules[explanation.rules["verdict"] == "verified"]
    assert (modes["q_value"] >= modes["p_value"]).all()


def test_two_conditions_are_joined_where_that_says_more() -> None:
    features = two_clusters(3, n=900)
    both = (features[:, 4] > 3.5) & (features[:, 9] <= 3.5)
    explanation = explain_one(features, np.where(both, 0.8, 0.05))
    assert verified(explanation) == [{(4, "gt"), (9, "le")}]
    shallow = explain_one(features, np.where(both, 0.8, 0.05), settings=SETTINGS.model_copy(update={"max_depth": 1}))
    assert all(len(mode) == 1 for mode in verified(shallow))


def test_a_pair_that_covers_too_little_does_not_take_the_place_of_a_failure_mode() -> None:
    features, random = two_clusters(8, n=2000), np.random.default_rng(8)
    wide, narrow = np.arange(2000) < 500, np.arange(2000) % 25 < 2
    for feature_id, is_high in ((4, wide), (9, narrow)):
        features[:, feature_id] = random.normal(size=2000) + 7 * is_high
    risk = np.select([wide & narrow, wide], [0.95, 0.14], 0.07)  # the pair covers 17 %
    assert {(4, "gt")} in verified(explain_one(features, risk))
    anything = SETTINGS.model_copy(update={"tau": 0.1})
    assert {(4, "gt"), (9, "gt")} in verified(explain_one(features, risk, settings=anything))


def test_noise_is_not_verified() -> None:
    n_verified = sum(bool(verified(explain_one(two_clusters(s, n=120), np.full(120, 0.3), seed=s))) for s in range(40))
    assert n_verified <= 3


def test_what_many_features_foretell_together_is_a_joint_mode_and_not_a_named_one() -> None:
    random = np.random.default_rng(5)
    cause = random.random(300) < 0.4
    features = (random.normal(size=(300, 60)) + 0.7 * cause[:, None]).astype(np.float32)
    explanation = explain_one(features, np.where(cause, 0.7, 0.05))
    (mode,) = explanation.joint_modes.itertuples()
    assert mode.verdict == "verified"
    assert mode.auc > 0.7
    assert explanation.joint_features["feature_id"].nunique() == 20
    assert (explanation.joint_features["weight"] > 0).mean() > 0.9
    pictures = explanation.joint_images
    assert pictures["score"].is_monotonic_decreasing
    assert cause[pictures["image_id"].iloc[:4]].mean() > cause[pictures["image_id"].iloc[-4:]].mean()


def test_the_area_under_the_curve_that_is_shown_is_one_half_where_nothing_is_there() -> None:
    features = np.random.default_rng(4).normal(size=(60, 400)).astype(np.float32)
    found = [explain_one(features, np.full(60, 0.3), seed=seed).joint_modes["auc"] for seed in range(12)]
    # a coin; of scores that contain the mean of the others it would be 0.1
    assert np.concatenate(found).mean() == pytest.approx(0.5, abs=0.07)


def test_every_table_fits_its_schema_whatever_the_number_of_workers() -> None:
    features = two_clusters(6, n=600)
    labels = np.arange(600) % 3
    predictions = np.where(np.random.default_rng(0).random(600) < 0.3, (labels + 1) % 3, labels)
    results = [
        explain_failures(
            features,
            labels,
            predictions,
            settings=RulesConfig(n_shuffles=199, n_resamples=20, n_workers=n, confused_pairs=2),
            seed=3,
        )
        for n in (1, 3)
    ]
    for name, one in results[0].tables.items():
        three = results[1].tables[name]
        check_table(name, one, where="test")
        pd.testing.assert_frame_equal(one, three)


def test_every_group_that_was_tested_counts_in_its_family() -> None:
    features, n = two_clusters(7, n=900), 900
    labels = np.arange(n) % 3
    risk = np.where((labels == 0) & (features[:, 4] > 3.5), 0.7, 0.2)
    failed = np.random.default_rng(1).random(n) < risk
    predictions = np.where(failed, 3, labels)
    settings = SETTINGS.model_copy(update={"max_depth": 1})
    rules = explain_failures(features, labels, predictions, settings=settings).rules
    first = rules.dropna(subset="p_value").set_index("group_id")
    assert len(first) == 3
    assert first.loc[0, "verdict"] == "verified"
    # at most what Benjamini and Hochberg make of these p-values alone: a group's is that of two tests
    q_values = adjust_p_values(first["p_value"].to_numpy())
    assert first.loc[0, "q_value"] <= 2 * q_values[0]
    assert (first["q_value"] >= first["p_value"]).all()
    for rule in rules.itertuples():
        limits = is_failure_mode(rule.error_rate, rule.error_coverage, base_rate=rule.base_error_rate, rho=0.1, tau=0.2)
        assert rule.is_failure_mode == (bool(limits) and not np.isnan(rule.p_value))


def test_rules_do_not_lean_on_directions() -> None:
    random, labels = np.random.default_rng(3), np.arange(960) % 8
    cause = random.random(960) < 0.4
    features = (random.normal(size=(960, 40)) + 0.4 * cause[:, None]).astype(np.float32)
    predictions = np.where(random.random(960) < np.where(cause, 0.7, 0.1), 8, labels)
    settings = SETTINGS.model_copy(update={"max_depth": 1})
    found = explain_failures(features, labels, predictions, settings=settings)
    assert (found.joint_modes["verdict"] == "verified").sum() >= 4
    for table in (found.rules.dropna(subset="p_value"), found.joint_modes):
        alone = adjust_p_values(table["p_value"].to_numpy())
        assert (table["q_value"].to_numpy() >= alone - 1e-12).all()


def test_the_one_group_of_many_that_has_a_mode_is_shuffled_until_that_is_clear() -> None:
    n_groups, size = 60, 40
    features = two_clusters(12, n=n_groups * size, n_features=6)
    labels = np.arange(n_groups * size) % n_groups
    risk = np.where((labels == 7) & (features[:, 2] > 3.5), 1.0, np.where(labels == 7, 0.0, 0.25))
    failed = np.random.default_rng(2).random(len(labels)) < risk
    settings = RulesConfig(groupings=("label",), n_shuffles=99, n_resamples=0, evaluation_depths=(1,))
    explanation = explain_failures(features, labels, np.where(failed, n_groups, labels), settings=settings)
    (mode,) = explanation.rules[explanation.rules["verdict"] == "verified"].itertuples()
    assert explanation.groups.set_index("group_id").loc[mode.group_id, "class_id"] == 7
    assert mode.p_value == 1 / (1 + 2 * 60 / 0.05)  # 1 / 100 would be 0.6 after the correction
    assert mode.q_value <= 0.05


def test_failures_that_have_nothing_to_do_with_the_image_are_no_mode_by_prediction() -> None:
    n_verified = n_not_of_class = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        labels = np.arange(600) % 3
        features = random.normal(size=(600, 30)).astype(np.float32)
        features[np.arange(600), labels] += 6  # a feature for each class
        predictions = np.where(random.random(600) < 0.25, random.integers(0, 3, 600), labels)
        settings = RulesConfig(groupings=("prediction",), n_shuffles=199, n_resamples=0, evaluation_depths=(1,))
        verdicts = explain_failures(features, labels, predictions, settings=settings, seed=seed).rules["verdict"]
        n_verified += (verdicts == "verified").sum()
        n_not_of_class += (verdicts == "not_of_class").sum()
    assert n_verified <= 2
    assert n_not_of_class >= 20


def test_what_makes_images_of_another_class_be_taken_for_this_one_is_a_mode_by_prediction() -> None:
    random = np.random.default_rng(11)
    labels = np.arange(900) % 3
    snow = random.random(900) < 0.3
    features = random.normal(size=(900, 30)).astype(np.float32)
    features[np.arange(900), labels] += 6
    features[:, 20] += 6 * snow
    predictions = np.where(snow & (labels == 1) & (random.random(900) < 0.8), 0, labels)
    settings = RulesConfig(groupings=("prediction",), n_shuffles=499, n_resamples=30, evaluation_depths=(1,))
    explanation = explain_failures(features, labels, predictions, settings=settings)
    assert verified(explanation) == [{(20, "gt")}]
    mode = explanation.rules[explanation.rules["verdict"] == "verified"].iloc[0]
    assert mode["p_value_baseline"] <= 0.05
    assert mode["stability"] > 0.9


def test_cuts_that_look_at_the_failures_cannot_be_tested_by_shuffles() -> None:
    with pytest.raises(ValueError, match="evidence: held_out"):
        RulesConfig(thresholds="entropy")
    assert RulesConfig(thresholds="entropy", held_out_fraction=0).evidence_kind == "in_sample"
    assert RulesConfig(evidence="held_out").depth == 1
    assert RulesConfig().depth == 3
