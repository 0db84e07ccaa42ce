"""A run on images of some of the model's classes, with and without restricting predictions to these."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from barlow_report import pipeline
from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.errors import DataError
from barlow_report.progress import SilentProgress
from barlow_report.run_folder import Run
from barlow_report.stages.site import write_card
from tests.pipeline.toy import write_task

N = 60
FOUR = """
import torch
from network import Colours


class Four(Colours):
    '''The toy's network with two more classes: grey, which is never taken, and green, where there is a mark.'''

    def __init__(self):
        super().__init__(n_classes=4)
        with torch.no_grad():
            self.head.weight[2] = torch.tensor([0.0, 1000.0, 0.0, 0.0])
            self.head.bias[2], self.head.bias[3] = -150.0, -1000.0


def four():
    return Four()
"""
REORDERED = """def four():
    model = Four()
    with torch.no_grad():
        for values in (model.head.weight, model.head.bias):
            values.copy_(values[[2, 1, 3, 0]])
    return model"""
CLASSES = ["blue", "red", "green", "grey"]


def _run(folder: Path, **data: Any) -> Run:
    return pipeline.compute(load_config(_write(folder, **data)), folder=folder / "run", until="visualize")


def _write(folder: Path, *, taxonomy: dict[str, Any] | None = None, **data: Any) -> Path:
    path = write_task(folder, n_per_class=N)
    (folder / "four.py").write_text(FOUR)
    green = folder / "images" / "green" / "0.png"
    green.parent.mkdir()
    shutil.copy(folder / "images" / "red" / "0001.png", green)
    config = yaml.safe_load(path.read_text())
    config["data"] |= {"classes": CLASSES, "classes_evaluated": ["red", "blue"], **data}
    config["inspected_model"] = {"factory": "four.py:four"}
    config["comparison"] = {
        "models": [{"factory": "four.py:four", "name": "same"}, {"factory": "network.py:colours", "name": "two"}],
        "n_proposing": 0,
    }
    config["rules"] = {"n_permutations": 0}
    config["visuals"] = {"attack": "none"}
    if taxonomy is not None:
        config["taxonomy"] = taxonomy
    path.write_text(yaml.safe_dump(config))
    return path


def _taken_for(run: Run) -> pd.DataFrame:
    names = run.read_table("classes")["name"].to_numpy()
    images = run.read_table("images")
    return images.assign(taken=names[images["prediction"]], is_red=names[images["label"]] == "red")


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    """Which red squares have a mark."""
    return np.array([i % 3 == 0 for i in range(N)])


def test_a_model_that_is_restricted_chooses_among_the_classes_of_the_images(tmp_path: Path, marked: np.ndarray) -> None:
    run = _run(tmp_path)
    assert run.read_table("classes")["name"].tolist() == ["blue", "red"]
    images = _taken_for(run)
    assert len(images) == 2 * N  # without the green one
    assert images.loc[images["is_red"], "taken"].tolist() == ["blue" if m else "red" for m in marked]
    assert images["confidence"].between(0.5, 1).all()
    groups = run.read_table("groups")
    assert set(groups["class_id"]) == {0, 1}
    models = run.read_table("models")
    assert models["name"].tolist() == ["same"]  # the inspected one; `two` has no outputs for the other classes
    assert models["n_correct"].tolist() == [2 * N - int(marked.sum())]
    reason = run.read_table("models_left_out")["reason"].item()
    assert "has 2 outputs, the data have 4 classes" in reason
    write_card(run, tmp_path / "card.md", progress=SilentProgress())
    assert "Predictions are restricted to them" in (tmp_path / "card.md").read_text(encoding="utf-8")
    index = pipeline.build_site(run.folder, site=tmp_path / "site")
    said = "Predictions are restricted to them: outputs for other classes are left out."
    assert said in index.read_text(encoding="utf-8")
    assert said in (tmp_path / "site" / "models" / "index.html").read_text(encoding="utf-8")


def test_check_says_which_classes_are_evaluated_and_how_many_outputs_are_left(tmp_path: Path) -> None:
    config = _write(tmp_path)
    result = CliRunner().invoke(app, ["check", str(config), "--run", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert f"{2 * N} images of 2 classes" in said
    assert "2 of 4 classes are evaluated (data.classes_evaluated), and 1 image of others left out ('green')." in said
    assert ", 2 of 4 outputs" in said


def test_error_types_know_the_classes_that_are_listed_by_their_names_and_indices(tmp_path: Path) -> None:
    (tmp_path / "kinds.yaml").write_text("bright: [grey, red]\ndark: [3, 0, 1]\n")
    path = _write(tmp_path, taxonomy={"superclasses": "kinds.yaml"}, classes=["green", "red", "grey", "blue"])
    (tmp_path / "four.py").write_text(FOUR.replace("def four():\n    return Four()", REORDERED))
    run = pipeline.compute(load_config(path), folder=tmp_path / "run", until="visualize")
    assert run.read_table("classes")["name"].tolist() == ["red", "blue"]
    superclasses = run.read_table("superclasses")
    found = {name: sorted(rows["class_id"]) for name, rows in superclasses.groupby("superclass")}
    assert found == {"bright": [0], "dark": [0, 1]}  # of [green, red, grey, blue]: 3 is blue, 1 is red, 0 and grey lack
    inputs = run.read_table("taxonomy_inputs").set_index("input")
    assert inputs.loc["superclasses", ["n_entries", "n_matched"]].tolist() == [5, 3]
    failures = run.read_table("error_types")["error_type"]
    assert set(failures) == {"fine_grained"}  # red taken for blue, and both are dark


def test_a_model_that_is_not_restricted_may_take_images_for_any_class(tmp_path: Path, marked: np.ndarray) -> None:
    run = _run(tmp_path, restrict_predictions=False)
    assert run.read_table("classes")["name"].tolist() == CLASSES
    images = _taken_for(run)
    assert len(images) == 2 * N
    assert images.loc[images["is_red"], "taken"].tolist() == ["green" if m else "red" for m in marked]
    groups = run.read_table("groups").set_index(["grouping", "class_id"])
    assert (
        groups.loc[("prediction", 2), "n_images"] + groups.loc[("prediction", 2), "n_images_held_out"] == marked.sum()
    )
    assert groups.loc[("label", 2), "n_images"] == 0
    assert not len(run.read_table("models_left_out").query("name == 'same'"))
    assert run.read_table("models")["n_correct"].iloc[0] == 2 * N - marked.sum()
    pipeline.build_site(run.folder, site=tmp_path / "site")
    text = (tmp_path / "site" / "models" / "index.html").read_text(encoding="utf-8")
    assert "Predictions are not restricted to them: an image may be taken for any class." in text


def _table_run(folder: Path, **data: Any) -> Run:
    """A run of predictions alone: a green and a grey image, and red and blue ones of which one is taken for grey."""
    rows = [("red", "red")] * 12 + [("blue", "red")] * 4 + [("blue", "blue")] * 8 + [("green", "grey"), ("grey", "red")]
    table = pd.DataFrame(rows, columns=["label", "prediction"])
    table.insert(0, "path", [f"{i}.png" for i in range(len(rows))])
    table.to_csv(folder / "table.csv", index=False)
    others = table[["path"]].assign(other=[*["grey"], *table["label"][1:]])
    others.to_csv(folder / "models.csv", index=False)
    (folder / "kinds.yaml").write_text("dark: [red, blue, grey]\n")
    given = {"manifest": "table.csv", "images": "none", "classes": CLASSES, "classes_evaluated": ["red", "blue"]}
    config = {"name": "table", "data": given | data, "taxonomy": {"superclasses": "kinds.yaml"}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config | {"comparison": {"predictions": "models.csv"}}))
    return pipeline.compute(load_config(path), folder=folder / "run")


def test_a_table_of_predictions_has_error_types_and_other_models_of_some_classes(tmp_path: Path) -> None:
    run = _table_run(tmp_path)
    assert len(run.read_table("images")) == 24
    assert run.read_table("error_types")["error_type"].tolist() == ["fine_grained"] * 4
    assert run.read_table("models")["n_correct"].tolist() == [20, 23]  # the other one takes a red image for grey


def test_other_models_of_a_run_whose_predictions_are_restricted_must_be_restricted_too(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"'other': found 'grey', which is not a class of the run.*restrict_predictions"
    ):
        _table_run(tmp_path, restrict_predictions=True)
