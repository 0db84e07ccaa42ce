import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from barlow_report import pipeline
from barlow_report.config import ModelConfig, parse_yaml_model
from barlow_report.errors import ConfigError, DataError, ModelError
from barlow_report.progress import Advance, SilentProgress
from barlow_report.training_config import AdversaryConfig, TrainingConfig
from barlow_report.vision.adversary import perturb
from barlow_report.vision.loading import load_model
from barlow_report.vision.preprocessing import to_tensor
from barlow_report.vision.training import TrainingResult, train

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
N_PER_CLASS = 24
NETWORK = """
from torch import nn

def tiny(n_classes=3):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, n_classes),
    )

def broken(n_classes=3):
    model = tiny(n_classes)
    nn.init.constant_(model[-1].bias, float("nan"))
    return model
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for each other on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Noisy 12-pixel images of three classes that differ in their strongest colour."""
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("blue", "green", "red")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(N_PER_CLASS):
            pixels = rng.integers(0, 160, (12, 12, 3))
            pixels[..., 2 - channel] += 80
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / name / f"{index}.png")
    (tmp_path / "net.py").write_text(NETWORK)
    return tmp_path / "images"


def _config(images: Path, **changes: Any) -> TrainingConfig:
    settings: dict[str, Any] = {
        "name": "tiny",
        "device": "cpu",
        "data": {"folder": images},
        "model": {"factory": f"{images.parent / 'net.py'}:tiny"},
        "validation_fraction": 0.25,
        "adversary": {"norm": "l2", "radius": 0.2, "n_steps": 2, "warmup_epochs": 1},
        "augmentation": {"flip": True, "shift": 1},
        "n_epochs": 2,
        "batch_size": 8,
        "learning_rate": 0.1,
    }
    return TrainingConfig.model_validate(settings | changes)


def _train(config: TrainingConfig, output: Path) -> TrainingResult:
    return train(config, output=output, progress=SilentProgress())


class _Interrupting:
    """Stops the training like Ctrl-C: after an epoch's checkpoint, or in the middle of an epoch."""

    def __init__(self, *, after_epoch: int, n_batches: int = 0) -> None:
        self._after_epoch = after_epoch
        self._n_batches_left = n_batches
        self._n_epochs = 0

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        yield self._advance

    def message(self, text: str) -> None:
        self._n_epochs += text.startswith("Epoch")
        self._stop_if_due()

    def _advance(self, n_done: int) -> None:
        if self._n_epochs >= self._after_epoch:
            self._n_batches_left -= n_done
        self._stop_if_due()

    def _stop_if_due(self) -> None:
        if self._n_epochs >= self._after_epoch and self._n_batches_left <= 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("robust", [True, False])
