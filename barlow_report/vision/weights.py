"""Reading files of weights into a model, and naming every weight that does not fit."""

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.parameter import is_lazy

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.vision.candidates import choose
from barlow_report.vision.flattening import Checkpoint, entry_prefix, flatten
from barlow_report.vision.lightning import read_lightning
from barlow_report.vision.state_dicts import State, closest, explain_misfit, find_state, normalisation, some
from barlow_report.vision.tensors import dense

__all__ = [
    "METADATA_KEY",
    "StoredWeights",
    "load_weights",
    "read_weights",
    "refuse_unmade",
    "select",
    "told_preprocessing",
]

METADATA_KEY = "preprocessing"
"""Entry of a safetensors file's metadata: JSON of some keys of `PreprocessingConfig`."""


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """What a file of weights holds.

    Attributes:
        content: What was saved: a state dict, or a checkpoint with one or several of them.
        checkpoint: All tensors in it, on the processor.
        preprocessing: The keys of `PreprocessingConfig` that the metadata of the file tell; empty for most.
    """

    content: Any
    checkpoint: Checkpoint
    preprocessing: dict[str, Any]


def load_weights(
    model: nn.Module, path: Path, *, entry: str | None = None, allow_unsafe: bool, where: str
) -> dict[str, Any]:
    """Copy the weights of a file into `model`, all of them or none.

    Args:
        model: Changed in place.
        path: A .safetensors file, or one of torch.save with a state dict, alone or in a checkpoint.
        entry: Which of several sets of weights in it to take: its entry in the checkpoint, or the prefix of its names.
        allow_unsafe: Unpickle files that hold more than tensors; such a file can run any code.
        where: Names the model in errors.

    Returns:
        The preprocessing that the file knows: keys of `PreprocessingConfig`.

    Raises:
        ModelError: The file cannot be read, its weights are not exactly those of the model, or several that differ are.
    """
    stored = read_weights(path, allow_unsafe=allow_unsafe, where=where)
    place = f"{where}: {path}"
    pool = select(stored, entry, where=place)
    expected = model.state_dict()
    chosen = choose(stored.checkpoint, model, entry=entry, where=place)
    if chosen is None:
        chosen = closest(pool if entry is not None else _most_likely(stored, where=place), expected)
    problems = explain_misfit(chosen, expected)
    if problems:
        raise ModelError(f"{where}: the weights of {path} do not fit the model ({len(expected)} entries): {problems}")
    model.load_state_dict({name: dense(value) for name, value in chosen.items()}, strict=False)
    return told_preprocessing(stored, entry, where=place)


def _most_likely(stored: StoredWeights, *, where: str) -> State:
    """What to compare with the model where nothing fits: the state dict of a checkpoint, or all that there is."""
    try:
        return find_state(stored.content, where=where)[0]
    except ModelError:
        if not stored.checkpoint.tensors:
            raise
        return stored.checkpoint.tensors


def select(stored: StoredWeights, entry: str | None, *, where: str) -> State:
    """Return the tensors under an entry by their names there, or all of the file.

    Raises:
        ModelError: There are none.
    """
    tensors = stored.checkpoint.under(entry or "")
    is_list = any(f"{path}.".startswith(entry_prefix(entry or "")) for path in stored.checkpoint.lists)
    if not tensors and entry is not None and not is_list:
        places = sorted({name.partition(".")[0] for name in (*stored.checkpoint.tensors, *stored.checkpoint.lists)})
        raise ModelError(f"{where} holds no weights under {entry!r}; it has some under {some(places) or 'no entry'}.")
    return tensors


def told_preprocessing(stored: StoredWeights, entry: str | None, *, where: str) -> dict[str, Any]:
    """Return the preprocessing that a file knows: of its metadata, or of a normaliser beside the weights.

    Raises:
        ModelError: It holds several normalisers that differ, and no one under `entry`.
    """
    found = normalisation(stored.checkpoint.under(entry or ""), where=where)
    return {**(found or normalisation(stored.checkpoint.tensors, where=where)), **stored.preprocessing}


def read_weights(path: Path, *, allow_unsafe: bool, where: str) -> StoredWeights:
    """Read a file of weights to the processor's memory, whatever device it was saved from.

    Raises:
        ModelError: The file is missing, of another format, or needs `allow_unsafe`.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file of weights at {path}; correct 'weights'.")
    told: dict[str, Any] = {}
    if path.suffix.lower() == ".safetensors":
        content, told = _read_safetensors(path, where=where)
    else:
        content = _read_torch(path, allow_unsafe=allow_unsafe, where=where)
    checkpoint = flatten(content, where=f"{where}: {path}")
    return StoredWeights(content=content, checkpoint=checkpoint, preprocessing=told)


def _read_safetensors(path: Path, *, where: str) -> tuple[State, dict[str, Any]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        state = safetensors.torch.load_file(path)
    except Exception as error:  # a broken header may raise anything
        raise ModelError(
            f"{where}: {path} cannot be read ({type(error).__name__}: {_first_line(error)}). Expected a .safetensors "
            "file; load or copy it again."
        ) from error
    return state, _told_preprocessing(metadata, where=f"{where}: {path}")


def _told_preprocessing(metadata: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """The preprocessing in a file's metadata, checked like that of a configuration."""
    if METADATA_KEY not in metadata:
        return {}
    try:
        told = PreprocessingConfig.model_validate(json.loads(metadata[METADATA_KEY]))
    except (ValueError, RecursionError, ValidationError) as error:
        raise ModelError(
            f"{where}: the metadata {METADATA_KEY!r} of the file is not a preprocessing ({_first_line(error)}). Write "
            "it again with 'barlow-report convert-checkpoint', or remove the entry."
        ) from error
    return {key: getattr(told, key) for key in told.model_fields_set}


def _read_torch(path: Path, *, allow_unsafe: bool, where: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about old formats and sparse tensors
            return torch.load(path, map_location="cpu", weights_only=not allow_unsafe)
    except pickle.UnpicklingError as error:
        if allow_unsafe or "weights_only" not in str(error).lower():
            raise ModelError(f"{where}: {path} is not a file of torch.save ({_first_line(error)}).") from error
        if (checkpoint := read_lightning(path)) is not None:
            return checkpoint
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


def refuse_unmade(model: nn.Module, *, where: str) -> None:
    """Raise a ModelError if parameters of the model have no numbers yet, nor perhaps a shape."""
    for name, value in model.state_dict().items():
        if isinstance(value, torch.Tensor) and (is_lazy(value) or value.is_meta):
            raise ModelError(
                f"{where} has parameters without numbers (such as {name}). Build it on a real device, and run a module "
                "such as LazyLinear once on an image, before it is returned."
            )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
