"""Checkpoints of PyTorch Lightning, whatever their hyperparameters are: weights are read and nothing is run."""

import argparse
import enum
import subprocess
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.checkpoints import convert_checkpoint
from barlow_report.vision.lightning import read_lightning
from barlow_report.vision.weights import load_weights

TRAINING = """
import sys
from pathlib import Path
import pytorch_lightning as lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(lightning.LightningModule):
    def __init__(self, folder=None, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.model = nn.Sequential(
            nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(2))

    def training_step(self, batch, _):
        return self.loss(self.model(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)


images, labels = torch.rand(8, 3, 8, 8, generator=torch.manual_seed(0)), torch.tensor([0, 1] * 4)
for name, folder in (("plain", None), ("path", Path("runs"))):
    model = Classifier(folder)
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(model, DataLoader(TensorDataset(images, labels), batch_size=4))
    trainer.save_checkpoint(f"{name}.ckpt")
    torch.save((images, model.model(images).detach()), f"{name}.expected")
"""


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="paths are of another class there")
def test_what_lightning_itself_writes_gives_its_own_outputs(tmp_path: Path) -> None:
    pytest.importorskip("pytorch_lightning")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAINING], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("plain", "path"):
        model = _network()
        load_weights(model, tmp_path / f"{name}.ckpt", allow_unsafe=False, where="inspected_model")
        images, expected = torch.load(tmp_path / f"{name}.expected")
        torch.testing.assert_close(model.eval()(images), expected)


class Colour(enum.Enum):
    """A class that no reader of weights knows."""

    red = 1


class AttributeDict(dict[str, object]):
    """A mapping, called as that of Lightning."""


class Calls:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return _touch, (self.path,)


def _touch(path: Path) -> None:
    path.touch()


def _checkpoint(**hyperparameters: object) -> dict[str, object]:
    weights = {f"model.{name}": value for name, value in _network().state_dict().items()}
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {**weights, "loss.weight": torch.ones(2)},
        "callbacks": {"ModelCheckpoint": {"best_model_path": "x.ckpt"}},
        "optimizer_states": [{"state": {}}],
        "hyper_parameters": hyperparameters,
    }


def _saved(folder: Path, content: object) -> Path:
    path = folder / "last.ckpt"
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "value",
    [
        Colour.red, PurePosixPath("a/b"), AttributeDict(lr=0.1), defaultdict(list, a=[1]), Path.touch,
        argparse.Namespace(lr=0.1), {Colour.red: 1}, {Colour.red}, [AttributeDict()], complex(1, 2), slice(3),
        range(4), ValueError("x"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_hyperparameters_of_any_class_are_left_out(tmp_path: Path, value: object) -> None:
    path = _saved(tmp_path, _checkpoint(lr=0.1, setting=value))
    model = _network()
    load_weights(model, path, allow_unsafe=False, where="inspected_model")
    stored = torch.load(path, weights_only=False)["state_dict"]  # of our own making
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, stored[f"model.{name}"])


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = _saved(tmp_path, _checkpoint(setting=Calls(touched)))
    load_weights(_network(), path, allow_unsafe=False, where="inspected_model")
    assert not touched.exists()
    torch.load(path, weights_only=False)
    assert touched.exists(), "it would have run"


def test_the_weights_of_a_file_are_converted_without_allowing_anything(tmp_path: Path) -> None:
    path = _saved(tmp_path, _checkpoint(setting=Colour.red))
    found = convert_checkpoint(path, tmp_path / "model.safetensors")
    assert "hyper_parameters" in found.dropped
    load_weights(_network(), tmp_path / "model.safetensors", allow_unsafe=False, where="inspected_model")


@pytest.mark.parametrize(
    "change",
    [
        {"pytorch-lightning_version": None},
        {"state_dict": None},
        {"state_dict": {"model.0.weight": Colour.red}},
        {"state_dict": Colour.red},
    ],
)
def test_other_files_with_unknown_classes_stay_refused(tmp_path: Path, change: dict[str, object]) -> None:
    whole = {**_checkpoint(setting=Colour.red), **change}
    path = _saved(tmp_path, {key: value for key, value in whole.items() if value is not None})
    assert read_lightning(path) is None
    with pytest.raises(ModelError, match="reading it could run any code"):
        load_weights(_network(), path, allow_unsafe=False, where="inspected_model")


def test_a_whole_pickled_model_is_refused_and_a_damaged_file_explained(tmp_path: Path) -> None:
    assert read_lightning(_saved(tmp_path, _network())) is None
    path = _saved(tmp_path, _checkpoint(setting=Colour.red))
    path.write_bytes(path.read_bytes()[:-200])
    assert read_lightning(path) is None
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(_network(), path, allow_unsafe=False, where="inspected_model")


def test_modules_of_the_system_stay_refused(tmp_path: Path) -> None:
    import posix

    path = _saved(tmp_path, _checkpoint(setting=posix.system))
    assert read_lightning(path) is None
