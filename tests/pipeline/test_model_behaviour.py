"""A run with a model whose results vary, or whose outputs are no logits, says so or stops at its start."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from barlow_report.cli import app
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
