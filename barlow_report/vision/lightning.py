"""Checkpoints of PyTorch Lightning: their weights are read, and nothing in them is run.

Beside the state dict such a file holds hyperparameters, callbacks and loops, which may be of any class: a path, an
enumeration, a configuration of another library. torch's reader of weights refuses files with such classes. Here it is
told that each of these names means an empty class of ours, so that it goes on, still calling nothing but what rebuilds
tensors; what is of these classes is left out. Modules of the system stay refused.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import serialization

__all__ = ["read_lightning"]

_VERSION, _WEIGHTS = "pytorch-lightning_version", "state_dict"


class _LeftOut(dict):  # type: ignore[type-arg]
    """Stands for an object of any class, whatever it was made with; holds nothing."""

    def __new__(cls, *_: object, **__: object) -> "_LeftOut":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        """Drop what the object was."""

    def __setitem__(self, key: object, value: object) -> None:
        """Drop an item."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__  # type: ignore[assignment]  # it may have been a key


def _mapping(*_: object) -> dict[Any, Any]:
    return {}


def _stand_in(name: str) -> Any:
    """What a name in the file means; torch puts items into plain mappings only."""
    if name.endswith(".AttributeDict"):  # Lightning's own
        return dict
    return _mapping if name == "collections.defaultdict" else _LeftOut


def read_lightning(path: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint of PyTorch Lightning without what is of unknown classes.

    Returns:
        The checkpoint; None where the file is none, or where this version of torch cannot tell which classes it needs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about old formats and sparse tensors
            needed = serialization.get_unsafe_globals_in_checkpoint(path)
            with serialization.safe_globals([(_stand_in(name), name) for name in needed]):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # an older torch, an older format, a module that stays refused, a damaged file: others say why
        return None
    weights = content.get(_WEIGHTS) if isinstance(content, dict) and _VERSION in content else None
    if not isinstance(weights, Mapping) or isinstance(weights, _LeftOut):
        return None
    if not all(isinstance(value, torch.Tensor) for value in weights.values()):
        return None
    return {key: value for key, value in content.items() if not isinstance(value, _LeftOut)}
