"""State dicts as they are found in the wild, and the conversion of those that are not read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from typer.testing import CliRunner

from barlow_report.cli import app
from barlow_report.config import PreprocessingConfig
from barlow_report.errors import ModelError, OutputError
from barlow_report.vision.checkpoints import convert_checkpoint
from barlow_report.vision.preprocessing import combine
from barlow_report.vision.weights import load_weights, read_weights

State = dict[str, torch.Tensor]


def _network(n_classes: int = 3, *, deeper: bool = False) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, n_classes)]
    return nn.Sequential(*layers, *([nn.Linear(n_classes, n_classes)] if deeper else []))


def _state(seed: int = 1, **settings: Any) -> State:
    torch.manual_seed(seed)
    return _network(**settings).state_dict()


def _prefixed(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": value for name, value in state.items()}


def _robust(state: State) -> State:
    """The layout of the `robustness` library."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]))
    return {
        "module.normalizer.new_mean": mean,
        "module.normalizer.new_std": std,
        **_prefixed("module.model.", state),
        "module.attacker.normalize.new_mean": mean,
        "module.attacker.normalize.new_std": std,
        **_prefixed("module.attacker.model.", {name: value + 1 for name, value in state.items()}),
    }


class Unpickled:
    """Stands for code in a file of weights."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("ran",))


@pytest.mark.parametrize(
    "content",
    [
        lambda state: _prefixed("_orig_mod.", state),
        lambda state: _prefixed("module._orig_mod.", state),
        lambda state: {"state_dict": {**_prefixed("model.", state), "criterion.weight": torch.ones(3)}},
        lambda state: {"net": state, "acc": 0.9},
        lambda state: {"network": _prefixed("backbone.encoder.", state)},
        lambda state: {"model": {"state_dict": state}, "optimizer": {}},
        lambda state: {**state, "epoch": 3},
        lambda state: {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")},
        lambda state: {**_prefixed("online.", state), **_prefixed("copy.", state)},
        lambda state: {"model": _robust(state), "epoch": 1, "optimizer": {"state": {}}, "schedule": None},
    ],
    ids=["compiled", "parallel and compiled", "lightning", "net", "nested prefix", "nested", "beside an epoch",
         "no counters", "twice the same", "robustness"],
)  # fmt: skip
def test_weights_are_found_under_any_name_that_holds_them_all(tmp_path: Path, content: Any) -> None:
    state = _state()
    torch.save(content(state), tmp_path / "weights.pt")
    model = _network()
    load_weights(model, tmp_path / "weights.pt", allow_unsafe=False, where="model")
    assert torch.equal(model.state_dict()["3.weight"], state["3.weight"])
    assert torch.equal(model.state_dict()["0.bias"], state["0.bias"])


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_a_deeper_model_s_weights_do_not_pass_for_a_part_of_them(tmp_path: Path, prefix: str) -> None:
    torch.save(_prefixed(prefix, _state(deeper=True)), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"2 unexpected: 4.weight, 4.bias. Check .* of one architecture"):
        load_weights(_network(), tmp_path / "weights.pt", allow_unsafe=False, where="model")


def test_a_wrong_number_of_classes_is_said_in_words(tmp_path: Path) -> None:
    torch.save(_prefixed("module.", _state(n_classes=5)), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"3.weight \(5, 16\) instead of \(3, 16\).*for 5 classes and the model for 3"):
        load_weights(_network(), tmp_path / "weights.pt", allow_unsafe=False, where="model")


def test_another_architecture_names_what_differs_without_the_prefix(tmp_path: Path) -> None:
    other = {"module.stem.weight": torch.ones(2), "module.3.weight": torch.ones(3, 16)}
    torch.save({"state_dict": other}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"missing: 0.weight, 0.bias.*1 unexpected: stem.weight"):
        load_weights(_network(), tmp_path / "weights.pt", allow_unsafe=False, where="model")


def test_a_normaliser_in_the_file_is_read_to_its_digits(tmp_path: Path) -> None:
    torch.save({"model": _robust(_state())}, tmp_path / "weights.pt")
    told = load_weights(_network(), tmp_path / "weights.pt", allow_unsafe=False, where="model")
    assert told == {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.201)}


def test_what_a_file_says_about_its_images_wins_over_the_library_and_yields_to_the_configuration() -> None:
    source = {"resize": 256, "crop": 224, "mean": (0.1, 0.1, 0.1)}
    file = {"crop": 200, "mean": (0.2, 0.2, 0.2)}
    found = combine(PreprocessingConfig(), source=source, file=file, where="model")
    assert (found.resize, found.crop, found.mean, found.std) == (256, 200, (0.2, 0.2, 0.2), (1.0, 1.0, 1.0))
    found = combine(PreprocessingConfig(crop=64), source=source, file=file, where="model")
    assert (found.resize, found.crop, found.mean) == (None, 64, (0.2, 0.2, 0.2))
    with pytest.raises(ModelError, match="Remove 'mean' and 'std'"):
        combine(PreprocessingConfig(mean=(0.3, 0.2, 0.2)), source={}, file=file, where="model")


@pytest.mark.parametrize("text", ["{", "[]", '{"crop": -3}', '{"colour": 1}', '{"std": [0, 1, 1]}', "[" * 100_000])
def test_metadata_that_are_no_preprocessing_are_a_clear_error(tmp_path: Path, text: str) -> None:
    save_file(_state(), tmp_path / "weights.safetensors", metadata={"preprocessing": text})
    with pytest.raises(ModelError, match="'preprocessing' of the file is not a preprocessing"):
        read_weights(tmp_path / "weights.safetensors", allow_unsafe=False, where="model")


def test_a_refused_file_names_what_it_needs_and_both_ways_out(tmp_path: Path) -> None:
    torch.save({"state_dict": _state(), "best": np.float64(0.5)}, tmp_path / "old.ckpt")
    with pytest.raises(ModelError) as caught:
        read_weights(tmp_path / "old.ckpt", allow_unsafe=False, where="feature_model")
    message = str(caught.value)
    assert "multiarray.scalar" in message
    assert "barlow-report convert-checkpoint old.ckpt old.safetensors --allow-unpickling" in message
    assert "'allow_unsafe_weights: old.ckpt'" in message


def test_a_converted_checkpoint_holds_the_weights_and_their_normalisation_and_nothing_else(tmp_path: Path) -> None:
    state = _state()
    torch.save({"model": _robust(state), "epoch": 3, "arguments": Unpickled()}, tmp_path / "old.ckpt")
    target = tmp_path / "new.safetensors"
    with pytest.raises(ModelError, match="--allow-unpickling"):
        convert_checkpoint(tmp_path / "old.ckpt", target)
    assert not target.exists()
    result = convert_checkpoint(tmp_path / "old.ckpt", target, allow_unpickling=True)
    assert (result.n_weights, result.dropped) == (len(state), ("epoch", "arguments"))
    assert all(torch.equal(load_file(target)[name], value) for name, value in state.items())
    told = load_weights(_network(), target, allow_unsafe=False, where="model")
    assert told == {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.201)}
    with safetensors.safe_open(target, framework="pt") as file:
        assert json.loads(file.metadata()["preprocessing"])["std"] == [0.2023, 0.1994, 0.201]


def test_a_pickled_model_and_shared_weights_can_be_converted(tmp_path: Path) -> None:
    model = _network()
    torch.save(model, tmp_path / "whole.pt")
    with pytest.raises(ModelError, match="holds more than weights"):
        convert_checkpoint(tmp_path / "whole.pt", tmp_path / "whole.safetensors")
    convert_checkpoint(tmp_path / "whole.pt", tmp_path / "whole.safetensors", allow_unpickling=True)
    assert load_file(tmp_path / "whole.safetensors").keys() == model.state_dict().keys()
    shared = torch.ones(6)
    torch.save({"a": shared, "b": shared[:3]}, tmp_path / "shared.pt")
    assert convert_checkpoint(tmp_path / "shared.pt", tmp_path / "shared.safetensors").n_weights == 2


def test_a_conversion_overwrites_nothing_and_writes_one_format(tmp_path: Path) -> None:
    torch.save(_state(), tmp_path / "old.pt")
    with pytest.raises(OutputError, match=r"ends in \.safetensors"):
        convert_checkpoint(tmp_path / "old.pt", tmp_path / "new.pt")
    (tmp_path / "new.safetensors").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        convert_checkpoint(tmp_path / "old.pt", tmp_path / "new.safetensors")
    assert (tmp_path / "new.safetensors").read_text() == "mine"
    convert_checkpoint(tmp_path / "old.pt", tmp_path / "new.safetensors", overwrite=True)
    assert load_file(tmp_path / "new.safetensors")


def test_the_command_asks_for_consent_and_says_what_it_left_out(tmp_path: Path) -> None:
    torch.save({"model": _robust(_state()), "epoch": 3, "\x1b[31m": Unpickled()}, tmp_path / "old.ckpt")
    arguments = ["convert-checkpoint", str(tmp_path / "old.ckpt"), str(tmp_path / "new.safetensors")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "--allow-unpickling" in refused.output
    done = CliRunner().invoke(app, [*arguments, "--allow-unpickling"])
    assert done.exit_code == 0
    assert done.stdout.strip().splitlines()[-1] == str(tmp_path / "new.safetensors")
    assert "'epoch'" in done.output
    assert "\x1b[31m" not in done.output
    assert "0.4914" in done.output
