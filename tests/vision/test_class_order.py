"""A wrong order of the classes is found; bad models, however bad, are left alone."""

import numpy as np
import pytest

from barlow_report.vision.class_order import find_better_order, fit_order, mixed_up_pairs

DIGITS = [str(i) for i in range(12)]
LETTERS = list("abcdefghijkl")


def answers(
    n_classes: int, *, accuracy: float, n_per_class: int = 40, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Labels, and predictions that are right with probability `accuracy` and otherwise anything."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), n_per_class)
    return labels, np.where(rng.random(len(labels)) < accuracy, labels, rng.integers(0, n_classes, len(labels))), rng


def moved(order: list[int], predictions: np.ndarray) -> np.ndarray:
    """What the predictions become when output k, which stands for class order[k], is taken for class k."""
    result: np.ndarray = np.argsort(order)[predictions]
    return result


@pytest.mark.parametrize("accuracy", [1.0, 0.6])
@pytest.mark.parametrize(
    ("names", "order", "nature", "key"),
    [
        (sorted(DIGITS), [sorted(DIGITS).index(d) for d in DIGITS], "by number", "number"),
        (DIGITS, [int(d) for d in sorted(DIGITS)], "as text", "text"),
        (LETTERS, list(range(11, -1, -1)), "reverse", None),
        (["B", "a", "c"], [1, 0, 2], "capital letters", None),
        (LETTERS, [*range(1, 12), 0], "1 lower", None),
        (LETTERS, [9, 10, 11, *range(9)], "3 higher", None),
        (LETTERS, [4, 7, 0, 11, 2, 9, 1, 3, 10, 6, 8, 5], "in another order", None),
        (["no", "yes"], [1, 0], "reverse", None),
        (["goldfish", "hen", "ostrich", "tench"], [3, 0, 1, 2], "ImageNet's", None),
        (["yes", "no"], [1, 0], "sorted by name", "text"),
    ],
)
def test_a_wrong_order_is_found_and_named(
    names: list[str], order: list[int], nature: str, key: str | None, accuracy: float
) -> None:
    labels, predictions, _ = answers(len(names), accuracy=accuracy, n_per_class=60)
    found = find_better_order(labels, moved(order, predictions), names)
    assert found is not None
    assert (found.order, found.key) == (tuple(order), key)
    assert nature in found.nature
    assert found.better > found.accuracy + 0.2
    assert find_better_order(labels, predictions, names) is None, "the right order"


def test_the_orders_gain_can_be_computed_by_hand() -> None:
    labels = np.repeat([0, 1], 20)
    predictions = np.array([1] * 18 + [0] * 2 + [0] * 16 + [1] * 4)  # 2 + 4 of 40 are right, 18 + 16 the other way
    found = find_better_order(labels, predictions, ["cat", "dog"])
    assert found is not None
    assert (found.accuracy, found.better, found.order) == (0.15, 0.85, (1, 0))


@pytest.mark.parametrize("n_classes", [2, 3, 10, 200])
@pytest.mark.parametrize("n_per_class", [2, 5, 40])
@pytest.mark.parametrize("accuracy", [0.0, 0.1, 0.7])
def test_a_model_that_guesses_has_no_better_order(n_classes: int, n_per_class: int, accuracy: float) -> None:
    for seed in range(5):
        labels, predictions, _ = answers(n_classes, accuracy=accuracy, n_per_class=n_per_class, seed=seed)
        assert find_better_order(labels, predictions, [f"c{i:03d}" for i in range(n_classes)]) is None


def test_with_one_image_in_each_class_an_order_that_fits_is_no_evidence() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(300)
    assert (fit_order(labels, rng.permutation(300), 300)[rng.permutation(300)] >= 0).all()
    assert find_better_order(labels, rng.permutation(300), [f"c{i:03d}" for i in range(300)]) is None
    assert find_better_order(labels, 299 - labels, [f"c{i:03d}" for i in range(300)]) is not None, "few orders are"


@pytest.mark.parametrize(
    ("labels", "predictions", "n_classes"),
    [
        ([0] * 90 + [1] * 10, [1] * 100, 2),  # always the rare class: the other order would be right for 90
        ([0] * 100, [1] * 100, 2),  # the images of one class only
        ([0] * 30 + [1] * 30 + [2] * 30, [7] * 90, 10),  # always a class without images
        ([0] * 900 + [1] * 100, ([1] * 4 + [0]) * 180 + [1] * 95 + [0] * 5, 2),  # a bad threshold: 20 %, 95 % right
    ],
)
def test_a_model_that_says_the_same_of_every_image_has_no_better_order(
    labels: list[int], predictions: list[int], n_classes: int
) -> None:
    names = [f"c{i}" for i in range(n_classes)]
    assert find_better_order(np.array(labels), np.array(predictions), names) is None


def test_a_rare_class_hides_no_wrong_order() -> None:
    labels = np.array([0] * 990 + [1] * 10)
    predictions = np.array([1] * 940 + [0] * 50 + [0] * 9 + [1])
    assert find_better_order(labels, predictions, ["usual", "rare"]) is not None


def test_two_classes_of_many_are_told_of_and_two_of_ten_are_a_wrong_order() -> None:
    for n_classes, is_wrong in ((1000, False), (10, True)):
        labels, predictions, _ = answers(n_classes, accuracy=0.9, n_per_class=20)
        order = list(range(n_classes))
        order[3], order[7] = 7, 3
        names = [f"c{i:03d}" for i in range(n_classes)]
        assert (find_better_order(labels, moved(order, predictions), names) is not None) == is_wrong
        assert mixed_up_pairs(labels, moved(order, predictions), n_classes) == [(3, 7)]
        assert mixed_up_pairs(labels, predictions, n_classes) == []


def test_classes_that_differ_in_capitals_only_are_found_when_they_split_one() -> None:
    labels, predictions = np.repeat([0, 2], 30), np.repeat([1, 2], 30)
    found = find_better_order(labels, predictions, ["red", "Red", "blue"])
    assert found is not None
    assert (found.order, found.accuracy, found.better) == (None, 0.5, 1.0)
    letters = [*"abc", *"ABC"]  # as in EMNIST: meant, though c and C are often taken for each other
    labels = np.repeat(np.arange(6), 30)
    assert find_better_order(labels, np.where(np.arange(180) % 3 == 0, (labels + 3) % 6, labels), letters) is None


def test_any_order_of_a_thousand_classes_is_found_with_a_model_that_is_weak() -> None:
    labels, predictions, rng = answers(1000, accuracy=0.3, n_per_class=20)
    found = find_better_order(labels, moved(rng.permutation(1000).tolist(), predictions), [*map(str, range(1000))])
    assert found is not None
    assert found.nature == "in another order"
    assert found.accuracy < 0.01 < 0.2 < found.better


def test_a_very_weak_model_shows_the_orders_that_lists_have_by_nature() -> None:
    names = sorted(map(str, range(1000)))
    labels, predictions, _ = answers(1000, accuracy=0.05, n_per_class=20)
    found = find_better_order(labels, moved([names.index(str(i)) for i in range(1000)], predictions), names)
    assert found is not None
    assert found.key == "number"
