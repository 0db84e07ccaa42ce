"""How much each training image counts: factors, weights and comparisons by hand."""

import numpy as np
import pytest

from barlow_report.lenses.weights.files import image_folder_order
from barlow_report.lenses.weights.tabulating import ModeMembers, weigh_modes
from barlow_report.lenses.weights.weighing import Counted, Factor, compare_shares, factor_of, weigh, weight_share


def _counted(n_class: int, n_meets: int, n_class_analysed: int = 100, n_meets_analysed: int = 50) -> Counted:
    return Counted(
        n_class=n_class, n_meets=n_meets, n_class_analysed=n_class_analysed, n_meets_analysed=n_meets_analysed
    )


@pytest.mark.parametrize(
    ("n_class", "n_meets", "asked", "is_label_noise", "factor"),
    [
        (100, 20, None, False, Factor(value=4.0)),  # 80 others for 20
        (100, 3, None, False, Factor(value=10.0)),  # 97 / 3 is more than the largest
        (100, 50, None, False, Factor(value=1.0, reason="as_many")),
        (100, 100, None, False, Factor(value=1.0, reason="as_many")),
        (100, 100, 5.0, False, Factor(value=5.0)),
        (100, 3, 25.0, False, Factor(value=25.0)),  # a number is not bounded by the largest of balance
        (100, 20, None, True, Factor(value=1.0, reason="label_noise")),
        (100, 20, 5.0, True, Factor(value=1.0, reason="label_noise")),
        (100, 0, 5.0, True, Factor(value=1.0, reason="label_noise")),  # more of these images would repair nothing
        (100, 0, 5.0, False, Factor(value=1.0, reason="no_member")),
        (0, 0, None, False, Factor(value=1.0, reason="no_image_of_class")),
    ],
)
def test_the_factor_makes_both_parts_of_a_class_count_the_same_or_is_what_was_asked_for(
    n_class: int, n_meets: int, asked: float | None, is_label_noise: bool, factor: Factor
) -> None:
    found = factor_of(_counted(n_class, n_meets), asked=asked, max_factor=10.0, is_label_noise=is_label_noise)
    assert found == factor


def test_weights_have_a_mean_of_1_and_an_image_in_two_modes_counts_by_the_larger_factor() -> None:
    members = {3: np.array([0, 1]), 7: np.array([1, 2])}
    weights = weigh(6, members, {3: Factor(value=4.0), 7: Factor(value=2.0)})
    assert weights.mean() == pytest.approx(1.0, abs=1e-12)
    assert (weights / weights[5]).tolist() == pytest.approx([4, 4, 2, 1, 1, 1])  # not 8 for the second
    assert weights.sum() == pytest.approx(6)
    assert weigh(4, {}, {}).tolist() == [1, 1, 1, 1]


def test_the_share_of_weight_is_that_within_the_class() -> None:
    weights = weigh(10, {1: np.array([0])}, {1: Factor(value=4.0)})
    share = weight_share(weights, of_class=np.arange(5), inside=np.array([0]))
    assert share == pytest.approx(0.5)  # 4 and four times 1
    assert weight_share(weights, of_class=np.empty(0, dtype=np.int64), inside=np.empty(0, dtype=np.int64)) is None


def test_with_balance_the_images_of_a_mode_have_half_of_the_weight_of_their_class() -> None:
    mode = ModeMembers(
        rule_id=5,
        of_class=np.arange(100),
        inside=np.arange(20),
        n_class_analysed=100,
        n_meets_analysed=50,
        is_label_noise=False,
    )
    found = weigh_modes(300, [mode], asked=None, max_factor=10.0, max_q_value=0.05)
    assert found.rows[0]["weight_share"] == pytest.approx(0.5)
    assert found.rows[0]["comparison"] == "rarer"
    assert (found.n_members, found.n_raised) == (20, 20)
    assert found.weights.mean() == pytest.approx(1.0, abs=1e-12)
    once = weigh_modes(300, [mode], asked=1.0, max_factor=10.0, max_q_value=0.05)
    assert (once.n_members, once.n_raised, set(once.weights.tolist())) == (20, 0, {1.0})
    none = weigh_modes(300, [], asked=None, max_factor=10.0, max_q_value=0.05)
    assert (none.rows, none.n_members, none.weights.tolist()) == ([], 0, [1.0] * 300)


def test_shares_are_compared_by_fishers_test_and_corrected_for_all() -> None:
    """0 of 10 against 5 of 10: p = 2 C(10, 5) / C(20, 5) = 2 x 252 / 15504 = 0.0325."""
    one = _counted(10, 0, 10, 5)
    (found,) = compare_shares([one], max_q_value=0.05)
    assert found["p_value"] == pytest.approx(2 * 252 / 15504)
    assert (found["comparison"], found["q_value"]) == ("rarer", found["p_value"])
    several = compare_shares([one, _counted(10, 5, 10, 5), _counted(0, 0), _counted(10, 10, 10, 0)], max_q_value=0.05)
    assert [row["comparison"] for row in several] == ["rarer", "undecided", "not_compared", "more_common"]
    assert several[0]["q_value"] == pytest.approx(1.5 * 2 * 252 / 15504)  # the second smallest of three
    assert compare_shares([], max_q_value=0.05) == []


def test_images_of_a_folder_are_in_the_order_of_image_folder() -> None:
    paths = ["car 2/0.jpg", "car/b/1.jpg", "car/a b/2.jpg", "car/9.jpg", "car/10.jpg", "car/a/3.jpg"]
    order = image_folder_order(sorted(paths))
    assert [sorted(paths)[row] for row in order] == [
        *("car/10.jpg", "car/9.jpg"),
        *("car/a/3.jpg", "car/a b/2.jpg", "car/b/1.jpg"),
        "car 2/0.jpg",
    ]
