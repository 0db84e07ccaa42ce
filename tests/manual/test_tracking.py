"""The snippets for trackers, as they stand in the manual, without a network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.run_folder import Run
from tests.manual.pages import page
from tests.pipeline.toy import write_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run and the site that the manual names."""
    quick: dict[str, object] = {"visuals": {"attack": "none", "n_images": 4, "n_gallery": 4}}
    root = tmp_path_factory.mktemp("tracked")
    config = write_task(root, n_per_class=60, settings={"name": "my-model", **quick})
    places = ["--run", str(root / "runs" / "my-model"), "--site", str(root / "site" / "my-model")]
    result = CliRunner().invoke(app, ["run", str(config), *places])
    assert result.exit_code == 0, result.output
    return root


def _run(folder: Path, tmp_path: Path, library: str, **environment: str) -> None:
    """Run the snippet that imports a library in a folder with the run and its site."""
    (code,) = [block.code for block in page("tracking").blocks if f"import {library}" in block.code]
    for name in ("runs", "site"):
        shutil.copytree(folder / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "DO_NOT_TRACK": "true", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _expected(folder: Path) -> tuple[float, pd.DataFrame]:
    run = Run.open(folder / "runs" / "my-model")
    images, rules = run.read_table("images"), run.read_table("rules")
    error_rate = float((images["label"] != images["prediction"]).mean())
    assert 0 < error_rate < 1
    return error_rate, rules[rules["verdict"] == "verified"]


@pytest.mark.slow
def test_mlflow_has_the_numbers_the_failure_modes_and_the_site(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    places = {"MLFLOW_TRACKING_URI": "file:mlruns", "MLFLOW_ALLOW_FILE_STORE": "true"}
    _run(folder, tmp_path, "mlflow", MLFLOW_DISABLE_TELEMETRY="true", **places)
    error_rate, modes = _expected(folder)
    (metrics,) = (tmp_path / "mlruns").glob("*/*/metrics")
    tracked = metrics.parent
    value = float((metrics / "error_rate").read_text().split()[1])
    assert value == pytest.approx(error_rate)
    assert float((metrics / "verified_failure_modes").read_text().split()[1]) == len(modes) > 0
    table = json.loads((tracked / "artifacts" / "failure_modes.json").read_text())
    assert len(table["data"]) == len(modes)
    rates = [row[table["columns"].index("error_rate_held_out")] for row in table["data"]]
    assert rates == pytest.approx(modes["error_rate_held_out"].tolist())
    index = tracked / "artifacts" / "report" / "index.html"
    assert index.read_bytes() == (folder / "site" / "my-model" / "index.html").read_bytes()
    assert (tracked / "tags" / "barlow_report").read_text() == Run.open(folder / "runs" / "my-model").info["run_id"]


@pytest.mark.slow
def test_weights_and_biases_has_them_offline(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    own = {f"WANDB_{name}_DIR": str(tmp_path / "own") for name in ("CACHE", "CONFIG", "DATA", "ARTIFACT")}
    _run(folder, tmp_path, "wandb", WANDB_SILENT="true", **own)
    _, modes = _expected(folder)
    (tracked,) = (tmp_path / "wandb").glob("offline-run-*")
    (table,) = (tracked / "files" / "media" / "table").glob("failure_modes_*.table.json")
    content = json.loads(table.read_text())
    rates = [row[content["columns"].index("error_rate_held_out")] for row in content["data"]]
    assert rates == pytest.approx(modes["error_rate_held_out"].tolist())
    (record,) = tracked.glob("run-*.wandb")
    written = record.read_bytes()
    for text in ("error_rate", "verified_failure_modes", "index.html", "barlow_report"):
        assert text.encode() in written, text
