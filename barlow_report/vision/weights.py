"""Reading files of weights into a model, and naming every weight that does not fit."""

import hashlib
import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.state_dicts import State, explain_misfit, find_state, match, normalisation

__all__ = ["METADATA_KEY", "StoredWeights", "hash_weights", "load_weights", "read_weights"]

METADATA_KEY = "preprocessing"
"""Entry of a safetensors file's metadata: JSON of some keys of `PreprocessingConfig`."""


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """What a file of weights holds.

    Attributes:
        state: The state dict, with the names of the file, on the processor.
        preprocessing: The keys of `PreprocessingConfig` that the file knows; empty for most.
        others: Entries of the file that are no weights, such as epoch and optimizer.
    """

    state: State
    preprocessing: dict[str, Any]
    others: tuple[str, ...] = ()


def load_weights(model: nn.Module, path: Path, *, allow_unsafe: bool, where: str) -> dict[str, Any]:
    """Copy the weights of a file into `model`, all of them or none.

    Args:
        model: Changed in place.
        path: A .safetensors file, or one of torch.save with a state dict, alone or in a checkpoint.
        allow_unsafe: Unpickle files that hold more than tensors; such a file can run any code.
        where: Names the model in errors.

    Returns:
        The preprocessing that the file knows; see `StoredWeights`.

    Raises:
        ModelError: The file cannot be read, or its weights are not exactly those of the model.
    """
    stored = read_weights(path, allow_unsafe=allow_unsafe, where=where)
    expected = model.state_dict()
    matched = match(stored.state, expected, where=f"{where}: {path}")
    problems = explain_misfit(matched, expected)
    if problems:
        raise ModelError(f"{where}: the weights of {path} do not fit the model ({len(expected)} entries): {problems}")
    model.load_state_dict(matched, strict=False)
    return stored.preprocessing


def read_weights(path: Path, *, allow_unsafe: bool, where: str) -> StoredWeights:
    """Read a file of weights to the processor's memory, whatever device it was saved from.

    Raises:
        ModelError: The file is missing, of another format, or needs `allow_unsafe`.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file of weights at {path}; correct 'weights'.")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path, where=where)
    content = _read_torch(path, allow_unsafe=allow_unsafe, where=where)
    state, others = find_state(content, where=f"{where}: {path}")
    return StoredWeights(state=state, preprocessing=dict(normalisation(state)), others=others)


def _read_safetensors(path: Path, *, where: str) -> StoredWeights:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        state = safetensors.torch.load_file(path)
    except Exception as error:  # a broken header may raise anything
        raise ModelError(
            f"{where}: {path} cannot be read ({type(error).__name__}: {_first_line(error)}). Expected a .safetensors "
            "file; load or copy it again."
        ) from error
    told = _told_preprocessing(metadata, where=f"{where}: {path}")
    return StoredWeights(state=state, preprocessing={**normalisation(state), **told})


def _told_preprocessing(metadata: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """The preprocessing in a file's metadata, checked like that of a configuration."""
    if METADATA_KEY not in metadata:
        return {}
    try:
        told = PreprocessingConfig.model_validate(json.loads(metadata[METADATA_KEY]))
    except (ValueError, RecursionError, ValidationError) as error:
        raise ModelError(
            f"{where}: the metadata {METADATA_KEY!r} of the file is no preprocessing ({_first_line(error)}). Write it "
            "again with 'barlow-report convert-checkpoint', or remove the entry."
        ) from error
    return {key: getattr(told, key) for key in told.model_fields_set}


def _read_torch(path: Path, *, allow_unsafe: bool, where: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=not allow_unsafe)
    except pickle.UnpicklingError as error:
        if allow_unsafe or "weights_only" not in str(error).lower():
            raise ModelError(f"{where}: {path} is no file of torch.save ({_first_line(error)}).") from error
        raise ModelError(_refusal(path, error, where=where)) from error
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{where}: unpickling {path} needs the Python package {error.name!r}. Install it, or convert the file "
            "where it is installed: barlow-report convert-checkpoint."
        ) from error
    except Exception as error:  # a broken archive or an unknown class may raise anything
        if "TorchScript archive" in str(error):
            raise ModelError(
                f"{where}: {path} is a TorchScript program, not a file of weights. Give it as 'program', without "
                "'factory', 'torchvision', 'timm' and 'weights'."
            ) from error
        raise ModelError(
            f"{where}: {path} cannot be read ({type(error).__name__}: {_first_line(error)}). Expected .safetensors or "
            "a file of torch.save."
        ) from error


def _refusal(path: Path, error: BaseException, *, where: str) -> str:
    """Why a file is not read, and the two ways out."""
    names = sorted(set(re.findall(r"GLOBAL ([\w.]+)", str(error))))
    needs = f" (such as {', '.join(names)})" if names else ""
    return (
        f"{where}: {path} holds more than weights{needs}, and reading it could run any code. If you trust it, convert "
        f"it once: barlow-report convert-checkpoint {path.name} {path.stem}.safetensors --allow-unpickling; or allow "
        f"this file in the configuration: 'allow_unsafe_weights: {path.name}'."
    )


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


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
