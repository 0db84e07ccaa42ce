"""`barlow-report init` for models in files of other libraries: ONNX and transformers."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from tests.starting.calling import init, values
from tests.vision.formats import save_tiny_graph

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
