"""The snippets for Keras and JAX: their tables of predictions are what the models say, and can be explained."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from barlow_report.cli import app
from tests.manual.pages import page
from tests.pipeline.toy import write_task

KERAS = """
import keras
import numpy as np

model = keras.Sequential([
    keras.Input((24, 24, 3)), keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D(),
    keras.layers.Dense(2, activation="softmax"),
])
model.layers[-1].set_weights([np.array([[-20.0, 20.0], [0.0, 0.0], [20.0, -20.0]]), np.zeros(2)])  # blue, red
model.save("model.keras")
"""
JAX = """
import jax.numpy as jnp


def predict(images):
    means = images.mean((1, 2))
    return 20.0 * jnp.stack([means[:, 2] - means[:, 0], means[:, 0] - means[:, 2]], axis=-1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images in images/, more than one batch of them; the network of the toy as feature model."""
    write_task(tmp_path, n_per_class=40)
    return tmp_path


def _python(code: str, folder: Path, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _snippet(library: str) -> str:
    (code,) = [block.code for block in page("frameworks").blocks if f"import {library}" in block.code]
    return code


def _check(folder: Path) -> None:
    """The table is what a softmax over 20 · (blue − red), and its negative, gives; and it can be explained."""
    table = pd.read_csv(folder / "predictions.csv")
    assert table["path"].tolist() == sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("images/*/*"))
    for row in table.itertuples():
        with Image.open(folder / "images" / str(row.path)) as image:
            red, _, blue = np.asarray(image.convert("RGB"), dtype=np.float64).mean((0, 1)) / 255
        p_blue = 1 / (1 + np.exp(-40 * (blue - red)))
        assert row.label == str(row.path).split("/")[0]
        assert row.prediction == ("blue" if p_blue > 0.5 else "red")
        assert row.confidence == pytest.approx(max(p_blue, 1 - p_blue), abs=1e-3)
    (text,) = page("frameworks").of("yaml")
    config = yaml.safe_load(text) | {"feature_model": {"factory": "network.py:colours"}, "rules": {"n_resamples": 0}}
    (folder / "report.yaml").write_text(yaml.safe_dump(config))
    result = CliRunner().invoke(app, ["explain", str(folder / "report.yaml"), "--run", str(folder / "run")])
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_keras_writes_what_its_model_says(folder: Path) -> None:
    if find_spec("keras") is None:  # importing it would ask for its default backend
        pytest.skip("needs keras")
    _python(KERAS, folder, KERAS_BACKEND="torch")
    _python(_snippet("keras"), folder, KERAS_BACKEND="torch")
    _check(folder)


@pytest.mark.slow
def test_jax_writes_what_its_model_says(folder: Path) -> None:
    pytest.importorskip("jax")
    (folder / "my_model.py").write_text(JAX)
    code = _snippet("jax")
    assert 'size = Path("images"), (224, 224)' in code
    _python(code, folder, JAX_PLATFORMS="cpu")
    _check(folder)
