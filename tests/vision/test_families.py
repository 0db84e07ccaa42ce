"""One small model of each family: its features, its map, and how the two are related.

Weights are random and images small, because only the architecture matters. `relation` says what holds of the map:

* pooled: its mean over the image is the feature;
* normalised: a normalisation of its mean is;
* class token: nothing is pooled, the map is the other tokens of the same layer;
* none: a dense layer lies between, so that there is no map.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from tests.vision.toys import CPU, n_hooks

SIDE = 64


@dataclass(frozen=True)
class Family:
    library: str
    name: str
    relation: str
    norm: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    feature_module: str | None = None

    def load(self) -> LoadedModel:
        spec = ModelConfig(
            **{self.library: self.name},
            arguments={"num_classes": 7, **self.arguments},
            preprocessing=PreprocessingConfig(crop=SIDE),
            feature_module=self.feature_module,
        )
        torch.manual_seed(0)
        return load_model(spec, device=CPU, role="feature_model")


FAMILIES = [
    Family("torchvision", "resnet18", "pooled"),
    Family("torchvision", "efficientnet_b0", "pooled"),
    Family("torchvision", "mobilenet_v2", "pooled"),
    Family("torchvision", "mobilenet_v3_small", "none"),
    Family("torchvision", "mobilenet_v3_small", "pooled", feature_module="classifier.0"),
    Family("torchvision", "densenet121", "pooled"),
    Family("torchvision", "convnext_tiny", "normalised", norm="classifier.0"),
    Family("torchvision", "regnet_y_400mf", "pooled"),
    Family("torchvision", "vit_b_32", "class token", arguments={"image_size": SIDE}),
    Family("torchvision", "swin_t", "pooled"),
    Family("timm", "test_resnet", "pooled"),
    Family("timm", "test_efficientnet", "pooled"),
    Family("timm", "mobilenetv2_035", "pooled"),
    Family("timm", "mobilenetv3_small_050", "none"),
    Family("timm", "mobilenetv3_small_050", "pooled", feature_module="conv_head"),
    Family("timm", "densenet121", "pooled", arguments={"growth_rate": 8}),
    Family("timm", "test_convnext", "normalised", norm="head.norm"),
    Family("timm", "regnetx_002", "pooled"),
    Family("timm", "test_vit", "class token", arguments={"img_size": SIDE}),
    Family("timm", "test_vit", "normalised", norm="fc_norm", arguments={"img_size": SIDE, "global_pool": "avg"}),
    Family("timm", "swin_tiny_patch4_window7_224", "pooled", arguments={"img_size": SIDE, "embed_dim": 24}),
]


# Tens of millions of weights; timm's small ones of the same families stay in the quick run.
LARGE = {"convnext_tiny", "vit_b_32", "swin_t"}


@pytest.mark.parametrize(
    "family",
    [pytest.param(f, marks=[pytest.mark.slow] if f.name in LARGE else []) for f in FAMILIES],
    ids=lambda f: f"{f.library} {f.name} {f.relation}",
)
def test_the_map_is_what_the_family_s_features_come_from(family: Family) -> None:
    if family.library == "timm":
        pytest.importorskip("timm")
    model = family.load()
    images = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        logits, features, maps = model.features(images)
        assert torch.equal(model.predict(images), logits)
        assert features.shape == (2, model.n_features)
        assert float(features.std()) > 0
        assert n_hooks(model.module) == 0
        if family.relation == "none":
            assert maps is None
            return
        assert maps is not None
        assert model.map_place is not None
        assert maps.shape[:2] == features.shape
        assert maps.shape[2] == maps.shape[3] > 1
        pooled = maps.mean(dim=(2, 3))
        if family.relation == "pooled":
            assert model.map_place.is_exact
            assert torch.allclose(pooled, features, atol=1e-5, rtol=1e-4)
        elif family.relation == "normalised":
            assert not model.map_place.is_exact
            norm = model.module.get_submodule(str(family.norm))
            shaped = pooled if model.map_place.layout == "tokens" else pooled[:, :, None, None]
            assert torch.allclose(norm(shaped).flatten(1), features, atol=1e-5, rtol=1e-4)
        else:
            assert not model.map_place.is_exact
            assert (model.map_place.layout, model.map_place.n_prefix) == ("tokens", 1)


def test_a_class_token_s_map_is_the_grid_of_patches_in_reading_order() -> None:
    pytest.importorskip("timm")
    model = Family("timm", "test_vit", "class token", arguments={"img_size": SIDE}).load()
    assert model.map_place is not None
    tokens = model.module.get_submodule(model.map_place.module)
    seen: list[torch.Tensor] = []
    handle = tokens.register_forward_hook(lambda _, __, output: seen.append(output))
    _, features, maps = model.features(torch.rand(1, 3, SIDE, SIDE))
    handle.remove()
    assert maps is not None
    assert torch.equal(features, seen[0][:, 0])
    side = maps.shape[2]
    assert torch.equal(maps[0, :, 1, 2], seen[0][0, 1 + side + 2])


@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 64)])
def test_tokens_of_an_oblong_image_form_an_oblong_map(height: int, width: int) -> None:
    pytest.importorskip("timm")
    spec = ModelConfig(
        timm="test_vit",
        arguments={"img_size": [height, width]},
        preprocessing=PreprocessingConfig(resize=(height, width)),
    )
    model = load_model(spec, device=CPU, role="feature_model")
    maps = model.features(torch.rand(1, 3, height, width))[2]
    assert maps is not None
    assert maps.shape[2:] == (height // 16, width // 16)


def test_registers_are_told_from_patches() -> None:
    pytest.importorskip("timm")
    spec = ModelConfig(
        timm="test_vit",
        arguments={"img_size": 32, "reg_tokens": 4},  # 2 × 2 patches; 9 tokens, which might be 3 × 3
        preprocessing=PreprocessingConfig(crop=32),
    )
    model = load_model(spec, device=CPU, role="feature_model")
    assert model.map_place is not None
    assert model.map_place.n_prefix == 5
