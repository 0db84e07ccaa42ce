"""Models by name: the preprocessing of published weights, downloads, and names that do not exist."""

import urllib.error
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision import published
from barlow_report.vision.loading import assemble_model, load_model
from barlow_report.vision.preprocessing import combine, to_tensor
from barlow_report.vision.published import build_timm, build_torchvision
from tests.vision.toys import CPU, noise_image


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests download is there: no network is asked."""
    monkeypatch.setattr("barlow_report.vision.published.why_unreachable", lambda _: None)
    monkeypatch.setattr("barlow_report.vision.published.asking_hub", nullcontext)


def _normalised(image: Any, settings: dict[str, Any]) -> torch.Tensor:
    config = combine(PreprocessingConfig(), source=settings, file={}, where="model")
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (config.mean, config.std))
    return (to_tensor(image, config) - mean) / std


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet50", "IMAGENET1K_V1"),
        ("resnet50", "IMAGENET1K_V2"),  # another resize
        ("efficientnet_b0", "DEFAULT"),  # bicubic
        ("inception_v3", "DEFAULT"),  # 299 pixels, its own mean
        ("swin_v2_t", "DEFAULT"),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"),  # 384 pixels
    ],
)
def test_torchvision_s_transforms_are_followed_to_the_pixel(name: str, weights: str) -> None:
    chosen = torchvision.models.get_model_weights(name)[weights]
    settings = published._torchvision_preprocessing(chosen, where="model")
    for size in ((500, 333), (120, 301)):
        image = noise_image(1, size=size)
        assert torch.allclose(_normalised(image, settings), chosen.transforms()(image), atol=1e-6)


def test_every_published_classifier_of_torchvision_has_a_preprocessing_we_know() -> None:
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            settings = published._torchvision_preprocessing(weights, where="model")
            PreprocessingConfig.model_validate(settings)


@pytest.mark.parametrize("name", ["test_vit.r160_in1k", "resnet18.a1_in1k", "convnext_atto.d2_in1k", "test_convnext"])
def test_timm_s_transform_is_followed_to_the_pixel(name: str) -> None:
    timm = pytest.importorskip("timm")
    model = build_timm(name, {}, pretrained=True, download=False, where="model")
    config = timm.data.resolve_model_data_config(model.module)
    transform = timm.data.create_transform(**config)
    for size in ((500, 333), (120, 301)):
        image = noise_image(2, size=size)
        assert torch.allclose(_normalised(image, dict(model.preprocessing)), transform(image), atol=1e-6)


def test_a_squashing_transform_of_timm_is_followed() -> None:
    timm = pytest.importorskip("timm")
    model = build_timm("test_vit", {}, pretrained=True, download=False, where="model").module
    model.pretrained_cfg.update(crop_mode="squash", crop_pct=0.9)  # type: ignore[union-attr, operator]
    settings = published._timm_preprocessing(timm, model, where="model")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    image = noise_image(3, size=(300, 200))
    assert torch.allclose(_normalised(image, settings), transform(image), atol=1e-6)
    model.pretrained_cfg.update(crop_mode="border")  # type: ignore[union-attr, operator]
    with pytest.raises(ModelError, match=r"by 'border' .* not supported. Leave 'pretrained' out"):
        published._timm_preprocessing(timm, model, where="model")


def test_given_keys_win_and_resize_and_crop_go_together(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet18(num_classes=3).state_dict(), tmp_path / "own.pt")
    settings: dict[str, Any] = {
        "torchvision": "resnet18",
        "pretrained": True,
        "arguments": {"num_classes": 3},
        "weights": tmp_path / "own.pt",
    }
    known = assemble_model(ModelConfig(**settings), role="model").preprocessing
    assert (known.resize, known.crop, known.mean) == (256, 224, (0.485, 0.456, 0.406))
    given = PreprocessingConfig(resize=64, mean=(0.5, 0.5, 0.5))
    changed = assemble_model(ModelConfig(**settings, preprocessing=given), role="model").preprocessing
    assert (changed.resize, changed.crop) == (64, None)
    assert (changed.mean, changed.std) == ((0.5, 0.5, 0.5), (0.229, 0.224, 0.225))


def test_torchvision_s_weights_are_downloaded_where_no_file_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    state = torchvision.models.resnet18().state_dict()
    asked: list[str] = []

    def fetch(url: str, **_: Any) -> Any:
        asked.append(url)
        return state

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    spec = ModelConfig(torchvision="resnet18", pretrained="IMAGENET1K_V1")
    model = load_model(spec, device=CPU, role="inspected_model")
    assert len(asked) == 1
    assert "resnet18" in asked[0]
    assert torch.equal(model.module.state_dict()["fc.weight"], state["fc.weight"])
    assert (model.preprocessing.resize, model.preprocessing.crop) == (256, 224)


def test_timm_s_weights_are_downloaded_where_no_file_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    state = timm.create_model("test_vit").state_dict()
    asked: list[str] = []

    def fetch(model_id: str, *_: Any, **__: Any) -> Any:
        asked.append(model_id)
        return dict(state)

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fetch)
    model = build_timm("test_vit", {}, pretrained="r160_in1k", download=True, where="model")
    assert asked == ["timm/test_vit.r160_in1k"]
    assert torch.equal(model.module.state_dict()["head.weight"], state["head.weight"])
    assert model.name == "test_vit.r160_in1k"
    assert model.preprocessing["crop"] == 160


def test_a_download_that_fails_says_which_file_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(ModelError, match=r"downloading .*resnet18 failed.*Fetch https://.*resnet18.*'weights'"):
        build_torchvision("resnet18", {}, pretrained=True, download=True, where="model")
    pytest.importorskip("timm")
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fail)
    with pytest.raises(ModelError, match=r"downloading .*timm's test_vit failed.*'weights'"):
        build_timm("test_vit", {}, pretrained=True, download=True, where="model")


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_published_weights_do_not_come_with_a_random_last_layer(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    if library == "torchvision":
        with pytest.raises(ModelError, match="tell 1000 classes apart, 'arguments' ask for 7"):
            build_torchvision("resnet18", {"num_classes": 7}, pretrained=True, download=True, where="model")
        return
    timm = pytest.importorskip("timm")
    state = timm.create_model("test_vit").state_dict()
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *_, **__: dict(state))
    with pytest.raises(ModelError, match="tell 1000 classes apart, 'arguments' ask for 7"):
        build_timm("test_vit", {"num_classes": 7}, pretrained=True, download=True, where="model")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"torchvision": "resnet18", "pretrained": "V9"}, "has no weights 'V9' for resnet18; it has IMAGENET1K_V1"),
        ({"timm": "tets_vit"}, "timm .* has no model 'tets_vit'; did you mean .*test_vit"),
        ({"timm": "test_vit", "pretrained": "in42k"}, "has no weights 'in42k' for test_vit; it has .*r160_in1k"),
        ({"timm": "test_vit", "arguments": {"colour": 3}}, "timm's test_vit with 'arguments' .* failed"),
    ],
)
def test_names_that_do_not_exist_are_answered_with_those_that_do(spec: dict[str, Any], message: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(ModelError, match=message):
        load_model(ModelConfig(**spec), device=CPU, role="inspected_model")


def test_a_missing_timm_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(published.importlib, "import_module", fail)  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"pip install 'barlow-report\[timm\]'"):
        build_timm("resnet18", {}, pretrained=False, download=False, where="model")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "exactly one of 'factory', 'torchvision', 'timm', 'program', 'transformers' and 'onnx'"),
        ({"torchvision": "resnet18", "timm": "resnet18"}, "exactly one of"),
        ({"factory": "a:b", "pretrained": True}, "'pretrained' goes with 'torchvision' or 'timm'"),
        ({"program": "a.pt2", "weights": "b.pt"}, "'program' holds the whole model"),
        ({"torchvision": "resnet18", "weights": "a.pt", "allow_unsafe_weights": "b.pt"}, "is not the name of the"),
    ],
)
def test_contradictory_sources_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)
