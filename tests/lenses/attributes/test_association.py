"""phi and AUROC against values by hand and other libraries; their intervals by how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from barlow_report.lenses.attributes.association import auroc_association, phi_association
from barlow_report.significance import wilson_interval


def test_phi_is_the_correlation_and_its_p_value_fishers() -> None:
    found = phi_association((18, 20), (5, 40), level=0.95)
    inside = np.repeat([1, 1, 0, 0], [18, 2, 5, 35])
    has_it = np.repeat([1, 0, 1, 0], [18, 2, 5, 35])
    assert found.value == pytest.approx(np.corrcoef(inside, has_it)[0, 1])
    assert found.value == pytest.approx(matthews_corrcoef(inside, has_it))
    assert found.value == pytest.approx((18 * 35 - 2 * 5) / np.sqrt(20 * 40 * 23 * 37))  # by hand
    assert found.p_value == pytest.approx(fisher_exact([[18, 2], [5, 35]]).pvalue)


def test_the_interval_of_phi_is_made_of_those_of_the_shares() -> None:
    found = phi_association((10, 10), (0, 10), level=0.95)
    assert (found.value, found.high) == (1.0, 1.0)
    low = wilson_interval(10, 10).low.item()  # 0.7225, by symmetry the other share reaches up to 0.2775
    moved = (low - 0) * 0.5 / np.sqrt(low / 2 * (1 - low / 2))
    assert found.low == pytest.approx(1 - np.sqrt(2) * (1 - moved))
    swapped = phi_association((0, 10), (10, 10), level=0.95)
    assert swapped[:3] == pytest.approx((-1.0, -1.0, -found.low))
    assert phi_association((5, 10), (10, 20), level=0.95).value == 0.0


def test_the_interval_of_phi_holds_the_true_one_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for p1, p2, n1, n2 in ((0.9, 0.1, 25, 60), (0.5, 0.3, 40, 40), (0.98, 0.5, 30, 70)):
        share = n1 / (n1 + n2)
        q = share * p1 + (1 - share) * p2
        true = (p1 - p2) * np.sqrt(share * (1 - share) / (q * (1 - q)))
        drawn = zip(rng.binomial(n1, p1, 400).tolist(), rng.binomial(n2, p2, 400).tolist(), strict=True)
        usable = [(a, b) for a, b in drawn if 0 < a + b < n1 + n2]
        held = [
            low <= true <= high
            for _, low, high, _ in (phi_association((a, n1), (b, n2), level=0.95) for a, b in usable)
        ]
        assert 0.92 <= np.mean(held) <= 1.0


def test_auroc_is_that_of_scikit_learn_and_0_or_1_has_an_interval() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(1.0, 1.0, 30).round(1), rng.normal(0.0, 1.0, 45).round(1)  # with ties
    found = auroc_association(x, y, level=0.95)
    assert found.value == pytest.approx(roc_auc_score([1] * 30 + [0] * 45, [*x, *y]))
    assert found.low < found.value < found.high
    best = auroc_association([3, 4, 5, 6, 7], [0, 1, 2, 2, 2], level=0.95)
    assert (best.value, best.high) == (1.0, 1.0)
    assert 0.5 < best.low < 0.8
    same = auroc_association([1, 1, 1], [1, 1, 1], level=0.95)
    assert (same.value, same.p_value) == (0.5, 1.0)


def test_the_ends_of_the_interval_of_auroc_are_as_far_as_newcombes_formula_says() -> None:
    rng = np.random.default_rng(2)
    m, n = 20, 30
    found = auroc_association(rng.normal(1, 1, m), rng.normal(0, 1, n), level=0.95)
    for theta in (found.low, found.high):
        more = (m + n) / 2 - 1
        variance = theta * (1 - theta) / (m * n) * (1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta))
        assert abs(found.value - theta) == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)


def test_the_interval_of_auroc_holds_the_true_one_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    true = 0.8413447460685429  # of two normals √2 apart: Φ(1)
    found = [auroc_association(rng.normal(np.sqrt(2), 1, 25), rng.normal(0, 1, 25), level=0.95) for _ in range(400)]
    assert 0.92 <= np.mean([f.low <= true <= f.high for f in found]) <= 0.99