def test_a_few_epochs_learn_classes_that_colour_tells_apart(images: Path, tmp_path: Path, robust: bool) -> None:
    changes = {} if robust else {"adversary": None}
    result = _train(_config(images, n_epochs=6, **changes), tmp_path / "out")
    metrics = result.metrics
    assert list(metrics["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert metrics["loss"].iloc[-1] < metrics["loss"].iloc[0]
    assert metrics["accuracy"].iloc[-1] > 0.8
    assert metrics["robust_accuracy"].notna().all() == robust
    if robust:
        assert (metrics["robust_accuracy"] <= metrics["accuracy"]).all()
    assert set(load_file(result.weights)) >= {"0.weight", "5.bias"}
    with safetensors.safe_open(result.weights, framework="pt") as file:
        assert json.loads(file.metadata()["preprocessing"])["std"] == [1.0, 1.0, 1.0]
    assert (tmp_path / "out" / "metrics.csv").read_text().startswith("epoch,radius,loss,accuracy,robust_accuracy\n")


def test_the_radius_grows_in_equal_steps_and_then_stays(images: Path, tmp_path: Path) -> None:
    adversary = {"norm": "l2", "radius": 0.4, "n_steps": 1, "warmup_epochs": 3}
    result = _train(_config(images, adversary=adversary, n_epochs=5), tmp_path / "out")
    assert result.metrics["radius"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])


@pytest.mark.parametrize(("after_epoch", "n_batches"), [(0, 3), (1, 0), (1, 4), (2, 0)])
def test_an_interrupted_training_ends_with_the_same_bytes(
    images: Path, tmp_path: Path, after_epoch: int, n_batches: int
) -> None:
    config = _config(images, n_epochs=3)
    whole = _train(config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(
            config,
            output=tmp_path / "parts",
            progress=_Interrupting(after_epoch=after_epoch, n_batches=n_batches),
        )
    parts = _train(config, tmp_path / "parts")
    assert parts.weights.read_bytes() == whole.weights.read_bytes()
    assert (tmp_path / "parts" / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()


def test_the_seed_decides_everything_and_the_callers_random_state_nothing(images: Path, tmp_path: Path) -> None:
    first = _train(_config(images), tmp_path / "first").weights.read_bytes()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert _train(_config(images), tmp_path / "again").weights.read_bytes() == first
    assert torch.equal(torch.get_rng_state(), before)
    assert _train(_config(images, seed=1), tmp_path / "other").weights.read_bytes() != first


def test_a_checkpoint_of_other_settings_is_refused(images: Path, tmp_path: Path) -> None:
    _train(_config(images), tmp_path / "out")
    with pytest.raises(ModelError, match="other settings or images"):
        _train(_config(images, learning_rate=0.05), tmp_path / "out")


def test_a_damaged_checkpoint_is_named(images: Path, tmp_path: Path) -> None:
    _train(_config(images), tmp_path / "out")
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"\x00" * 10)
    with pytest.raises(ModelError, match=r"checkpoint\.pt: cannot be read"):
        _train(_config(images), tmp_path / "out")


def test_training_can_start_from_given_weights(images: Path, tmp_path: Path) -> None:
    first = _train(_config(images, n_epochs=6), tmp_path / "first")
    model = {"factory": f"{tmp_path / 'net.py'}:tiny", "weights": first.weights}
    tuned = _train(_config(images, model=model, n_epochs=1, learning_rate=1e-6), tmp_path / "tuned")
    assert tuned.metrics["accuracy"].iloc[0] > 0.8


def test_a_wrong_number_of_outputs_is_named_before_training(images: Path, tmp_path: Path) -> None:
    model = {"factory": f"{tmp_path / 'net.py'}:tiny", "arguments": {"n_classes": 5}}
    with pytest.raises(ModelError, match=r"returns shape \(2, 5\), expected \(B, 3\)"):
        _train(_config(images, model=model), tmp_path / "out")


def test_a_loss_that_is_no_number_stops_the_training(images: Path, tmp_path: Path) -> None:
    model = {"factory": f"{tmp_path / 'net.py'}:broken"}
    with pytest.raises(ModelError, match="training diverged in epoch 1"):
        _train(_config(images, model=model), tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_images_of_several_sizes_are_named_with_the_way_out(images: Path, tmp_path: Path) -> None:
    Image.new("RGB", (20, 12)).save(images / "red" / "wide.png")
    with pytest.raises(DataError, match="expected one size"):
        _train(_config(images), tmp_path / "out")


def test_validation_images_of_other_classes_are_refused(images: Path, tmp_path: Path) -> None:
    for name in ("blue", "yellow"):
        (tmp_path / "other" / name).mkdir(parents=True)
        Image.new("RGB", (12, 12)).save(tmp_path / "other" / name / "0.png")
    with pytest.raises(DataError, match="expected those of the training images"):
        _train(_config(images, validation={"folder": tmp_path / "other"}), tmp_path / "out")


def test_too_few_images_for_a_validation_share_are_refused(images: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        _train(_config(images, validation_fraction=0.01), tmp_path / "out")


def test_no_validation_at_all_is_a_configuration_error(images: Path) -> None:
    with pytest.raises(ValueError, match="validation_fraction"):
        _config(images, validation_fraction=0.0)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_perturbed_images_stay_in_the_ball_and_in_range_and_raise_the_loss(norm: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 4))
    images, labels = torch.rand(16, 3, 6, 6), torch.arange(16) % 4
    adversary = AdversaryConfig.model_validate({"norm": norm, "radius": 0.3, "n_steps": 4})
    changed = perturb(model, images, labels, adversary=adversary, radius=0.3)
    change = (changed - images).flatten(1)
    size = change.norm(dim=1) if norm == "l2" else change.abs().amax(dim=1)
    assert float(size.max()) <= 0.3 + 1e-5
    assert float(size.min()) > 0.1
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    with torch.inference_mode():
        losses = [nn.functional.cross_entropy(model(x), labels, reduction="none") for x in (images, changed)]
    assert bool((losses[1] > losses[0]).all())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_radius_of_zero_changes_nothing() -> None:
    images = torch.rand(2, 3, 4, 4)
    adversary = AdversaryConfig(radius=0.5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    assert torch.equal(perturb(model, images, torch.tensor([0, 1]), adversary=adversary, radius=0.0), images)


def test_a_model_that_ignores_its_input_gives_no_nan() -> None:
    linear = nn.Linear(48, 2)
    nn.init.zeros_(linear.weight)
    model = nn.Sequential(nn.Flatten(), linear)
    images = torch.rand(2, 3, 4, 4)
    adversary = AdversaryConfig(radius=0.5)
    assert torch.isfinite(perturb(model, images, torch.tensor([0, 1]), adversary=adversary, radius=0.5)).all()


@pytest.mark.parametrize(("name", "robust"), [("demo-train-robust.yaml", True), ("demo-train-standard.yaml", False)])
def test_the_shipped_configurations_are_read(name: str, robust: bool) -> None:
    config = parse_yaml_model(CONFIGS / name, TrainingConfig)
    assert (config.adversary is not None) == robust


def test_a_misspelt_key_is_answered_with_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text("name: x\ndata: {folder: .}\nmodel: {torchvision: resnet18}\nadversary: {radios: 1.0}\n")
    with pytest.raises(ConfigError, match="radius"):
        parse_yaml_model(path, TrainingConfig)


def test_the_lines_it_writes_load_what_was_trained_with_its_preprocessing(images: Path, tmp_path: Path) -> None:
    model = {"factory": f"{tmp_path / 'net.py'}:tiny", "preprocessing": {"resize": 10, "mean": [0.4, 0.5, 0.6]}}
    result = _train(_config(images, model=model, n_epochs=6), tmp_path / "out")
    written = yaml.safe_load(result.usage.read_text())
    assert list(written) == ["feature_model"]
    assert "preprocessing" not in written["feature_model"]
    loaded = load_model(
        ModelConfig.model_validate(written["feature_model"]), device=torch.device("cpu"), role="feature_model"
    )
    assert (loaded.preprocessing.resize, loaded.preprocessing.mean) == (10, (0.4, 0.5, 0.6))
    n_right = 0
    for class_id, name in enumerate(("blue", "green", "red")):
        for path in (images / name).iterdir():
            batch = to_tensor(Image.open(path), loaded.preprocessing)[None]
            n_right += int(loaded.predict(batch).argmax()) == class_id
    assert n_right / (3 * N_PER_CLASS) > 0.8


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_the_same_and_resumes(images: Path, tmp_path: Path, precision: str) -> None:
    config = _config(images, n_epochs=6, precision=precision)
    with pytest.raises(KeyboardInterrupt):
        train(config, output=tmp_path / "out", progress=_Interrupting(after_epoch=3))
    result = _train(config, tmp_path / "out")
    assert result.metrics["accuracy"].iloc[-1] > 0.8
    assert (result.metrics["robust_accuracy"] <= result.metrics["accuracy"]).all()
    assert all(tensor.dtype != getattr(torch, precision) for tensor in load_file(result.weights).values())
    whole = _train(config, tmp_path / "whole")
    assert whole.weights.read_bytes() == result.weights.read_bytes()


def test_a_training_leaves_a_picture_of_its_curve(images: Path, tmp_path: Path) -> None:
    for name, changes in (("robust", {}), ("standard", {"adversary": None})):
        pipeline.train(_config(images, **changes), folder=tmp_path / name)
        with Image.open(tmp_path / name / "curve.png") as picture:
            assert picture.format == "PNG"
            assert picture.width > 600
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            "checkpoint.pt", "curve.png", "metrics.csv", "model.safetensors", "model.yaml"
        }  # fmt: skip


def test_a_library_s_model_can_be_trained(images: Path, tmp_path: Path) -> None:
    model = {"torchvision": "mobilenet_v2", "arguments": {"num_classes": 3, "width_mult": 0.1}}
    result = _train(_config(images, model=model, n_epochs=1, augmentation={}), tmp_path / "out")
    written = yaml.safe_load(result.usage.read_text())["feature_model"]
    assert written["torchvision"] == "mobilenet_v2"
    assert load_model(
        ModelConfig.model_validate(written), device=torch.device("cpu"), role="model", image_size=(64, 64)
    ).has_maps


def test_a_program_cannot_be_trained(images: Path) -> None:
    with pytest.raises(ValueError, match=r"'model.program' cannot be trained"):
        _config(images, model={"program": "model.pt2"})


def test_training_with_a_linf_adversary_ends_at_the_full_radius_and_resists_it(images: Path, tmp_path: Path) -> None:
    adversary = {"norm": "linf", "radius": 0.12, "n_steps": 2}
    late = _train(_config(images, adversary={**adversary, "warmup_epochs": 5}, n_epochs=6), tmp_path / "late")
    assert (late.metrics["radius"].diff().dropna() > 0).all()
    assert late.metrics["radius"].iloc[-1] == pytest.approx(0.12)
    assert late.metrics["robust_accuracy"].iloc[-1] > 0.5


@pytest.mark.slow
def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(images: Path, tmp_path: Path) -> None:
    settings = _config(images, n_epochs=8).model_dump(mode="json", exclude_none=True)
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    command = [
        str(Path(sys.executable).with_name("barlow-report")),
        "train-robust",
        str(tmp_path / "train.yaml"),
        "--output",
    ]
    running = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert (tmp_path / "killed" / "checkpoint.pt").exists()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    for folder in ("killed", "whole"):
        subprocess.run([*command, str(tmp_path / folder)], check=True, capture_output=True)
    files = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("killed", "whole")]
    assert files[0] == files[1]
