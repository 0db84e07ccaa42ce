"""Printed thresholds are short and part the images as the exact ones do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barlow_report.config import RulesConfig
from barlow_report.formatting import threshold as printed_text
from barlow_report.rules import explain_failures, leaf_members
from barlow_report.rules.printing import print_threshold
from tests.rules.synthetic import draw

SINGLES = st.floats(-(2.0**99), 2.0**99, width=32)


@pytest.mark.parametrize(
    ("threshold", "values", "printed"),
    [
        (0.51, [0.02, 0.98], 0.5),
        (0.12559, [0.1255, 0.1257], 0.1256),
        (0.12559, [0.12555, 0.125595], 0.12559),
        (0.0998, [0.09, 0.2], 0.1),
        (0.96, [0.91, 0.99], 0.96),
        (0.5, [0.5, 0.6], 0.5),
        (1234.6, [1234.0, 1239.0], 1235.0),
        (-0.26, [-0.29, -0.2], -0.26),
        (0.25, [1.0, 2.0], 0.3),
        (1.9, [1.5, 1.95], 1.9),
        (1.96, [1.5, 1.97], 1.9),
        (8.4e-06, [0.0, 1.7e-05, 0.9], 0.0),
        (8.4e-06, [0.0, 1.7e-05], 8e-06),
        (0.25, [-1.0, 0.0, 0.5], 0.3),
        (0.009, [-1.0, 0.0, 0.5, 0.9], 0.0),
        (0.0091, [-1.0, 0.0, 0.5, 0.9], 0.009),
        (0.0, [0.0, 0.5], 0.0),
        (8.4e-06, [1e-09, 1.7e-05], 8e-06),
        (0.25, [-0.1, 0.5], 0.3),
    ],
)
def test_a_threshold_is_printed_with_as_few_digits_as_part_its_images(
    threshold: float, values: list[float], printed: float
) -> None:
    assert print_threshold(threshold, np.array(values)) == printed


@given(st.lists(SINGLES, min_size=2, max_size=20), st.data())
def test_no_value_lies_between_a_threshold_and_its_printed_form(values: list[float], data: st.DataObject) -> None:
    column = np.array(values, dtype=np.float32)
    low, high = sorted(data.draw(st.sampled_from(values)) for _ in range(2))
    threshold = data.draw(st.sampled_from([low, (low + high) / 2]))
    text = printed_text(print_threshold(threshold, column)).replace("−", "-")
    exact = column.astype(np.float64)
    np.testing.assert_array_equal(exact <= float(text), exact <= threshold)


@pytest.mark.parametrize("evidence", ["held_out", "shuffles"])
def test_every_count_of_rules_and_nodes_follows_from_the_printed_thresholds(evidence: str) -> None:
    data = draw(n_images=900)
    settings = RulesConfig.model_validate({"evidence": evidence, "max_depth": 2, "n_shuffles": 99})
    found = explain_failures(data.features, data.labels, data.predictions, settings=settings)
    failure, of_fit = data.predictions != data.labels, (found.splits["split"] == "fit").to_numpy()
    of_groups = {"label": data.labels, "prediction": data.predictions}
    groups = found.groups.set_index("group_id")
    printed = found.conditions.assign(threshold=found.conditions["printed_threshold"])
    assert len(found.rules)
    for rule in found.rules.itertuples():
        group = groups.loc[rule.group_id]
        inside = leaf_members(data.features, printed[printed["rule_id"] == rule.rule_id])
        inside &= of_groups[group["grouping"]] == group["class_id"]
        counts = [int(part.sum()) for part in (inside & of_fit, inside & of_fit & failure, inside & ~of_fit)]
        assert counts == [rule.n_images, rule.n_failures, rule.n_images_held_out]
    inner = found.nodes[found.nodes["feature_id"].notna()]
    of_nodes = set(zip(inner["threshold"], inner["printed_threshold"], strict=True))
    assert set(zip(found.conditions["threshold"], found.conditions["printed_threshold"], strict=True)) <= of_nodes
