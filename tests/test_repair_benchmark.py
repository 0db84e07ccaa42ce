"""The parts of the measured repair that can be computed by hand."""

import numpy as np
import pytest

from tests.benchmarks.repair import CHOICES, KS, SEEDS, choose, print_repairs, split_images
from tests.benchmarks.repair_measures import count_off, ratio_of_closed, share_closed

pytestmark = pytest.mark.slow

BEFORE = np.array([[0.8, 0.8], [0.6, 0.6]])


def test_share_closed_is_the_fall_of_the_rate_over_the_gap_before() -> None:
    rest = np.array([[0.4, 0.4], [0.2, 0.2]])
    after = np.array([[0.7, 0.6], [0.5, 0.6]])
    # falls 0.1, 0.2, 0.1, 0 with mean 0.1; all gaps are 0.4
    assert share_closed(BEFORE, after, rest).value == pytest.approx(0.25)


def test_ratio_is_of_means_not_a_mean_of_ratios() -> None:
    after, other = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.7, 0.7], [0.5, 0.5]])
    # falls 0.3 and 0.1 against 0.1 and 0.1: 0.4 / 0.2; the mean of 3 and 1 is 2 as well, so weigh them differently
    assert ratio_of_closed(BEFORE, after, other).value == pytest.approx(2)
    other = np.array([[0.6, 0.6], [0.5, 0.5]])
    assert ratio_of_closed(BEFORE, after, other).value == pytest.approx(0.4 / 0.3)  # mean of ratios: 1.25


def test_interval_of_two_modes_has_the_ends_that_drawing_one_of_them_twice_gives() -> None:
    other = np.array([[0.7, 0.7], [0.5, 0.5]])
    found = ratio_of_closed(BEFORE, np.full((2, 2), 0.5), other)
    # each mode is drawn twice in a quarter of the draws: 0.3 / 0.1 and 0.1 / 0.1
    assert (found.low, found.high) == pytest.approx((1, 3))


def test_interval_is_a_point_where_all_modes_and_seeds_agree() -> None:
    found = ratio_of_closed(BEFORE, BEFORE - 0.2, BEFORE - 0.1)
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_ratio_to_what_closes_nothing_is_infinite_or_zero() -> None:
    assert ratio_of_closed(BEFORE, BEFORE - 0.1, BEFORE).value == np.inf
    assert ratio_of_closed(BEFORE, BEFORE + 0.1, BEFORE + 0.2).value == 0


def test_an_infinite_draw_leaves_the_lower_end_finite() -> None:
    other = np.array([[0.8, 0.8], [0.5, 0.5]])
    found = ratio_of_closed(BEFORE, BEFORE - 0.2, other)
    # the first mode alone: 0.2 / 0; the second alone: 0.2 / 0.1; both: 0.4 / 0.1
    assert (found.value, found.low, found.high) == pytest.approx((4, 2, np.inf))


def test_rankings_take_turns_and_nothing_is_taken_twice() -> None:
    rankings = [np.array([5, 6, 7]), np.array([5, 8])]
    assert count_off(rankings, 3) == [(0, 5), (1, 8), (0, 6)]


def test_what_is_missing_in_one_ranking_comes_from_the_others() -> None:
    assert count_off([np.array([1]), np.array([2, 3, 4]), np.array([], dtype=np.int64)], 10) == [
        (0, 1),
        (1, 2),
        (1, 3),
        (1, 4),
    ]


@pytest.mark.parametrize("part", ["tuning", "test"])
def test_no_image_is_in_two_parts_and_tuning_sees_none_that_measures(part: str) -> None:
    parts = split_images(10_000, part=part, split=0)
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    judging = split_images(10_000, part="test", split=1)[3]
    seen = np.concatenate(parts if part == "tuning" else parts[:3])
    assert not np.isin(seen, judging).any()


def test_every_choice_takes_as_many_images_and_of_the_same_classes_where_it_says_so() -> None:
    two_modes = [np.array([1, 2]), np.array([5])]
    classes = [np.array([4, 3, 2, 1]), np.array([5, 6, 7])]
    whole = [np.arange(20)[::-1]]
    rankings = {"rules": two_modes, "both": [two_modes[0][::-1], two_modes[1]]}
    rankings |= {"directions": classes, "random of the classes": classes, "lowest confidence of the classes": classes}
    rankings |= dict.fromkeys(("random", "lowest confidence", "smallest margin"), whole)
    chosen = choose(rankings, 50)
    assert chosen["rules"] == [1, 5, 2]
    assert chosen["directions"] == chosen["random of the classes"] == [4, 3, 5]
    assert chosen["random"] == [19, 18, 17]
    assert {len(ids) for ids in chosen.values()} == {3}


def test_the_table_compares_rates_of_the_same_modes_and_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    rates = {"none": 0.8, "rules": 0.6} | dict.fromkeys(CHOICES[1:], 0.7)
    plans = [("none", 0), *((name, k) for k in KS for name in CHOICES)]
    print_repairs(
        [
            {"split": 0, "mode": mode, "seed": seed, "k": k, "choice": name, "n": k, "rate": rates[name]}
            | {"rest": 0.4, "of_class": 0.5, "all": 0.3, "images": 10}
            for seed in SEEDS
            for name, k in plans
            for mode in range(2)
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("| 50 | rules |"))
    assert row == "| 50 | rules | 50 | 0.600 | 0.500 | 0.300 | 0.50 (0.50–0.50) | 2.00 (2.00–2.00) | 2.00 (2.00–2.00) |"
    assert "over all k, rules against random: 2.00 (2.00–2.00)" in lines
