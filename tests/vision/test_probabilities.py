"""Arrays of probabilities beside a manifest: predictions follow from them, and what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.datasets import ImageList, list_images

MANIFEST = "path,label\n1.png,cat\n2.png,dog\n3.png,owl\n"
ROWS = [[0.7, 0.2, 0.1], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]


def listed(
    folder: Path, probabilities: object, *, text: str = MANIFEST, classes: tuple[str, ...] | None = None
) -> ImageList:
    (folder / "list.csv").write_text(text)
    np.save(folder / "p.npy", np.asarray(probabilities))
    names = None if classes is None else list(classes)
    return list_images(DataConfig(manifest=folder / "list.csv", probabilities=folder / "p.npy", classes=names))


def test_ties_that_the_manifest_does_not_decide_are_told_or_refused(tmp_path: Path) -> None:
    text = "path,label\n" + "".join(f"{i}.png,{name}\n" for i in range(20) for name in ("cat", "dog"))
    rows = np.array([[0.75, 0.25]] * 38 + [[0.5, 0.5]] * 2)
    text = text.replace(".png", "a.png").replace("a.png,dog", "b.png,dog")
    images = listed(tmp_path, rows, text=text)
    assert images.assumptions["ties"].startswith("2 of 40 images have several largest outputs")
    decided = (
        text.replace("label\n", "label,prediction\n").replace(",cat\n", ",cat,cat\n").replace(",dog\n", ",dog,cat\n")
    )
    assert "ties" not in listed(tmp_path, rows, text=decided).assumptions
    with pytest.raises(DataError, match=r"p.npy: 40 of 40 images have several largest outputs.*use logits"):
        listed(tmp_path, rows * 0 + 0.5, text=text)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_prediction_and_confidence_are_the_largest_of_each_row(tmp_path: Path, dtype: type) -> None:
    images = listed(tmp_path, np.array(ROWS, dtype=dtype))
    assert images.class_names == ("cat", "dog", "owl")
    assert images.predictions is not None
    assert images.predictions.tolist() == [0, 2, 1]
    assert images.predictions.dtype == np.int64
    assert images.confidences is not None
    assert np.allclose(images.confidences, [0.7, 0.5, 1.0], atol=1e-3)
    assert images.confidences.max() <= 1.0


def test_columns_are_in_the_order_of_the_class_list(tmp_path: Path) -> None:
    images = listed(tmp_path, ROWS, classes=("owl", "dog", "cat"))
    assert images.labels.tolist() == [2, 1, 0]
    assert images.predictions is not None
    assert images.predictions.tolist() == [0, 2, 1]


def test_of_equal_probabilities_the_manifest_may_name_either_and_the_lowest_is_the_default(tmp_path: Path) -> None:
    tied = [[0.5, 0.5, 0.0]] * 3
    text = "path,label,prediction\n1.png,cat,dog\n2.png,dog,cat\n3.png,owl,dog\n"
    images = listed(tmp_path, tied, text=text)
    assert images.predictions is not None
    assert images.predictions.tolist() == [1, 0, 1]
    images = listed(tmp_path, tied)
    assert images.predictions is not None
    assert images.predictions.tolist() == [0, 0, 0]


GIVEN = "path,label,prediction,confidence\n1.png,cat,cat,0.7\n2.png,dog,{},{}\n3.png,owl,dog,\n"


def test_a_manifest_that_says_the_same_is_accepted(tmp_path: Path) -> None:
    images = listed(tmp_path, ROWS, text=GIVEN.format("owl", 0.505))
    assert images.confidences is not None
    assert images.confidences.tolist() == [0.7, 0.5, 1.0]


@pytest.mark.parametrize(
    ("prediction", "confidence", "message"),
    [
        (
            "dog",
            0.5,
            r"predictions in 1 rows, first in row 2: the largest probability is that of 'owl', the pred.*'dog'",
        ),
        ("owl", 0.9, r"contradicts the manifest's confidences in 1 rows, first in row 2: 0.500 and 0.900"),
    ],
)
def test_a_manifest_that_says_something_else_is_an_error(
    tmp_path: Path, prediction: str, confidence: float, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        listed(tmp_path, ROWS, text=GIVEN.format(prediction, confidence))


def changed(row: int, column: int, value: float) -> list[list[float]]:
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (ROWS[:2], r"found shape \(2, 3\), expected \(3, 3\): one row per row of the manifest"),
        (np.eye(3)[:, :2], r"found shape \(3, 2\), expected \(3, 3\)"),
        (np.ones(3), r"found shape \(3,\), expected"),
        (np.eye(3, dtype=int), "found numbers of type int64"),
        (changed(1, 0, np.nan), "row 2 holds a value that is not a finite number"),
        (changed(2, 1, np.inf), "row 3 holds a value that is not a finite number"),
        (changed(0, 0, 7.5), "row 1 holds values outside of 0 to 1. Save probabilities, not logits"),
        (changed(0, 2, -0.1), "row 1 holds values outside of 0 to 1"),
        (changed(1, 2, 0.1), "row 2 does not add up to 1"),
    ],
)
def test_an_array_that_does_not_fit_is_a_clear_error(tmp_path: Path, array: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        listed(tmp_path, array)


def test_a_file_that_is_no_array_is_a_clear_error_and_is_never_unpickled(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(MANIFEST)
    config = DataConfig(manifest=tmp_path / "list.csv", probabilities=tmp_path / "p.npy")
    with pytest.raises(DataError, match=r"found no file there, expected a \.npy of probabilities"):
        list_images(config)
    np.save(tmp_path / "p.npy", np.array([{"a": 1}] * 3, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        list_images(config)
    (tmp_path / "p.npy").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read"):
        list_images(config)
    with (tmp_path / "p.npy").open("wb") as file:
        np.savez(file, a=np.eye(3))
    with pytest.raises(DataError, match="found an archive of arrays"):
        list_images(config)
