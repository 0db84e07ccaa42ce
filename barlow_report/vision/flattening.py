"""All tensors of a checkpoint by their paths, however deep they lie: in mappings, lists, modules and objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["Checkpoint", "entry_prefix", "flatten"]

MAX_DEPTH = 12
MAX_PARTS = 5_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """The tensors of a file.

    Attributes:
        tensors: By the path of their names, joined by dots: `state_dict.model.fc.weight`.
        containers: The part of that path that is the mapping which the tensor lies in: `state_dict`.
        lists: Lists of tensors without names, by their path.
    """

    tensors: dict[str, torch.Tensor]
    containers: dict[str, str]
    lists: dict[str, list[torch.Tensor]]

    def under(self, entry: str) -> dict[str, torch.Tensor]:
        """Return the tensors under a path, by their paths from there."""
        head = entry_prefix(entry)
        return {name.removeprefix(head): value for name, value in self.tensors.items() if name.startswith(head)}


def entry_prefix(entry: str) -> str:
    """What stands before the names of the weights in `entry`."""
    stripped = entry.strip(".")
    return stripped if stripped.endswith("_") or not stripped else f"{stripped}."


def flatten(content: Any, *, where: str) -> Checkpoint:
    """Find every tensor in what a file held.

    Raises:
        ModelError: Two of them have one name, such as those under 1 and "1"; or it holds millions of things.
    """
    tensors: dict[str, torch.Tensor] = {}
    containers: dict[str, str] = {}
    lists: dict[str, list[torch.Tensor]] = {}
    for path, value in _walk(content, (), set(), count(), where):
        name = ".".join(path)
        if isinstance(value, list):
            lists[name] = value
        elif name in tensors:
            raise ModelError(f"{where} holds two tensors that are called {name!r}; save it with other names.")
        else:
            tensors[name] = value
            containers[name] = ".".join(path[:-1])
    return Checkpoint(tensors=tensors, containers=containers, lists=lists)


def _walk(
    value: Any, path: tuple[str, ...], above: set[int], counter: "count[int]", where: str
) -> Iterator[tuple[tuple[str, ...], torch.Tensor | list[torch.Tensor]]]:
    if next(counter) > MAX_PARTS:
        raise ModelError(f"{where} holds more than {MAX_PARTS:,} values. Save the state dict alone.")
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, list | tuple) and value and all(isinstance(part, torch.Tensor) for part in value):
        yield path, list(value)
    elif len(path) < MAX_DEPTH and id(value) not in above:
        for key, part in _parts(value).items():
            yield from _walk(part, (*path, str(key)), above | {id(value)}, counter, where)


def _parts(value: Any) -> Mapping[Any, Any]:
    """What a value holds: the entries of a mapping or list, the weights of a module, the attributes of an object."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, nn.Module):
        return value.state_dict()
    if isinstance(value, list | tuple):
        return {place: part for place, part in enumerate(value) if not isinstance(part, int | float | str)}
    attributes = getattr(value, "__dict__", {})
    return attributes if isinstance(attributes, dict) else {}
