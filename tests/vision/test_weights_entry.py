"""Checkpoints with several sets of weights: which one is used is never a matter of chance."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import ModelConfig
from barlow_report.errors import ModelError
from barlow_report.vision.checkpoints import convert_checkpoint
from barlow_report.vision.loading import assemble_model
from barlow_report.vision.weights import load_weights

State = dict[str, torch.Tensor]


def _network(n_classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, n_classes))


def _state(seed: int, n_classes: int = 3) -> State:
    torch.manual_seed(seed)
    state: State = _network(n_classes).state_dict()
    return {name: value + seed if name.startswith("1.running") else value for name, value in state.items()}


RAW, MEAN = _state(1), _state(2)
PARAMETERS = [name for name, _ in _network().named_parameters()]


def _under(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": value for name, value in state.items()}


def _without_dots(state: State, separator: str = "") -> State:
    """As LitEma keeps them: parameters alone, in buffers, whose names have no dots."""
    return {name.replace(".", separator): state[name] for name in PARAMETERS}


def _load(path: Path, entry: str | None = None, *, allow_unsafe: bool = False) -> State:
    model = _network()
    load_weights(model, path, entry=entry, allow_unsafe=allow_unsafe, where="model")
    return {name: value.clone() for name, value in model.state_dict().items()}


def _are_equal(found: State, wanted: State) -> bool:
    return all(torch.equal(found[name], wanted[name]) for name in wanted if name in found)


TWO_SETS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "timm": (lambda: {"state_dict": RAW, "state_dict_ema": MEAN, "epoch": 3}, "state_dict", "state_dict_ema"),
    "timm, parallel": (
        lambda: {"state_dict": _under("module.", RAW), "state_dict_ema": MEAN}, "state_dict.module", "state_dict_ema",
    ),
    "model_ema": (lambda: {"model": RAW, "model_ema": MEAN, "optimizer": {"state": {}}}, "model", "model_ema"),
    "averaged model": (
        lambda: {"model": RAW, "swa_state_dict": {"n_averaged": torch.tensor(5), **_under("module.", MEAN)}},
        "model", "swa_state_dict.module",
    ),
    "lightning": (
        lambda: {"state_dict": {**_under("model.", RAW), **_under("ema.module.", MEAN)}},
        "state_dict.model", "state_dict.ema.module",
    ),
    "a callback": (
        lambda: {"state_dict": _under("model.", RAW), "callbacks": {"EMA{'decay': 0.99}": {"ema_state_dict": MEAN}}},
        "state_dict.model", "callbacks.EMA{'decay': 0.99}.ema_state_dict",
    ),
    "beside": (lambda: {"state_dict": {**RAW, **_under("ema_model.", MEAN)}}, "state_dict", "state_dict.ema_model"),
    "top": (lambda: {**RAW, **_under("ema.", MEAN)}, ".", "ema"),
    "glued": (lambda: {**RAW, **_under("ema_", MEAN)}, ".", "ema_"),
    "student and teacher": (lambda: {"student": RAW, "teacher": MEAN}, "student", "teacher"),
    "online and target": (
        lambda: {"state_dict": {**_under("online.net.", RAW), **_under("target.net.", MEAN)}},
        "state_dict.online.net", "state_dict.target.net",
    ),
    "at other depths": (
        lambda: {"net": RAW, "history": [{"best": {"weights": MEAN}}]}, "net", "history.0.best.weights",
    ),
    "parts": (
        lambda: {"model": {"0": {"weight": RAW["0.weight"], "bias": RAW["0.bias"]},
                           **{name: value for name, value in RAW.items() if not name.startswith("0.")}}, "ema": MEAN},
        "model", "ema",
    ),
    "without dots": (
        lambda: {"state_dict": {**_under("model.", RAW), **_under("model_ema.", _without_dots(MEAN)),
                                "model_ema.decay": torch.tensor(0.9)}},
        "state_dict.model", "state_dict.model_ema",
    ),
    "with underscores": (lambda: {"model": RAW, "ema": _without_dots(MEAN, "_")}, "model", "ema"),
    "parameters alone": (
        lambda: {"model": RAW, "ema": {"decay": 0.9, "shadow": {name: MEAN[name] for name in PARAMETERS}}},
        "model", "ema.shadow",
    ),
    "without names": (
        lambda: {"model": RAW, "ema": {"decay": 0.9, "shadow_params": [MEAN[name] for name in PARAMETERS]}},
        "model", "ema.shadow_params",
    ),
    "in the optimizer": (
        lambda: {"state_dict": RAW, "optimizer_states": [{"ema": tuple(MEAN[name] for name in PARAMETERS)}]},
        "state_dict", "optimizer_states.0.ema",
    ),
}  # fmt: skip


PARAMETERS_ALONE = ("without dots", "with underscores", "parameters alone", "without names", "in the optimizer")


@pytest.mark.parametrize("kind", TWO_SETS)
def test_two_sets_of_weights_are_named_and_chosen_by_name(tmp_path: Path, kind: str) -> None:
    make, raw, mean = TWO_SETS[kind]
    torch.save(make(), tmp_path / "weights.pt")
    with pytest.raises(
        ModelError, match=r"holds 2 sets of weights that fit the model and differ.*'weights_entry'"
    ) as told:
        _load(tmp_path / "weights.pt")
    assert repr(raw) in str(told.value)
    assert repr(mean) in str(told.value)
    assert _are_equal(_load(tmp_path / "weights.pt", raw), RAW)
    found = _load(tmp_path / "weights.pt", mean)
    assert _are_equal(found, {name: MEAN[name] for name in PARAMETERS})
    buffers = RAW if kind in PARAMETERS_ALONE else MEAN
    assert torch.equal(found["1.running_mean"], buffers["1.running_mean"])


ONE_SET: dict[str, tuple[Callable[[], Any], State]] = {
    "only an average": (lambda: {"ema": MEAN, "epoch": 3}, MEAN),
    "an average in a wrapper": (lambda: {"n_averaged": torch.tensor(5), **_under("module.", MEAN)}, MEAN),
    "the same twice": (lambda: {"model": RAW, "ema": {name: value.clone() for name, value in RAW.items()}}, RAW),
    "the same parameters": (lambda: {"model": RAW, "ema": _without_dots(RAW)}, RAW),
    "a teacher of another size": (lambda: {"student": RAW, "teacher": _state(2, n_classes=7)}, RAW),
    "Adam's averages": (
        lambda: {
            "model": RAW,
            "optimizer": {"state": {i: {"exp_avg": MEAN[name]} for i, name in enumerate(PARAMETERS)}},
            "optimizer_by_name": {"exp_avg": MEAN},
            "opt": [MEAN[name] for name in PARAMETERS],
        },
        RAW,
    ),
    "integer keys": (lambda: {"state": {1: torch.ones(2)}, "state_dict": RAW}, RAW),
    "half": (lambda: {name: value.half() if value.is_floating_point() else value for name, value in RAW.items()}, RAW),
    "sparse": (lambda: {**RAW, "3.weight": RAW["3.weight"].to_sparse(), "3.bias": RAW["3.bias"].to_sparse()}, RAW),
}


@pytest.mark.parametrize("kind", ONE_SET)
def test_where_one_set_of_weights_fits_it_is_used(tmp_path: Path, kind: str) -> None:
    make, wanted = ONE_SET[kind]
    torch.save(make(), tmp_path / "weights.pt")
    found = _load(tmp_path / "weights.pt")
    assert all(torch.allclose(found[name].float(), wanted[name].float(), rtol=1e-3) for name in wanted)


OTHER_AVERAGES: dict[str, Callable[[], Any]] = {
    "of a part": lambda: {"model": RAW, "model_ema": {"0.weight": MEAN["0.weight"]}},
    "of other names": lambda: {"model": RAW, "ema": {f"w{i}": MEAN[name] for i, name in enumerate(PARAMETERS)}},
    "with another head": lambda: {"model": RAW, "ema": _state(2, n_classes=7)},
    "a shorter list": lambda: {"model": RAW, "shadow_params": [MEAN["0.weight"]]},
}


@pytest.mark.parametrize("kind", OTHER_AVERAGES)
def test_an_average_that_does_not_fit_is_not_passed_over_in_silence(tmp_path: Path, kind: str) -> None:
    torch.save(OTHER_AVERAGES[kind](), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"average of weights \(EMA\) that does not fit.*'weights_entry: model'"):
        _load(tmp_path / "weights.pt")
    assert _are_equal(_load(tmp_path / "weights.pt", "model"), RAW)


def test_an_entry_may_be_what_the_weights_lie_under_and_must_exist(tmp_path: Path) -> None:
    content = {"state_dict": _under("module.", RAW), "state_dict_ema": _under("module.", MEAN)}
    torch.save(content, tmp_path / "weights.pt")
    assert _are_equal(_load(tmp_path / "weights.pt", "state_dict_ema"), MEAN)
    with pytest.raises(ModelError, match="no weights under 'ema'; it has some under state_dict, state_dict_ema"):
        _load(tmp_path / "weights.pt", "ema")
    torch.save({"state_dict": RAW, "ema": _state(2, n_classes=7)}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="for 7 classes and the model for 3"):
        _load(tmp_path / "weights.pt", "ema")


def test_where_nothing_fits_the_nearest_is_compared_wherever_it_lies(tmp_path: Path) -> None:
    torch.save({"ema": _state(2, n_classes=7), "epoch": 3}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="for 7 classes and the model for 3"):
        _load(tmp_path / "weights.pt")


def test_safetensors_and_objects_are_searched_as_well(tmp_path: Path) -> None:
    save_file({**_under("model.", RAW), **_under("ema_model.", MEAN)}, tmp_path / "both.safetensors")
    with pytest.raises(ModelError, match="'ema_model', 'model'"):
        _load(tmp_path / "both.safetensors")
    assert _are_equal(_load(tmp_path / "both.safetensors", "ema_model"), MEAN)
    averaged = _network()
    averaged.load_state_dict(MEAN)
    torch.save({"model": RAW, "ema": SimpleNamespace(module=averaged, decay=0.9)}, tmp_path / "object.pt")
    with pytest.raises(ModelError, match=r"'model', 'ema.module'"):
        _load(tmp_path / "object.pt", allow_unsafe=True)
    assert _are_equal(_load(tmp_path / "object.pt", "ema", allow_unsafe=True), MEAN)


def test_the_configuration_and_the_command_choose(tmp_path: Path) -> None:
    torch.save({"state_dict": RAW, "state_dict_ema": _under("module.", MEAN)}, tmp_path / "weights.pt")
    settings: dict[str, Any] = {"factory": f"{__name__}:_network", "weights": tmp_path / "weights.pt"}
    assembled = assemble_model(ModelConfig(**settings, weights_entry="state_dict_ema"), role="inspected_model")
    assert _are_equal(assembled.module.state_dict(), MEAN)
    with pytest.raises(ValueError, match=r"'weights_entry' goes with 'weights'"):
        ModelConfig(factory="a:b", weights_entry="ema")
    target = tmp_path / "new.safetensors"
    arguments = ["convert-checkpoint", str(tmp_path / "weights.pt"), str(target)]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "'state_dict', 'state_dict_ema.module'. Choose one: --entry" in " ".join(refused.output.split())
    assert CliRunner().invoke(app, [*arguments, "--entry", "state_dict_ema"]).exit_code == 0
    assert _are_equal(load_file(target), MEAN)
    assert load_file(target).keys() == MEAN.keys()


def test_a_checkpoint_with_one_set_of_weights_is_converted_without_asking(tmp_path: Path) -> None:
    adam = {i: {"step": torch.tensor(1.0), "exp_avg": MEAN[n], "exp_avg_sq": MEAN[n]} for i, n in enumerate(PARAMETERS)}
    content = {
        "state_dict": _under("model.", RAW),
        "optimizer_states": [{"state": adam}],
        "prototypes": {"a": MEAN["0.bias"]},
    }
    torch.save(content, tmp_path / "weights.pt")
    assert convert_checkpoint(tmp_path / "weights.pt", tmp_path / "new.safetensors").n_weights == len(RAW)
    torch.save({"state_dict": _under("model.", RAW), "ema_state_dict": MEAN}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"'ema_state_dict', 'state_dict.model'"):
        convert_checkpoint(tmp_path / "weights.pt", tmp_path / "new.safetensors", overwrite=True)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.ones(3, 16, dtype=torch.complex64), "3.weight complex64 instead of float32"),
        (torch.ones(3, 16, dtype=torch.int8), "3.weight int8 instead of float32"),
        (torch.ones(3, 16, dtype=torch.bool), "3.weight bool instead of float32"),
        (torch.ones(3, 16, device="meta"), "3.weight without data"),
        (torch.ones(3, 8).to_sparse(), r"3.weight \(3, 8\) instead of \(3, 16\)"),
    ],
)
def test_weights_whose_numbers_would_change_are_refused(tmp_path: Path, value: torch.Tensor, told: str) -> None:
    torch.save({**RAW, "3.weight": value}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=told):
        _load(tmp_path / "weights.pt")


def test_keys_that_are_no_texts_are_named_or_refused(tmp_path: Path) -> None:
    torch.save({0: torch.ones(2), 1: torch.ones(3)}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="2 unexpected: 0, 1"):
        _load(tmp_path / "weights.pt")
    convert_checkpoint(tmp_path / "weights.pt", tmp_path / "new.safetensors")
    assert load_file(tmp_path / "new.safetensors").keys() == {"0", "1"}
    torch.save({"model": {0: torch.ones(2), "0": torch.ones(2)}}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"two tensors that are called 'model.0'"):
        _load(tmp_path / "weights.pt")


def test_references_in_circles_and_without_end_are_no_trouble(tmp_path: Path) -> None:
    circle: dict[str, Any] = {"state_dict": RAW}
    circle["self"] = circle
    torch.save(circle, tmp_path / "weights.pt")
    assert _are_equal(_load(tmp_path / "weights.pt"), RAW)


def _lazy() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def _on_no_device() -> nn.Module:
    return _network().to("meta")


@pytest.mark.parametrize("factory", ["_lazy", "_on_no_device"])
def test_a_model_whose_parameters_have_no_numbers_is_refused(factory: str) -> None:
    with pytest.raises(ModelError, match="has parameters without numbers"):
        assemble_model(ModelConfig(factory=f"{__name__}:{factory}"), role="inspected_model")
