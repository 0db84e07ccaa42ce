"""Models of transformers and ONNX give their own outputs, on what their own processors make of images."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from barlow_report.config import ModelConfig, load_config
from barlow_report.errors import ConfigError, ModelError
from barlow_report.vision.acceleration import accelerate
from barlow_report.vision.loading import load_model
from barlow_report.vision.preprocessing import to_tensor
from tests.vision.formats import N_CLASSES, graph_outputs, save_tiny_classifier, save_tiny_graph
from tests.vision.toys import CPU

PHOTO = Image.fromarray(np.random.default_rng(3).integers(0, 256, (70, 90, 3), dtype=np.uint8)).resize(
    (180, 140), Image.Resampling.BICUBIC
)


def _load(spec: dict[str, Any], **options: Any) -> Any:
    return load_model(ModelConfig.model_validate(spec), device=CPU, role="inspected_model", **options)


@pytest.mark.parametrize("family", ["vit", "resnet"])
def test_a_classifier_of_transformers_gives_its_own_logits_and_the_input_of_its_classifier(
    tmp_path: Path, family: str
) -> None:
    own = save_tiny_classifier(tmp_path / "mine", family=family)
    model = _load({"transformers": str(tmp_path / "mine")})
    inputs = torch.rand(2, 3, 48, 48)
    mean, std = (torch.tensor(v)[:, None, None] for v in (model.preprocessing.mean, model.preprocessing.std))
    with torch.inference_mode():
        expected = own(pixel_values=(inputs - mean) / std).logits
        outputs, features, _ = model.features(inputs)
        classifier = own.classifier if family == "vit" else own.classifier[1]
        assert torch.allclose(outputs, expected, atol=1e-5)
        assert torch.allclose(classifier(features), expected, atol=1e-5)
    assert (model.name, model.n_outputs) == ("mine", N_CLASSES)


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({}, {"resize": (48, 48), "crop": 48, "interpolation": "bicubic"}),
        ({"resample": 2}, {"resize": (48, 48), "crop": 48, "interpolation": "bilinear"}),
        ({"do_normalize": False}, {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}),
        ({"size": {"shortest_edge": 56}, "do_center_crop": True, "crop_size": {"height": 48, "width": 48}},
         {"resize": 56, "crop": 48}),
    ],
)  # fmt: skip
def test_the_processor_becomes_the_preprocessing(
    tmp_path: Path, processor: dict[str, Any], expected: dict[str, Any]
) -> None:
    transformers: Any = importlib.import_module("transformers")
    save_tiny_classifier(tmp_path / "mine", **processor)
    preprocessing = _load({"transformers": str(tmp_path / "mine")}).preprocessing
    assert {key: getattr(preprocessing, key) for key in expected} == expected
    ours = (to_tensor(PHOTO, preprocessing) - torch.tensor(preprocessing.mean)[:, None, None]) / torch.tensor(
        preprocessing.std
    )[:, None, None]
    if "size" not in processor:  # the class of the test's processor does not crop
        own = transformers.AutoImageProcessor.from_pretrained(tmp_path / "mine")
        theirs = own(PHOTO, return_tensors="pt")["pixel_values"][0]
        assert (ours - theirs).abs().max() < 2.5 / 255 / min(preprocessing.std)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875},
            {"resize": 256, "crop": 224, "interpolation": "bicubic", "mean": (0.5, 0.5, 0.5)},
        ),
        ({"feature_extractor_type": "ViTFeatureExtractor", "size": 224}, {"resize": (224, 224), "mean": (0.5,) * 3}),
        (
            {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "do_center_crop": True},
            {"resize": 224, "crop": 224, "interpolation": "bicubic"},
        ),
    ],
)
def test_what_a_file_leaves_out_or_writes_as_before_is_read_as_the_library_does(
    tmp_path: Path, written: dict[str, Any], expected: dict[str, Any]
) -> None:
    save_tiny_classifier(tmp_path / "mine", family="resnet")
    (tmp_path / "mine" / "preprocessor_config.json").write_text(json.dumps(written))
    preprocessing = _load({"transformers": str(tmp_path / "mine")}).preprocessing
    assert {key: getattr(preprocessing, key) for key in expected} == expected


def test_a_processor_that_does_more_than_it_says_is_refused(tmp_path: Path) -> None:
    """That of LeViT resizes to 256/224 of its size."""
    save_tiny_classifier(tmp_path / "mine", family="resnet")
    written = {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 224}}
    (tmp_path / "mine" / "preprocessor_config.json").write_text(json.dumps(written))
    with pytest.raises(ModelError, match="does more than its settings say"):
        _load({"transformers": str(tmp_path / "mine")})


def test_the_keys_of_the_configuration_win(tmp_path: Path) -> None:
    save_tiny_classifier(tmp_path / "mine")
    model = _load({"transformers": str(tmp_path / "mine"), "preprocessing": {"resize": 60, "crop": 48}})
    assert (model.preprocessing.resize, model.preprocessing.crop) == (60, 48)
    assert model.preprocessing.mean == (0.4, 0.5, 0.6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resample": 1}, "resizes by PIL's method 1"),
        ({"resample": 0}, "resizes by PIL's method 0"),
        ({"rescale_factor": 1 / 127.5}, r"does not bring pixels to \[0, 1\]"),
    ],
)
def test_what_preprocessing_cannot_say_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    save_tiny_classifier(tmp_path / "mine", **change)
    with pytest.raises(ModelError, match=message):
        _load({"transformers": str(tmp_path / "mine")})


def test_weights_that_need_unpickling_or_are_missing_and_code_are_refused(tmp_path: Path) -> None:
    own = save_tiny_classifier(tmp_path / "mine")
    (tmp_path / "mine" / "model.safetensors").unlink()
    torch.save(own.state_dict(), tmp_path / "mine" / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"with its weights as model\.safetensors"):
        _load({"transformers": str(tmp_path / "mine")})
    with pytest.raises(ModelError, match="code of a model is never run"):
        _load({"transformers": str(tmp_path / "mine"), "arguments": {"trust_remote_code": True}})
    own.vit.save_pretrained(tmp_path / "backbone")
    with pytest.raises(ModelError, match="has no weights for classifier"):
        _load({"transformers": str(tmp_path / "backbone")})


def test_a_folder_is_found_beside_the_configuration(tmp_path: Path) -> None:
    save_tiny_classifier(tmp_path / "models" / "mine")
    text = "name: a\ndata: {folder: images}\ninspected_model: {transformers: SOURCE}\n"
    (tmp_path / "report.yaml").write_text(text.replace("SOURCE", "models/mine"))
    found = load_config(tmp_path / "report.yaml").inspected_model
    assert found is not None
    assert found.transformers == str(tmp_path / "models" / "mine")
    (tmp_path / "report.yaml").write_text(text.replace("SOURCE", "./nowhere"))
    with pytest.raises(ConfigError, match="there is no folder"):
        load_config(tmp_path / "report.yaml")


@pytest.mark.parametrize(
    "kind", [{}, {"batch": 1}, {"batch": 4}, {"channels_last": True}, {"channels_last": True, "batch": 4}]
)
def test_an_onnx_file_gives_its_own_outputs_for_any_number_of_images(tmp_path: Path, kind: dict[str, Any]) -> None:
    save_tiny_graph(tmp_path / "model.onnx", **kind)
    model = _load({"onnx": str(tmp_path / "model.onnx"), "preprocessing": {"crop": 64}}, needs_features=False)
    fast = accelerate(model)
    for n in (1, 3, 4, 6):
        images = torch.rand(n, 3, 64, 64)
        assert torch.allclose(model.predict(images), graph_outputs(images), atol=1e-5)
        assert torch.allclose(fast.predict(images), graph_outputs(images), atol=1e-5)
    assert not model.has_features


def test_what_chooses_the_output_of_a_graph_is_said_when_another_key_is_given() -> None:
    with pytest.raises(ValueError, match=r"named by 'arguments: \{output: logits\}'"):
        ModelConfig(onnx=Path("model.onnx"), output_key="logits")


def test_the_output_is_chosen_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_tiny_graph(path, outputs=("logits", "aux"))
    with pytest.raises(ModelError, match=r"several outputs: logits .*, aux .*arguments: \{output: logits\}"):
        _load({"onnx": str(path)}, needs_features=False)
    model = _load(
        {"onnx": str(path), "arguments": {"output": "aux"}, "preprocessing": {"crop": 64}}, needs_features=False
    )
    assert model.n_outputs == N_CLASSES
    for arguments, message in (({"output": "x"}, "no output 'x'; it has logits, aux"), ({"seed": 1}, "'output' only")):
        with pytest.raises(ModelError, match=message):
            _load({"onnx": str(path), "arguments": arguments}, needs_features=False)


def test_what_is_no_onnx_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="cannot be read as an ONNX model"):
        _load({"onnx": str(tmp_path / "model.onnx")}, needs_features=False)
    with pytest.raises(ModelError, match="found no file"):
        _load({"onnx": str(tmp_path / "none.onnx")}, needs_features=False)


def test_an_onnx_file_alone_gives_no_features(tmp_path: Path) -> None:
    save_tiny_graph(tmp_path / "model.onnx")
    text = "name: a\ndata: {folder: images}\ninspected_model: {onnx: model.onnx}\n"
    (tmp_path / "report.yaml").write_text(text)
    with pytest.raises(ConfigError, match="an ONNX file gives neither features nor gradients"):
        load_config(tmp_path / "report.yaml")
    (tmp_path / "report.yaml").write_text(text + "feature_model: {torchvision: resnet18}\n")
    assert load_config(tmp_path / "report.yaml").feature_model is not None
