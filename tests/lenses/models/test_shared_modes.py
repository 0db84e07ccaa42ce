"""Failure modes of several models: which proposals are one mode, and for whom it holds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, fisher_exact

from barlow_report.config import RulesConfig
from barlow_report.lenses.models.shared_modes import (
    Condition,
    Mode,
    Proposal,
    merge_proposals,
    print_modes,
    propose_modes,
    rate_modes,
)
from barlow_report.rules import explain_failures
from barlow_report.tables import check_table


def _proposal(model_id: int, *conditions: tuple[int, str, float], **other: object) -> Proposal:
    values: dict[str, object] = {"rule_id": 7, "grouping": "label", "class_id": 1, "importance_value": 0.5, **other}
    return Proposal(model_id=model_id, conditions=tuple(Condition(*c, c[2]) for c in conditions), **values)  # type: ignore[arg-type]


def test_proposals_with_the_same_features_on_the_same_sides_are_one_mode() -> None:
    modes = merge_proposals(
        [
            _proposal(2, (4, "le", 0.3), importance_value=0.9),
            _proposal(1, (4, "le", 0.1), importance_value=0.6),
            _proposal(3, (4, "gt", 0.1)),
            _proposal(3, (4, "le", 0.1), class_id=0),
            _proposal(3, (4, "le", 0.1), grouping="prediction"),
        ]
    )
    assert [(m.best.grouping, m.best.class_id, m.best.conditions[0].branch, sorted(m.found_by)) for m in modes] == [
        ("label", 0, "le", [3]),
        ("label", 1, "gt", [3]),
        ("label", 1, "le", [1, 2]),
        ("prediction", 1, "le", [3]),
    ]
    assert modes[2].best.model_id == 2  # the highest importance value


def test_the_inspected_model_gives_the_thresholds_where_it_has_the_mode() -> None:
    (mode,) = merge_proposals(
        [_proposal(1, (4, "le", 0.3), importance_value=0.9), _proposal(0, (4, "le", 0.1), importance_value=0.2)]
    )
    assert mode.best.conditions[0].threshold == 0.1


def test_counts_of_a_small_table_by_hand() -> None:
    """Eight images of class 0 and two of class 1; the mode is: feature 0 at most 0.5."""
    features = np.array([[0.1], [0.2], [0.5], [0.9], [0.8], [0.7], [0.3], [0.6], [0.1], [0.9]], dtype=np.float32)
    labels = np.array([0] * 8 + [1, 1])
    held_out = np.array([True] * 6 + [False] * 2 + [True] * 2)
    first = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 1])
    second = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 0])
    modes = [
        Mode(best=_proposal(0, (0, "le", 0.5), class_id=0, grouping=grouping), found_by=frozenset({0}))
        for grouping in ("label", "prediction")
    ]
    table = rate_modes(
        modes,
        features=features,
        labels=labels,
        predictions=np.column_stack([first, second]),
        held_out=held_out,
        settings=RulesConfig(evidence="held_out", rho=0.1, tau=0.2, max_q_value=0.11),
    )
    check_table("shared_mode_rates", table, where="here")
    columns = ["n_images", "n_failures", "n_group_images", "n_group_failures"]
    assert table[columns].to_numpy().tolist() == [
        [3, 3, 6, 3],  # label 0, first model: 0.1, 0.2 and 0.5 fail, the other three do not
        [3, 1, 6, 3],
        [1, 1, 4, 1],  # predicted as 0 by the first model: images 3, 4, 5 and 8
        [3, 1, 5, 2],  # and by the second: 0, 1, 5, 8 and 9
    ]
    expected = [
        fisher_exact([[k, n - k], [big_k - k, (big_n - n) - (big_k - k)]], alternative="greater").pvalue
        for n, k, big_n, big_k in table[columns].to_numpy().tolist()
    ]
    np.testing.assert_allclose(table["p_value"], expected)
    for model_id in (0, 1):
        rows = table[table["model_id"] == model_id]
        np.testing.assert_allclose(rows["q_value"], false_discovery_control(rows["p_value"]))
    assert table["holds"].tolist() == [True, False, False, False]
    assert table["is_found"].tolist() == [True, False, True, False]


@pytest.fixture(scope="module")
def three_models() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels and the predictions of three models of four classes.

    Class 0 is hard where feature 3 is low: for models 0 and 1. Class 1 is hard where feature 5 is high: for model 2.
    """
    rng = np.random.default_rng(5)
    n, n_classes = 1600, 4
    features = rng.normal(size=(n, 12)).astype(np.float32)
    labels = np.repeat(np.arange(n_classes), n // n_classes)
    rates = np.full((n, 3), 0.05)
    rates[(labels == 0) & (features[:, 3] < -0.5), :2] = 0.8
    rates[(labels == 1) & (features[:, 5] > 0.5), 2] = 0.8
    wrong = rng.random((n, 3)) < rates
    predictions = np.where(wrong, (labels[:, None] + 2) % n_classes, labels[:, None])
    return features, labels, predictions


def _compare(features: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> tuple[list[Mode], pd.DataFrame]:
    settings = RulesConfig(evidence="held_out", evaluation_depths=())
    own = explain_failures(features, labels, predictions[:, 0], settings=settings)
    held_out = (own.splits["split"] == "held_out").to_numpy()
    found = [own] + [
        explain_failures(features, labels, predictions[:, m], settings=settings, held_out=held_out)
        for m in range(1, predictions.shape[1])
    ]
    proposals = [
        proposal
        for model_id, e in enumerate(found)
        for proposal in propose_modes(model_id, groups=e.groups, rules=e.rules, conditions=e.conditions)
    ]
    modes = merge_proposals(proposals)
    rates = rate_modes(
        modes, features=features, labels=labels, predictions=predictions, held_out=held_out, settings=settings
    )
    return modes, rates


def test_a_planted_mode_holds_for_the_models_that_have_it(three_models: tuple[np.ndarray, ...]) -> None:
    modes, rates = _compare(*three_models)
    holds = rates.pivot_table(index="mode_id", columns="model_id", values="holds", aggfunc="first")
    found = {
        (m.best.grouping, m.best.class_id, m.best.conditions[0].feature_id): holds.loc[i].tolist()
        for i, m in enumerate(modes)
        if holds.loc[i].any()
    }
    assert found[("label", 0, 3)] == [True, True, False]
    assert found[("label", 1, 5)] == [False, False, True]
    assert found[("prediction", 2, 3)] == [True, True, False]  # where the failures of class 0 end up
    assert found[("prediction", 3, 5)] == [False, False, True]
    assert len(found) == 4


def test_printed_thresholds_give_the_counts_of_every_model(three_models: tuple[np.ndarray, ...]) -> None:
    features, labels, predictions = three_models
    modes, rates = _compare(*three_models)
    printed = [
        replace(
            mode,
            best=replace(
                mode.best,
                conditions=tuple(replace(c, threshold=c.printed_threshold) for c in mode.best.conditions),
            ),
        )
        for mode in print_modes(modes, features=features, labels=labels, predictions=predictions)
    ]
    assert [m.best.conditions for m in printed] != [m.best.conditions for m in modes]
    everything = np.ones(len(labels), dtype=np.bool_)
    counted = [
        rate_modes(
            found,
            features=features,
            labels=labels,
            predictions=predictions,
            held_out=everything,
            settings=RulesConfig(evidence="held_out"),
        )
        for found in (modes, printed)
    ]
    pd.testing.assert_frame_equal(*counted)
    assert len(rates) == len(counted[0])


def test_counts_equal_those_of_the_rules_where_a_mode_is_a_rule(three_models: tuple[np.ndarray, ...]) -> None:
    features, labels, predictions = three_models
    own = explain_failures(
        features, labels, predictions[:, 0], settings=RulesConfig(evidence="held_out", evaluation_depths=())
    )
    modes, rates = _compare(*three_models)
    rules = own.rules.set_index("rule_id")
    compared = 0
    for mode_id, mode in enumerate(modes):
        if mode.best.model_id == 0:
            row = rates[(rates["mode_id"] == mode_id) & (rates["model_id"] == 0)].iloc[0]
            rule = rules.loc[mode.best.rule_id]
            assert (row["n_images"], row["n_failures"]) == (rule["n_images_held_out"], rule["n_failures_held_out"])
            assert row["p_value"] == pytest.approx(rule["p_value"], nan_ok=True)
            compared += 1
    assert compared >= 2


def test_models_without_a_reason_to_fail_share_nothing() -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(1200, 40)).astype(np.float32), np.repeat(np.arange(4), 300)
    wrong = rng.random((1200, 5)) < 0.3
    _, rates = _compare(features, labels, np.where(wrong, (labels[:, None] + 1) % 4, labels[:, None]))
    assert len(rates) >= 5 * 8
    assert rates["holds"].sum() <= 1


def test_no_proposal_gives_an_empty_table() -> None:
    table = rate_modes(
        [],
        features=np.zeros((2, 1), dtype=np.float32),
        labels=np.zeros(2, dtype=np.int64),
        predictions=np.zeros((2, 1), dtype=np.int64),
        held_out=np.ones(2, dtype=bool),
        settings=RulesConfig(evidence="held_out"),
    )
    assert not len(check_table("shared_mode_rates", table, where="here"))


def test_a_given_split_is_kept_and_checked() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 3)).astype(np.float32), np.repeat([0, 1], 30)
    held_out = np.arange(60) % 3 == 0
    explanation = explain_failures(
        features, labels, rng.permutation(labels), held_out=held_out, settings=RulesConfig(evidence="held_out")
    )
    assert (explanation.splits["split"] == "held_out").tolist() == held_out.tolist()
    from barlow_report.errors import DataError

    with pytest.raises(DataError, match=r"held_out: found shape \(2,\)"):
        explain_failures(features, labels, labels, held_out=[True, False])
