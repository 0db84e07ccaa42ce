"""Finding features and maps by one run, without knowing the architecture."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.loading import load_model
from tests.vision.toys import CPU, ColourNet, Net, n_hooks, rectified_mean, wrap


def pooled(module: nn.Module, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features, and the mean of the map."""
    _, features, maps = wrap(module, size=size).features(torch.rand(3, 3, size, size))
    assert maps is not None
    return features, maps.mean(dim=(2, 3))


@pytest.mark.parametrize(
    ("name", "n_features", "feature_module", "map_module"),
    [
        ("resnet18", 512, "fc", "layer4"),
        ("efficientnet_b0", 1280, "classifier.1", "features"),
        ("mobilenet_v2", 1280, "classifier.1", "features"),
        ("densenet121", 1024, "classifier", "features"),
        ("shufflenet_v2_x0_5", 1024, "fc", "conv5"),
    ],
)
def test_the_map_that_is_pooled_is_found(name: str, n_features: int, feature_module: str, map_module: str) -> None:
    spec = ModelConfig(torchvision=name, arguments={"num_classes": 7}, preprocessing=PreprocessingConfig(crop=64))
    model = load_model(spec, device=CPU, role="feature_model")
    assert (model.n_outputs, model.n_features, model.feature_place.module) == (7, n_features, feature_module)
    assert model.map_place is not None
    assert (model.map_place.module, model.map_place.is_exact) == (map_module, True)
    with torch.inference_mode():
        logits, features, maps = model.features(torch.rand(2, 3, 64, 64))
    assert maps is not None
    assert maps.shape == (2, n_features, 2, 2)
    assert torch.allclose(maps.mean(dim=(2, 3)), features, atol=1e-5, rtol=1e-4)
    head = model.module.get_submodule(feature_module)
    assert torch.allclose(head(features), logits, atol=1e-5, rtol=1e-4)
    assert n_hooks(model.module) == 0


def test_a_map_that_is_normalised_after_pooling_is_found_by_its_gradient() -> None:
    spec = ModelConfig(torchvision="convnext_tiny", preprocessing=PreprocessingConfig(crop=64))
    model = load_model(spec, device=CPU, role="feature_model")
    assert model.map_place is not None
    assert (model.map_place.module, model.map_place.is_exact) == ("features", False)


@pytest.mark.parametrize(("name", "n_features"), [("mobilenet_v3_small", 1024), ("vgg11", 4096)])
def test_features_behind_a_dense_layer_have_no_map(name: str, n_features: int) -> None:
    spec = ModelConfig(torchvision=name, preprocessing=PreprocessingConfig(crop=32))
    model = load_model(spec, device=CPU, role="feature_model")
    assert (model.n_features, model.has_maps) == (n_features, False)
    assert model.features(torch.rand(1, 3, 32, 32))[2] is None


def test_a_map_of_one_position_is_no_map() -> None:
    spec = ModelConfig(torchvision="resnet18", preprocessing=PreprocessingConfig(crop=32))
    assert not load_model(spec, device=CPU, role="feature_model").has_maps


def test_a_function_that_rectifies_before_pooling_is_followed() -> None:
    features, mean = pooled(Net(rectified_mean), size=8)
    assert torch.allclose(features, mean, atol=1e-6)
    place = wrap(Net(rectified_mean)).map_place
    assert place is not None
    assert (place.module, place.rectified) == ("conv", True)


class PoolsAFunction(nn.Module):
    """The map is the output of no module, but the input of one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.pool(F.silu(self.conv(x))).flatten(1))
        return logits


def test_the_input_of_the_pooling_serves_where_no_module_returns_the_map() -> None:
    features, mean = pooled(PoolsAFunction(), size=8)
    assert torch.allclose(features, mean, atol=1e-6)
    place = wrap(PoolsAFunction()).map_place
    assert place is not None
    assert (place.module, place.side) == ("pool", "input")


def test_in_place_activations_are_seen_as_they_end_up() -> None:
    place = wrap(ColourNet()).map_place
    assert place is not None
    assert place.is_exact
    _, mean = pooled(ColourNet(), size=8)
    assert float(mean.min()) >= 0


def test_maximum_pooling_keeps_channels_and_is_found_inexactly() -> None:
    place = wrap(Net(lambda x: x.amax(dim=(2, 3)))).map_place
    assert place is not None
    assert (place.module, place.is_exact) == ("conv", False)


def test_a_map_whose_channels_are_mixed_is_not_taken_for_the_features() -> None:
    mixing = nn.Sequential(nn.Flatten(), nn.Linear(6 * 36, 6))  # as many features as channels, by accident
    assert not wrap(Net(mixing)).has_maps


def test_a_convolution_of_one_pixel_behind_pooling_is_a_head_too() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten())
    model = wrap(module)
    assert (model.n_features, model.feature_place.module) == (6, "2")
    assert model.features(torch.rand(2, 3, 8, 8))[1].shape == (2, 6)


def test_features_that_are_not_found_give_candidates_with_their_shapes() -> None:
    spec = ModelConfig(torchvision="squeezenet1_0", preprocessing=PreprocessingConfig(crop=64))
    with pytest.raises(ModelError, match=r"'feature_module'.*classifier.3 \(AdaptiveAvgPool2d, output \(2, 1000, 1, 1"):
        load_model(spec, device=CPU, role="feature_model")


class Scaled(nn.Module):
    """The head's output is scaled, so that no linear layer's output is the model's."""

    def __init__(self) -> None:
        super().__init__()
        self.body = ColourNet()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(x) * 3
        return logits


def test_an_explicit_module_names_the_features_and_the_map() -> None:
    with pytest.raises(ModelError, match=r"body.fc \(Linear, input \(2, 4\)\)"):
        wrap(Scaled())
    model = wrap(Scaled(), feature_module="body.fc")
    assert model.n_features == 4
    assert model.map_place is not None
    assert model.map_place.is_exact
    _, _, maps = wrap(Scaled(), feature_module="body.fc", map_module="body.conv").features(torch.rand(1, 3, 8, 8))
    assert maps is not None
    assert maps.shape == (1, 4, 8, 8)


@pytest.mark.parametrize(
    ("feature_module", "map_module", "message"),
    [
        ("head", None, "feature_module 'head' is not a module that runs"),
        ("conv", None, r"input of feature_module 'conv' has shape \(2, 3, 8, 8\)"),
        (None, "head", "map_module 'head' is not a module"),
        (None, "fc", r"output of map_module 'fc' has shape \(2, 3\)"),
    ],
)
def test_an_explicit_module_that_does_not_fit_is_a_clear_error(
    feature_module: str | None, map_module: str | None, message: str
) -> None:
    module = ColourNet()
    with pytest.raises(ModelError, match=message):
        wrap(module, feature_module=feature_module, map_module=map_module)
    assert n_hooks(module) == 0
