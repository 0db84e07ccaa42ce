"""Classes that the data do not list: their order, spellings that are one class, and values that are none."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.vision.class_names import sorted_names
from barlow_report.vision.class_search import NEVER_LABELS, found_classes
from barlow_report.vision.datasets import ImageList, list_images

NFC, NFD = "caf\u00e9", "cafe\u0301"


def from_folders(root: Path, *names: str, **config: object) -> ImageList:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(b"x")
    return list_images(DataConfig.model_validate({"folder": root, **config}))


def from_table(
    folder: Path, labels: list[object], predictions: list[object] | None = None, **config: object
) -> ImageList:
    columns = {"path": [f"{i}.png" for i in range(len(labels))], "label": labels}
    frame = pd.DataFrame(columns | ({} if predictions is None else {"prediction": predictions}))
    frame.to_csv(folder / "list.csv", index=False)
    return list_images(DataConfig.model_validate({"manifest": folder / "list.csv", **config}))


@pytest.mark.parametrize(
    ("names", "order", "expected"),
    [
        (["0", "1", "10", "2"], None, ["0", "1", "2", "10"]),  # as ImageNet-V2
        (["0", "1", "10", "2"], "text", ["0", "1", "10", "2"]),  # as torchvision's ImageFolder
        (["000", "002", "010"], None, ["000", "002", "010"]),
        (["0.0", "10.0", "2.0"], None, ["0.0", "2.0", "10.0"]),
        (["c1", "c10", "c2"], None, ["c1", "c10", "c2"]),
        (["c1", "c10", "c2"], "number", ["c1", "c2", "c10"]),
        (["Zebra", "ant"], None, ["Zebra", "ant"]),
        (["x1y10", "x1y9", "x01y2", "x"], "number", ["x", "x01y2", "x1y9", "x1y10"]),
        (["1" * 5000, "2"], None, ["2", "1" * 5000]),  # more digits than Python converts
    ],
)
def test_names_are_sorted_by_number_or_as_text(names: list[str], order: str | None, expected: list[str]) -> None:
    assert sorted_names(names, order=order) == expected  # type: ignore[arg-type]


def test_the_order_of_folders_and_what_was_assumed(tmp_path: Path) -> None:
    images = from_folders(tmp_path / "a", "1", "2", "10")
    assert (images.class_names, images.labels.tolist()) == (("1", "2", "10"), [0, 2, 1])
    assert images.paths == ["1/1.png", "10/1.png", "2/1.png"]
    assert "data.class_order: text sorts them by text" in images.assumptions["class_order"]
    images = from_folders(tmp_path / "b", "c1", "c2", "c10", class_order="number")
    assert images.class_names == ("c1", "c2", "c10")
    assert from_folders(tmp_path / "c", "01", "02", "10").assumptions == {}, "one order only"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["0.0", "11.0", "2.0"], ("0", "2", "11")),  # pandas writes integers so once a row had no value
        (["1", "2.0"], ("1", "2")),
        (["1.5", "2.0"], ("1.5", "2.0")),
        (["007", "7x"], ("007", "7x")),
        (["True", "False"], ("False", "True")),
        ([" cat", " dog"], ("cat", "dog")),
        (["cat\u00a0", "dog\u200b"], ("cat", "dog\u200b")),
    ],
)
def test_values_of_a_table_are_numbers_or_names(tmp_path: Path, labels: list[object], names: tuple[str, ...]) -> None:
    images = from_table(tmp_path, labels)
    assert images.class_names == names
    assert [images.class_names[i] for i in images.labels] == [
        next(n for n in names if n in {str(v), str(v).strip(), str(v).removesuffix(".0")}) for v in labels
    ]


@pytest.mark.parametrize("other", ["dog ", "dog\u00a0", "dog\u200b", "\u200edog", "d\u00adog"])
def test_spellings_that_nobody_can_tell_apart_are_one_class_and_this_is_noted(tmp_path: Path, other: str) -> None:
    images = from_table(tmp_path, ["cat", "dog", other], ["cat", "dog", "dog"])
    assert (images.class_names, images.labels.tolist()) == (("cat", "dog"), [0, 1, 1])
    assert "is taken for the class 'dog', which looks the same" in images.assumptions["spelling"]


def test_unicode_s_two_ways_to_write_a_letter_are_one_class(tmp_path: Path) -> None:
    images = from_table(tmp_path, [NFC, "tea"], [NFD, "tea"])
    assert images.class_names == (NFC, "tea")
    assert images.predictions is not None
    assert images.predictions.tolist() == images.labels.tolist() == [0, 1]
    with pytest.raises(DataError, match=r"'cafe\\u0301' and 'caf\\xe9' look alike"):
        from_folders(tmp_path / "both", NFC, NFD)
    images = from_folders(tmp_path / "images", NFD, "tea", classes=["tea", NFC])  # a Mac's folders
    assert images.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("first", "second"), [("Red", "red"), ("red", "ｒｅｄ"), ("01", "1x"), ("straße", "STRASSE"), ("007", "07 ")]
)
def test_names_that_are_alike_are_asked_about(tmp_path: Path, first: str, second: str) -> None:
    if second == "1x":
        assert len(from_table(tmp_path, [first, second]).class_names) == 2, "not alike"
        return
    for make in (
        partial(from_table, tmp_path, [first, second, "x"]),
        partial(from_table, tmp_path, [first, "x"], [second, "x"]),
        partial(from_folders, tmp_path / "images", first, second, "x"),
    ):
        with pytest.raises(DataError, match=r"look alike.*list all classes in data\.classes"):
            make()
    images = from_table(tmp_path, [first, second, "x"], classes=[first, second.strip(), "x"])
    assert images.labels.tolist() == [0, 1, 2], "two classes once they are listed"
    with pytest.raises(DataError, match=f"did you mean {first!r}"):
        from_table(tmp_path, [second, "x"], classes=[first, "x"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["0", "1", "-1"], "the value -1 usually marks images without a label"),
        (["-1.0", "1"], "the value -1 usually marks"),
        (["cat", "dog", "-1"], "the value -1 usually marks"),
        (["0", "1", "nan"], "holds numbers and 'nan', which usually marks"),
        (["0.0", "1.0", "None"], "holds numbers and 'None'"),
        (["0", "NULL", "NA"], "holds numbers and 'NA', 'NULL'"),
        (["cat", "", "dog"], "no value in 1 rows, first in row 2"),
        (["cat", " ", "dog"], "no value in 1 rows"),
    ],
)
def test_what_marks_a_missing_label_is_no_class(tmp_path: Path, labels: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_table(tmp_path, labels)


def test_such_a_mark_is_a_class_where_it_is_listed_or_a_name_among_names(tmp_path: Path) -> None:
    assert from_table(tmp_path, ["-1", "1"], classes=["-1", "1"]).labels.tolist() == [0, 1]
    images = from_table(tmp_path, ["NA", "DE", "nan", "null"])
    assert images.class_names == ("DE", "NA", "nan", "null")
    assert "'NA', 'nan', 'null' in the table" in images.assumptions["missing"]
    with pytest.raises(DataError, match=r"index -1, .* usually marks"):
        from_table(tmp_path, ["-1", "1"], classes=["a", "b"])
    with pytest.raises(DataError, match="the folder '-1' usually marks"):
        from_folders(tmp_path / "images", "-1", "0")
    frame = pd.DataFrame({"path": ["1.png", "2.png"], "label": ["a", None]})
    frame.to_parquet(tmp_path / "list.parquet")
    with pytest.raises(DataError, match="no value in 1 rows"):
        list_images(DataConfig(manifest=tmp_path / "list.parquet"))


@pytest.mark.parametrize(
    ("labels", "predictions", "is_refused"),
    [
        ([1, 2, 3, 1], [0, 1, 2, 0], True),
        ([0, 1, 2, 0], [1, 2, 3, 1], True),
        ([1, 2, 3, 1], [2, 0, 1, 2], False),  # no better when shifted
        ([1, 2, 3, 1], [1, 2, 3, 0], False),
        ([1, 1], [0, 0], False),  # a single class says nothing
    ],
)
def test_labels_and_predictions_that_count_from_different_numbers_are_refused(
    tmp_path: Path, labels: list[object], predictions: list[object], is_refused: bool
) -> None:
    if is_refused:
        with pytest.raises(DataError, match="they seem to count the same classes from different numbers"):
            from_table(tmp_path, labels, predictions)
        from_table(tmp_path, labels, predictions, classes=["0", "1", "2", "3"])
    else:
        from_table(tmp_path, labels, predictions)


def test_a_number_is_a_name_in_another_form_or_an_index_but_never_a_guess(tmp_path: Path) -> None:
    assert from_table(tmp_path, [3, 1], classes=["01", "02", "03"]).labels.tolist() == [2, 0]
    assert from_table(tmp_path, ["1.0", "2.0"], classes=["1.0", "2.0", "x"]).labels.tolist() == [0, 1]
    assert from_table(tmp_path, [0, 2], classes=["000", "001", "002"]).labels.tolist() == [0, 2]
    with pytest.raises(DataError, match=r"may be names of the classes .* or count them from 0"):
        from_table(tmp_path, [1, 2], classes=["01", "02", "03"])


@pytest.mark.parametrize(("label", "prediction"), [("nan", "a"), ("a", "None"), ("N/A", "a")])
def test_a_missing_value_in_one_column_alone_is_no_class(label: str, prediction: str) -> None:
    columns = {"label": ["a", "b", label], "prediction": ["a", "b", prediction]}
    with pytest.raises(DataError, match=r"never: it usually marks images without a label"):
        found_classes(columns, where="t.csv")
    assert "nan" in found_classes({"label": ["a", "nan"], "prediction": ["nan", "a"]}, where="t.csv").names


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        (["cat", "automobile"], None),
        (
            ["cat", "automobil"],
            "'automobil' (did you mean 'automobile'?) is predicted, for 1 image, and never a label: it",
        ),
        (["dog", "dog"], "'dog' is predicted, for 2 images, and never a label: it counts as a class of its own. "),
        (
            ["dog", "autmobile"],
            "'autmobile' (did you mean 'automobile'?) and 1 more are predicted, for 2 images, and n",
        ),
        (
            ["dog", "cow"],
            "'cow', 'dog' are predicted, for 2 images, and never a label: each counts as a class of its o",
        ),
        (["cat", "n02"], "'n02' is predicted, for 1 image"),
    ],
)
def test_names_that_are_predicted_and_never_a_label_are_noted(predicted: list[str], words: str | None) -> None:
    labels = ["cat", "automobile", "n01"]
    found = found_classes({"label": labels, "prediction": [*predicted, "n01"]}, where="t.csv")
    assert set(found.names) == {*labels, *predicted}
    note = found.notes.get(NEVER_LABELS)
    assert (note is None) == (words is None)
    assert (note or "").startswith(words or "")
