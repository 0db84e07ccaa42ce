"""A model with one output is explained as the same model with two, and its threshold is given or chosen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import balanced_accuracy_score, f1_score
from typer.testing import CliRunner, Result

from barlow_report.cli import app
from barlow_report.run_folder import Run
from barlow_report.vision.decisions import Decision
from tests.pipeline.toy import write_task

LOGITS = "self.head(self.pool(torch.relu(self.mix(x))).flatten(1))"
LOGIT = f"(0.05 * ({LOGITS} @ torch.tensor([[-1.0], [1.0]])))"  # of red, the second class
RETURNED = {
    "table": ("logits_binary", LOGIT),
    "vector": ("logits_binary", f"{LOGIT}[:, 0]"),
    "probability": ("probabilities", f"{LOGIT}.sigmoid()"),
    "probability vector": ("probabilities", f"{LOGIT}.sigmoid().squeeze(1)"),
}


def ask(
    folder: Path, returned: str, *, command: str = "extract", sections: dict[str, Any] | None = None, **model: Any
) -> Result:
    """The toy task, whose inspected model returns something else."""
    config = folder / "toy.yaml"
    if not config.exists():
        write_task(folder, n_per_class=40)
    (folder / "inspected.py").write_text((folder / "network.py").read_text().replace(LOGITS, returned))
    settings = {
        "inspected_model": {"factory": "inspected.py:colours", **model},
        "feature_model": {"factory": "network.py:colours"},
        **(sections or {}),
    }
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **settings}))
    return CliRunner().invoke(app, [command, str(config), "--run", str(folder / "run")])


def done(folder: Path, returned: str, **settings: Any) -> Run:
    result = ask(folder, returned, **settings)
    assert result.exit_code == 0, result.output
    return Run.open(folder / "run")


def refused(folder: Path, returned: str, **settings: Any) -> str:
    result = ask(folder, returned, **settings)
    assert result.exit_code == 1, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("name", RETURNED)
def test_one_output_gives_the_report_of_two(tmp_path: Path, name: str) -> None:
    setting, returned = RETURNED[name]
    two = done(tmp_path / "two", f"torch.cat([torch.zeros(len(x), 1), {LOGIT}], dim=1)").read_table("images")
    run = done(tmp_path / "one", returned, output=setting)
    one = run.read_table("images")
    pd.testing.assert_frame_equal(one.drop(columns="confidence"), two.drop(columns="confidence"))
    assert np.allclose(one["confidence"], two["confidence"], atol=1e-6)
    assumed = run.info["assumptions"]["extract"]
    assert "of 'red', as configured" in assumed["outputs"]
    assert assumed["positive"] == "'red', the second class, was taken as the positive one: no class is named."
    assert assumed["threshold"] == "An image is taken for 'red' where p ≥ 0.5: no threshold is configured."
    kind = "sigmoid_logits" if setting == "logits_binary" else "probabilities"
    noted = {"column": 0, "class_id": 1, "threshold": 0.5, "maximises": None}
    assert run.info["outputs"] == {"kind": kind, "n_tied": 0, "positive": noted}


def test_the_positive_class_is_the_one_that_is_named(tmp_path: Path) -> None:
    run = done(tmp_path, f"-{LOGIT}", output="logits_binary", positive="blue")
    images = run.read_table("images")
    assert (images["label"] == images["prediction"]).mean() > 0.7
    assert "positive" not in run.info["assumptions"]["extract"]
    assert (images["confidence"] >= 0.5).all()
    words = refused(tmp_path, f"-{LOGIT}", output="logits_binary", positive="green")
    assert "inspected_model.positive: found 'green', expected one of the classes" in words


def test_a_logit_of_the_other_class_stops_the_run_and_says_what_to_set(tmp_path: Path) -> None:
    words = refused(tmp_path, f"-{LOGIT}", output="logits_binary")
    assert (
        'would be if the model\'s output were that of the other class. Name it: inspected_model: positive: "blue"'
        in words
    )


def test_a_threshold_is_given(tmp_path: Path) -> None:
    run = done(tmp_path, LOGIT, output="logits_binary", threshold=0.9)
    images = run.read_table("images")
    probability = np.where(images["prediction"] == 1, images["confidence"], 1 - images["confidence"])
    assert (images["prediction"] == (probability >= 0.9)).all()
    assert (images["confidence"] < 0.5).any()
    assert "p ≥ 0.9: as configured" in run.info["assumptions"]["extract"]["threshold"]


@pytest.mark.parametrize("evidence", ["shuffles", "held_out"])
@pytest.mark.parametrize("maximises", ["balanced_accuracy", "f1"])
def test_a_threshold_is_chosen_by_the_images_that_test_nothing(tmp_path: Path, maximises: str, evidence: str) -> None:
    run = done(
        tmp_path,
        f"({LOGIT} - 1)",
        command="explain",
        sections={"rules": {"evidence": evidence}},
        output="logits_binary",
        threshold=maximises,
    )
    images, splits = run.read_table("images"), run.read_table("splits")
    used = (splits["split"] == "fit").to_numpy()
    assert used.all() == (evidence == "shuffles")
    probability = np.where(images["prediction"] == 1, images["confidence"], 1 - images["confidence"])
    noted = run.info["outputs"]["positive"]
    assert (noted["maximises"], noted["n_images"]) == (maximises, used.sum())
    assert (images["prediction"] == (probability >= noted["threshold"])).all()
    measure = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}[maximises]
    labels = images["label"].to_numpy()[used]
    best = max(measure(labels, probability[used] >= cut) for cut in np.unique(probability[used])[1:])
    assert measure(labels, images["prediction"].to_numpy()[used]) == pytest.approx(best)
    assert noted["value"] == pytest.approx(best)


def test_the_split_of_a_run_that_chooses_does_not_depend_on_the_model(tmp_path: Path) -> None:
    sections = {"rules": {"evidence": "held_out"}}
    chosen = {"command": "explain", "sections": sections, "output": "logits_binary", "threshold": "f1"}
    first = done(tmp_path / "a", LOGIT, **chosen).read_table("splits")
    second = done(tmp_path / "b", f"({LOGIT} * torch.sin(40 * x.mean(dim=(1, 2, 3)))[:, None])", **chosen)
    assert first.equals(second.read_table("splits"))
    images = second.read_table("images")
    held_out = second.read_table("splits")["split"] == "held_out"
    assert held_out.groupby(images["label"]).sum().tolist() == [12, 12]


def test_another_threshold_is_another_report(tmp_path: Path) -> None:
    first = done(tmp_path, LOGIT, output="logits_binary")
    predictions = first.read_table("images")["prediction"].tolist()
    second = done(tmp_path, LOGIT, output="logits_binary", threshold=0.99)
    assert second.read_table("images")["prediction"].tolist() != predictions
    third = done(tmp_path, LOGIT, output="logits_binary")
    assert third.read_table("images")["prediction"].tolist() == predictions


def test_outputs_that_contradict_the_setting_say_what_to_set(tmp_path: Path) -> None:
    assert "Set 'output: logits_binary' if it is a logit" in refused(tmp_path, LOGIT, output="probabilities")
    assert "Set 'output: probabilities'" in refused(tmp_path, f"{LOGIT}.sigmoid()", output="logits_binary")
    assert "set 'output: logits_binary'" in refused(tmp_path, LOGIT, output="softmax").replace("Set", "set")
    assert "has 2 outputs, and 'output: logits_binary' is for" in refused(tmp_path, LOGITS, output="logits_binary")
    words = refused(tmp_path, f"{LOGITS}.softmax(dim=1)", output="probabilities", threshold=0.4)
    assert "'positive' and 'threshold' are for models with one output" in words
    assert "'threshold' is for models whose outputs decide by themselves" in refused(
        tmp_path, LOGITS, output="softmax", threshold="f1"
    )
    constant = refused(tmp_path, f"(0 * {LOGIT} + 1)", output="logits_binary")
    assert "gives the same outputs for 16 images" in constant


def test_a_threshold_needs_images_of_both_classes(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=40)
    for path in (tmp_path / "images/red").iterdir():
        path.write_bytes(b"no image")
    words = refused(tmp_path, LOGIT, output="logits_binary", threshold="f1")
    assert "needs images of both classes and different outputs, and found 0 positive ones of 40 images" in words


def test_a_model_that_varies_is_told_by_its_own_decision(tmp_path: Path) -> None:
    noise = f"({LOGIT} + torch.randn(len(x), 1) * 3)"
    words = refused(tmp_path, noise, output="logits_binary")
    assert "of 16 predictions change" in words
    assert " 0 of 16 predictions change" not in words
    words = refused(tmp_path, noise, output="logits_binary", threshold="f1")
    assert "outputs differ by up to" in words
    assert "predictions change" not in words


ONE = """

