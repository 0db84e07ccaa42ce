"""In-sample results equal an independent computation with scikit-learn alone."""

import numpy as np
import pytest

from barlow_report.config import RulesConfig
from barlow_report.rules import Explanation, explain_failures
from tests.rules.reference import ReferenceGroup, explain_in_sample
from tests.rules.synthetic import draw


def assert_equals_reference(explanation: Explanation, reference: list[ReferenceGroup]) -> None:
    assert len(explanation.groups) == len(reference)
    for group, expected in zip(explanation.groups.itertuples(), reference, strict=True):
        assert (group.grouping, group.class_id) == (expected.grouping, expected.class_id)
        assert (group.n_images, group.n_failures) == (expected.n_images, expected.n_failures)
        selection = explanation.selection[explanation.selection["group_id"] == group.group_id]
        assert set(selection["feature_id"]) == expected.selected
        for feature_id, information in zip(selection["feature_id"], selection["mutual_information"], strict=True):
            assert information == pytest.approx(expected.information[feature_id], abs=1e-9)
        rules = explanation.rules[explanation.rules["group_id"] == group.group_id]
        assert len(rules) == len(expected.leaves)
        assert (group.status == "fitted") == bool(expected.leaves)
        if expected.leaves:
            assert group.average_leaf_error_rate == pytest.approx(expected.average_leaf_error_rate, abs=1e-12)
        by_conditions = {leaf.conditions: leaf for leaf in expected.leaves}
        for rule in rules.itertuples():
            conditions = explanation.conditions[explanation.conditions["rule_id"] == rule.rule_id]
            path = tuple(zip(conditions["feature_id"], conditions["branch"], conditions["threshold"], strict=True))
            leaf = by_conditions[path]
            assert (rule.n_images, rule.n_failures) == (leaf.n_images, leaf.n_failures)
            assert rule.error_rate == pytest.approx(leaf.error_rate, abs=1e-12)
            assert rule.error_coverage == pytest.approx(leaf.error_coverage, abs=1e-12)
            assert rule.importance_value == pytest.approx(leaf.importance_value, abs=1e-12)


@pytest.mark.parametrize("max_depth", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_groups_features_thresholds_and_measures_equal_those_of_scikit_learn(
    max_depth: int, dtype: type[np.floating]
) -> None:
    data = draw(n_images=700, n_features=60, dtype=dtype, seed=max_depth)
    settings = RulesConfig(max_depth=max_depth, held_out_fraction=0.0, n_selected_features=20)
    explanation = explain_failures(data.features, data.labels, data.predictions, settings=settings, seed=5)
    reference = explain_in_sample(
        data.features, data.labels, data.predictions, n_classes=4, max_depth=max_depth, n_selected=20, seed=5
    )
    assert sum(bool(group.leaves) for group in reference) == 8
    assert_equals_reference(explanation, reference)


def test_small_groups_with_many_ties_equal_those_of_scikit_learn() -> None:
    data = draw(n_images=330, n_features=80, n_classes=12, seed=3)
    features = np.round(data.features, 1)
    settings = RulesConfig(max_depth=3, held_out_fraction=0.0, n_selected_features=10)
    explanation = explain_failures(features, data.labels, data.predictions, settings=settings)
    reference = explain_in_sample(features, data.labels, data.predictions, n_classes=12, max_depth=3, n_selected=10)
    assert_equals_reference(explanation, reference)
