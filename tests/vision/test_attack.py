"""The feature attack: known steps, limits, independence of pairs, honesty when nothing can rise."""

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from barlow_report.config import AttackConfig
from barlow_report.vision.attack import attack_features
from barlow_report.vision.models import LoadedModel
from tests.vision.toys import ColourNet, Net, rectified_mean, wrap


@pytest.fixture(scope="module")
def net() -> LoadedModel:
    return wrap(Net(rectified_mean))


def random_images(n: int, *, seed: int = 0, size: int = 8) -> torch.Tensor:
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_one_step_is_the_normalised_gradient_times_the_step_size() -> None:
    images = torch.full((1, 3, 8, 8), 0.25)
    result = attack_features(
        wrap(ColourNet()), images, torch.tensor([0]), settings=AttackConfig(step_size=2, n_steps=1, radius="none")
    )
    expected = images.clone()
    expected[0, 0] += 2 / 8  # the gradient is the same for all 64 red pixels: each has 1/8 of its length
    assert torch.allclose(result.images, expected, atol=1e-6)
    assert result.activation.tolist() == pytest.approx([0.25])
    assert result.attacked_activation.tolist() == pytest.approx([0.5])


def test_steps_are_clamped_to_pixels_that_exist() -> None:
    images = torch.full((1, 3, 8, 8), 0.25)
    result = attack_features(
        wrap(ColourNet()), images, torch.tensor([1]), settings=AttackConfig(step_size=100, radius="none")
    )
    assert torch.equal(result.images[0, 1], torch.ones(8, 8))
    assert torch.equal(result.images[0, [0, 2]], images[0, [0, 2]])
    assert result.attacked_activation.tolist() == [1.0]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    step_size=st.sampled_from([0.1, 1.0, 10.0, 50.0]),
    radius=st.sampled_from([0.5, 2.0, "auto", "none"]),
    n_steps=st.integers(1, 6),
)
def test_activation_rises_within_all_limits(
    net: LoadedModel, seed: int, step_size: float, radius: float | Literal["auto", "none"], n_steps: int
) -> None:
    images = random_images(4, seed=seed)
    ids = torch.arange(4)
    settings_ = AttackConfig(step_size=step_size, n_steps=n_steps, radius=radius, batch_size=4)
    result = attack_features(net, images, ids, settings=settings_)
    # a feature that is silent on an image needs luck to be woken within a few steps
    assert bool((result.attacked_activation > result.activation)[result.activation > 0].all())
    assert bool((result.attacked_activation >= result.activation).all())
    assert float(result.images.min()) >= 0
    assert float(result.images.max()) <= 1
    if radius != "none":
        limit = 0.1 * (3 * 8 * 8) ** 0.5 if radius == "auto" else radius
        assert float((result.images - images).flatten(1).norm(dim=1).max()) <= limit * 1.0001
    with torch.no_grad():
        reached = net.features(result.images)[1][ids, ids]
        began = net.features(images)[1][ids, ids]
    assert torch.allclose(reached, result.attacked_activation, atol=1e-5)
    assert torch.allclose(began, result.activation, atol=1e-5)


def test_pairs_do_not_depend_on_their_neighbours(net: LoadedModel) -> None:
    images = random_images(37)
    ids = np.arange(37) % 6
    settings_ = AttackConfig(step_size=2, n_steps=40, batch_size=32)
    together = attack_features(net, images, ids, settings=settings_)
    for i in (0, 16, 36):
        alone = attack_features(net, images[i : i + 1], ids[i : i + 1], settings=settings_)
        assert torch.allclose(alone.images[0], together.images[i], atol=1e-5)
        assert torch.allclose(alone.attacked_activation[0], together.attacked_activation[i], atol=1e-5)