class One(Colours):
    def __init__(self):
        super().__init__()
        head = nn.Linear(4, 1)
        with torch.no_grad():
            head.weight[:] = self.head.weight[1:] / 20
            head.bias[:] = self.head.bias[1:] / 20 - 0.5
        self.head = head


class Two(Colours):
    def __init__(self):
        super().__init__()
        with torch.no_grad():
            self.head.weight[:] = torch.cat([torch.zeros(1, 4), self.head.weight[1:] / 20])
            self.head.bias[:] = torch.cat([torch.zeros(1), self.head.bias[1:] / 20 - 0.5])


def one():
    return One()


def two():
    return Two()
"""


def test_causes_ask_by_the_same_decision(tmp_path: Path) -> None:
    """One logit and its own features beside two logits of which the first is 0, by the same threshold."""
    tables = []
    for name, model in (("one", {"output": "logits_binary"}), ("two", {})):
        config = write_task(tmp_path / name, n_per_class=60)
        (tmp_path / name / "network.py").write_text(config.parent.joinpath("network.py").read_text() + ONE)
        sections = {
            "inspected_model": {"factory": f"network.py:{name}", **model},
            "causes": {"n_images": 12, "n_controls": 2, "n_pairs": 2, "radius": 12.0},
        }
        config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **sections}))
        result = CliRunner().invoke(app, ["causes", str(config), "--run", str(tmp_path / name / "run")])
        assert result.exit_code == 0, result.output
        run = Run.open(tmp_path / name / "run")
        tables.append(run.read_table("causes"))
        assert (Decision.from_info(run.info["outputs"]).positive is not None) == (name == "one")
    assert (tables[0]["verdict"] != "not_tested").any()
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_the_report_says_what_the_threshold_is(tmp_path: Path) -> None:
    write_task(tmp_path, n_per_class=40)
    ask(tmp_path, LOGIT, output="logits_binary", threshold="balanced_accuracy")
    result = CliRunner().invoke(
        app, ["run", str(tmp_path / "toy.yaml"), "--run", str(tmp_path / "run"), "--site", str(tmp_path / "site")]
    )
    assert result.exit_code == 0, result.output
    noted = Run.open(tmp_path / "run").info["outputs"]["positive"]
    text = (tmp_path / "site/method/index.html").read_text(encoding="utf-8")
    assert f"<em>red</em> if p, the probability of that class, is at least {noted['threshold']:.6g}." in text
    assert (
        f"the largest balanced accuracy (the mean of the recalls of both classes): {noted['value']:.3f} on all 80"
        in text
    )
    assert f"probability of red ≥ {noted['threshold']:.6g}: the largest balanced accuracy, on 80 images" in text
    assert json.loads(json.dumps(noted)) == noted
