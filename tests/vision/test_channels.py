"""Models of one channel get images in grey, whatever they are stored as; other numbers of channels are told apart."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn
from torchvision.transforms import functional as transforms

from barlow_report.config import AttackConfig, ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.acceleration import AcceleratedModel, accelerate
from barlow_report.vision.attack import FeatureAttack, attack_features
from barlow_report.vision.channels import LUMA, as_channels, channel_choices, fitting_channels, require_channels
from barlow_report.vision.decisions import Decision
from barlow_report.vision.images import decode_image
from barlow_report.vision.intervention import Interventions
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.outcomes import Change, Task
from barlow_report.vision.preprocessing import combine, geometry, to_pixels, to_tensor
from barlow_report.vision.tiles import compute_tiles
from tests.vision.formats import N_CLASSES, graph_outputs, save_tiny_classifier, save_tiny_graph
from tests.vision.toys import CPU, AnyChannels, ColourNet, noise_image, wrap

GREY = PreprocessingConfig(mean=(0.0,), std=(0.5,))


class GreyNet(nn.Module):
    """Features are the mean brightness, what exceeds 0.5, and a mean that no image reaches; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 1)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.conv.weight[:] = 1.0
            self.conv.bias[:] = torch.tensor([0.0, -0.5, -2.0])  # type: ignore[index]
            self.fc.weight[:] = torch.tensor([[1.0, 0, 0], [0, 4, 0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.pool(self.relu(self.conv(x))).flatten(1))
        return logits


def test_a_model_of_one_channel_is_recognised_and_its_features_are_of_the_brightness() -> None:
    model = wrap(GreyNet())
    assert (model.n_channels, model.preprocessing.mean, model.preprocessing.std) == (1, (0.0,), (1.0,))
    image = Image.new("RGB", (8, 8), (255, 0, 102))
    brightness = (76.245 + 0.114 * 102) / 255
    outputs, features, maps = model.features(to_tensor(image, model.preprocessing)[None])
    assert maps is not None
    assert maps.shape == (1, 3, 8, 8)
    assert features[0].tolist() == pytest.approx([round(brightness * 255) / 255, 0.0, 0.0])
    assert outputs[0].tolist() == pytest.approx([round(brightness * 255) / 255, 0.0])


def test_one_number_is_the_mean_of_whatever_channels_a_model_takes() -> None:
    assert wrap(GreyNet(), preprocessing=GREY).preprocessing.std == (0.5,)
    colours = wrap(ColourNet(), preprocessing=PreprocessingConfig(mean=(0.25,), resize=(8, 8)))
    assert (colours.n_channels, colours.preprocessing.mean) == (3, (0.25,) * 3)
    _, features, _ = colours.features(torch.ones(1, 3, 8, 8))
    assert features[0].tolist() == pytest.approx([0.75, 0.75, 0.75, 0.25])


@pytest.mark.parametrize(
    ("given", "choices", "n_channels"),
    [
        ({}, (3, 1), 3),
        ({"mean": [0.5]}, (1, 3), 1),
        ({"mean": 0.5, "std": [0.5]}, (1, 3), 1),
        ({"mean": [0.1, 0.2, 0.3]}, (3, 1), 3),
        ({"mean": [0.5], "std": [0.1, 0.2, 0.3]}, (3, 1), 3),
    ],
)
def test_a_model_of_any_number_of_channels_gets_what_its_mean_says(
    given: dict[str, Any], choices: tuple[int, ...], n_channels: int
) -> None:
    preprocessing = PreprocessingConfig.model_validate(given)
    assert channel_choices(preprocessing) == choices
    assert wrap(AnyChannels(), preprocessing=preprocessing).n_channels == n_channels


def test_three_equal_means_are_one_and_three_different_ones_are_refused() -> None:
    assert wrap(GreyNet(), preprocessing=PreprocessingConfig(mean=(0.5, 0.5, 0.5))).preprocessing.mean == (0.5,)
    colours = PreprocessingConfig(mean=(0.485, 0.456, 0.406))
    with pytest.raises(ModelError, match=r"takes one channel.*preprocessing.mean has three.*'mean: 0\.449'"):
        wrap(GreyNet(), preprocessing=colours)


@pytest.mark.parametrize("values", [[], [0.1] * 1001, ["a"], [True], True])
def test_other_numbers_of_means_are_refused_at_once(values: object) -> None:
    with pytest.raises(ValidationError):
        PreprocessingConfig.model_validate({"mean": values})


@pytest.mark.parametrize("n_channels", [2, 4, 13])
def test_a_model_of_other_channels_is_recognised_and_wants_bands(n_channels: int) -> None:
    other = nn.Sequential(nn.Conv2d(n_channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    found = fitting_channels(other, PreprocessingConfig(), size=(8, 8), where="model")
    assert found.mean == (0.0,) * n_channels
    model = wrap(other, preprocessing=PreprocessingConfig(mean=(0.5,), std=(0.25,)))
    assert (model.n_channels, model.preprocessing.std) == (n_channels, (0.25,) * n_channels)
    with pytest.raises(ModelError, match=rf"takes images of {n_channels} channels, and images are read.*data\.bands"):
        require_channels(found, None, is_shown=False, where="model")
    with pytest.raises(ModelError, match=rf"takes {n_channels} channels, and preprocessing.mean has 3 numbers"):
        wrap(other, preprocessing=PreprocessingConfig(mean=(0.485, 0.456, 0.406)))
    with pytest.raises(ModelError, match=rf"takes images of {n_channels} channels, and its preprocessing is of 5"):
        wrap(other, preprocessing=PreprocessingConfig(bands=(1, 2, 3, 4, 5)))


def test_the_numbers_of_a_file_and_of_the_configuration_are_compared_channel_by_channel() -> None:
    file = {"mean": (0.5, 0.5, 0.5), "std": (0.25,)}
    found = combine(PreprocessingConfig(mean=(0.5,), std=(0.25, 0.25, 0.25)), source={}, file=file, where="model")
    assert (found.mean, found.std) == ((0.5,), (0.25, 0.25, 0.25))
    with pytest.raises(ModelError, match=r"preprocessing.mean is \[0\.4\], but the file"):
        combine(PreprocessingConfig(mean=(0.4,)), source={}, file=file, where="model")


@pytest.mark.parametrize("crop", [None, 20, 44])
def test_grey_pixels_equal_torchvisions_bit_by_bit(crop: int | None) -> None:
    image = noise_image(0, size=(61, 40))
    config = PreprocessingConfig(resize=32, crop=crop, mean=(0.0,), std=(1.0,))
    expected = transforms.resize(transforms.rgb_to_grayscale(image), 32)
    if crop is not None:
        expected = transforms.center_crop(expected, crop)
    assert torch.equal(to_tensor(image, config), transforms.to_tensor(expected))
    assert geometry(config) != geometry(PreprocessingConfig(resize=32, crop=crop))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("level", [0, 255])
def test_images_of_every_kind_have_one_brightness(tmp_path: Path, mode: str, level: int) -> None:
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    plain = Image.new("L", (8, 8), level)
    if mode == "I;16":
        Image.fromarray(np.full((8, 8), level * 257, dtype=np.uint16)).save(path)
    elif mode == "CMYK":
        plain.convert("RGB").convert("CMYK").save(path)
    else:
        plain.convert("RGB" if mode in ("P", "RGBA") else mode).convert(mode).save(path)
    pixels = to_pixels(decode_image(path.read_bytes()), GREY)
    assert pixels.shape == (8, 8, 1)
    assert set(pixels.flatten().tolist()) == {level}


@pytest.mark.parametrize("level", range(0, 256, 15))
def test_an_image_that_is_grey_keeps_its_brightness_exactly(level: int) -> None:
    assert set(to_pixels(Image.new("RGB", (3, 3), (level,) * 3), GREY).flatten().tolist()) == {level}


def test_a_model_in_grey_is_made_faster_too() -> None:
    model = accelerate(wrap(GreyNet()))
    assert isinstance(model, AcceleratedModel)
    assert model.n_channels == 1
    assert model.memory_format == torch.channels_last


def test_an_attack_in_grey_raises_the_feature_and_stays_grey() -> None:
    model, images = wrap(GreyNet()), torch.full((2, 1, 8, 8), 0.25)
    result = attack_features(
        model, images, torch.tensor([0, 0]), settings=AttackConfig(step_size=2, n_steps=1, radius="none")
    )
    assert torch.allclose(result.images, torch.full((2, 1, 8, 8), 0.5))  # the step is 2, a pixel's share 1/8
    dark = attack_features(model, torch.full((1, 1, 8, 8), 0.4), torch.tensor([1]), settings=AttackConfig())
    assert float(dark.attacked_activation[0]) > 0  # its gradient is zero at the start: noise gets it going
    tiles = compute_tiles(FeatureAttack(model, AttackConfig(n_steps=2)), [noise_image(1)], feature_ids=[0])
    assert tiles.attacks[0].shape == (8, 8, 1)
    assert tiles.attacked_activations[0] > tiles.activations[0]


def test_changes_become_grey_by_the_weights_of_the_colours_and_colours_by_repeating() -> None:
    change = torch.zeros(2, 3, 4, 4)
    change[1, 1] = 0.5
    colours = PreprocessingConfig()
    grey = as_channels(change, colours, GREY)
    assert grey.shape == (2, 1, 4, 4)
    assert torch.allclose(grey[:, 0, 0, 0], torch.tensor([0.0, 0.5 * LUMA[1]]))
    assert as_channels(grey, GREY, GREY) is grey
    assert torch.equal(as_channels(grey, GREY, colours), grey.repeat(1, 3, 1, 1))
    assert sum(LUMA) == pytest.approx(1)  # so that a grey change stays as large


def _experiment(feature: LoadedModel, inspected: LoadedModel, *, level: int) -> Any:
    made = Interventions(feature, inspected, decision=Decision(), n_steps=4, batch_size=8)
    change = Change(
        feature_id=0,
        sign=1,
        target=0.8,
        radius=8.0,
        share=None,
        controls=np.array([1, 2]),
        class_controls=np.array([], dtype=np.int64),
        seed=0,
    )
    image = Image.new("RGB", (8, 8), (level,) * 3)
    return made.run([Task(images=[image], labels=np.array([0]), change=change)])[0]


def test_a_change_in_grey_reaches_an_inspected_model_in_colour_and_the_other_way_round() -> None:
    grey, colours = wrap(GreyNet()), wrap(ColourNet())
    # 0.8 of each colour in place of 0.25: the output for blue is then 0.8 as well, and the last of equals stays behind
    found = _experiment(grey, colours, level=64)
    assert found.is_reached.all()
    assert found.moved_images[0].shape == (8, 8, 1)
    assert found.confidence_moved[0] == pytest.approx(1 / 3)
    # Mean red rises to 0.8: the brightness from 0.251 by 0.299 times 0.549 to 0.415, by which the outputs differ.
    other = _experiment(colours, grey, level=64)
    assert other.is_reached.all()
    assert other.moved_images[0].shape == (8, 8, 3)
    expected = 64 / 255 + 0.299 * (0.8 - 64 / 255)
    assert other.confidence_moved[0] == pytest.approx(1 / (1 + np.exp(-expected)), abs=2e-3)


@pytest.mark.parametrize("n_channels", [1, 4, 13])
@pytest.mark.parametrize("channels_last", [False, True])
def test_an_onnx_file_may_take_any_number_of_channels(tmp_path: Path, channels_last: bool, n_channels: int) -> None:
    save_tiny_graph(tmp_path / "model.onnx", channels_last=channels_last, n_channels=n_channels)
    spec = ModelConfig.model_validate({"onnx": str(tmp_path / "model.onnx"), "preprocessing": {"crop": 16}})
    model = load_model(spec, device=CPU, role="inspected_model", needs_features=False)
    images = torch.rand(3, n_channels, 16, 16)
    assert model.n_channels == n_channels
    assert torch.allclose(model.predict(images), graph_outputs(images), atol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 4, 6])
def test_a_classifier_of_transformers_may_take_any_number_of_channels(tmp_path: Path, n_channels: int) -> None:
    own = save_tiny_classifier(
        tmp_path / "mine", num_channels=n_channels, image_mean=[0.4] * n_channels, image_std=[0.2] * n_channels
    )
    model = load_model(ModelConfig(transformers=str(tmp_path / "mine")), device=CPU, role="inspected_model")
    assert (model.n_channels, model.n_outputs) == (n_channels, N_CLASSES)
    assert model.preprocessing.mean == (0.4,) * n_channels
    images = torch.rand(2, n_channels, 48, 48)
    with torch.inference_mode():
        assert torch.allclose(model.predict(images), own(pixel_values=(images - 0.4) / 0.2).logits, atol=1e-5)


@pytest.mark.parametrize("kind", ["exported", "scripted"])
def test_a_program_may_take_one_channel(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("model.pt2" if kind == "exported" else "model.pt")
    if kind == "exported":
        torch.export.save(torch.export.export(GreyNet().eval(), (torch.rand(2, 1, 8, 8),)), path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript's development has ended
            torch.jit.script(GreyNet().eval()).save(str(path))  # type: ignore[no-untyped-call]
    spec = ModelConfig(program=path, preprocessing=PreprocessingConfig(crop=8))
    model = load_model(spec, device=CPU, role="feature_model")
    assert (model.n_channels, model.n_features, model.has_maps) == (1, 3, True)
    _, features, _ = model.features(torch.full((1, 1, 8, 8), 0.75))
    assert features[0].tolist() == pytest.approx([0.75, 0.25, 0.0])
