"""`barlow-report init` for models in files of other libraries: ONNX and transformers."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import load_config
from barlow_report.vision.named_outputs import order_of_outputs
from tests.pipeline.toy import write_image
from tests.starting.calling import init, values
from tests.vision.formats import save_tiny_classifier, save_tiny_graph

RED_OR_BLUE = np.array([[-1, 1], [0, 0], [1, -1]], dtype=np.float32)
"""Of the means of red, green and blue: the outputs of the classes blue and red."""


@pytest.mark.usefixtures("folder")
def test_an_onnx_file_needs_a_model_for_the_features_and_is_tried_without_it() -> None:
    pytest.importorskip("onnxruntime")
    save_tiny_graph(Path("model.onnx"), weights=RED_OR_BLUE)
    given = ("--images", "images", "--model", "model.onnx", "--yes")
    result = init(*given, "--preprocessing", "crop: 24")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "--feature-model: missing. An ONNX file gives neither features nor gradients: name another model" in said
    assert "Trying" not in said, "nothing was run yet"
    result = init(*given, "--preprocessing", "crop: 24", "--feature-model", "network.py:colours")
    assert result.exit_code == 0, result.output
    assert "model.onnx: 2 outputs, no features" in result.stderr
    assert "Tried on 48 images: 48 right" in result.stderr
    assert values()["inspected_model"] == {"onnx": "model.onnx", "preprocessing": {"crop": 24}}
    assert CliRunner().invoke(app, ["check", "report.yaml"]).exit_code == 0


@pytest.mark.usefixtures("folder")
def test_the_size_that_an_onnx_file_states_is_taken() -> None:
    pytest.importorskip("onnxruntime")
    save_tiny_graph(Path("model.onnx"), weights=RED_OR_BLUE, size=(32, 32))
    given = ("--images", "images", "--model", "model.onnx", "--feature-model", "network.py:colours", "--yes")
    result = init(*given)
    assert result.exit_code == 0, result.output
    assert "resized to 32 × 32, no normalisation: 48 of 48 images right" in result.stderr
    assert "224" not in result.stderr.split("Trying it")[1], "it takes no other size"
    assert values()["inspected_model"] == {"onnx": "model.onnx", "preprocessing": {"resize": 32, "crop": 32}}
    result = init(*given, "--preprocessing", "crop: 24", "--overwrite")
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert "model.onnx takes images of 32 × 32 pixels, the preprocessing gives 24 × 24" in said
    assert "Set 'preprocessing: {resize: [32, 32]}'" in said


@pytest.mark.slow
def test_the_size_that_a_configuration_of_transformers_states_is_taken(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    save_tiny_classifier(folder / "classifier")
    (folder / "classifier" / "preprocessor_config.json").unlink()
    for i in range(5):
        write_image(folder / "five" / f"class {i}" / "a.png", colour="red", marked=False, seed=i)
        write_image(folder / "five" / f"class {i}" / "b.png", colour="blue", marked=False, seed=i)
    capfd.readouterr()
    result = init("--images", "five", "--model", "classifier", "--yes")
    assert result.exit_code == 0, result.output
    assert "resized to 48 × 48, no normalisation" in result.stderr
    assert load_config(Path("report.yaml")).inspected_model is not None
    shown = capfd.readouterr()
    assert "Loading weights" not in shown.out + shown.err, "a progress bar between our lines"
    Path("plain.yaml").write_text("name: a\ndata: {folder: five}\ninspected_model: {transformers: classifier}\n")
    said = " ".join(CliRunner().invoke(app, ["check", "plain.yaml"]).output.split())
    assert "made for images of 48 × 48 pixels: set 'preprocessing: {resize: [48, 48]}'" in said
    assert ".. " not in said


@pytest.mark.slow
def test_the_order_of_the_classes_is_that_in_which_a_model_names_its_outputs(folder: Path) -> None:
    pytest.importorskip("transformers")
    save_tiny_classifier(folder / "classifier")
    settings = json.loads((folder / "classifier" / "config.json").read_text())
    names = ["Dog", "cat_tree", "ant", "bee", "crow"]
    settings |= {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    (folder / "classifier" / "config.json").write_text(json.dumps(settings))
    for i, name in enumerate(["ant", "bee", "cat tree", "crow", "dog"]):
        write_image(folder / "five" / name / "a.png", colour="red", marked=False, seed=i)
    result = init("--images", "five", "--model", "classifier", "--yes")
    assert result.exit_code == 0, result.output
    assert "Classes: in the order in which the model names its outputs" in result.stderr
    in_order = ["dog", "cat tree", "ant", "bee", "crow"]
    assert values()["data"] == {"folder": "five", "classes": in_order}
    assert (
        "# Classes are in the order in which the model names its outputs (id2label)." in Path("report.yaml").read_text()
    )
    assert CliRunner().invoke(app, ["check", "report.yaml"]).exit_code == 0
    Path("plain.yaml").write_text("name: a\ndata: {folder: five}\ninspected_model: {transformers: classifier}\n")
    for command in ("check", "run"):
        refused = CliRunner().invoke(app, [command, "plain.yaml"])
        assert refused.exit_code == 1
        assert f"data:\n  classes: {json.dumps(in_order)}" in refused.output
    confirmed = (
        "name: a\ndata: {folder: five, confirm_class_order: true}\ninspected_model: {transformers: classifier}\n"
    )
    Path("plain.yaml").write_text(confirmed)
    assert CliRunner().invoke(app, ["check", "plain.yaml"]).exit_code == 0


def test_names_of_outputs_are_compared_with_all_classes() -> None:
    assert order_of_outputs(["B", "a_b"], ["a b", "b"]) == (1, 0)
    assert order_of_outputs(["b", "c"], ["a", "b"]) is None, "other names"
    assert order_of_outputs(["a", "A"], ["a", "b"]) is None, "one name twice"
    assert order_of_outputs(["a", "b", "c"], ["a", "b"]) is None, "one more"
