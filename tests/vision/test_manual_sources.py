"""Every configuration in the manual's table of model sources works, for both models."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
import yaml

from barlow_report.config import load_config
from barlow_report.files import atomic_write
from barlow_report.vision import cifar_resnet
from barlow_report.vision.checkpoints import save_weights
from barlow_report.vision.loading import load_model
from tests.manual.pages import page
from tests.vision.formats import save_tiny_classifier, save_tiny_graph
from tests.vision.toys import CPU

OWN = """
from torch import nn

def build(n_classes=5):
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, n_classes))

class WithAux(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = build()

    def forward(self, images):
        logits = self.net(images)
        return {"aux": logits[:, :2], "logits": logits}

def build_with_aux():
    return WithAux()
"""


def _rows() -> list[str]:
    (table,) = re.findall(r"<!-- model sources.*?-->\n(.*?)\n\n\*", page("models").text, flags=re.DOTALL)
    return re.findall(r"\| `(\{.*?\})` \|", table)


def _robust(network: torch.nn.Module) -> dict[str, Any]:
    state = {f"module.model.{name}": value for name, value in network.state_dict().items()}
    mean, std = torch.full((3, 1, 1), 0.45), torch.full((3, 1, 1), 0.25)
    return {"model": {**state, "module.normalizer.new_mean": mean, "module.normalizer.new_std": std}, "epoch": 1}


def _own() -> torch.nn.Module:
    namespace: dict[str, Any] = {}
    exec(OWN, namespace)  # noqa: S102 - written above
    model: torch.nn.Module = namespace["build"]().eval()
    return model


def _timm_state() -> Any:
    import timm

    return timm.create_model("convnext_atto").state_dict()


def _save_script(path: Path) -> None:
    traced: Any = torch.jit.trace(_own(), torch.rand(1, 3, 64, 64))  # type: ignore[no-untyped-call]
    traced.save(str(path))


def _save_program(path: Path) -> None:
    torch.export.save(torch.export.export(_own(), (torch.rand(1, 3, 64, 64),)), path)


def _save_transformers(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tiny_classifier(path)


def _save_lightning(path: Path) -> None:
    state = {f"net.{name}": value for name, value in _own().state_dict().items()}
    torch.save({"epoch": 9, "pytorch-lightning_version": "2.6.6", "state_dict": state, "callbacks": {}}, path)


FILES: dict[str, Callable[[Path], None]] = {
    "my_model.py": lambda path: atomic_write(path, OWN),
    "resnet50-11ad3fa6.pth": lambda path: torch.save(torchvision.models.resnet50().state_dict(), path),
    "convnext_atto.safetensors": lambda path: save_weights(_timm_state(), path, preprocessing={}),
    "imagenet_l2_3_0.pt": lambda path: torch.save(_robust(torchvision.models.resnet50()), path),
    "cifar_l2_0_5.pt": lambda path: torch.save(_robust(cifar_resnet.resnet50()), path),
    "checkpoint.pth": lambda path: torch.save(
        {"state_dict": torchvision.models.mobilenet_v2(num_classes=5).state_dict(), "epoch": 9}, path
    ),
    "runs/mine/model.safetensors": lambda path: save_weights(
        _own().state_dict(), path, preprocessing={"resize": 72, "crop": 64}
    ),
    "model.safetensors": lambda path: save_weights(_own().state_dict(), path, preprocessing={}),
    "epoch=9-step=400.ckpt": _save_lightning,
    "model.ts": _save_script,
    "model.pt2": _save_program,
    "my-classifier": _save_transformers,
    "google/vit-base-patch16-224": lambda path: _save_transformers(path.parents[1] / "hub/google" / path.name),
    "model.onnx": save_tiny_graph,
    "two.onnx": lambda path: save_tiny_graph(path, outputs=("aux", "logits")),
}


def _is_large(row: str) -> bool:
    return "resnet50" in row


def test_the_table_names_every_kind_of_source() -> None:
    rows = " ".join(_rows())
    assert len(_rows()) >= 12
    for word in ("torchvision:", "timm:", "factory:", "program:", "pretrained:", "weights:", "arguments:", *FILES):
        assert word in rows, f"{word} is in no row"


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=[pytest.mark.slow] if _is_large(row) else []) for row in _rows()]
)
def test_a_configuration_of_the_table_loads_and_gives_features(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "timm:" in row:
        pytest.importorskip("timm")
        monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *_, **__: _timm_state())
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url",
        lambda *_, **__: torchvision.models.resnet50().state_dict(),
    )
    monkeypatch.setattr("barlow_report.vision.published.why_unreachable", lambda _: None)
    wanted = [name for name in FILES if re.search(rf"(?<![\w/]){re.escape(name)}", row)]
    for name in wanted:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        FILES[name](tmp_path / name)
    if (tmp_path / "hub").is_dir():  # the library takes a folder of that name for the model of the hub
        monkeypatch.chdir(tmp_path / "hub")
        monkeypatch.setattr("barlow_report.vision.transformers_models.asking_hub", nullcontext)
    text = f"name: mine\ndata: {{folder: images}}\ninspected_model: {row}\n"
    of_outputs_only = "onnx:" in row
    of_features = "{torchvision: resnet18}" if of_outputs_only else row
    (tmp_path / "report.yaml").write_text(f"{text}feature_model: {of_features}\n")
    config = load_config(tmp_path / "report.yaml")
    if of_outputs_only:
        assert config.inspected_model is not None
        model = load_model(config.inspected_model, device=CPU, role="inspected_model", needs_features=False)
        assert torch.isfinite(model.predict(torch.rand(3, 3, 64, 64))).all()
        return
    assert config.inspected_model == config.feature_model
    assert config.feature_model is not None
    model = load_model(config.feature_model, device=CPU, role="feature_model", image_size=(32, 32))
    crop = model.preprocessing.crop or 32
    with torch.inference_mode():
        logits, features, maps = model.features(torch.rand(1, model.n_channels, crop, crop))
    assert torch.isfinite(logits).all()
    assert features.shape == (1, model.n_features)
    assert maps is not None
    if "pretrained" in row:
        assert crop == 224
        assert model.preprocessing.mean == pytest.approx((0.485, 0.456, 0.406))
    if "_l2_" in row:
        assert model.preprocessing.mean == pytest.approx((0.45, 0.45, 0.45))
    assert yaml.safe_load(row).get("weights") is None or wanted
