"""Evidence on all images: scores and p-values against other libraries, enumerations and simulations."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import roc_auc_score

from barlow_report.rules.bits import best_scores, count_shared, pack, unpack
from barlow_report.rules.estimates import estimate_region, estimate_side
from barlow_report.rules.ridge import PENALTY, area_under_curve, fit_ridge
from barlow_report.rules.shuffles import (
    Scorer,
    cut_features,
    find_candidates,
    sequential_p_value,
    shuffle,
)

Rows = npt.NDArray[np.float32]


def draw_group(seed: int, *, n: int = 120, n_features: int = 30) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Features with two clusters each, and failures that have nothing to do with them."""
    random = np.random.default_rng(seed)
    clusters = random.random((n, n_features)) < random.uniform(0.2, 0.8, n_features)
    features = (random.normal(size=(n, n_features)) + 6 * clusters).astype(np.float32)
    return features, random.random(n) < 0.3


def test_a_score_is_the_square_over_the_variance_of_the_hypergeometric_distribution() -> None:
    features, failure = draw_group(1)
    candidates = find_candidates(features)
    scores = Scorer(candidates, failure).scores
    for column in (0, 7, 99):
        above = features[:, candidates.feature_ids[column]] > candidates.thresholds[column]
        under = stats.hypergeom(len(failure), failure.sum(), above.sum())
        k = (above & failure).sum()
        expected = (k - under.mean()) ** 2 / under.var() * candidates.weights[column]
        assert scores[column] == pytest.approx(expected, rel=1e-5)


def test_within_strata_means_and_variances_add_up() -> None:
    features, failure = draw_group(2)
    strata = np.arange(len(failure)) % 3
    candidates = find_candidates(features)
    members = np.arange(len(failure)) % 7 != 0
    scorer = Scorer(candidates, failure, members=members, strata=strata)
    for column in (3, 111):
        above = features[:, candidates.feature_ids[column]] > candidates.thresholds[column]
        parts = [
            stats.hypergeom(part.sum(), failure[part].sum(), above[part].sum())
            for part in ((strata == s) & members for s in range(3))
        ]
        above &= members
        k, mean, variance = (above & failure).sum(), sum(p.mean() for p in parts), sum(p.var() for p in parts)
        expected = (k - mean) ** 2 / variance * candidates.weights[column]
        assert scorer.scores[column] == pytest.approx(expected, rel=1e-5)


def test_shuffling_keeps_the_failures_of_each_stratum() -> None:
    failure = np.arange(40) % 3 == 0
    strata = [np.arange(20), np.arange(20, 36)]
    shuffled = shuffle(failure, strata, n_shuffles=50, random=np.random.default_rng(0))
    assert (shuffled[:, :20].sum(axis=1) == failure[:20].sum()).all()
    assert (shuffled[:, 20:36].sum(axis=1) == failure[20:36].sum()).all()
    assert not shuffled[:, 36:].any()
    assert len(np.unique(shuffled, axis=0)) > 40


@pytest.mark.parametrize("n_images", [1, 63, 64, 65, 200])
def test_bits_count_what_sets_share(n_images: int) -> None:
    random = np.random.default_rng(n_images)
    sets, others = random.random((9, n_images)) < 0.5, random.random((5, n_images)) < 0.3
    counts = others.astype(np.int64) @ sets.T.astype(np.int64)
    np.testing.assert_array_equal(count_shared(pack(sets), pack(others)), counts)
    np.testing.assert_array_equal(unpack(pack(sets)[4], n_images=n_images), sets[4])
    expected, factors = random.random(9, dtype=np.float32) * 9, random.random(9, dtype=np.float32)
    best = ((counts.astype(np.float32) - expected) ** 2 * factors).max(axis=1)
    np.testing.assert_array_equal(best_scores(pack(sets), pack(others), expected, factors), best)


def test_every_feature_is_cut_between_its_clusters_and_at_fixed_shares() -> None:
    features, _ = draw_group(8, n=200, n_features=3)
    features[:, 2] = np.arange(200) % 2  # two values: one cut
    candidates = find_candidates(features)
    of_first = candidates.feature_ids == 0
    shares = [candidates.is_above(i).mean() for i in np.flatnonzero(of_first)[1:]]
    np.testing.assert_allclose(shares, [0.85, 0.65, 0.35, 0.15], atol=0.01)
    assert 0 < candidates.thresholds[0] < 6  # between clusters around 0 and 6
    assert candidates.weights[0] > 2
    assert (candidates.weights[of_first][1:] == np.sqrt(1.5)).all()
    assert (candidates.thresholds[candidates.feature_ids == 2] == 0.5).all()


def test_the_p_value_of_the_best_cut_is_that_of_all_orders_of_the_failures() -> None:
    features, failure = draw_group(3, n=9, n_features=4)
    failure = np.arange(9) < 3
    candidates = find_candidates(features)
    scorer = Scorer(candidates, failure)
    best = float(scorer.scores.max())
    orders = np.zeros((84, 9), dtype=np.bool_)
    for i, places in enumerate(combinations(range(9), 3)):
        orders[i, list(places)] = True
    exact = np.mean([Scorer(candidates, order).scores.max() >= best for order in orders])
    random = np.random.default_rng(0)
    estimated = sequential_p_value(
        lambda n: scorer.draw(n, random=random), best, n_shuffles=20_000, n_exceedances=20_000
    )
    assert estimated == pytest.approx(exact, abs=0.02)


