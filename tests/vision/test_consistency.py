"""Models that are random or depend on their neighbours are noticed; rounding and harmless habits are not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.consistency import check_consistency
from barlow_report.vision.models import LoadedModel
from tests.vision.toys import ColourNet, wrap

IMAGES = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(3))


class Changed(ColourNet):
    """Does something to its images or to its features."""

    def __init__(
        self,
        images: Callable[["Changed", torch.Tensor], torch.Tensor] | None = None,
        features: Callable[["Changed", torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.change_images, self.change_features = images, features
        self.register_buffer("mean", torch.zeros(3, 1, 1))
        self.mean: torch.Tensor
        self.n_calls = 0
        self.own = torch.Generator()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.n_calls += 1
        if self.change_images is not None:
            x = self.change_images(self, x)
        features = self.pool(self.relu(self.conv(x))).flatten(1)
        if self.change_features is not None:
            features = self.change_features(self, features)
        logits: torch.Tensor = self.fc(features)
        return logits


def noise(model: Changed, x: torch.Tensor, size: float = 0.1) -> torch.Tensor:
    return x + size * torch.randn(x.shape, generator=model.own)


def seeded_noise(model: Changed, x: torch.Tensor) -> torch.Tensor:
    model.own.manual_seed(0)
    return noise(model, x)


def rounded(_: Changed, x: torch.Tensor) -> torch.Tensor:
    """As kernels of another size would round."""
    return (x.half() * (1.002 if len(x) == 1 else 1)).float()


def running_mean(model: Changed, x: torch.Tensor) -> torch.Tensor:
    model.mean += 0.01 * (x.mean(dim=(0, 2, 3)).view(3, 1, 1) - model.mean)
    return x - 1e-3 * model.mean


class InTraining(ColourNet):
    """Stays in training mode whatever it is told."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def train(self, mode: bool = True) -> "InTraining":
        return super().train(mode or True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.layer(self.pool(self.conv(x)).flatten(1)))
        return logits


def check(model: LoadedModel, *, allow: Literal["random", "batch"] | None = None) -> str | None:
    return check_consistency(replace(model, allow_varying=allow), IMAGES, uses="both", batch_size=32).assumption


RANDOM: dict[str, Callable[[], nn.Module]] = {
    "functional dropout": lambda: Changed(features=lambda _, x: F.dropout(x)),
    "dropout of 1 %": lambda: Changed(features=lambda _, x: F.dropout(x, 0.01)),
    "a module made in forward": lambda: Changed(features=lambda _, x: nn.Dropout(0.1)(x)),
    "noise of 0.001": lambda: Changed(images=lambda _, x: x + 1e-3 * torch.randn_like(x)),
    "noise from a generator of its own": lambda: Changed(images=noise),
    "a count of its calls": lambda: Changed(features=lambda model, x: x * (1 + 1e-4 * model.n_calls)),
    "running statistics that go on": lambda: Changed(images=running_mean),
    "training mode": lambda: InTraining(nn.Dropout(0.1)),
}
BATCH: dict[str, Callable[[], nn.Module]] = {
    "batch statistics": lambda: InTraining(nn.BatchNorm1d(4, affine=False, track_running_stats=False)),
    "a mean that matters little": lambda: Changed(images=lambda _, x: x - 1e-3 * x.mean(dim=0, keepdim=True)),
    "the first image": lambda: Changed(features=lambda _, x: x + 0.01 * x[:1]),
    "the image before": lambda: Changed(features=lambda _, x: x + 0.01 * x.roll(1, dims=0)),
    "the largest value of the batch": lambda: Changed(images=lambda _, x: x / x.max()),
    "the size of the batch": lambda: Changed(features=lambda _, x: x * (0.5 if len(x) < 8 else 1.0)),
    "the size of a full batch": lambda: Changed(features=lambda _, x: x * (0.5 if len(x) > 16 else 1.0)),
    "the place in the batch": lambda: Changed(features=lambda _, x: x + 0.01 * torch.arange(len(x)).view(-1, 1)),
    "the same noise each time": lambda: Changed(images=seeded_noise),
}
FINE: dict[str, Callable[[], nn.Module]] = {
    "an ordinary network": ColourNet,
    "in place": lambda: Changed(images=lambda _, x: x.sub_(0.5)),
    "noise of size 0": lambda: Changed(images=lambda _, x: x + 0 * torch.randn_like(x)),
    "half precision inside": lambda: Changed(features=rounded),
    "a seed of its own for all": lambda: Changed(features=lambda _, x: (torch.manual_seed(0), x + torch.randn(4))[1]),
    "one image's own statistics": lambda: Changed(images=lambda _, x: x - x.mean(dim=(2, 3), keepdim=True)),
    "inference mode": lambda: Changed(features=torch.inference_mode()(lambda _, x: x * 2)),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_random_model_is_refused_unless_it_is_allowed(name: str) -> None:
    model = wrap(RANDOM[name]())
    with pytest.raises(
        ModelError, match=r"_model: toy gives .* when the same images run again.*'allow_varying: random"
    ):
        check(model)
    with pytest.raises(ModelError, match="when the same images run again"):
        check(model, allow="batch")
    words = check(model, allow="random")
    assert words is not None
    assert words.startswith("The feature model does not give an image the same results each time")


@pytest.mark.parametrize("name", BATCH)
def test_a_model_that_depends_on_its_neighbours_is_refused_unless_it_is_allowed(name: str) -> None:
    model = wrap(BATCH[name]())
    with pytest.raises(ModelError, match=r"when other images are in the batch.*'allow_varying: batch'"):
        check(model)
    assert check(model, allow="batch") is not None


@pytest.mark.parametrize("name", FINE)
def test_what_changes_no_result_is_not_remarked_on(name: str) -> None:
    assert check(wrap(FINE[name]())) is None


def test_nan_for_the_same_images_is_no_chance() -> None:
    """The pass names the image."""
    model = wrap(Changed(features=lambda _, x: torch.where(x[:, :1] > 0.5, torch.nan, x)))
    assert check_consistency(model, IMAGES, uses="both", batch_size=16).assumption is None


def test_what_is_not_used_need_not_be_the_same() -> None:
    class Noisy(ColourNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = super().forward(x)
            return logits + torch.randn_like(logits)

    model = wrap(Noisy(), feature_module="fc")
    assert check_consistency(model, IMAGES, uses="features", batch_size=32).assumption is None
    with pytest.raises(ModelError, match="16 predictions change"):
        check_consistency(model, IMAGES, uses="outputs", batch_size=32)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (
            InTraining(nn.Dropout(0.1)),
            r"it draws random numbers; in training mode in spite of eval\(\): layer \(Dropout\)",
        ),
        (Changed(images=running_mean), r"changes its own values while it runs \(mean\)"),
        (Changed(images=noise), "may remember earlier images, count its calls, or have a source of random"),
        (BATCH["a mean that matters little"](), "over the whole batch"),
        (BATCH["the place in the batch"](), "on the place of an image"),
        (BATCH["batch statistics"](), r"without running statistics: layer; in training mode"),
    ],
)
def test_the_likely_reason_is_named(module: nn.Module, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        check(wrap(module))


@pytest.mark.parametrize("name", ["noise of 0.001", "a mean that matters little"])
def test_one_image_is_enough(name: str) -> None:
    with pytest.raises(ModelError, match="same image other results"):
        check_consistency(wrap({**RANDOM, **BATCH}[name]()), IMAGES[:1], uses="both", batch_size=1)
    assert check_consistency(wrap(ColourNet()), IMAGES[:1], uses="both", batch_size=1).assumption is None
