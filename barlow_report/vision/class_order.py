"""Are the classes in the order of the model's outputs? A wrong order makes a good model look bad, and nothing else.

Other orders are tried on the labels and the predictions: those that a list of names has by nature (as text, by
number, without capitals, backwards, counted from another number), and the one that fits best. The last is found on one
half of the images of each class and judged on the other half, so that a model that guesses gains nothing: with few
images in each of many classes, some order always fits the images that it was found on.

An order is reported when it gains much in accuracy and in Cohen's kappa, when it makes at least twice as many images
right as wrong, and when that is no chance. Kappa is what is left of the accuracy after what two columns share anyway:
a model that says the same of every image has none in any order. Two classes of many that are taken for each other gain
too little; `mixed_up_pairs` tells of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc

from barlow_report.vision.class_names import alike, natural_key
from barlow_report.vision.classes import imagenet_classes

__all__ = ["BetterOrder", "find_better_order", "mixed_up_pairs"]

MIN_GAIN = 0.1
"""An order that is merely the best one must gain this much in accuracy and in kappa."""

MIN_GAIN_BY_NATURE = 0.03
"""The same for the orders that lists of names have by nature: few are tried, so a weak model's order shows too."""

MAX_P_VALUE = 1e-3
"""Of the gain, over all orders that are tried."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class BetterOrder:
    """An order of the classes with which far more predictions are right.

    Attributes:
        nature: What the order is, in words that end a sentence: "… were in numeric order".
        key: The order's name in the configuration, data.class_order; None where it has none.
        order: (n_classes,) class_id that stands at each output's position in the better order; None where it is no
            order: classes that are alike taken for one.
        accuracy: Share of the images that are right now, 0 to 1.
        better: Share that would be right, 0 to 1; for an order that was fitted, on images it was not fitted on.
    """

    nature: str
    key: str | None
    order: tuple[int, ...] | None
    accuracy: float
    better: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    nature: str
    order: Integers
    key: str | None = None
    n_tried: int = 1


def find_better_order(labels: Integers, predictions: Integers, class_names: Sequence[str]) -> BetterOrder | None:
    """Return the order with which most predictions are right, where that is far more than now.

    Args:
        labels: (n_images,) class_id of each image.
        predictions: (n_images,) class_id that was predicted.
        class_names: In the order that is doubted.
    """
    accuracy = float(np.mean(labels == predictions))
    groups = _groups_alike(class_names)
    merged = float(np.mean(groups[labels] == groups[predictions]))
    if merged >= 2 * accuracy and _is_better(groups[labels], groups[predictions], labels, predictions):
        return BetterOrder(nature="", key=None, order=None, accuracy=accuracy, better=merged)
    best = None
    candidates = list(_by_nature(labels, predictions, class_names))
    n_tried = sum(candidate.n_tried for candidate in candidates)
    for candidate in candidates:
        mended = candidate.order[predictions]
        better = float(np.mean(mended == labels))
        if (best is None or better > best.better) and _is_better(
            labels, mended, labels, predictions, min_gain=MIN_GAIN_BY_NATURE, n_tried=n_tried
        ):
            order = tuple(candidate.order.tolist())
            best = BetterOrder(
                nature=candidate.nature, key=candidate.key, order=order, accuracy=accuracy, better=better
            )
    fitted = _fitted(labels, predictions, len(class_names), accuracy=accuracy)
    if fitted is not None and (best is None or fitted.better > best.better + MIN_GAIN):
        return fitted
    return best


def _fitted(labels: Integers, predictions: Integers, n_classes: int, *, accuracy: float) -> BetterOrder | None:
    """The order that fits best, if it is better on the images it was not fitted on; None for two classes."""
    if n_classes == 2:
        return None  # the only other order is the reverse
    half = _halves(labels)
    mended = np.where(
        half,
        fit_order(labels[~half], predictions[~half], n_classes)[predictions],
        fit_order(labels[half], predictions[half], n_classes)[predictions],
    )
    if not _is_better(labels, mended, labels, predictions):
        return None
    return BetterOrder(
        nature="in another order",
        key=None,
        order=tuple(fit_order(labels, predictions, n_classes).tolist()),
        accuracy=accuracy,
        better=float(np.mean(mended == labels)),
    )


def mixed_up_pairs(labels: Integers, predictions: Integers, n_classes: int) -> list[tuple[int, int]]:
    """Return the pairs of classes of which most images are taken for the other one, both ways, beyond chance.

    Args:
        labels: (n_images,) class_id of each image.
        predictions: (n_images,) class_id that was predicted.
        n_classes: Number of classes.
    """
    n_images = np.bincount(labels, minlength=n_classes)
    n_right = np.bincount(labels[labels == predictions], minlength=n_classes)
    cells, counts = np.unique(labels * n_classes + predictions, return_counts=True)
    most = {
        (int(cell // n_classes), int(cell % n_classes)): int(n)
        for cell, n in zip(cells, counts, strict=True)
        if 2 * n > n_images[cell // n_classes] and cell // n_classes != cell % n_classes
    }
    return [
        (a, b)
        for (a, b), n in most.items()
        if a < b
        and (b, a) in most
        and _sign_test(n + most[b, a], int(n_right[a] + n_right[b])) * n_classes <= MAX_P_VALUE
    ]


def fit_order(labels: Integers, predictions: Integers, n_classes: int) -> Integers:
    """Return the class that each output seems to stand for: (n_classes,), a permutation.

    Pairs of a class and an output are taken by the share of the class's images that get this output, largest first,
    as long as both are free; then whatever is left keeps its place where it can. That is the best assignment where a
    model is any good, and takes time in proportion to the pairs that occur, at any number of classes.
    """
    cells, counts = np.unique(labels * n_classes + predictions, return_counts=True)
    rows, columns = cells // n_classes, cells % n_classes
    shares = counts / np.bincount(labels, minlength=n_classes)[rows]
    order = np.full(n_classes, -1)
    taken = np.zeros(n_classes, dtype=np.bool_)
    for index in np.lexsort((cells, rows != columns, -shares)):
        if order[columns[index]] < 0 and not taken[rows[index]]:
            order[columns[index]], taken[rows[index]] = rows[index], True
    staying = np.flatnonzero((order < 0) & ~taken)
    order[staying], taken[staying] = staying, True
    order[order < 0] = np.flatnonzero(~taken)
    return order


def _by_nature(labels: Integers, predictions: Integers, class_names: Sequence[str]) -> Iterator[_Candidate]:
    """Yield the orders that a list of names may have been mistaken for, without the one it has."""
    n = len(class_names)
    as_text = sorted(range(n), key=lambda i: class_names[i])
    by_number = sorted(range(n), key=lambda i: natural_key(class_names[i]))
    without_case = sorted(range(n), key=lambda i: (class_names[i].casefold(), class_names[i]))
    sorted_in = [
        ("sorted by name" if as_text == by_number else "sorted as text (1, 10, 2)", "text", as_text),
        ("sorted by number (1, 2, 10)", "number", by_number),
        ("sorted without regard to capital letters", None, without_case),
        ("in the reverse order", None, list(range(n - 1, -1, -1))),
    ]
    place = {name: position for position, name in enumerate(imagenet_classes().values())}
    if all(name in place for name in class_names):
        by_id = sorted(range(n), key=lambda i: place[class_names[i]])
        sorted_in.insert(0, ("in the order of ImageNet's classes (data.classes: imagenet)", None, by_id))
    seen = {tuple(range(n))}
    for nature, key, order in sorted_in:
        if tuple(order) not in seen:
            seen.add(tuple(order))
            yield _Candidate(nature=nature, order=np.array(order), key=key)
    if n > 2:  # of two classes, it is the reverse
        shifts = np.bincount((labels - predictions) % n, minlength=n)
        shift = int(np.argmax(shifts[1:])) + 1
        shown = shift if shift <= n // 2 else shift - n
        yield _Candidate(
            nature=f"counted from a number that is {abs(shown)} {'higher' if shown < 0 else 'lower'}",
            order=(np.arange(n) + shift) % n,
            n_tried=n,
        )


def _groups_alike(class_names: Sequence[str]) -> Integers:
    """(n_classes,) position of the first class that each class is alike to."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(alike(name), position) for position, name in enumerate(class_names)])


