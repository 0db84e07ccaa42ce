"""Cohen's kappa: against scikit-learn, a value by hand, and how often its interval holds the truth."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from barlow_report.lenses.error_types.agreement import cohens_kappa, count_pairs


def test_kappa_and_the_table_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 10, 68, 500):
        for strength in (0.0, 0.6, 0.95):
            first = rng.choice(5, n, p=[0.4, 0.3, 0.15, 0.1, 0.05])
            second = np.where(rng.random(n) < strength, first, rng.choice(5, n))
            table = count_pairs(first, second, n_names=5)
            assert (table == confusion_matrix(first, second, labels=range(5))).all()
            found = cohens_kappa(table)
            assert (found.n, found.n_same) == (n, int((first == second).sum()))
            if found.value is None:
                assert len({*first, *second}) == 1
            else:
                assert found.value == pytest.approx(cohen_kappa_score(first, second, labels=range(5)), abs=1e-12)
                assert found.low is not None
                assert found.high is not None
                assert found.low < found.value < found.high or found.n_same in (0, n)


def test_kappa_by_hand() -> None:
    # 50 errors, of which 35 are called the same; chance: (25 · 30 + 25 · 20) / 50² = 0.5
    found = cohens_kappa(np.array([[20, 5], [10, 15]]))
    assert found.value == pytest.approx((0.7 - 0.5) / 0.5)
    # Wilson's interval of 35 / 50 is 0.5625 to 0.8090
    assert found.low == pytest.approx((0.56246 - 0.5) / 0.5, abs=1e-4)
    assert found.high == pytest.approx((0.80897 - 0.5) / 0.5, abs=1e-4)


def test_perfect_agreement_is_1_with_an_interval_that_is_wider_for_fewer_errors() -> None:
    few, many = (cohens_kappa(np.diag([n, n])) for n in (3, 300))
    assert few.value == few.high == many.value == many.high == 1
    assert few.low is not None
    assert many.low is not None
    assert few.low < 0.5 < 0.95 < many.low


def test_where_chance_explains_everything_there_is_no_kappa() -> None:
    for table in (np.zeros((3, 3), dtype=int), np.diag([7, 0, 0])):
        found = cohens_kappa(table)
        assert (found.value, found.low, found.high) == (None, None, None)
    assert cohens_kappa(np.array([[0, 4], [4, 0]])).value == pytest.approx(-1)


@pytest.mark.parametrize(("n", "same"), [(30, 0.9), (68, 0.97), (68, 0.6), (200, 0.8)])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int, same: float) -> None:
    shares = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    joint = (1 - same) * np.outer(shares, shares) + same * np.diag(shares)
    chance = float((shares**2).sum())
    truth = (float(np.trace(joint)) - chance) / (1 - chance)
    rng = np.random.default_rng(3)
    n_tables = 2000
    inside = 0
    for sample in rng.multinomial(n, joint.ravel(), size=n_tables):
        found = cohens_kappa(sample.reshape(5, 5))
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert 0.93 <= inside / n_tables <= 0.98
