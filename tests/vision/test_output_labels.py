"""Labels for several outputs: from columns, from lists, and what they mean for one output."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from barlow_report.config import Config, DataConfig
from barlow_report.errors import ConfigError, DataError
from barlow_report.vision.datasets import list_images
from barlow_report.vision.output_labels import OutputLabels, read_output_labels

ROWS = "path,dog,cat,label\na.png,1,0,x\nb.png,,1,y\nc.png,0,,z\nd.png,,,z\ne.png,1.0,true,z\n"


def write(folder: Path, text: str = ROWS) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def columns(folder: Path, text: str = ROWS, names: tuple[str, ...] = ("dog", "cat")) -> OutputLabels:
    return read_output_labels(DataConfig(manifest=write(folder, text), label_columns=names))


def lists(folder: Path, values: list[Any], **settings: Any) -> OutputLabels:
    path = folder / "table.parquet"
    pd.DataFrame({"path": [f"{i}.png" for i in range(len(values))], "found": values}).to_parquet(path)
    return read_output_labels(DataConfig(manifest=path, label_list="found", **settings))


def test_columns_say_what_is_known(tmp_path: Path) -> None:
    found = columns(tmp_path)
    assert found.names == ("dog", "cat")
    assert found.paths == ["a.png", "b.png", "c.png", "e.png"]
    assert found.labels.tolist() == [[1, 0], [-1, 1], [0, -1], [1, 1]]
    assert found.assumptions["unlabelled"] == "1 image without any label was left out."


def test_for_one_output_images_are_positive_or_negative(tmp_path: Path) -> None:
    images = columns(tmp_path).images_of("cat")
    assert images.class_names == ("negative for cat", "positive for cat")
    assert images.paths == ["a.png", "b.png", "e.png"]
    assert images.labels.tolist() == [0, 1, 1]
    assert (images.n_outputs, images.column) == (2, 1)
    assert images.assumptions["unknown_labels"] == "1 image of 4 without a label for 'cat' is left out."
    data = DataConfig(manifest=tmp_path / "table.csv", label_columns=("dog", "cat"), label_column="cat")
    assert list_images(data).paths == images.paths


def test_a_pass_for_all_outputs_has_all_images(tmp_path: Path) -> None:
    images = columns(tmp_path).all_images()
    assert (images.paths, images.n_outputs, images.column) == (["a.png", "b.png", "c.png", "e.png"], 2, None)
    assert len(set(images.labels.tolist())) == 4


def test_further_columns_go_along(tmp_path: Path) -> None:
    data = DataConfig(manifest=write(tmp_path), label_columns=("dog", "cat"), label_column="dog")
    assert list_images(data, columns=("label",)).attributes == {"label": ["x", "z", "z"]}


def test_a_list_names_what_an_image_is_positive_for(tmp_path: Path) -> None:
    found = lists(tmp_path, [["dog"], [], None, ["cat", "dog"]], classes=["dog", "cat", "cow"])
    assert found.names == ("dog", "cat", "cow")
    assert found.paths == ["0.png", "1.png", "3.png"]
    assert found.labels.tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0]]
    assert "class_order" not in found.assumptions


def test_without_classes_the_outputs_are_the_names_sorted(tmp_path: Path) -> None:
    found = lists(tmp_path, [["dog"], ["cat"], np.array(["cow"])])
    assert found.names == ("cat", "cow", "dog")
    assert found.labels.argmax(axis=1).tolist() == [2, 0, 1]
    assert found.assumptions["class_order"].startswith("The outputs are taken to be in the order of the 3 names")


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        (
            "path,dog\na.png,-1\n",
            ("dog",),
            r"column 'dog' holds '-1' in row 1, expected 1 \(positive\), 0 \(negative\)",
        ),
        ("path,dog\na.png,0\nb.png,0.5\n", ("dog",), r"holds '0.5' in row 2"),
        ("path,dog\na.png,1\n", ("dog", "cat"), r"found 0 columns 'cat' among"),
        ("path,dog\na.png,\n", ("dog",), r"no image has a label for any output"),
    ],
)
def test_columns_of_something_else_are_an_error(tmp_path: Path, text: str, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        columns(tmp_path, text, names)


def test_lists_of_something_else_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds 'cow', and the outputs are 'dog', 'cat'"):
        lists(tmp_path, [["dog"], ["cow"]], classes=["dog", "cat"])
    with pytest.raises(DataError, match=r"column 'found' holds .*, expected lists of names"):
        lists(tmp_path, ["dog", "cat"])
    with pytest.raises(DataError, match=r"no list in column 'found' holds a name"):
        lists(tmp_path, [[], []])
    data = DataConfig(manifest=write(tmp_path), label_list="dog")
    with pytest.raises(DataError, match="label_list needs a Parquet manifest"):
        read_output_labels(data)
    with pytest.raises(DataError, match="column 'other' not found among 'path', 'found'"):
        read_output_labels(DataConfig(manifest=tmp_path / "table.parquet", label_list="other"))


def test_an_output_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = columns(tmp_path)
    with pytest.raises(
        ConfigError, match=r"data\.label_column: found 'cow', expected one of the outputs: 'dog', 'cat'"
    ):
        found.images_of("cow")
    unknown = columns(tmp_path, "path,dog,cat\na.png,1,\n")
    with pytest.raises(DataError, match="no image has a label for 'cat'"):
        unknown.images_of("cat")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folder": "x", "label_columns": ["a"]}, "'label_columns' goes with 'manifest'"),
        ({"label_columns": ["a"], "label_list": "b"}, "at most one of 'label_columns' and 'label_list'"),
        ({"label_columns": ["a", "a"]}, "names a column twice"),
        ({"label_column": "a"}, "list all of them in 'label_columns'"),
        ({"label_columns": ["a"], "label_column": "b"}, "'label_column: b' is not among 'label_columns'"),
        ({"label_columns": ["a"], "columns": {"label": "a"}}, "'columns: label' is for one label per image"),
        ({"label_columns": ["a"], "classes": ["a"]}, "name the outputs in their order"),
        ({"label_columns": ["a"], "probabilities": "p.npy"}, "multi-label models are run"),
    ],
)
def test_settings_that_do_not_go_together_are_an_error(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DataConfig.model_validate({"manifest": "table.csv"} | settings if "folder" not in settings else settings)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (None, "for models with independent outputs"),
        ({"torchvision": "resnet18"}, "set 'inspected_model.output: sigmoid' if it returns logits"),
        ({"torchvision": "resnet18", "output": "softmax"}, "for models with independent outputs"),
        ({"torchvision": "resnet18", "output": "sigmoid", "positive": "a"}, "'positive' is for models with one output"),
    ],
)
def test_labels_of_outputs_need_a_model_with_independent_outputs(model: dict[str, str] | None, words: str) -> None:
    settings: dict[str, Any] = {"name": "x", "data": {"manifest": "table.csv", "label_columns": ["a", "b"]}}
    if model is not None:
        settings["inspected_model"] = model
    with pytest.raises(ValidationError, match=words):
        Config.model_validate(settings)


def test_what_is_not_set_is_not_recorded() -> None:
    assert not {"label_columns", "label_list", "label_column"} & DataConfig(folder=Path("x")).model_dump().keys()
    assert DataConfig(manifest=Path("x.csv"), label_columns=("a",)).model_dump()["label_columns"] == ("a",)
