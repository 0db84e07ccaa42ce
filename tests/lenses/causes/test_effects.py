"""Effects of changes by hand, their tests under the null, and what is chosen to compare with."""

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from barlow_report.lenses.causes.choosing import class_controls, other_features, sample, sides, similar_features
from barlow_report.lenses.causes.effects import (
    Effect,
    feature_test,
    image_effects,
    judge_effect,
    measure_effect,
    sign_flip_test,
)


def test_the_effect_of_an_image_is_what_its_controls_do_minus_what_the_move_does() -> None:
    moved = np.array([False, True])
    controls = np.array([[True, True, False, False], [True, False, False, False]])
    assert image_effects(moved, controls, direction="repair").tolist() == [0.5, -0.75]
    assert image_effects(moved, controls, direction="break").tolist() == [-0.5, 0.75]


def test_signs_of_equal_effects_are_a_binomial_test() -> None:
    effects = np.array([1.0] * 8 + [-1.0] * 2)
    assert sign_flip_test(effects, seed=0) == pytest.approx(binomtest(8, 10, alternative="greater").pvalue)
    many = np.array([1.0] * 30 + [-1.0] * 10)
    assert sign_flip_test(many, seed=0) == pytest.approx(1e-4, abs=2e-3)  # binomial: 0.0011
    assert sign_flip_test(np.zeros(5), seed=0) == 1.0


def test_a_feature_is_compared_with_the_controls_as_a_further_one() -> None:
    moved = np.array([False] * 8 + [True] * 2)
    controls = np.zeros((10, 4), dtype=bool)
    for k, n in enumerate((4, 5, 6, 5)):
        controls[:n, k] = True
    others = np.array([-0.4, -0.5, -0.6, -0.5])
    t = (-0.2 - others.mean()) / (others.std(ddof=1) * np.sqrt(1 + 1 / 4))
    from scipy.stats import t as student

    assert feature_test(moved, controls, direction="repair") == pytest.approx(student.sf(t, 3))
    assert ttest_1samp(others, -0.2, alternative="less").pvalue < feature_test(moved, controls, direction="repair")


def test_controls_that_all_do_the_same_have_a_spread_all_the_same() -> None:
    value = feature_test(np.ones(10, dtype=bool), np.zeros((10, 8), dtype=bool), direction="break")
    assert 0 < value < 0.001
    nothing = feature_test(np.zeros(10, dtype=bool), np.zeros((10, 8), dtype=bool), direction="break")
    assert nothing == pytest.approx(0.5)


def test_an_answer_that_never_changes_is_no_effect() -> None:
    effect = measure_effect(
        np.ones(12, dtype=bool), np.ones((12, 8), dtype=bool), direction="repair", seed=0, level=0.95
    )
    assert (effect.value, effect.low, effect.high) == (0.0, 0.0, 0.0)
    assert effect.p_value == 1.0


def test_the_interval_holds_the_effect_and_is_the_same_again() -> None:
    rng = np.random.default_rng(0)
    moved, controls = rng.random(24) < 0.2, rng.random((24, 8)) < 0.6
    first, second = (measure_effect(moved, controls, direction="repair", seed=3, level=0.95) for _ in range(2))
    assert first == second
    assert first.low < first.value < first.high
    assert first.value == pytest.approx(controls.mean() - moved.mean())


def test_features_of_one_kind_are_rarely_called_causes() -> None:
    """Features differ: each does to the images what a draw of its own says. The moved one is no different."""
    rng = np.random.default_rng(1)
    n_called = {"images": 0, "both": 0}
    n_trials = 400
    for trial in range(n_trials):
        rates = np.clip(rng.normal(0.5, 0.15, 9), 0, 1)
        fails = rng.random((24, 9)) < rates
        moved, controls = fails[:, 0], fails[:, 1:]
        n_called["images"] += sign_flip_test(image_effects(moved, controls, direction="repair"), seed=trial) <= 0.05
        effect = measure_effect(moved, controls, direction="repair", seed=trial, level=0.95)
        n_called["both"] += effect.p_value <= 0.05
    assert n_called["images"] / n_trials > 0.1  # why there are two tests
    assert n_called["both"] / n_trials <= 0.075  # 5 %, and two standard errors


@pytest.mark.parametrize(
    ("effect", "q_value", "verdict"),
    [
        (Effect(value=0.3, low=0.1, high=0.5, p_value=0.01), 0.02, "causal"),
        (Effect(value=0.3, low=0.1, high=0.5, p_value=0.06), 0.06, "undecided"),
        (Effect(value=0.05, low=0.02, high=0.2, p_value=0.01), 0.02, "undecided"),
        (Effect(value=0.02, low=-0.05, high=0.09, p_value=0.4), 0.5, "weak"),
    ],
)
def test_verdicts(effect: Effect, q_value: float, verdict: str) -> None:
    assert judge_effect(effect, q_value, max_q_value=0.05, least=0.1) == verdict


def test_sides_of_a_condition_and_their_targets() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6])
    meets = values <= 3
    meets_others = np.array([True, False, True, True, True, False])
    is_fitted = np.array([True, True, True, False, True, True])
    found = sides(values, meets, meets_others, is_fitted)
    assert found.inside.tolist() == [0, 2]
    assert found.outside.tolist() == [3, 4]
    assert found.target_inside == 2.0
    assert found.target_outside == 5.5
    nobody = sides(values, values > 0, meets_others, is_fitted)
    assert np.isnan(nobody.target_outside)


def test_controls_are_similar_features_that_do_not_go_along() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(5, 1, (200, 40))
    features[:, 1] = features[:, 0] + 0.01 * features[:, 2]  # goes along with feature 0
    features[:, 3] = 7.0  # constant
    features[:, 4] += 100  # far stronger
    similar = similar_features(features, 0)
    chosen = other_features(similar, 8, seed=(1, 2))
    assert len(chosen) == 8
    assert not {0, 1, 3, 4} & set(chosen.tolist())
    assert chosen.tolist() == other_features(similar, 8, seed=(1, 2)).tolist()
    weights = np.arange(40.0)
    assert class_controls(weights, similar_features(features, 10), 3).tolist() == [8, 9, 11]


def test_samples_are_seeded_and_whole_where_few() -> None:
    few = np.array([5, 3, 9])
    assert sample(few, 10, seed=(0,)).tolist() == [3, 5, 9]
    assert sample(np.arange(100), 5, seed=(0,)).tolist() == sample(np.arange(100), 5, seed=(0,)).tolist()
