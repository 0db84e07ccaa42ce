"""TorchScript and torch.export programs: the same features and maps as the model they were made of."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.consistency import check_consistency
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel, check_gradients
from barlow_report.vision.scripted import ScriptedProgram
from tests.vision.toys import CPU, n_hooks, wrap

SIDE = 16


class Small(nn.Module):
    """Convolution, normalisation and dropout; the map is rectified in place, pooled, and perhaps normalised."""

    def __init__(self, *, normalised: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 3, stride=2)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.after = nn.LayerNorm(6) if normalised else nn.Identity()
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.conv(x)))
        logits: torch.Tensor = self.fc(self.dropout(self.after(self.pool(x).flatten(1))))
        return logits


def _script(model: nn.Module, path: Path) -> None:
    _save_script(torch.jit.script, model, path)


def _trace(model: nn.Module, path: Path) -> None:
    _save_script(lambda m: torch.jit.trace(m, torch.rand(2, 3, SIDE, SIDE)), model, path)  # type: ignore[no-untyped-call]


def _freeze(model: nn.Module, path: Path) -> None:
    _save_script(lambda m: torch.jit.freeze(torch.jit.script(m)), model, path)


def _save_script(make: Callable[[nn.Module], Any], model: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript's development has ended
        make(model).save(str(path))


def _export(model: nn.Module, path: Path, *, n: int = 2, is_fixed: bool = False, decomposed: bool = False) -> None:
    shapes = None if is_fixed else ({0: torch.export.Dim("batch")},)
    program = torch.export.export(model, (torch.rand(n, 3, SIDE, SIDE),), dynamic_shapes=shapes)
    if decomposed:
        program = program.run_decompositions()
    torch.export.save(program, path)


def _load(path: Path, *, crop: int | None = SIDE, **settings: Any) -> LoadedModel:
    spec = ModelConfig(program=path, preprocessing=PreprocessingConfig(crop=crop), **settings)
    return load_model(spec, device=CPU, role="feature_model")


WAYS: dict[str, Callable[[nn.Module, Path], None]] = {
    "scripted": _script,
    "traced": _trace,
    "frozen": _freeze,
    "exported": _export,
    "exported for one image": lambda model, path: _export(model, path, n=1, is_fixed=True),
    "exported for three images": lambda model, path: _export(model, path, n=3, is_fixed=True),
    "decomposed": lambda model, path: _export(model, path, decomposed=True),
}


@pytest.mark.parametrize("normalised", [False, True], ids=["pooled", "normalised"])
@pytest.mark.parametrize("way", WAYS)
def test_a_program_gives_the_model_s_logits_features_maps_and_gradients(
    tmp_path: Path, way: str, normalised: bool
) -> None:
    own = Small(normalised=normalised).eval()
    WAYS[way](own, tmp_path / "model.bin")
    expected = wrap(own, size=SIDE)
    model = _load(tmp_path / "model.bin")
    assert (model.n_outputs, model.n_features, model.name) == (4, 6, "model.bin")
    for n_images in (1, 5):
        images = torch.rand(n_images, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(n_images))
        for found, wanted in zip(model.features(images), expected.features(images), strict=True):
            assert found is not None
            assert wanted is not None
            assert found.shape == wanted.shape
            assert torch.allclose(found, wanted, atol=1e-6)
        assert torch.allclose(model.predict(images), expected.predict(images), atol=1e-6)
        gradients = []
        for candidate in (model, expected):
            inputs = images.clone().requires_grad_()
            gradients.append(torch.autograd.grad(candidate.features(inputs)[1][:, 2].sum(), inputs)[0])
        assert torch.allclose(gradients[0], gradients[1], atol=1e-6)
    assert model.map_place is not None
    assert model.map_place.is_exact == (not normalised)
    check_gradients(model)
    assert n_hooks(model.module) == 0


@pytest.mark.parametrize("way", ["scripted", "exported"])
def test_only_what_is_needed_of_a_program_is_kept(tmp_path: Path, way: str) -> None:
    WAYS[way](Small().eval(), tmp_path / "model.bin")
    model = _load(tmp_path / "model.bin")
    assert model.map_place is not None
    assert model.feature_place.module == "at.linear"
    assert model.map_place.module.startswith("at.relu")
    if isinstance(model.module, ScriptedProgram):
        assert len(model.module.shown()) == 2


class Rounding(Small):
    """Its value `to` has the name of a method of modules; its features depend on the batch by a little."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.pool(self.relu(self.conv(x))).flatten(1).half().float()
        logits: torch.Tensor = self.fc(features - 0.1 * features.mean(dim=0, keepdim=True))
        return logits


@pytest.mark.parametrize("way", ["scripted", "exported"])
def test_a_program_that_depends_on_its_batch_is_noticed(tmp_path: Path, way: str) -> None:
    WAYS[way](Rounding().eval(), tmp_path / "model.pt2")
    model = _load(tmp_path / "model.pt2")
    with pytest.raises(ModelError, match="when other images are in the batch"):
        check_consistency(model, torch.rand(4, 3, SIDE, SIDE), uses="both", batch_size=4)


class _Optional(Small):
    """Takes more than images, if it is given."""

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, scale: float = 1.0) -> torch.Tensor:
        x = self.pool(self.relu(self.norm(self.conv(x)))).flatten(1)
        logits: torch.Tensor = self.fc(x if mask is None else x * mask) * scale
        return logits


