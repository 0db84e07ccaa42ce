"""Labels and names of classes from other libraries: taken as they are, or refused with what to write instead."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from barlow_report.errors import DataError
from barlow_report.offsets import offset_between
from barlow_report.rules.inputs import check_inputs
from barlow_report.rules.labels import check_names

LABELS = np.array([0, 1, 1, 0, 2])
NAMES = np.array(["cat", "dog", "pig"])


def labels_of(labels: Any, predictions: Any = LABELS, class_names: Any = None) -> list[int]:
    inputs = check_inputs(np.ones((5, 2)), labels, predictions, class_names=class_names)
    return [int(label) for label in inputs.labels]


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.tolist(),
        LABELS.astype("uint8"),
        pd.Series(LABELS, index=[4, 3, 2, 1, 0]),
        pd.array(LABELS, dtype="Int64"),
        pd.Categorical(LABELS),
        np.ma.masked_array(LABELS),
    ],
)
def test_whole_numbers_are_taken_as_they_are(labels: Any) -> None:
    assert labels_of(labels) == LABELS.tolist()


@pytest.mark.parametrize(
    "labels",
    [NAMES[LABELS], NAMES[LABELS].tolist(), pd.Series(NAMES[LABELS]), pd.Categorical(NAMES[LABELS])],
)
def test_names_of_classes_are_numbered_in_the_order_of_the_names(labels: Any) -> None:
    assert labels_of(labels, labels) == LABELS.tolist(), "sorted"
    assert labels_of(labels, labels, ["pig", "cat", "dog"]) == [1, 2, 2, 1, 0]
    assert labels_of(labels, LABELS, ["pig", "cat", "dog"]) == [1, 2, 2, 1, 0], "the other side may be whole numbers"


def test_names_are_those_of_both_sides_and_unknown_ones_are_refused() -> None:
    inputs = check_inputs(np.ones((2, 2)), ["dog", "dog"], ["cat", "dog"], class_names=None)
    assert inputs.class_names == ("cat", "dog")
    assert inputs.failure.tolist() == [True, False]
    with pytest.raises(DataError, match=r"predictions: image 1 is of class 'pigs', .* did you mean 'pig'"):
        labels_of(NAMES[LABELS], ["cat", "pigs", "dog", "cat", "pig"], NAMES.tolist())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS.astype(float), r"type float64, .* Pass labels\.astype\(int\)"),
        (LABELS + 0.5, r"Image 0 has 0\.5"),
        (LABELS.astype(object), r"Pass labels\.astype\(int\)"),
        (LABELS > 0, r"type bool, .* If True is class 1, pass labels\.astype\(int\)"),
        (NAMES[LABELS], "predictions: found whole numbers beside names of classes"),
        (pd.Categorical(NAMES[LABELS]), "predictions: found whole numbers beside names of classes"),
        (["cat", 1, "dog", "cat", "pig"], "labels: found texts and numbers such as 1"),
        (pd.Series(["cat", None, "dog", "cat", "pig"]), "image 1 has no class"),
        (pd.Series(["cat", np.nan, "dog", "cat", "pig"]), "image 1 has no class"),
        (
            np.array(["2020-01-01"] * 5, dtype="datetime64[D]"),
            "Pass whole numbers or the names of classes; image 0 has",
        ),
        (np.array([0, np.nan, 1, 0, 2]), "image 1 has no class"),
        (pd.array([0, None, 1, 0, 2], dtype="Int64"), "image 1 has no class"),
        (pd.Series([0, pd.NA, 1, 0, 2], dtype=object), "image 1 has no class"),
        (np.ma.masked_array(LABELS, mask=LABELS == 2), "image 4 has no class"),
        (np.array([0, 1, -1, 0, 2]), "image 2 has class -1, .* Leave images without a label out"),
        (np.array([0, 1, 2**64 - 1, 0, 2], dtype="uint64"), "class 18446744073709551615"),
        (LABELS[:, None], r"Pass labels\[:, 0\]"),
        (np.eye(3)[LABELS], r"pass labels\.argmax\(axis=1\)"),
    ],
)
def test_what_may_be_another_class_is_refused_with_what_to_write(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        labels_of(labels)


def test_labels_that_count_from_1_are_refused_beside_names_or_predictions_that_count_from_0() -> None:
    assert labels_of(LABELS + 1, LABELS + 1) == LABELS.tolist()
    with pytest.raises(DataError, match="count from 1, subtract 1"):
        labels_of(LABELS + 1, LABELS + 1, NAMES)
    with pytest.raises(DataError, match="labels go from 1 to 3, predictions from 0 to 2"):
        labels_of(LABELS + 1)
    assert labels_of(LABELS + 1, LABELS, [*NAMES, "cow"]) == (LABELS + 1).tolist(), "with names it is meant"


@pytest.mark.parametrize(
    ("first", "second", "offset"),
    [
        ([1, 2, 3], [0, 1, 2], 1),
        ([0, 1, 2], [1, 2, 3], -1),
        ([1, 2, 3], [2, 0, 1], 0),  # agrees no better
        ([1, 2, 3], [0, 1, 3], 0),
        ([1, 1], [0, 0], 0),
    ],
)
def test_an_offset_is_one_of_ranges_and_of_agreement(first: list[int], second: list[int], offset: int) -> None:
    assert offset_between(np.array(first), np.array(second)) == offset


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b"), np.array(["a", "b"]), pd.Index(["a", "b"])])
def test_names_in_any_sequence_are_texts_of_python(names: Any) -> None:
    checked = check_names(names)
    assert checked == ("a", "b")
    assert all(type(name) is str for name in checked)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("ab", "found str, expected a list"),
        ({"a", "b"}, "found set, expected a list"),
        ({"b": 1, "a": 0}, "found dict, expected a list"),
        ([0, 1], "found 0, expected texts"),
        (["a", None], "found None, expected texts"),
        (["a", " "], "found ' ', expected texts"),
        (["a", "b", "a"], "'a' is listed more than once"),
    ],
)
def test_names_without_an_order_or_a_meaning_are_refused(names: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_names(names)
