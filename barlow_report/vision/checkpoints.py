"""Turning any checkpoint into a safetensors file that holds weights and their preprocessing, and nothing that runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors

from barlow_report.errors import ModelError, OutputError
from barlow_report.files import atomic_write
from barlow_report.vision.candidates import refuse_several
from barlow_report.vision.state_dicts import State, find_state, strip_wrappers
from barlow_report.vision.tensors import dense
from barlow_report.vision.weights import METADATA_KEY, StoredWeights, read_weights, select, told_preprocessing

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
    source: Path,
    target: Path,
    *,
    entry: str | None = None,
    allow_unpickling: bool = False,
    overwrite: bool = False,
) -> ConvertedCheckpoint:
    """Write the weights of `source` to `target` as safetensors, without prefixes of wrappers.

    Args:
        source: A checkpoint of torch.save, or a safetensors file.
        target: Ends in .safetensors.
        entry: Which of several sets of weights to write: its entry in the checkpoint, or the prefix of its names.
        allow_unpickling: Read a file that holds more than weights; such a file can run any code.
        overwrite: Replace `target` where it exists.

    Raises:
        ModelError: `source` cannot be read, holds no weights or several sets of them, or needs `allow_unpickling`.
        OutputError: `target` exists, has another suffix, or cannot be written.
    """
    if target.suffix.lower() != ".safetensors":
        raise OutputError(f"{target}: expected a name that ends in .safetensors.")
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already. Give another name, or --overwrite.")
    stored = read_weights(source, allow_unsafe=allow_unpickling, where="convert-checkpoint")
    pool = select(stored, entry, where=str(source))
    state, others = (pool, ()) if entry is not None else _only_state(stored, where=str(source))
    weights = {name: value for name, value in strip_wrappers(state).items() if isinstance(value, torch.Tensor)}
    if not weights:
        raise ModelError(f"{source}: holds no weights. Give a checkpoint that holds some.")
    told = told_preprocessing(stored, entry, where=str(source))
    save_weights(weights, target, preprocessing=told)
    lost = tuple(name for name, value in state.items() if not isinstance(value, torch.Tensor))
    return ConvertedCheckpoint(n_weights=len(weights), preprocessing=told, dropped=(*others, *lost))


def _only_state(stored: StoredWeights, *, where: str) -> tuple[State, tuple[str, ...]]:
    """The state dict of a checkpoint, and the names of the other entries."""
    state, others = find_state(stored.content, where=where)
    refuse_several(stored.checkpoint, n_at_least=max(2, len(state) // 2), where=where)
    return state, others


def save_weights(weights: dict[str, torch.Tensor], path: Path, *, preprocessing: dict[str, Any]) -> None:
    """Write a state dict as safetensors; `preprocessing`, keys of its configuration, goes into the metadata."""
    # Copies, because safetensors refuses tensors that share their memory.
    tensors = {name: dense(value.detach()).cpu().clone().contiguous() for name, value in weights.items()}
    metadata = {METADATA_KEY: json.dumps(preprocessing, sort_keys=True)} if preprocessing else None
    atomic_write(path, to_safetensors(tensors, metadata))
