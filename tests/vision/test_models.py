"""Loading models: sources, weights, errors, and what a loaded model promises."""

import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ConfigError, ModelError
from barlow_report.vision.acceleration import replicate
from barlow_report.vision.devices import choose_device
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.output_counts import check_outputs
from barlow_report.vision.output_shapes import select_output
from tests.vision.toys import CPU, ColourNet, n_hooks, wrap

FACTORY = """
from torch import nn
from layers import Flatten

class Model(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.flatten = Flatten()
        self.fc = nn.Linear(48, n_classes)

    def forward(self, x):
        return self.fc(self.flatten(x))

def build(n_classes=3):
    return Model(n_classes)

def broken():
    raise RuntimeError("no such luck")

def no_model():
    return 3

def scripted():
    import warnings
    import torch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Linear(1, 1))
"""

LAYERS = "from torch import nn\n\nclass Flatten(nn.Flatten):\n    marker = {marker!r}\n"


def factory_file(folder: Path, *, marker: str = "one") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(FACTORY)
    (folder / "layers.py").write_text(LAYERS.format(marker=marker))
    return folder / "net.py"


def load(folder: Path, *, function: str = "build", size: int = 4, **settings: Any) -> LoadedModel:
    spec = ModelConfig(
        factory=f"{factory_file(folder)}:{function}",
        preprocessing=PreprocessingConfig(resize=(size, size)),
        **settings,
    )
    return load_model(spec, device=CPU, role="inspected_model")


def reference(n_classes: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {"fc.weight": torch.randn(n_classes, 48), "fc.bias": torch.randn(n_classes)}


def test_a_loaded_model_is_frozen_in_evaluation_mode_and_knows_its_sizes(tmp_path: Path) -> None:
    model = load(tmp_path)
    assert not any(part.training for part in model.module.modules())
    assert not any(parameter.requires_grad for parameter in model.module.parameters())
    assert (model.name, model.n_outputs, model.n_features, model.has_maps) == ("net:build", 3, 48, False)
    assert n_hooks(model.module) == 0


def test_a_file_factory_leaves_no_trace_and_may_share_names_with_another(tmp_path: Path) -> None:
    path = list(sys.path)
    first = load(tmp_path / "one")
    factory_file(tmp_path / "two", marker="two")
    spec = ModelConfig(factory=f"{tmp_path / 'two' / 'net.py'}:build", preprocessing=PreprocessingConfig(resize=(4, 4)))
    second = load_model(spec, device=CPU, role="feature_model")
    assert [model.module.get_submodule("flatten").marker for model in (first, second)] == ["one", "two"]
    assert sys.path == path
    assert "layers" not in sys.modules
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_package_factory_is_imported() -> None:
    spec = ModelConfig(factory="tests.vision.toys:ColourNet", preprocessing=PreprocessingConfig(resize=(4, 4)))
    model = load_model(spec, device=CPU, role="inspected_model")
    assert model.name == "tests.vision.toys:ColourNet"
    assert len(model.source_sha256) == 64


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"factory": "no.such.package:build"}, "importing 'no.such.package' failed"),
        ({"factory": "no_such_file.py:build"}, "found no file no_such_file.py"),
        ({"torchvision": "resnet19"}, "no classification model 'resnet19'; it has .*resnet18"),
        ({"torchvision": "resnet18", "arguments": {"weights": "DEFAULT"}}, "would download"),
        ({"torchvision": "resnet18", "arguments": {"classes": 3}}, "resnet18 with 'arguments' .* failed"),
    ],
)
def test_a_source_that_cannot_be_built_is_a_clear_error(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load_model(ModelConfig(**spec), device=CPU, role="inspected_model")
    assert str(caught.value).startswith("inspected_model: ")


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("missing", {}, "there is no function 'missing'; found .*build"),
        ("broken", {}, "RuntimeError: no such luck"),
        ("no_model", {}, "returned int, expected a torch.nn.Module"),
        ("scripted", {}, "returned TorchScript, .* name the file as 'program'"),
        ("build", {"classes": 3}, "unexpected keyword argument 'classes'"),
    ],
)
def test_a_factory_that_fails_is_a_clear_error(
    tmp_path: Path, function: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load(tmp_path, function=function, arguments=arguments)


def test_a_file_that_is_no_python_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def build(:\n")
    with pytest.raises(ModelError, match="SyntaxError"):
        load_model(ModelConfig(factory=f"{tmp_path / 'bad.py'}:build"), device=CPU, role="inspected_model")


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {}},
        lambda state: {"model_state_dict": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {
            "model": {
                **{f"module.model.{key}": value for key, value in state.items()},
                **{f"module.attacker.model.{key}": value * 2 for key, value in state.items()},
                "module.normalizer.new_mean": torch.zeros(3),
            }
        },
    ],
    ids=["plain", "state_dict", "model", "data parallel in a checkpoint", "data parallel", "robustness library"],
)
def test_usual_forms_of_weights_are_understood(tmp_path: Path, wrapped: object) -> None:
    torch.save(wrapped(reference()), tmp_path / "weights.pt")  # type: ignore[operator]
    model = load(tmp_path, weights=tmp_path / "weights.pt")
    assert torch.equal(model.module.state_dict()["fc.weight"], reference()["fc.weight"])