def test_steps_get_shorter_unless_they_are_asked_to_be_constant() -> None:
    images = torch.full((1, 3, 8, 8), 0.25)
    for schedule, length in (("constant", 4.0), ("linear", 1 + 0.75 + 0.5 + 0.25)):
        settings_ = AttackConfig.model_validate({"step_size": 1, "n_steps": 4, "schedule": schedule, "radius": "none"})
        result = attack_features(wrap(ColourNet()), images, torch.tensor([0]), settings=settings_)
        assert torch.allclose(result.images[0, 0] - 0.25, torch.full((8, 8), length / 8), atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_activations_are_those_of_the_model_in_float32_whatever_found_the_way(net: LoadedModel, precision: str) -> None:
    images, ids = random_images(20), torch.arange(20) % 6
    settings_ = AttackConfig.model_validate({"step_size": 2, "n_steps": 20, "precision": precision})
    result = attack_features(net, images, ids, settings=settings_)
    with torch.no_grad():
        reached = net.features(result.images)[1].gather(1, ids[:, None]).squeeze(1)
        began = net.features(images)[1].gather(1, ids[:, None]).squeeze(1)
    assert torch.allclose(result.attacked_activation, reached, atol=1e-5)
    assert torch.allclose(result.activation, began, atol=1e-5)
    assert bool((result.attacked_activation > result.activation)[began > 0].all())


def test_more_pairs_than_a_batch_and_none_at_all(net: LoadedModel) -> None:
    settings_ = AttackConfig(n_steps=2, batch_size=3)
    result = attack_features(net, random_images(7), torch.zeros(7, dtype=torch.int64), settings=settings_)
    assert (result.images.shape, result.activation.shape) == ((7, 3, 8, 8), (7,))
    empty = attack_features(net, random_images(0), torch.zeros(0, dtype=torch.int64), settings=settings_)
    assert (empty.images.shape, empty.attacked_activation.shape) == ((0, 3, 8, 8), (0,))


def test_the_images_given_are_not_changed(net: LoadedModel) -> None:
    images = random_images(2)
    before = images.clone()
    attack_features(net, images, torch.tensor([0, 1]), settings=AttackConfig(n_steps=3))
    assert torch.equal(images, before)


def test_a_feature_with_zero_gradient_is_woken_by_a_perturbation() -> None:
    images = torch.full((1, 3, 8, 8), 0.4)  # feature 3 is zero until blue exceeds 0.5
    model = wrap(ColourNet())
    results = [attack_features(model, images, torch.tensor([3]), settings=AttackConfig(n_steps=8)) for _ in range(2)]
    assert results[0].activation.tolist() == [0.0]
    assert float(results[0].attacked_activation[0]) > 0.02
    assert torch.equal(results[0].images, results[1].images)


class Silent(ColourNet):
    """Feature 0 is always zero."""

    def __init__(self) -> None:
        super().__init__()
        self.conv.weight = nn.Parameter(self.conv.weight.detach().clone())
        with torch.no_grad():
            self.conv.weight[0] = 0


def test_a_feature_that_cannot_rise_says_so_and_keeps_its_image() -> None:
    images = random_images(1)
    result = attack_features(wrap(Silent()), images, torch.tensor([0]), settings=AttackConfig(n_steps=3))
    assert result.activation.tolist() == result.attacked_activation.tolist() == [0.0]
    assert torch.equal(result.images, images)


def test_an_image_at_the_maximum_keeps_its_activation() -> None:
    result = attack_features(
        wrap(ColourNet()), torch.ones(1, 3, 8, 8), torch.tensor([0]), settings=AttackConfig(n_steps=3)
    )
    assert result.activation.tolist() == result.attacked_activation.tolist() == [1.0]


class Narrow(nn.Module):
    """One feature that is highest where the mean red is 0.5: long steps jump over the peak."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(-((x[:, :1].mean(dim=(2, 3)) - 0.5) ** 2))
        return logits


def test_steps_that_are_too_long_are_shortened_until_the_activation_rises() -> None:
    images = torch.full((1, 3, 8, 8), 0.4)
    result = attack_features(
        wrap(Narrow()), images, torch.tensor([0]), settings=AttackConfig(step_size=50, n_steps=3, radius="none")
    )
    assert float(result.activation[0]) == pytest.approx(-0.01, rel=1e-4)
    assert float(result.attacked_activation[0]) > -0.005


def test_weights_get_no_gradients(net: LoadedModel) -> None:
    attack_features(net, random_images(1), torch.tensor([0]), settings=AttackConfig(n_steps=2))
    assert all(parameter.grad is None for parameter in net.module.parameters())


@pytest.mark.parametrize(("ids", "message"), [([0], "one per image"), ([0, 6], "outside of 0 to 5")])
def test_feature_ids_that_do_not_fit_are_refused(net: LoadedModel, ids: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack_features(net, random_images(2), torch.tensor(ids), settings=AttackConfig())
