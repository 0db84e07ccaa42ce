"""`barlow-report init` for models in files of other libraries: ONNX and transformers."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import load_config
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