def test_safetensors_and_torch_files_give_the_same_model_and_their_own_hash(tmp_path: Path) -> None:
    torch.save(reference(), tmp_path / "weights.pt")
    safetensors.torch.save_file(reference(), tmp_path / "weights.safetensors")
    models = [load(tmp_path, weights=tmp_path / f"weights.{suffix}") for suffix in ("pt", "safetensors")]
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(models[0].predict(images), models[1].predict(images))
    assert models[0].sha256 != models[1].sha256
    assert models[0].source_sha256 == models[1].source_sha256


def test_without_a_file_the_hash_is_that_of_the_values() -> None:
    plain, changed = wrap(ColourNet()), wrap(ColourNet())
    assert plain.sha256 == changed.sha256
    other = ColourNet()
    other.fc.weight.data[0, 0] = 2
    assert wrap(other).sha256 != plain.sha256


def test_weights_that_do_not_fit_are_all_named(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(5, 48), "head.bias": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(ModelError) as caught:
        load(tmp_path, weights=tmp_path / "weights.pt")
    message = str(caught.value)
    assert "1 missing: fc.bias" in message
    assert "1 unexpected: head.bias" in message
    assert "1 of another shape: fc.weight (5, 48) instead of (3, 48)" in message


class Unpickled:
    """Stands for code in a file of weights."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("ran",))


def test_a_file_that_needs_unpickling_is_refused_unless_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": reference(), "arguments": Unpickled()}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="allow_unsafe_weights"):
        load(tmp_path, weights=tmp_path / "weights.pt")
    assert capsys.readouterr().out == ""
    model = load(tmp_path, weights=tmp_path / "weights.pt", allow_unsafe_weights=True)
    assert torch.equal(model.module.state_dict()["fc.bias"], reference()["fc.bias"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weights.pt", b"version https://git-lfs", "weights.pt"),
        ("weights.pt", b"", "cannot be read"),
        ("weights.safetensors", b"junk", "cannot be read"),
        ("missing.pt", None, "found no file of weights"),
    ],
)
def test_a_file_that_holds_no_weights_is_a_clear_error(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load(tmp_path, weights=tmp_path / name)


def test_a_file_of_something_else_is_a_clear_error(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="holds no state dict; found epoch, loss"):
        load(tmp_path, weights=tmp_path / "weights.pt")


class Returns(nn.Module):
    """A network that returns what `change` makes of its logits."""

    def __init__(self, change: object) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.change = change

    def forward(self, x: torch.Tensor) -> object:
        return self.change(self.fc(x.mean(dim=(2, 3))))  # type: ignore[operator]


Named = namedtuple("Named", "aux logits")


@dataclass
class Output:
    """As transformers return it."""

    loss: None
    logits: torch.Tensor


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda logits: (logits, logits), r"returns tuple \(\[0\] \(2, 3\), .*output_key: 0\.$"),
        (lambda logits: {"aux": logits, "logits": logits}, r"returns dict .*output_key: logits\.$"),
        (lambda logits: Named(logits, logits), r"returns Named .*output_key: logits\.$"),
        (lambda logits: Output(None, logits), r"returns Output .*output_key: logits\.$"),
        (lambda _: (None, 1), r"returns tuple \(\[0\] NoneType, \[1\] int\), expected one tensor"),
        (lambda logits: logits[0], r"returns shape \(3,\) for 2 images, .*one row of logits per image"),
        (lambda logits: logits.argmax(dim=1)[:, None], "found torch.int64"),
        (lambda logits: logits[:, :, None, None].expand(-1, -1, 4, 4), r"4 × 4 positions is a segmentation"),
        (lambda logits: torch.stack([logits, logits], dim=1), r"returns shape \(2, 2, 3\) .*which of its dimensions"),
    ],
)
def test_an_output_that_is_no_table_of_logits_comes_with_lines_that_help(change: object, message: str) -> None:
    with pytest.raises(ModelError, match=f"(?s){message}"):
        wrap(Returns(change))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda logits: (logits * 0, logits), 1),
        (lambda logits: (logits * 0, logits), -1),
        (lambda logits: {"aux": logits * 0, "logits": logits}, "logits"),
        (lambda logits: {3: logits}, 3),
        (lambda logits: Named(logits * 0, logits), "logits"),
        (lambda logits: Named(logits * 0, logits), 1),
        (lambda logits: Output(None, logits), "logits"),
    ],
)
def test_the_part_that_is_named_is_the_output_of_the_model_and_its_copies(change: object, key: str | int) -> None:
    module = Returns(change)
    select_output(module, key, where="here")
    model = wrap(module)
    images = torch.rand(4, 3, 8, 8)
    expected = module.fc(images.mean(dim=(2, 3)))
    assert torch.equal(model.predict(images), expected)
    copy = replicate(model)
    assert copy is not None
    assert torch.equal(copy.predict(images), expected)
    assert model.feature_place.module == "fc"


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (lambda logits: {"aux": logits}, "logits", r"output_key is 'logits', .*\(dict\) has 'aux'\."),
        (lambda logits: (logits,), 2, r"output_key is 2, .*\(tuple\) has 0\."),
        (lambda logits: logits, "logits", r"\(Tensor\) has no parts\."),
    ],
)
def test_a_part_that_is_not_there_is_told_with_those_that_are(change: object, key: str | int, message: str) -> None:
    module = Returns(change)
    select_output(module, key, where="here")
    with pytest.raises(ModelError, match=message):
        wrap(module)


class OneLogit(ColourNet):
    def __init__(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)
        nn.init.constant_(self.fc.weight, 0.01)
        self.change = change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(super().forward(x))


@pytest.mark.parametrize(
    ("change", "is_linear", "fewest"),
    [
        (lambda logit: logit, True, 1),
        (lambda logit: logit[:, 0], True, 1),
        (lambda logit: logit.squeeze(), True, 2),
        (lambda logit: logit[:, :, None, None], True, 1),
        (lambda logit: logit.sigmoid(), False, 1),
        (lambda logit: logit.sigmoid()[:, 0], False, 1),
    ],
)
def test_one_number_per_image_is_one_output_in_any_shape(
    change: Callable[[torch.Tensor], torch.Tensor], *, is_linear: bool, fewest: int
) -> None:
    model = wrap(OneLogit(change))
    assert (model.n_outputs, model.n_features, model.feature_place.module) == (1, 4, "fc")
    assert (model.ends_in_linear, model.fewest_per_call) == (is_linear, fewest)
    assert model.map_place is not None
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = model.predict(images)
    assert whole.shape == (3, 1)
    assert torch.allclose(model.features(images[:1])[0], whole[:1])


@pytest.mark.parametrize(
    ("change", "is_linear"),
    [
        (lambda x: x, True),
        (lambda x: x[:, :, None, None], True),
        (lambda x: x.softmax(dim=1), False),
        (lambda x: x.log_softmax(dim=1), False),
        (lambda x: x.masked_fill(torch.tensor([False, True, False]), -torch.inf), False),
    ],
)
def test_outputs_are_as_the_network_gives_them(change: Any, is_linear: bool) -> None:
    module = Returns(change)
    model = wrap(module, feature_module="fc")
    images = torch.rand(4, 3, 8, 8)
    outputs, features, _ = model.features(images)
    assert torch.equal(outputs, change(module.fc(features)).flatten(1))
    assert torch.equal(model.predict(images), outputs)
    assert torch.allclose(features, images.mean(dim=(2, 3)))
    assert model.ends_in_linear == is_linear


class Peculiar(Returns):
    """Normalises its input in place, and takes one image at a time or not a single one."""

    def __init__(self, takes: str) -> None:
        super().__init__(lambda logits: logits.squeeze())
        self.takes = takes

    def forward(self, x: torch.Tensor) -> object:
        if self.takes == "one" and len(x) > 1:
            raise AssertionError("one at a time")
        x.sub_(1)
        logits = super().forward(x)
        assert isinstance(logits, torch.Tensor)
        return logits.reshape(1, -1) if self.takes == "one" else logits


@pytest.mark.parametrize("takes", ["one", "several"])
def test_models_with_habits_work(takes: str) -> None:
    model = wrap(Peculiar(takes))
    images = torch.rand(3, 3, 8, 8, requires_grad=True)
    before = images.detach().clone()
    outputs, features, _ = model.features(images)
    assert outputs.shape == (3, 3)
    assert torch.allclose(model.predict(images[:1])[0], outputs[0])
    assert torch.equal(images, before)
    assert torch.allclose(features, images.mean(dim=(2, 3)) - 1)
    (gradient,) = torch.autograd.grad(features.sum(), images)
    assert torch.allclose(gradient, torch.full_like(gradient, 1 / 64))


def test_a_model_for_another_number_of_channels_is_a_clear_error() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(4 * 8 * 8, 2))
    with pytest.raises(ModelError, match=r"does not run on images \(2, 3, 8, 8\), nor with 1 channel: RuntimeError"):
        wrap(flat)


def test_a_model_for_one_size_is_probed_at_a_size_that_fits() -> None:
    fixed = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    assert wrap(fixed, preprocessing=PreprocessingConfig()).n_features == 3 * 32 * 32


def test_normalisation_happens_inside_the_model() -> None:
    preprocessing = PreprocessingConfig(resize=(8, 8), mean=(0.5, 0.0, 0.0), std=(0.5, 1.0, 2.0))
    _, features, _ = wrap(ColourNet(), preprocessing=preprocessing).features(torch.ones(1, 3, 8, 8))
    assert torch.allclose(features, torch.tensor([[1.0, 1.0, 0.5, 0.0]]))


def test_features_logits_and_maps_are_those_on_paper() -> None:
    model = wrap(ColourNet())
    images = torch.zeros(2, 3, 8, 8)
    images[0, 0] = 1.0
    images[1, 2, :4] = 1.0
    logits, features, maps = model.features(images)
    assert torch.allclose(features, torch.tensor([[1.0, 0, 0, 0], [0, 0, 0.5, 0.25]]))
    assert torch.allclose(logits, torch.tensor([[1.0, 0, 0], [0, 0, 0.5]]))
    assert torch.equal(model.predict(images), logits)
    assert maps is not None
    assert torch.allclose(maps[1, 3, :, 0], torch.tensor([0.5] * 4 + [0.0] * 4))
    assert n_hooks(model.module) == 0


def test_hooks_are_removed_when_the_model_fails() -> None:
    model = wrap(ColourNet())
    with pytest.raises(RuntimeError):
        model.features(torch.zeros(1, 5, 8, 8))
    assert n_hooks(model.module) == 0


def test_gradients_flow_from_features_to_images_only() -> None:
    model = wrap(ColourNet())
    images = torch.full((1, 3, 8, 8), 0.25, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.features(images)[1][0, 0], images)
    assert torch.allclose(gradient[0, 0], torch.full((8, 8), 1 / 64))
    assert float(gradient[0, 1:].abs().max()) == 0


def test_the_number_of_outputs_must_be_the_number_of_classes() -> None:
    model = wrap(ColourNet())
    check_outputs(model, 3)
    with pytest.raises(ModelError, match=r"toy has 3 outputs, the data have 10 classes.*class_file"):
        check_outputs(model, 10)
    with pytest.raises(ModelError, match=r"the data have 2 classes.*a background class"):
        check_outputs(model, 2)


def test_a_device_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(ConfigError, match="'cuda' is not available here, found cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert not torch.backends.cudnn.allow_tf32  # float32 means float32
