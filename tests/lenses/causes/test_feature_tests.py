"""A feature against its controls: by hand, against scipy, and the level under any spread of the spreads."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import digamma, polygamma
from scipy.stats import t as student

from barlow_report.lenses.causes.effects import image_effects, sign_flip_test
from barlow_report.lenses.causes.feature_tests import feature_tests

Floats = npt.NDArray[np.float64]


def test_one_effect_is_compared_with_its_controls_by_a_t_test_of_a_further_value() -> None:
    controls = np.array([-0.4, -0.5, -0.6, -0.5])
    t = (-0.2 - controls.mean()) / (controls.std(ddof=1) * np.sqrt(1 + 1 / 4))
    found = feature_tests(np.array([-0.2]), [controls], n_images=np.array([10.0]))
    assert found.tolist() == pytest.approx([student.sf(t, 3)])


def test_controls_that_all_do_the_same_have_a_spread_all_the_same() -> None:
    values = np.array([1.0, 0.0])
    alone = [feature_tests(values[i : i + 1], [np.zeros(8)], n_images=np.array([10.0]))[0] for i in (0, 1)]
    assert 0 < alone[0] < 0.001
    assert alone[1] == pytest.approx(0.5)


def test_equal_spreads_are_pooled_as_far_as_other_effects_may_count() -> None:
    # Every effect has the same variance, so its posterior mean is that, with half a degree for each of 4 others. The
    # logarithm of one of 3 degrees of freedom is on average 0.37 below that of the true variance, which is made up for.
    controls = np.array([0.4, 0.5, 0.6, 0.5])
    variance = controls.var(ddof=1)
    prior = variance * np.exp(np.log(1.5) - digamma(1.5))
    moderated, degrees = (3 * variance + 2 * prior) / 5, 5
    found = feature_tests(np.full(5, 0.8), [controls] * 5, n_images=np.full(5, 24.0))
    expected = student.sf(0.3 / np.sqrt(moderated * (1 + 1 / 4)), degrees)
    assert found.tolist() == pytest.approx([expected] * 5)


def test_very_different_spreads_are_hardly_moderated() -> None:
    rng = np.random.default_rng(0)
    controls = [scale * rng.normal(size=8) for scale in 10.0 ** np.arange(-2, 3)]
    values = np.array([c.mean() + 2 * c.std(ddof=1) for c in controls])
    alone = [feature_tests(values[i : i + 1], [c], n_images=np.array([1e6]))[0] for i, c in enumerate(controls)]
    together = feature_tests(values, controls, n_images=np.full(5, 1e6))
    assert together[1:] == pytest.approx(alone[1:], rel=0.25)
    assert together[0] > alone[0]  # what little counts of the others is large against so small a spread


def test_the_prior_is_the_one_that_spreads_were_drawn_from() -> None:
    from barlow_report.lenses.causes.feature_tests import _prior

    rng = np.random.default_rng(1)
    n, degrees, added, scale = 20_000, 7, 12.0, 0.04
    true = scale * added / rng.chisquare(added, n)
    found = _prior(true * rng.chisquare(degrees, n) / degrees, np.full(n, float(degrees)))
    assert found == pytest.approx((scale, added), rel=0.05)
    assert float(polygamma(1, found[1] / 2)) == pytest.approx(float(polygamma(1, added / 2)), rel=0.06)


def test_no_effect_has_no_p_values() -> None:
    assert feature_tests(np.zeros(0), [], n_images=np.zeros(0)).tolist() == []


@pytest.mark.parametrize("n_effects", [2, 4, 16])
@pytest.mark.parametrize("degrees", [2.0, 12.0, np.inf])
def test_features_of_one_kind_are_called_other_as_often_as_is_allowed(n_effects: int, degrees: float) -> None:
    """Whether variances are equal, differ moderately, or by a factor of ten and more."""
    rng = np.random.default_rng(2)
    n_runs, n_controls = 12_000 // n_effects, 8
    found = []
    for _ in range(n_runs):
        variances = np.ones(n_effects) if np.isinf(degrees) else degrees / rng.chisquare(degrees, n_effects)
        drawn = rng.normal(size=(n_effects, n_controls + 1)) * np.sqrt(variances)[:, None]
        found.append(feature_tests(drawn[:, 0], list(drawn[:, 1:]), n_images=np.full(n_effects, 1e6)))
    p_values = np.concatenate(found)
    for level in (0.05, 0.01):
        allowed = level + 3 * np.sqrt(level * (1 - level) / len(p_values))
        assert (p_values <= level).mean() <= allowed * 1.05


def test_images_alone_would_call_features_of_one_kind_causes() -> None:
    """Features differ: each does to the images what a draw of its own says. The moved one is no different."""
    rng = np.random.default_rng(1)
    n_called = {"images": 0, "both": 0}
    n_runs, n_effects = 40, 10
    for run in range(n_runs):
        rates = np.clip(rng.normal(0.5, 0.15, (n_effects, 1, 9)), 0, 1)
        fails = (rng.random((n_effects, 24, 9)) < rates).astype(float)
        moved, controls = fails[..., 0], fails[..., 1:]
        of_images = np.array(
            [
                sign_flip_test(image_effects(m, c, direction="break"), seed=run)
                for m, c in zip(moved, controls, strict=True)
            ]
        )
        of_features = feature_tests(moved.mean(axis=1), list(controls.mean(axis=1)), n_images=np.full(n_effects, 24.0))
        n_called["images"] += int((of_images <= 0.05).sum())
        n_called["both"] += int((np.maximum(of_images, of_features) <= 0.05).sum())
    assert n_called["images"] / (n_runs * n_effects) > 0.1  # why there are two tests
    assert n_called["both"] / (n_runs * n_effects) <= 0.075  # 5 %, and two standard errors