def test_arguments_of_a_script_behind_the_images_keep_their_default_values(tmp_path: Path) -> None:
    own = _Optional().eval()
    _script(own, tmp_path / "model.ts")
    images = torch.rand(2, 3, SIDE, SIDE)
    assert torch.allclose(_load(tmp_path / "model.ts").predict(images), own(images), atol=1e-6)


class _InPart(Small):
    """Trains in a part that runs without gradients."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            x = self.dropout(x)
        return super().forward(x)


def test_training_mode_is_found_in_the_parts_of_an_exported_program(tmp_path: Path) -> None:
    model = _InPart().eval()
    model.dropout.train()
    _export(model, tmp_path / "model.pt2")
    with pytest.raises(ModelError, match="exported in training mode"):
        _load(tmp_path / "model.pt2")


def test_places_of_a_program_can_be_named(tmp_path: Path) -> None:
    _script(Small().eval(), tmp_path / "model.ts")
    model = _load(tmp_path / "model.ts", feature_module="at.linear", map_module="at.batch_norm")
    assert model.map_place is not None
    assert model.map_place.module == "at.batch_norm"
    with pytest.raises(ModelError, match=r"feature_module 'fc' is not a module that runs.*at.linear"):
        _load(tmp_path / "model.ts", feature_module="fc")


def test_a_program_whose_features_are_hidden_still_predicts(tmp_path: Path) -> None:
    own = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    _trace(own, tmp_path / "model.ts")
    with pytest.raises(ModelError, match=r"features were not found.*at.adaptive_avg_pool2d"):
        _load(tmp_path / "model.ts")
    spec = ModelConfig(program=tmp_path / "model.ts", preprocessing=PreprocessingConfig(crop=SIDE))
    model = load_model(spec, device=CPU, role="inspected_model", needs_features=False)
    images = torch.rand(2, 3, SIDE, SIDE)
    assert torch.allclose(model.predict(images), own(images))
    assert not model.has_features
    with pytest.raises(ModelError, match="loaded for its predictions"):
        model.features(images)


def test_the_size_of_a_program_and_of_the_preprocessing_must_agree(tmp_path: Path) -> None:
    _export(Small().eval(), tmp_path / "model.pt2")
    assert _load(tmp_path / "model.pt2", crop=None).n_features == 6
    with pytest.raises(ModelError, match="exported for images of 16 × 16 pixels, the preprocessing gives 32 × 32"):
        _load(tmp_path / "model.pt2", crop=32)


def test_a_program_exported_in_training_mode_is_refused(tmp_path: Path) -> None:
    _export(Small().train(), tmp_path / "model.pt2")
    with pytest.raises(ModelError, match=r"exported in training mode.*model.eval\(\)"):
        _load(tmp_path / "model.pt2")


class _Cut(nn.Module):
    """Features that are cut off from the image."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Small()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body.fc(self.body.pool(self.body.conv(x)).flatten(1).detach())
        return logits


def test_features_without_gradients_are_named_before_hours_of_work(tmp_path: Path) -> None:
    _export(_Cut().eval(), tmp_path / "model.pt2")
    for model in (_load(tmp_path / "model.pt2"), wrap(_Cut(), size=SIDE)):
        with pytest.raises(ModelError, match=r"feature_model: no gradients flow from the features of"):
            check_gradients(model)


def test_a_program_of_two_inputs_is_refused_and_one_of_four_channels_says_so(tmp_path: Path) -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return (x + y).mean(dim=(2, 3))

    images = torch.rand(2, 3, SIDE, SIDE)
    torch.export.save(torch.export.export(Pair(), (images, images)), tmp_path / "pair.pt2")
    with pytest.raises(ModelError, match=r"expected one batch of images \(B, C, H, W\)"):
        _load(tmp_path / "pair.pt2")
    four = nn.Sequential(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    torch.export.save(torch.export.export(four, (torch.rand(2, 4, SIDE, SIDE),)), tmp_path / "four.pt2")
    assert _load(tmp_path / "four.pt2").n_channels == 4


class Unpickled:
    """Stands for code in a file."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("ran",))


def test_code_in_a_program_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _export(Small().eval(), tmp_path / "good.pt2")
    torch.save(Unpickled(), tmp_path / "code.pt")
    with zipfile.ZipFile(tmp_path / "good.pt2") as good, zipfile.ZipFile(tmp_path / "bad.pt2", "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name.endswith("model_weights_config.json"):
                weights = json.loads(content)
                for entry in weights["config"].values():
                    entry["use_pickle"] = True
                content = json.dumps(weights).encode()
            elif "/data/weights/weight_" in name:
                content = (tmp_path / "code.pt").read_bytes()
            bad.writestr(name, content)
    with pytest.raises(ModelError, match=r"bad.pt2 was not loaded, because it holds objects that need unpickling"):
        _load(tmp_path / "bad.pt2")
    assert "ran" not in capsys.readouterr().out


def test_files_of_another_kind_are_told_apart(tmp_path: Path) -> None:
    own = Small().eval()
    torch.save(own.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"holds weights of torch.save and no program. Give it as 'weights'"):
        _load(tmp_path / "weights.pt")
    _script(own, tmp_path / "model.ts")
    spec = ModelConfig(torchvision="resnet18", weights=tmp_path / "model.ts")
    with pytest.raises(ModelError, match=r"is a TorchScript program, not a file of weights. Give it as 'program'"):
        load_model(spec, device=CPU, role="feature_model")
    (tmp_path / "junk.pt2").write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be read"):
        _load(tmp_path / "junk.pt2")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ModelError, match="neither TorchScript nor"):
        _load(tmp_path / "other.zip")
    with pytest.raises(ModelError, match="found no file"):
        _load(tmp_path / "missing.pt2")
