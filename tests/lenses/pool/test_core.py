"""The parts of the pool that can be computed by hand."""

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from barlow_report.config.further import NO_LABEL, OTHER_CLASS
from barlow_report.lenses.directions.config import DirectionsConfig
from barlow_report.lenses.directions.scoring import find_directions
from barlow_report.lenses.pool.best import Best
from barlow_report.lenses.pool.calibration import Calibration, calibrate, log_odds
from barlow_report.lenses.pool.candidates import Images, Mode, Predictors, may_be_of_class, reasons
from barlow_report.lenses.pool.placing import place_classes
from barlow_report.lenses.pool.quality import KS, Quality
from barlow_report.lenses.pool.ranking import Ranking
from barlow_report.lenses.pool.reference import Reference, failures_are_taken_for
from tests.benchmarks.pool_scale import SHARD, draw_images, draw_modes

CONDITIONS = pd.DataFrame({"feature_id": [0], "branch": ["gt"], "threshold": [0.5]})
CONFIDENCE = Predictors(has_confidence=True)


def mode(**changes: Any) -> Mode:
    """Class 0 with feature 0 above 0.5, whose failures are taken for class 1."""
    calibration = Calibration(rate=0.5, weights=np.array([-1.0]), intercept=0.0)
    values: dict[str, Any] = {
        "rule_id": 7,
        "class_ids": np.array([0]),
        "taken_for": np.array([1]),
        "conditions": CONDITIONS,
        "predictors": CONFIDENCE,
        "calibrations": dict.fromkeys(("label", "prediction", "taken_for"), calibration),
    }
    return Mode(**{**values, **changes})


def images(n: int, **columns: Any) -> Images:
    values: dict[str, Any] = {
        "features": np.ones((n, 2), dtype=np.float32),
        "labels": np.zeros(n, dtype=np.int64),
        "predictions": np.zeros(n, dtype=np.int64),
        "confidences": np.full(n, 0.5),
        "digests": np.array([f"{i:032d}" for i in range(n)], dtype="S32"),
        "rows": np.arange(n),
    }
    return Images(**values | {name: np.asarray(column) for name, column in columns.items()})


def test_who_may_be_of_the_class_says_its_label_and_only_without_one_its_prediction() -> None:
    labels = np.array([0, 0, 1, NO_LABEL, NO_LABEL, NO_LABEL, OTHER_CLASS])
    predictions = np.array([0, 2, 0, 0, 1, 2, 0])
    found = reasons(may_be_of_class(mode(), labels, predictions))
    assert found.tolist() == [0, 0, -1, 1, 2, -1, -1]


def test_failures_are_taken_for_what_those_in_the_leaf_are_predicted_as() -> None:
    labels, predictions = np.array([0, 0, 0, 0, 1]), np.array([0, 3, 1, 3, 2])
    meets = np.array([True, True, True, False, True])
    assert failures_are_taken_for(labels, predictions, meets, class_ids=np.array([0])).tolist() == [1, 3]
    assert failures_are_taken_for(labels, predictions, meets, class_ids=np.array([0, 1])).tolist() == [2, 3]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_best_are_those_of_sorting_everything_however_the_stream_is_cut(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=60))
    n, size = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 20))
    score = {digest: s for s, digest in values}  # the same bytes have the same score
    best = Best(n)
    for start in range(0, len(values), size):
        block = values[start : start + size]
        best.add(
            score=np.array([score[digest] for _, digest in block], dtype=np.float64),
            digest=np.array([f"{digest:032d}" for _, digest in block], dtype="S32"),
        )
    expected = sorted(score, key=lambda digest: (-score[digest], digest))[:n]
    assert [int(digest) for digest in best.columns.get("digest", [])] == expected


def test_a_probability_is_the_rate_where_nothing_else_is_known() -> None:
    bare = calibrate(
        np.zeros((4, 0)),
        np.array([True, False, True, False]),
        np.ones(4, dtype=bool),
        fitted=np.ones(4, dtype=bool),
        counted=np.ones(4, dtype=bool),
        rate=0.75,
    )
    assert bare.weights is None
    assert bare.probabilities(np.zeros((2, 0))).tolist() == [0.75, 0.75]


def test_the_mean_probability_of_the_rule_is_its_rate_and_less_sure_images_fail_more() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(1.0, 1.5, 4000)
    fails = rng.random(4000) < 1 / (1 + np.exp(odds))  # a weight of -1 and nothing else
    meets = rng.random(4000) < 0.3
    everything = np.ones(4000, dtype=bool)
    found = calibrate(odds[:, None], fails, meets, fitted=everything, counted=everything, rate=0.6)
    assert found.weights is not None
    assert found.weights[0] == pytest.approx(-1.0, abs=0.1)
    probabilities = found.probabilities(odds[:, None])
    assert probabilities[meets].mean() == pytest.approx(0.6, abs=1e-9)
    assert (np.diff(probabilities[np.argsort(odds)]) <= 0).all()