def _halves(labels: Integers) -> npt.NDArray[np.bool_]:
    """(n_images,) whether an image is in the second half of its class: every other one."""
    by_class = np.argsort(labels, kind="stable")
    sorted_labels = labels[by_class]
    starts = np.searchsorted(sorted_labels, sorted_labels)
    half = np.empty(len(labels), dtype=np.bool_)
    half[by_class] = (np.arange(len(labels)) - starts) % 2 == 1
    return half


def _is_better(
    new_labels: Integers,
    new_predictions: Integers,
    labels: Integers,
    predictions: Integers,
    *,
    min_gain: float = MIN_GAIN,
    n_tried: int = 1,
) -> bool:
    before, after = labels == predictions, new_labels == new_predictions
    n_gained, n_lost = int(np.sum(after & ~before)), int(np.sum(before & ~after))
    return bool(
        n_gained >= 2 * n_lost
        and n_gained - n_lost >= min_gain * len(labels)
        and _kappa(new_labels, new_predictions) - _kappa(labels, predictions) >= min_gain
        and _sign_test(n_gained, n_lost) * n_tried <= MAX_P_VALUE
    )


def _kappa(labels: Integers, predictions: Integers) -> float:
    """Cohen's kappa: 1 for equal columns, 0 for what two unrelated columns share; 0 where both are constant."""
    n_classes = int(max(labels.max(), predictions.max())) + 1
    true, predicted = (np.bincount(column, minlength=n_classes) / len(labels) for column in (labels, predictions))
    chance = float(true @ predicted)
    return 0.0 if chance >= 1 else (float(np.mean(labels == predictions)) - chance) / (1 - chance)


def _sign_test(n_gained: int, n_lost: int) -> float:
    """The probability of at least so many gains where gains and losses are equally likely."""
    return float(bdtrc(n_gained - 1, n_gained + n_lost, 0.5)) if n_gained else 1.0
