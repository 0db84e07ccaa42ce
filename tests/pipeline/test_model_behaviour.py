"""A run with a model whose results vary, or whose outputs are no logits, says so or stops at its start."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.errors import ModelError
from barlow_report.run_folder import Run
from tests.pipeline.toy import write_task

LOGITS = "self.head(self.pool(torch.relu(self.mix(x))).flatten(1))"


def _extract(folder: Path, returned: str, **model: Any) -> Result:
    """The toy task, whose model returns something else."""
    config = write_task(folder, n_per_class=20)
    network = config.parent / "network.py"
    (folder / "inspected.py").write_text(network.read_text().replace(LOGITS, returned))
    settings = {
        "inspected_model": {"factory": "inspected.py:colours", **model},
        "feature_model": {"factory": "network.py:colours"},
    }
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **settings}))
    return CliRunner().invoke(app, ["extract", str(config), "--run", str(folder / "run")])


def _run(folder: Path, returned: str, **model: Any) -> Run:
    result = _extract(folder, returned, **model)
    assert result.exit_code == 0, result.output
    return Run.open(folder / "run")


def _again(folder: Path, **model: Any) -> Run:
    """The same task with other settings of the inspected model; images and code stay as they are."""
    config = folder / "toy.yaml"
    settings = {"inspected_model": {"factory": "inspected.py:colours", **model}}
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **settings}))
    result = CliRunner().invoke(app, ["extract", str(config), "--run", str(folder / "run")])
    assert result.exit_code == 0, result.output
    return Run.open(folder / "run")


def _accuracy(run: Run) -> float:
    images = run.read_table("images")
    return float((images["label"] == images["prediction"]).mean())


@pytest.mark.parametrize(
    ("returned", "kind", "said"),
    [
        (f"torch.log_softmax({LOGITS} * 0.05, dim=1)", "logits", None),
        (f"torch.softmax({LOGITS} * 0.05, dim=1)", "probabilities", "add up to 1 for every image"),
        (f"100 * torch.softmax({LOGITS} * 0.05, dim=1)", "percentages", "add up to 100"),
        (f"torch.sigmoid({LOGITS} * 0.05 + 1)", "scores", "a score of its own for each class"),
    ],
)
def test_outputs_are_taken_for_what_they_are(tmp_path: Path, returned: str, kind: str, said: str | None) -> None:
    run = _run(tmp_path, returned)
    images = run.read_table("images")
    assert _accuracy(run) == pytest.approx(33 / 40)
    assert run.info["outputs"] == {"kind": kind, "n_tied": 0}
    assumed = run.info.get("assumptions", {}).get("extract", {})
    assert (said is None and not assumed) or (said or "") in assumed["outputs"]
    logits = _logits(tmp_path) * 0.05
    expected = 1 / (1 + np.exp(-logits - 1)) if kind == "scores" else 1 / (1 + np.exp(logits[:, ::-1] - logits))
    assert np.allclose(images["confidence"], expected.max(axis=1), atol=1e-5)


SCALED = f"{LOGITS} * 0.05"
RETURNED = {
    "softmax": SCALED,
    "probabilities": f"torch.softmax({SCALED}, dim=1)",
    "log_probabilities": f"torch.log_softmax({SCALED}, dim=1)",
}


def test_each_output_as_configured_gives_the_same_report(tmp_path: Path) -> None:
    whole = []
    for setting, returned in RETURNED.items():
        run = _run(tmp_path / setting, returned, output=setting)
        assert "as configured" in run.info["assumptions"]["extract"]["outputs"]
        whole.append(run.read_table("images"))
    logits = _logits(tmp_path / "softmax") * 0.05
    assert np.allclose(whole[0]["confidence"], torch.from_numpy(logits).softmax(dim=1).amax(dim=1), atol=1e-5)
    for other in whole[1:]:
        assert np.allclose(other["confidence"], whole[0]["confidence"], atol=1e-6)
        pd.testing.assert_frame_equal(other.drop(columns="confidence"), whole[0].drop(columns="confidence"))


def test_a_sigmoid_as_configured_is_never_a_softmax(tmp_path: Path) -> None:
    run = _run(tmp_path, f"{SCALED} - 1", output="sigmoid")
    expected = torch.sigmoid(torch.from_numpy(_logits(tmp_path) * 0.05 - 1)).amax(dim=1)
    assert np.allclose(run.read_table("images")["confidence"], expected, atol=1e-5)
    assert run.info["outputs"]["kind"] == "sigmoid_logits"


def test_another_setting_never_leaves_old_confidences(tmp_path: Path) -> None:
    first = _run(tmp_path, SCALED).read_table("images")["confidence"]
    second = _again(tmp_path, output="sigmoid")
    assert (second.read_table("images")["confidence"] < first).all()
    assert "sigmoid" in second.info["assumptions"]["extract"]["outputs"]
    third = _again(tmp_path)
    assert third.read_table("images")["confidence"].tolist() == first.tolist()
    assert "as configured" not in third.info["assumptions"]["extract"]["outputs"]


@pytest.mark.parametrize("then", [{}, {"output": "softmax"}])
def test_a_setting_that_was_wrong_is_mended_without_another_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: dict[str, str]
) -> None:
    refused = _extract(tmp_path, SCALED, output="probabilities")
    assert refused.exit_code == 1
    words = " ".join(refused.output.split())
    assert "'output: probabilities' contradicts the outputs of 40 of 40 images" in words
    assert "Set 'output: softmax' if these are logits" in words

    def never(*_: object, **__: object) -> None:
        raise AssertionError("another pass")

    monkeypatch.setattr("barlow_report.stages.image_pass.compute_shards", never)
    run = _again(tmp_path, **then)
    expected = torch.from_numpy(_logits(tmp_path) * 0.05).softmax(dim=1).amax(dim=1)
    assert np.allclose(run.read_table("images")["confidence"], expected, atol=1e-5)


def test_a_killed_attempt_with_another_setting_leaves_nothing_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise ModelError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("barlow_report.stages.extract.write_times", killed)
        assert _extract(tmp_path, LOGITS, output="sigmoid").exit_code == 1
    assert "outputs" in Run.open(tmp_path / "run").info["assumptions"]["extract"]
    assert not _again(tmp_path).info["assumptions"].get("extract")


def test_the_setting_is_not_recorded_where_there_is_none(tmp_path: Path) -> None:
    assert "output" not in _run(tmp_path / "none", SCALED).info["config"]["inspected_model"]
    recorded = _run(tmp_path / "some", SCALED, output="softmax").info["config"]
    assert recorded["inspected_model"]["output"] == "softmax"
    assert "output" not in recorded["feature_model"]


def _logits(folder: Path) -> np.ndarray:
    """From the features, which are those of the ordinary model."""
    weights = np.array([[-20.0, 100.0, 20.0, 0.0], [20.0, -100.0, -20.0, 0.0]])
    logits: np.ndarray = np.asarray(Run.open(folder / "run").features()) @ weights.T + np.array([-6.0, 6.0])
    return logits


def test_ties_are_told_and_too_many_are_refused(tmp_path: Path) -> None:
    run = _run(tmp_path / "few", f"{LOGITS} * (x.mean(dim=(1, 2, 3)) > 0.24).unsqueeze(1)")
    n_tied = run.info["outputs"]["n_tied"]
    assert 0 < n_tied <= 4
    assert run.info["assumptions"]["extract"]["ties"].startswith(f"{n_tied} of 40 images have several largest outputs")
    result = _extract(tmp_path / "many", f"torch.sigmoid(60 + 0.2 * {LOGITS})")
    assert result.exit_code == 1
    assert "several largest outputs for 16 of 16 images" in " ".join(result.output.split())


def test_a_random_model_stops_a_run_at_its_start_or_is_told_of(tmp_path: Path) -> None:
    returned = LOGITS.replace("self.head(", "self.head(torch.dropout(").replace(
        "flatten(1))", "flatten(1), 0.5, True))"
    )
    result = _extract(tmp_path, returned)
    assert result.exit_code == 1
    assert "set 'allow_varying: random' under 'inspected_model'" in " ".join(result.output.split())
    run = _run(tmp_path, returned, allow_varying="random")
    assert "Another run would find other predictions" in run.info["assumptions"]["extract"]["varying inspected_model"]


def test_all_images_the_same_to_the_model_is_an_error(tmp_path: Path) -> None:
    result = _extract(tmp_path, f"{LOGITS} * 0 + self.head.bias")
    assert result.exit_code == 1
    assert "gives the same outputs for 16 images of 2 classes: -6, 6" in " ".join(result.output.split())