def test_the_weights_are_those_of_a_regression_without_a_penalty_that_matters() -> None:
    rng = np.random.default_rng(1)
    x, meets = rng.normal(0, 2, 500), rng.random(500) < 0.5
    fails = rng.random(500) < 1 / (1 + np.exp(x))
    everything = np.ones(500, dtype=bool)
    found = calibrate(x[:, None], fails, meets, fitted=everything, counted=everything, rate=float(fails[meets].mean()))
    assert found.weights is not None
    free = LogisticRegression(C=np.inf, max_iter=5000, tol=1e-8).fit(np.column_stack([x, meets]), fails)
    assert found.weights[0] == pytest.approx(free.coef_[0, 0], rel=0.05)


def test_an_image_without_a_confidence_gets_the_rate() -> None:
    calibration = Calibration(rate=0.4, weights=np.array([-1.0]), intercept=0.0)
    assert calibration.probabilities(np.array([[0.0], [np.nan]])).tolist() == [0.5, 0.4]


def test_too_few_failures_leave_the_rate_alone() -> None:
    fails = np.zeros(100, dtype=bool)
    fails[:9] = True
    everything = np.ones(100, dtype=bool)
    x = np.arange(100.0)[:, None]
    assert calibrate(x, fails, everything, fitted=everything, counted=everything, rate=0.09).weights is None
    fails[9] = True
    assert calibrate(x, fails, everything, fitted=everything, counted=everything, rate=0.1).weights is not None


def test_rates_of_all_failures_or_none_stay_finite() -> None:
    rng = np.random.default_rng(2)
    fails, x, everything = rng.random(200) < 0.5, rng.normal(size=(200, 1)), np.ones(200, dtype=bool)
    for rate, mean in ((0.0, 0.5 / 200), (1.0, 1 - 0.5 / 200)):
        found = calibrate(x, fails, everything, fitted=everything, counted=everything, rate=rate)
        assert found.probabilities(x).mean() == pytest.approx(mean, rel=1e-6)
        assert np.isfinite(found.intercept)


def test_log_odds_are_finite_at_both_ends() -> None:
    assert log_odds(np.array([0.5, 0.75])).tolist() == pytest.approx([0.0, np.log(3)])
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


def test_the_reference_of_each_reason_are_the_images_that_would_be_candidates_for_it() -> None:
    labels = np.repeat([0, 1], 40)
    predictions = np.where(np.arange(80) % 4 == 0, 1 - labels, labels)
    features = np.zeros((80, 1), dtype=np.float32)
    features[:20] = features[40:60] = 1.0  # half of either class meets the rule
    reference = Reference(
        features=features,
        labels=labels,
        predictions=predictions,
        confidences=np.full(80, np.nan),
        is_held_out=np.zeros(80, dtype=bool),
    )
    bare = mode(predictors=Predictors(has_confidence=False), calibrations={})
    found = reference.calibrated(bare, rate=0.25, predictors=np.zeros((80, 0)))
    assert {basis: c.rate for basis, c in found.calibrations.items()} == {
        "label": 0.25,
        "prediction": 5 / 20,  # of 15 right ones and 5 of the other class
        "taken_for": 5 / 20,
    }
    assert reference.counts(bare) == {"n_class": 40, "n_meets": 20}
    assert not found.is_calibrated


def test_candidates_are_ranked_by_probability_and_counted_by_reason() -> None:
    ranking = Ranking(mode(), n=2)
    features = np.ones((6, 2), dtype=np.float32)
    features[5, 0] = 0.5  # not above the threshold
    block = images(
        6,
        features=features,
        labels=[0, 0, NO_LABEL, NO_LABEL, 1, 0],
        predictions=[0, 1, 1, 0, 1, 0],
        confidences=[0.9, 0.6, 0.7, 0.8, 0.5, 0.5],
    )
    assert ranking.add(block).tolist() == [True, True, True, True, False, False]
    assert ranking.counts == {
        "n_may_be_of_class": 5,
        "n_candidates": 4,
        "n_listed": 2,
        "n_by_label": 2,
        "n_by_prediction": 1,
        "n_by_taken_for": 1,
    }
    assert ranking.best.columns["row"].tolist() == [1, 2]
    assert ranking.best.columns["score"].tolist() == pytest.approx([0.4, 0.3])  # 1 - confidence, with a weight of -1


