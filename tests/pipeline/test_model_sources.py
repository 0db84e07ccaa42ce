"""Whole runs with models from other sources than a factory."""

import json
import runpy
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.run_folder import Run
from barlow_report.vision.checkpoints import save_weights
from tests.pipeline.toy import write_task


def _network(folder: Path) -> torch.nn.Module:
    network: torch.nn.Module = runpy.run_path(str(folder / "network.py"))["colours"]().eval()
    return network


def _run(config: Path, **models: object) -> Run:
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **models}))
    result = CliRunner().invoke(app, ["visualize", str(config), "--run", str(config.parent / "run")])
    assert result.exit_code == 0, result.output
    return Run.open(config.parent / "run")


def test_a_program_without_visible_features_is_explained_by_another_model_s(tmp_path: Path) -> None:
    """The file of weights says that images are cropped: features, attacks and thumbnails follow it."""
    config = write_task(tmp_path, n_per_class=40)
    network = _network(tmp_path)
    program = torch.export.export(
        torch.nn.Sequential(network, torch.nn.Softsign()),  # its output is no linear layer's
        (torch.rand(1, 3, 24, 24),),
    )
    torch.export.save(program, tmp_path / "inspected.pt2")
    save_weights(network.state_dict(), tmp_path / "feature.safetensors", preprocessing={"crop": 20})
    run = _run(
        config,
        inspected_model={"program": "inspected.pt2"},
        feature_model={"factory": "network.py:colours", "weights": "feature.safetensors"},
    )
    images = run.read_table("images")
    errors = images["prediction"] != images["label"]
    assert 0.1 < errors.mean() < 0.25  # a third of the red ones
    models = json.loads((tmp_path / "run" / "run.json").read_text())["models"]
    assert (models["inspected"]["name"], models["inspected"]["n_features"]) == ("inspected.pt2", 0)
    assert models["feature"]["preprocessing"]["crop"] == 20
    tiles = run.read_table("tiles")
    assert len(tiles) > 0
    assert tiles["heatmap"].notna().all()
    for column in ("thumbnail", "attack"):
        with Image.open(tmp_path / "run" / "media" / tiles[column].iloc[0]) as picture:
            assert picture.size == (128, 128)  # enlarged


def test_another_program_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=40)
    network = _network(tmp_path)

    def save() -> None:
        torch.export.save(torch.export.export(network, (torch.rand(1, 3, 24, 24),)), tmp_path / "model.pt2")

    save()
    first = _run(config, inspected_model={"program": "model.pt2"}).read_table("images")["prediction"].tolist()
    with torch.no_grad():
        network.get_submodule("head").bias.copy_(torch.tensor([100.0, -100.0]))  # type: ignore[operator]
    save()
    second = _run(config, inspected_model={"program": "model.pt2"}).read_table("images")["prediction"].tolist()
    assert first != second
    assert set(second) == {0}


def test_features_without_gradients_stop_a_run_at_its_start(tmp_path: Path) -> None:
    config = write_task(tmp_path, n_per_class=4)
    source = (tmp_path / "network.py").read_text()
    cut = source.replace("self.pool(torch.relu(self.mix(x)))", "self.pool(torch.relu(self.mix(x))).detach()")
    assert cut != source
    (tmp_path / "network.py").write_text(cut)
    result = CliRunner().invoke(app, ["extract", str(config), "--run", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "no gradients flow" in " ".join(result.output.split())


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.pt2", "-rf.pt2"])
def test_hostile_names_of_programs_are_just_names(tmp_path: Path, name: str) -> None:
    config = write_task(tmp_path, n_per_class=4)
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "inspected_model": {"program": name}}))
    result = CliRunner().invoke(app, ["extract", str(config), "--run", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert name.rpartition("/")[2] in result.output.replace("\n", "")
