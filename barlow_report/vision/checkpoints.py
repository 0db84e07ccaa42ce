"""Turning any checkpoint into a safetensors file that holds weights and their preprocessing, and nothing that runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors

from barlow_report.errors import ModelError, OutputError
from barlow_report.files import atomic_write
from barlow_report.vision.state_dicts import strip_wrappers
from barlow_report.vision.weights import METADATA_KEY, read_weights

__all__ = ["ConvertedCheckpoint", "convert_checkpoint", "save_weights"]


@dataclass(frozen=True, kw_only=True)
class ConvertedCheckpoint:
    """What was written.

    Attributes:
        n_weights: Tensors in the file.
        preprocessing: What the checkpoint's own normaliser said; empty without one.
        dropped: Entries that were left out because they are no weights.
    """

    n_weights: int
    preprocessing: dict[str, Any]
    dropped: tuple[str, ...]


def convert_checkpoint(
    source: Path, target: Path, *, allow_unpickling: bool = False, overwrite: bool = False
) -> ConvertedCheckpoint:
    """Write the weights of `source` to `target` as safetensors, without prefixes of wrappers.

    Args:
        source: A checkpoint of torch.save, or a safetensors file.
        target: Ends in .safetensors.
        allow_unpickling: Read a file that holds more than weights; such a file can run any code.
        overwrite: Replace `target` where it exists.

    Raises:
        ModelError: `source` cannot be read, holds no weights, or needs `allow_unpickling`.
        OutputError: `target` exists, has another suffix, or cannot be written.
    """
    if target.suffix.lower() != ".safetensors":
        raise OutputError(f"{target}: expected a name that ends in .safetensors.")
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already. Give another name, or --overwrite.")
    stored = read_weights(source, allow_unsafe=allow_unpickling, where="convert-checkpoint")
    weights = {name: value for name, value in strip_wrappers(stored.state).items() if isinstance(value, torch.Tensor)}
    if not weights:
        raise ModelError(f"{source}: holds no weights.")
    save_weights(weights, target, preprocessing=stored.preprocessing)
    lost = tuple(name for name, value in stored.state.items() if not isinstance(value, torch.Tensor))
    return ConvertedCheckpoint(
        n_weights=len(weights), preprocessing=stored.preprocessing, dropped=(*stored.others, *lost)
    )


def save_weights(weights: dict[str, torch.Tensor], path: Path, *, preprocessing: dict[str, Any]) -> None:
    """Write a state dict as safetensors; `preprocessing`, keys of its configuration, goes into the metadata."""
    # Copies, because safetensors refuses tensors that share their memory.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in weights.items()}
    metadata = {METADATA_KEY: json.dumps(preprocessing, sort_keys=True)} if preprocessing else None
    atomic_write(path, to_safetensors(tensors, metadata))