def test_quality_counts_the_chosen_images_that_fail() -> None:
    n = 40
    confidences = np.linspace(0.5, 0.99, n)
    predictions = (np.arange(n) % 4 == 0).astype(np.int64)  # 10 of 40 fail
    features = np.zeros((n, 2), dtype=np.float32)
    features[: n // 2, 0] = 1.0  # the 20 least sure ones meet the rule, 5 of which fail
    quality = Quality(mode())
    block = images(n, features=features, predictions=predictions, confidences=confidences)
    meets = features[:, 0] > 0.5
    quality.add(block, meets, np.where(meets, log_odds(confidences), np.nan)[:, None])
    rows = pd.DataFrame(quality.rows(level=0.95)).set_index(["known", "k", "choice"])
    ten = rows.loc["labels", 10]
    assert ten["n_failures"].to_dict() == {"ranked": 3, "lowest_confidence": 3, "random": 10}
    assert ten["n_images"].to_dict() == {"ranked": 10, "lowest_confidence": 10, "random": 40}
    assert ten["n_mode_failures"].to_dict() == {"ranked": 3, "lowest_confidence": 3, "random": 5}
    assert ten["precision"].to_dict() == {"ranked": 0.3, "lowest_confidence": 0.3, "random": 0.25}
    # Wilson's interval of 3 of 10
    assert ten.loc["ranked", ["precision_low", "precision_high"]].tolist() == pytest.approx([0.1078, 0.6032], abs=1e-4)
    assert sorted({k for _, k, _ in rows.index}) == [10, 20]


def test_quality_with_hidden_labels_takes_what_predictions_allow() -> None:
    n = 12
    labels = np.array([0] * 6 + [1] * 6)
    predictions = np.array([0, 0, 0, 1, 1, 2, 1, 1, 1, 0, 2, 1])
    quality = Quality(mode())
    block = images(n, labels=labels, predictions=predictions)
    quality.add(block, np.ones(n, dtype=bool), np.zeros((n, 1)))
    rows = pd.DataFrame(quality.rows(level=0.95))
    everything = rows[rows["choice"] == "random"].set_index("known")
    assert everything["n_images"].to_dict() == {
        "labels": 6,
        "predictions": 10,
    }  # the two predicted as 2 are no candidates
    assert everything["n_failures"].to_dict() == {"labels": 3, "predictions": 3}
    assert everything["k"].to_dict() == {"labels": 6, "predictions": KS[0]}


def test_unlabelled_images_say_nothing_of_the_quality() -> None:
    quality = Quality(mode())
    block = images(5, labels=[NO_LABEL] * 5)
    quality.add(block, np.ones(5, dtype=bool), np.zeros((5, 1)))
    assert list(quality.rows(level=0.95)) == []


def test_memory_does_not_grow_with_the_pool() -> None:
    peaks = []
    for n_shards in (6, 24):
        rankings = [Ranking(mode, n=50) for mode in draw_modes(16, 3)]
        tracemalloc.start()
        for block in draw_images(n_shards * SHARD, n_features=16):
            for ranking in rankings:
                ranking.add(block)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert all(ranking.counts["n_listed"] == 50 for ranking in rankings)
    assert peaks[1] < 1.1 * peaks[0]


def test_a_direction_is_that_of_the_lens_and_images_it_was_fitted_to_are_placed_by_others() -> None:
    rng = np.random.default_rng(3)
    n, d = 240, 30
    labels = np.repeat([0, 1], n // 2)
    features = rng.normal(size=(n, d))
    fails = rng.random(n) < np.where(features[:, 0] > 0, 0.7, 0.1)
    predictions = np.where(fails, 1 - labels, labels)
    held_out = np.arange(n) % 3 == 0
    config = DirectionsConfig()
    found = find_directions(features, labels, predictions, is_held_out=held_out, n_classes=2, settings=config)
    placed = place_classes(
        features, labels, predictions, is_held_out=held_out, class_ids=np.array([1]), settings=config, seed=0
    )
    assert set(placed) == {1}
    own = placed[1]
    known = found.directions.set_index("image_id")["decision_value"]
    of_class = np.flatnonzero(labels == 1)
    assert np.allclose(own.decision_values(features[of_class]), known[of_class])
    tested, fitted = of_class[held_out[of_class]], of_class[~held_out[of_class]]
    assert np.allclose(own.analysed[tested], known[tested])
    assert not np.allclose(own.analysed[fitted], known[fitted])
    # on images it was fitted to a direction is better than it is; placed by others they are as hard as new ones
    gaps = [np.ptp([values[fails[fitted]].mean(), values[~fails[fitted]].mean()]) for values in (
        known[fitted].to_numpy(), own.analysed[fitted]
    )]  # fmt: skip
    assert gaps[1] < gaps[0]


def test_places_are_unknown_where_a_half_has_too_few_failures() -> None:
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(60, 5)), np.zeros(60, dtype=np.int64)
    predictions = np.where(np.arange(60) < 2, 1, 0)
    placed = place_classes(
        features,
        labels,
        predictions,
        is_held_out=np.zeros(60, dtype=bool),
        class_ids=np.array([0]),
        settings=DirectionsConfig(),
        seed=0,
    )
    assert np.isnan(placed[0].analysed).all()
    calibration = calibrate(
        placed[0].analysed[:, None],
        predictions != labels,
        np.ones(60, dtype=bool),
        fitted=np.ones(60, dtype=bool),
        counted=np.ones(60, dtype=bool),
        rate=0.1,
    )
    assert calibration.weights is None


def test_no_class_has_no_place() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    features, labels = np.ones((4, 2)), np.zeros(4, dtype=np.int64)
    found = place_classes(
        features, labels, labels, is_held_out=labels > 0, class_ids=nothing, settings=DirectionsConfig(), seed=0
    )
    assert found == {}
