"""Effects of changes by hand, their test under the null, verdicts, and what is chosen to compare with."""

import numpy as np
import pytest
from scipy.stats import binomtest

from barlow_report.lenses.causes.choosing import class_controls, other_features, sample, sides, similar_features
from barlow_report.lenses.causes.effects import Effect, image_effects, judge_effect, mean_effect, sign_flip_test


def test_the_effect_of_an_image_is_what_its_controls_do_minus_what_the_move_does() -> None:
    moved = np.array([0.0, 1.0])
    controls = np.array([[1.0, 1, 0, 0], [1, 0, 0, 0]])
    assert image_effects(moved, controls, direction="repair").tolist() == [0.5, -0.75]
    assert image_effects(moved, controls, direction="break").tolist() == [-0.5, 0.75]


def test_signs_of_equal_effects_are_a_binomial_test() -> None:
    effects = np.array([1.0] * 8 + [-1.0] * 2)
    assert sign_flip_test(effects, seed=0) == pytest.approx(binomtest(8, 10, alternative="greater").pvalue)
    many = np.array([1.0] * 30 + [-1.0] * 10)
    assert sign_flip_test(many, seed=0) == pytest.approx(1e-4, abs=2e-3)  # binomial: 0.0011
    assert sign_flip_test(np.zeros(5), seed=0) == 1.0


def test_an_answer_that_never_changes_is_no_effect() -> None:
    effects = image_effects(np.ones(12), np.ones((12, 8)), direction="repair")
    assert mean_effect(effects, seed=0, level=0.95) == Effect(value=0.0, low=0.0, high=0.0)
    assert sign_flip_test(effects, seed=0) == 1.0


def test_the_interval_holds_the_effect_and_is_the_same_again() -> None:
    rng = np.random.default_rng(0)
    moved, controls = (rng.random(24) < 0.2).astype(float), (rng.random((24, 8)) < 0.6).astype(float)
    effects = image_effects(moved, controls, direction="repair")
    first, second = (mean_effect(effects, seed=3, level=0.95) for _ in range(2))
    assert first == second
    assert first.low < first.value < first.high
    assert first.value == pytest.approx(controls.mean() - moved.mean())
    normal = 1.96 * effects.std() / np.sqrt(24)
    assert (first.high - first.low) / 2 == pytest.approx(normal, rel=0.1)


@pytest.mark.parametrize(
    ("effect", "confidence", "q_value", "verdict"),
    [
        ((0.3, 0.1, 0.5), (0.3, 0.1, 0.5), 0.02, "causal"),
        ((0.3, 0.1, 0.5), (0.3, 0.1, 0.5), 0.06, "undecided"),
        ((0.05, 0.02, 0.2), (0.0, 0.0, 0.0), 0.01, "undecided"),
        ((0.02, -0.05, 0.09), (0.02, -0.05, 0.09), 0.5, "weak"),
        ((0.0, 0.0, 0.0), (0.2, 0.15, 0.25), 1.0, "undecided"),  # all images fail, the model is less sure
    ],
)
def test_verdicts(effect: tuple[float, ...], confidence: tuple[float, ...], q_value: float, verdict: str) -> None:
    on_failures, on_confidence = (Effect(value=v, low=low, high=high) for v, low, high in (effect, confidence))
    assert judge_effect(on_failures, on_confidence, q_value, max_q_value=0.05, least=0.1) == verdict


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
