"""Faster models compute the same: folding, layout, bfloat16, copies for threads, and what cannot be made faster."""

import threading

import pytest
import torch
from torch import nn

from barlow_report.vision.acceleration import AcceleratedModel, accelerate, replicate
from barlow_report.vision.models import LoadedModel
from tests.vision.toys import ColourNet, Net, n_hooks, rectified_mean, wrap

IMAGES = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(3))


class Residual(nn.Module):
    """Convolutions with normalisation, one of them shared by a second path, one used twice, one without."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem, self.stem_norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.branched, self.branched_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.twice, self.twice_norm = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 3)
        for norm in (self.stem_norm, self.branched_norm, self.twice_norm):
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.normal_(norm.bias)
            norm.running_mean = torch.randn(8)
            norm.running_var = torch.rand(8) + 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_norm(self.stem(x)).relu()
        plain = self.branched(x)
        x = self.branched_norm(plain).relu() + plain  # the convolution's own output is used too
        for _ in range(2):
            x = self.twice_norm(self.twice(x)).relu()
        logits: torch.Tensor = self.fc(self.pool(x).flatten(1))
        return logits


class Simple(nn.Module):
    """Two convolutions with normalisation, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU()), *(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16))
        )
        self.layers[1].running_var = torch.rand(16) + 0.5
        self.layers[4].running_mean = torch.randn(16) / 10
        self.fc = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.layers(x).relu().mean(dim=(2, 3)))
        return logits


class Flattening(nn.Module):
    """Cannot take images with their channels last: it asks for a view that they do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 1), nn.Linear(4 * 64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.conv(x).view(len(x), -1))
        return logits


class Locked(ColourNet):
    """Cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def outputs(model: LoadedModel, images: torch.Tensor = IMAGES) -> list[torch.Tensor]:
    with torch.no_grad():
        return [output for output in model.features(images) if output is not None]


def norms(model: LoadedModel) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.module.modules())


@pytest.mark.parametrize("module", [Residual, Simple, ColourNet])
def test_an_accelerated_model_gives_the_same_logits_features_and_maps(module: type[nn.Module]) -> None:
    model = wrap(module(), size=12)
    fast = accelerate(model)
    assert isinstance(fast, AcceleratedModel)
    assert fast.memory_format == torch.channels_last
    for found, expected in zip(outputs(fast), outputs(model), strict=True):
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert torch.allclose(fast.predict(IMAGES), model.predict(IMAGES), rtol=1e-5, atol=1e-6)
    assert n_hooks(fast.module) == n_hooks(model.module) == 0


def test_normalisation_goes_into_the_convolution_before_it_unless_it_is_needed_elsewhere() -> None:
    assert norms(accelerate(wrap(Simple(), size=12))) == 0
    model = wrap(Residual(), size=12)
    # what would change the model is not done at all: the branch makes the folded model another one
    assert norms(accelerate(model)) == norms(model) == 3


def test_the_model_that_was_given_is_left_as_it_is() -> None:
    model = wrap(Simple(), size=12)
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    accelerate(model, precision="bfloat16")
    after = model.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) and after[name].dtype == before[name].dtype for name in before)


def test_bfloat16_keeps_features_within_two_percent_and_returns_float32() -> None:
    model = wrap(Simple(), size=12)
    fast = accelerate(model, precision="bfloat16")
    assert fast.module.layers[0].weight.dtype == torch.bfloat16  # type: ignore[index, union-attr]
    for found, expected in zip(outputs(fast), outputs(model), strict=True):
        assert found.dtype == torch.float32
        assert float((found - expected).norm() / expected.norm()) < 0.02
    # a mean of many rounded values, not a rounded mean
    features = outputs(fast)[1]
    assert not torch.equal(features, features.bfloat16().float())


def test_gradients_flow_through_a_faster_model() -> None:
    model = wrap(Simple(), size=12)
    gradients = []
    for candidate in (model, accelerate(model), accelerate(model, precision="bfloat16")):
        images = IMAGES.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(candidate.features(images)[1][:, 1].sum(), images)
        gradients.append(gradient)
    assert torch.allclose(gradients[1], gradients[0], atol=1e-6)
    assert torch.nn.functional.cosine_similarity(gradients[2].flatten(), gradients[0].flatten(), dim=0) > 0.99


def test_a_model_that_cannot_take_the_layout_runs_without_it() -> None:
    model = wrap(Flattening(), feature_module="fc")
    fast = accelerate(model)
    assert isinstance(fast, AcceleratedModel)
    assert fast.memory_format == torch.contiguous_format
    images = IMAGES[:, :, :8, :8].contiguous(memory_format=torch.channels_last)
    assert torch.allclose(fast.predict(images), model.predict(images.contiguous()), atol=1e-6)


def test_a_model_that_cannot_be_copied_is_returned_itself() -> None:
    model = wrap(Locked())
    assert accelerate(model) is model
    assert replicate(model) is None


def test_copies_share_their_weights() -> None:
    model = wrap(Net(rectified_mean))
    copied = replicate(model)
    assert copied is not None
    assert copied.module is not model.module
    for mine, theirs in zip(copied.module.parameters(), model.module.parameters(), strict=True):
        assert mine.data_ptr() == theirs.data_ptr()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_models_give_the_same_features() -> None:
    model = wrap(Simple(), size=12)
    fast = accelerate(model, compiled=True)
    if not (isinstance(fast, AcceleratedModel) and fast.is_compiled):
        pytest.skip("no compiler here")
    for found, expected in zip(outputs(fast), outputs(model), strict=True):
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert replicate(fast) is None
