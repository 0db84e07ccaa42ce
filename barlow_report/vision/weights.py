"""Reading files of weights into a model, and naming every weight that does not fit."""

import hashlib
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["hash_weights", "load_weights", "read_weights"]

State = dict[str, torch.Tensor]

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Entries under which training programs put the state dict."""

N_SHOWN = 3


def load_weights(model: nn.Module, path: Path, *, allow_unsafe: bool, where: str) -> None:
    """Copy the weights of a file into `model`, all of them or none.

    Args:
        model: Changed in place.
        path: A .safetensors file, or one of torch.save with a state dict, alone or under a usual name.
        allow_unsafe: Unpickle files that hold more than tensors; such a file can run any code.
        where: Names the model in errors.

    Raises:
        ModelError: The file cannot be read, or its weights are not exactly those of the model.
    """
    expected = model.state_dict()
    state = _strip_prefixes(read_weights(path, allow_unsafe=allow_unsafe, where=where), set(expected))
    # Counters that old files lack and that are not used in evaluation.
    missing = [key for key in expected if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in expected]
    misshapen = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(expected[key].shape)}"
        for key in expected
        if key in state and _shape(state[key]) != _shape(expected[key])
    ]
    if missing or unexpected or misshapen:
        problems = [
            f"{len(names)} {kind}: {_some(names)}"
            for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
            if names
        ]
        raise ModelError(
            f"{where}: the weights of {path} do not fit the model ({len(expected)} entries): {'; '.join(problems)}. "
            "Check 'factory' or 'torchvision', its 'arguments' (such as the number of classes) and 'weights'."
        )
    model.load_state_dict(state, strict=False)


def read_weights(path: Path, *, allow_unsafe: bool, where: str) -> State:
    """Read a state dict to the processor's memory, whatever device it was saved from.

    Raises:
        ModelError: The file is missing, of another format, or needs `allow_unsafe`.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file of weights at {path}; correct 'weights'.")
    try:
        if path.suffix.lower() == ".safetensors":
            return dict(safetensors.torch.load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=not allow_unsafe)
    except pickle.UnpicklingError as error:
        if allow_unsafe or "weights_only" not in str(error).lower():
            raise ModelError(f"{where}: {path} is no file of torch.save ({_first_line(error)}).") from error
        raise ModelError(
            f"{where}: {path} holds more than weights, and reading it could run any code. Save the state dict alone "
            "(torch.save(model.state_dict(), …) or safetensors), or set 'allow_unsafe_weights: true' if you trust it."
        ) from error
    except Exception as error:  # a broken archive or an unknown class may raise anything
        raise ModelError(
            f"{where}: {path} cannot be read ({type(error).__name__}: {_first_line(error)}). Expected .safetensors or "
            "a file of torch.save."
        ) from error
    return _find_state(content, path, where=where)


def _find_state(content: Any, path: Path, *, where: str) -> State:
    """The state dict itself, or the one that a training program wrapped."""
    if isinstance(content, nn.Module):
        return content.state_dict()
    if isinstance(content, Mapping):
        if content and all(isinstance(value, torch.Tensor) for value in content.values()):
            return dict(content)
        for key in WRAPPERS:
            if isinstance(content.get(key), (Mapping, nn.Module)):
                return _find_state(content[key], path, where=where)
    keys = _some([str(key) for key in content]) if isinstance(content, Mapping) else type(content).__name__
    raise ModelError(
        f"{where}: {path} holds no state dict; found {keys or 'nothing'}. Expected names of weights and tensors, alone "
        f"or under {', '.join(WRAPPERS)}."
    )


def _strip_prefixes(state: State, expected: set[str]) -> State:
    """Undo what wrappers add to the names: `module.` of data parallelism, and the `robustness` library's layout.

    That library saves the model a second time inside of its attacker, beside the normaliser; the published
    adversarially trained ImageNet models come in this form. Their normalisation belongs into 'preprocessing'.
    """
    while state and not expected & state.keys() and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    if expected & state.keys():
        return state
    others = ("attacker.", "normalizer.")
    if any(key.startswith("model.") for key in state) and all(key.startswith(("model.", *others)) for key in state):
        return {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    return state


def hash_weights(model: nn.Module) -> str:
    """SHA-256 of a model's state dict: names, types, shapes and values, independent of order and device."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {_kind(value)}\n".encode())
        if isinstance(value, torch.Tensor):
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(repr(value).encode())
    return digest.hexdigest()


def _kind(value: object) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _some(values: Iterable[str]) -> str:
    shown = list(values)
    rest = len(shown) - N_SHOWN
    return ", ".join(shown[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
