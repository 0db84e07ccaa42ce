"""What pages call models: as the configuration says, or by what says something; no pass depends on it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from barlow_report import pipeline
from barlow_report.config import Config, ModelConfig, load_config
from barlow_report.fingerprints import model_identity
from barlow_report.progress import SilentProgress
from barlow_report.stages import pass_work
from barlow_report.stages.model_names import named_models, shown_name
from tests.pipeline.toy import write_task


@pytest.mark.parametrize(
    ("factory", "weights", "expected"),
    [
        ("network.py:colours", None, "network:colours"),
        ("network.py:colours", "robust.pt", "network:colours"),
        ("net.py:make", "digits.pt", "digits"),
        ("net.py:make", "best_epoch_90.pt", "net:make"),
        ("digits.py:make_model", "runs/model.safetensors", "digits"),
        ("net.py:build_model_v2", "runs/standard/model.safetensors", "standard"),
        ("my_package.models:make_model", None, "my_package"),
        ("my_package.resnets.small:make_model", "checkpoint.pt", "small"),
        ("models:make", "runs/1/last.ckpt", "models:make"),
    ],
)
def test_a_function_that_says_nothing_is_named_by_what_does(factory: str, weights: str | None, expected: str) -> None:
    spec = ModelConfig.model_validate({"factory": factory, "weights": weights})
    assert shown_name(spec, factory.replace(".py:", ":")) == expected
    assert shown_name(spec.model_copy(update={"name": "release 7"}), "net:make") == "release 7"


def test_models_of_libraries_keep_their_names() -> None:
    assert shown_name(ModelConfig(torchvision="resnet50", weights=Path("mine.pt")), "resnet50") == "resnet50"
    assert shown_name(ModelConfig(torchvision="resnet50", name="ours"), "resnet50") == "ours"
    assert shown_name(None, "resnet50") == "resnet50"


def _config(**models: dict[str, Any]) -> Config:
    return Config.model_validate({"name": "a", "data": {"folder": "images"}, **models})


def test_two_models_of_one_function_are_told_apart_by_their_weights() -> None:
    config = _config(
        inspected_model={"factory": "cifar.py:resnet", "weights": "runs/standard/model.pt"},
        feature_model={"factory": "cifar.py:resnet", "weights": "robust_l2.pt"},
    )
    infos = {role: {"name": "cifar:resnet", "sha256": role} for role in ("inspected", "feature")}
    found = named_models(infos, config)
    assert found["inspected"] == {
        "name": "cifar:resnet (standard)", "source_name": "cifar:resnet", "sha256": "inspected"
    }  # fmt: skip
    assert found["feature"] is not None
    assert found["feature"]["name"] == "cifar:resnet (robust_l2)"
    assert named_models(found, config) == found
    alone = _config(inspected_model={"factory": "cifar.py:resnet", "weights": "runs/standard/model.pt"})
    one = named_models(infos, alone)
    assert one["inspected"] == one["feature"] | {"sha256": "inspected"} == infos["inspected"]  # type: ignore[operator]
    assert named_models({"inspected": None, "feature": infos["feature"]}, config)["inspected"] is None


def test_another_name_is_shown_without_another_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_task(tmp_path, n_per_class=25, settings={"rules": {"n_shuffles": 99, "n_resamples": 0}})
    first = pipeline.compute(load_config(path), folder=tmp_path / "run", until="explain")
    assert first.info["models"]["inspected"]["name"] == "network:colours"
    run_id, before = first.info["run_id"], (tmp_path / "run" / "features.npy").stat().st_mtime_ns
    monkeypatch.setattr(pass_work, "load_models", lambda *_: pytest.fail("a model was loaded"))
    for name in ("release 7", None):
        settings = yaml.safe_load(path.read_text())
        settings["inspected_model"] = {"factory": "network.py:colours", **({"name": name} if name else {})}
        path.write_text(yaml.safe_dump(settings))
        again = pipeline.compute(load_config(path), folder=tmp_path / "run", until="explain", progress=SilentProgress())
        models = again.info["models"]
        assert models["inspected"]["name"] == models["feature"]["name"] == (name or "network:colours")
        assert again.info["run_id"] == run_id
    assert (tmp_path / "run" / "features.npy").stat().st_mtime_ns == before


def test_a_name_is_no_part_of_what_a_model_computes(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("")
    plain = ModelConfig(factory=f"{tmp_path}/net.py:make")
    assert model_identity(plain) == model_identity(plain.model_copy(update={"name": "release 7"}))
    assert "name" not in plain.model_dump()
