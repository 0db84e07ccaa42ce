"""Features and predictions are those of the libraries themselves, to rounding."""

import importlib
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from tests.vision.toys import CPU

TOLERANCE = 1e-5


def _images(side: int) -> torch.Tensor:
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0))


def _differ(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max())


@pytest.fixture(scope="module")
def robustness() -> Any:
    """The `robustness` package, with the one module that current torchvision does not have any more."""
    pytest.importorskip("dill")
    name = "torchvision.models.utils"
    stand_in = types.ModuleType(name)
    stand_in.load_state_dict_from_url = torch.hub.load_state_dict_from_url  # type: ignore[attr-defined]
    sys.modules.setdefault(name, stand_in)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, and of its own old Python
        for part in ("attacker", "datasets"):
            importlib.import_module(f"robustness.{part}")
        yield importlib.import_module("robustness")
    sys.modules.pop(name)


def _calibrate(network: torch.nn.Module, side: int) -> None:
    """Let running statistics fit the weights: at 0 and 1, a batch normalisation that is left out would go unseen."""
    norms = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        network.train()(_images(side))
    network.eval()


def _save(attacker: torch.nn.Module, path: Path) -> None:
    """Write a checkpoint as that library's training does: data parallel, with everything else, by dill."""
    dill = importlib.import_module("dill")
    optimizer = torch.optim.SGD(attacker.parameters(), lr=0.1, momentum=0.9)
    checkpoint = {
        "model": torch.nn.DataParallel(attacker).state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": None,
        "epoch": 151,
        "amp": None,
    }
    torch.save(checkpoint, path, pickle_module=dill)


@pytest.mark.parametrize(
    ("dataset", "architecture", "side", "source"),
    [
        ("ImageNet", "resnet18", 64, {"torchvision": "resnet18"}),
        ("CIFAR", "resnet18", 32, {"factory": "barlow_report.vision.cifar_resnet:resnet18"}),
        pytest.param(
            *("CIFAR", "resnet50", 32, {"factory": "barlow_report.vision.cifar_resnet:resnet50"}),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_checkpoint_of_robustness_gives_its_own_latents(
    robustness: Any, tmp_path: Path, dataset: str, architecture: str, side: int, source: dict[str, Any]
) -> None:
    data = getattr(robustness.datasets, dataset)(str(tmp_path))
    torch.manual_seed(0)
    attacker = robustness.attacker.AttackerModel(data.get_model(architecture, False), data)
    _calibrate(attacker, side)
    _save(attacker, tmp_path / "robust.pt")
    spec = ModelConfig(**source, weights=tmp_path / "robust.pt", preprocessing=PreprocessingConfig(crop=side))
    model = load_model(spec, device=CPU, role="feature_model")
    assert model.preprocessing.mean == pytest.approx(data.mean.flatten().tolist(), abs=1e-6)
    assert model.preprocessing.std == pytest.approx(data.std.flatten().tolist(), abs=1e-6)
    images = _images(side)
    with torch.inference_mode():
        (expected_logits, expected_features), _ = attacker(images, with_latent=True)
        logits, features, maps = model.features(images)
    assert float(expected_features.std()) > 0.01
    assert _differ(features, expected_features) <= TOLERANCE
    assert _differ(logits, expected_logits) <= TOLERANCE
    assert maps is not None
    assert _differ(maps.mean(dim=(2, 3)), expected_features) <= TOLERANCE


def test_a_normalisation_that_contradicts_the_checkpoint_s_own_is_refused(robustness: Any, tmp_path: Path) -> None:
    data = robustness.datasets.CIFAR(str(tmp_path))
    attacker = robustness.attacker.AttackerModel(data.get_model("resnet18", False), data)
    _save(attacker, tmp_path / "robust.pt")
    settings: dict[str, Any] = {
        "factory": "barlow_report.vision.cifar_resnet:resnet18",
        "weights": tmp_path / "robust.pt",
    }
    wrong = PreprocessingConfig(mean=(0.485, 0.456, 0.406))
    with pytest.raises(ModelError, match=r"preprocessing.mean is \[0.485.*made for \[0.4914"):
        load_model(ModelConfig(**settings, preprocessing=wrong), device=CPU, role="feature_model", image_size=(32, 32))
    right = PreprocessingConfig(mean=(0.491, 0.482, 0.447))  # three digits are enough
    model = load_model(
        ModelConfig(**settings, preprocessing=right), device=CPU, role="feature_model", image_size=(32, 32)
    )
    assert model.preprocessing.mean == (0.491, 0.482, 0.447)
    assert model.preprocessing.std == pytest.approx((0.2023, 0.1994, 0.2010))


def _normalised(images: torch.Tensor, model: LoadedModel) -> torch.Tensor:
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (model.preprocessing.mean, model.preprocessing.std)
    )
    return (images - mean) / std


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("test_resnet", {}),
        ("test_efficientnet", {}),
        ("test_convnext", {}),
        ("test_vit", {"img_size": 64}),
        ("regnetx_002", {}),
        ("mobilenetv2_035", {}),
    ],
)
def test_timm_models_give_what_timm_calls_the_features_before_its_classifier(
    tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    own = timm.create_model(name, num_classes=5, **arguments).eval()
    _calibrate(own, 64)
    torch.save({"state_dict": own.state_dict(), "arch": name, "epoch": 3}, tmp_path / "timm.pth.tar")
    spec = ModelConfig(
        timm=name,
        pretrained=True,
        arguments={"num_classes": 5, **arguments},
        weights=tmp_path / "timm.pth.tar",
        preprocessing=PreprocessingConfig(crop=64),
    )
    model = load_model(spec, device=CPU, role="feature_model")
    images = _images(64)
    with torch.inference_mode():
        inputs = _normalised(images, model)
        expected = own.forward_head(own.forward_features(inputs), pre_logits=True)
        logits, features, _ = model.features(images)
        assert _differ(features, expected) <= TOLERANCE
        assert _differ(logits, own(inputs)) <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "head"),
    [("resnet18", "fc"), ("mobilenet_v2", "classifier"), ("regnet_y_400mf", "fc"), ("efficientnet_b0", "classifier")],
)
def test_torchvision_models_give_what_enters_their_classifier(tmp_path: Path, name: str, head: str) -> None:
    import torchvision

    torch.manual_seed(0)
    own = torchvision.models.get_model(name, weights=None, num_classes=5).eval()
    _calibrate(own, 64)
    torch.save(own.state_dict(), tmp_path / "own.pth")
    spec = ModelConfig(
        torchvision=name,
        pretrained="IMAGENET1K_V1",
        arguments={"num_classes": 5},
        weights=tmp_path / "own.pth",
        preprocessing=PreprocessingConfig(crop=64),
    )
    model = load_model(spec, device=CPU, role="feature_model")
    assert model.preprocessing.mean == (0.485, 0.456, 0.406)
    images = _images(64)
    with torch.inference_mode():
        inputs = _normalised(images, model)
        expected_logits = own(inputs)
        setattr(own, head, torch.nn.Identity())
        logits, features, _ = model.features(images)
        assert _differ(features, own(inputs)) <= TOLERANCE
        assert _differ(logits, expected_logits) <= TOLERANCE
