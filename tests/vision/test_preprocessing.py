"""Preprocessing equals torchvision's, and thumbnails show what the model sees."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from barlow_report.config import PreprocessingConfig
from barlow_report.vision import preprocessing
from barlow_report.vision.images import UnreadableImage
from barlow_report.vision.preprocessing import field_of_view, geometry, to_tensor
from tests.vision.toys import noise_image

MODES = {
    "bilinear": transforms.InterpolationMode.BILINEAR,
    "bicubic": transforms.InterpolationMode.BICUBIC,
}

configs = st.builds(
    PreprocessingConfig,
    resize=st.none() | st.integers(1, 40) | st.tuples(st.integers(1, 40), st.integers(1, 40)),
    crop=st.none() | st.integers(1, 40),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
)


def torchvision_tensor(image: Image.Image, config: PreprocessingConfig) -> torch.Tensor:
    steps: list[object] = []
    if config.resize is not None:
        size = list(config.resize) if isinstance(config.resize, tuple) else config.resize
        steps.append(transforms.Resize(size, interpolation=MODES[config.interpolation]))
    if config.crop is not None:
        steps.append(transforms.CenterCrop(config.crop))
    result: torch.Tensor = transforms.Compose([*steps, transforms.ToTensor()])(image)
    return result


@settings(max_examples=150, deadline=None)
@given(config=configs, width=st.integers(1, 50), height=st.integers(1, 50))
def test_tensors_equal_torchvisions_bit_by_bit(config: PreprocessingConfig, width: int, height: int) -> None:
    image = noise_image(0, size=(width, height))
    found = to_tensor(image, config)
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert torch.equal(found, torchvision_tensor(image, config))


def test_the_field_of_view_is_the_part_that_is_cropped_at_full_resolution() -> None:
    image = Image.new("RGB", (400, 200), (0, 0, 0))
    image.paste((255, 0, 0), (125, 25, 275, 175))  # what is left of it by resize 100, crop 75
    view = field_of_view(image, PreprocessingConfig(resize=100, crop=75))
    assert view.size == (150, 150)
    assert abs(np.asarray(view)[:, :, 0].astype(int) - 255).mean() < 5  # the corner is rounded to a pixel of 100


def test_without_a_crop_the_model_sees_the_whole_image() -> None:
    image = noise_image(0, size=(30, 20))
    assert field_of_view(image, PreprocessingConfig(resize=(8, 8))) is image


def test_a_crop_larger_than_the_image_is_black_around_it() -> None:
    view = field_of_view(Image.new("RGB", (10, 10), (255, 255, 255)), PreprocessingConfig(crop=20))
    assert view.size == (20, 20)
    assert np.asarray(view)[:, :, 0].sum() == 255 * 100
    assert view.getpixel((5, 5)) == (255, 255, 255)


@settings(max_examples=60, deadline=None)
@given(config=configs, width=st.integers(1, 50), height=st.integers(1, 50))
def test_a_field_of_view_is_never_empty(config: PreprocessingConfig, width: int, height: int) -> None:
    view = field_of_view(noise_image(0, size=(width, height)), config)
    assert min(view.size) >= 1


def test_an_image_too_narrow_to_resize_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing, "MAX_PIXELS", 1000)
    with pytest.raises(UnreadableImage, match="too narrow"):
        to_tensor(Image.new("RGB", (500, 1)), PreprocessingConfig(resize=10))


def test_models_that_differ_in_normalisation_only_share_their_pixels() -> None:
    plain = PreprocessingConfig(resize=32, crop=28)
    assert geometry(plain) == geometry(plain.model_copy(update={"mean": (0.5, 0.5, 0.5)}))
    assert geometry(plain) != geometry(plain.model_copy(update={"crop": 27}))