def test_a_sequential_p_value_stops_at_the_last_needed_exceedance() -> None:
    drawn: list[int] = []

    def every_fifth(n: int) -> npt.NDArray[np.float64]:
        first = sum(drawn)
        drawn.append(n)
        return np.where(np.arange(first + 1, first + n + 1) % 5 == 0, 1.0, 0.0)

    assert sequential_p_value(every_fifth, 1.0, n_shuffles=10_000, n_exceedances=20) == 20 / 100
    assert sum(drawn) < 300
    assert sequential_p_value(lambda n: np.zeros(n), 1.0, n_shuffles=199) == 1 / 200
    assert sequential_p_value(lambda n: np.ones(n), 1.0, n_shuffles=1000) == 1.0


def test_sequential_p_values_are_valid() -> None:
    random = np.random.default_rng(5)
    found = [
        sequential_p_value(lambda n: random.random(n), random.random(), n_shuffles=399, n_exceedances=10)
        for _ in range(3000)
    ]
    for level in (0.01, 0.05, 0.2):
        # at most the level, but for the error of 3,000 draws
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level / 3000)


def test_cuts_compare_as_trees_do() -> None:
    value = np.float32(0.1)
    features = np.array([[value], [np.nextafter(value, np.float32(1))], [0.0]], dtype=np.float32)
    for threshold in (float(value), 0.1, float(value) - 1e-12, float(value) + 1e-12):
        above = cut_features(features, np.array([0]), np.array([threshold]))
        assert unpack(above[0], n_images=3).tolist() == (features[:, 0].astype(np.float64) > threshold).tolist()


@pytest.mark.parametrize(("n", "n_features"), [(40, 70), (150, 20)])
def test_leaving_out_in_one_step_is_leaving_out_one_after_the_other(n: int, n_features: int) -> None:
    features, failure = draw_group(4, n=n, n_features=n_features)
    features[:, 3] = 7.0  # does not vary
    ridge = fit_ridge(features * np.float32(1e-20))
    scores = ridge.leave_out(failure.astype(np.float32)[:, None])[:, 0]
    rows = np.delete((features - features.mean(axis=0)), 3, axis=1) / np.delete(features, 3, axis=1).std(axis=0)
    rows /= np.sqrt(rows.shape[1])
    for i in (0, 5, n - 1):
        others = np.arange(n) != i
        fitted = SklearnRidge(alpha=PENALTY).fit(rows[others], failure[others])
        assert scores[i] == pytest.approx(fitted.predict(rows[i : i + 1])[0], abs=1e-4)
    weights = SklearnRidge(alpha=PENALTY).fit(rows, failure).coef_ / np.sqrt(rows.shape[1])
    np.testing.assert_allclose(np.delete(ridge.weights(failure), 3), weights, atol=1e-5)
    assert ridge.weights(failure)[3] == 0


def test_the_area_under_the_curve_is_that_of_scikit_learn_with_ties() -> None:
    random = np.random.default_rng(6)
    scores = random.integers(0, 9, (50, 7)).astype(np.float32)
    outcomes = np.stack([random.permutation(np.arange(50) < 17) for _ in range(7)], axis=1).astype(np.float32)
    expected = [roc_auc_score(outcomes[:, i], scores[:, i]) for i in range(7)]
    np.testing.assert_allclose(area_under_curve(scores, outcomes), expected, rtol=1e-12)


def test_an_estimate_by_hand() -> None:
    # one cut: 4 of 5 images above it fail, 1 of 5 below; b = 1/2, priors Beta(1, 1)
    failure = np.array([1, 1, 1, 1, 0, 1, 0, 0, 0, 0], dtype=np.bool_)
    above = np.arange(10) < 5
    # B(5, 2) B(2, 5) = 1/900 with a cut and B(6, 6) = 1/2772 without, 0.2 and 0.8 beforehand
    with_cut, without = 0.2 / 900, 0.8 / 2772
    weight = with_cut / (with_cut + without)
    cut = (4 + 200 * 5 / 7) / 205
    none = (4 + 200 * 0.5) / 205
    found = estimate_side(pack(above[None]), failure, above, np.ones(10, dtype=np.bool_), level=0.95)
    assert found.rate == pytest.approx(weight * cut + (1 - weight) * none)
    assert 0 <= found.low < found.rate < found.high <= 1
    region = estimate_region(5, 4, n_group_images=10, n_group_failures=5, level=0.95)
    odds = 2772 / 900
    assert region.rate == pytest.approx(odds / (1 + odds) * 5 / 7 + 1 / (1 + odds) * 0.5)


def test_estimates_are_near_the_truth_where_rates_as_seen_are_not() -> None:
    seen, estimated, covered = [], [], []
    for seed in range(150):
        features, _ = draw_group(seed, n=80, n_features=60)
        random = np.random.default_rng([seed, 1])
        candidates = find_candidates(features)
        planted = candidates.is_above(int(np.flatnonzero(candidates.feature_ids == 5)[0]))
        strength = random.choice([0.0, 0.2, 0.5])
        failure = random.random(80) < np.where(planted, 0.2 + strength, 0.2)
        scorer = Scorer(candidates, failure)
        best = int(scorer.scores.argmax())
        region = candidates.is_above(best) == scorer.fails_above[best]
        # of new images: the share of the region that is planted
        truth = 0.2 + strength * planted[region].mean()
        found = estimate_side(candidates.above, failure, region, np.ones(80, dtype=np.bool_), level=0.95)
        seen.append(failure[region].mean() - truth)
        estimated.append(found.rate - truth)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(seen) > 0.08
    assert abs(np.mean(estimated)) < 0.03
    assert np.mean(covered) >= 0.93
