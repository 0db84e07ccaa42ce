"""The sets of weights in a checkpoint that fit a model: training programs keep several, of which one is meant.

Beside the weights of the last step there may be their average over steps (EMA, SWA), a teacher, a momentum encoder.
Which one was evaluated cannot be told from the file. So every set that fits is found, wherever it lies and however its
names were changed, and where two differ, the configuration must say which.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.flattening import Checkpoint, entry_prefix
from barlow_report.vision.state_dicts import strip_wrappers
from barlow_report.vision.tensors import is_same, shape

__all__ = ["choose", "refuse_several"]

TOP = "."
"""The name of a set of weights whose names start at the top of the file."""

_ATTACKER = "attacker."
_OPTIMIZER = re.compile(r"(^|[._])opt(s|_states?|im\w*)?[._]", re.IGNORECASE)
_AVERAGE = re.compile(r"(^|[._])(model)?(emas?|swa|shadow|averaged?|(?<!exp_)avg)(model)?($|[._])", re.IGNORECASE)
_SEPARATORS = (".", "", "_")
"""What averages write for the dots of a name: buffers of a module may have none in theirs."""


_BOOKKEEPING = ("n_averaged", "num_updates", "decay", "initted", "step")


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A set of weights that fits.

    Attributes:
        name: Of the entry, as the configuration may give it.
        weights: By the names of the model.
        is_complete: Whether it has the model's buffers, too; an average may have the parameters alone.
        prefix: What stands before its names in the file, which are the model's; None where they are others.
    """

    name: str
    weights: dict[str, torch.Tensor]
    is_complete: bool
    prefix: str | None = None


def choose(
    checkpoint: Checkpoint, model: nn.Module, *, entry: str | None, where: str
) -> dict[str, torch.Tensor] | None:
    """Return the one set of weights that fits, by the names of the model; None where none does.

    Weights beside them that the model does not have are in it, too.

    Args:
        checkpoint: What the file holds.
        model: Which they must fit.
        entry: The one to take, or what it lies under.
        where: Names the model and the file in errors.

    Raises:
        ModelError: Two of them fit and differ, or there is an average that does not fit and none was named.
    """
    expected = model.state_dict()
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)} & expected.keys()
    every = _candidates(checkpoint, expected, parameters)
    found = every if entry is None else _under(every, entry)
    distinct = _distinct(found)
    if len(distinct) > 1:
        raise ModelError(
            f"{where} holds {len(distinct)} sets of weights that fit the model and differ: {_list(distinct)}. Say with "
            "'weights_entry' which is meant; an average over training steps (EMA, SWA) or a teacher is usually the one "
            "whose accuracy was reported."
        )
    if not distinct:
        return None
    chosen, complete = distinct[0], _distinct([one for one in every if one.is_complete])
    if entry is None and not _says_average(chosen.name):
        _refuse_other_average(checkpoint, chosen, every, where=where)
    if not chosen.is_complete:
        # An average of parameters alone: the buffers are those of the model that it was taken of.
        return {**complete[0].weights, **chosen.weights} if len(complete) == 1 else None
    return {**_beside(checkpoint, chosen, expected, every), **chosen.weights}


def refuse_several(checkpoint: Checkpoint, *, n_at_least: int, where: str) -> None:
    """Raise a ModelError if a file holds two sets of weights with the same names and shapes that differ.

    Args:
        checkpoint: What the file holds.
        n_at_least: Tensors of a set that counts.
        where: Names the file in errors.
    """
    sets: dict[str, dict[str, torch.Tensor]] = {}
    for name, container in checkpoint.containers.items():
        sets.setdefault(container, {})[name.removeprefix(entry_prefix(container))] = checkpoint.tensors[name]
    for weights in sets.values():
        if len(weights) < n_at_least:
            continue
        own = strip_wrappers(weights)
        parameters = {name for name in own if not _is_statistic(name)}
        distinct = _distinct(_candidates(checkpoint, own, parameters))
        if len(distinct) > 1:
            raise ModelError(
                f"{where} holds {len(distinct)} sets of weights that differ: {_list(distinct)}. Choose one: --entry."
            )


def _refuse_other_average(checkpoint: Checkpoint, chosen: Candidate, every: list[Candidate], *, where: str) -> None:
    """Raise a ModelError if the file holds an average of other weights of the model, such as of a part of them."""
    known = tuple(entry_prefix(one.name) for one in every if one.name != TOP and one is not chosen)
    used = {id(value) for value in chosen.weights.values()}
    shapes = {shape(value) for value in chosen.weights.values() if value.ndim > 1}
    for path, values in [*((name, [value]) for name, value in checkpoint.tensors.items()), *checkpoint.lists.items()]:
        if not _says_average(path) or (known and f"{path}.".startswith(known)):
            continue
        if any(id(value) not in used and shape(value) in shapes for value in values):
            raise ModelError(
                f"{where} holds an average of weights (EMA) that does not fit the model as a whole, such as {path}. If "
                f"the other weights in it are meant, say so: 'weights_entry: {chosen.name}'."
            )


def _says_average(path: str) -> bool:
    return _AVERAGE.search(path) is not None


def _under(candidates: list[Candidate], entry: str) -> list[Candidate]:
    """Those that are called `entry`, or else those that lie under it."""
    name = entry.strip(".") or TOP
    exact = [one for one in candidates if one.name == name]
    return exact or [one for one in candidates if one.name.startswith(f"{name}.")]


def _list(candidates: list[Candidate]) -> str:
    return ", ".join(repr(one.name) for one in candidates)


def _candidates(checkpoint: Checkpoint, expected: Mapping[str, torch.Tensor], parameters: set[str]) -> list[Candidate]:
    """Every set that fits, complete ones first, then those at the top of the file."""
    found = [*_named(checkpoint, expected, parameters), *_listed(checkpoint, expected, parameters)]
    found = [one for one in found if not _OPTIMIZER.search(f"{one.name}.") or _says_average(one.name)]
    # An attacker's copy of the model is never meant.
    own = [one for one in found if _ATTACKER not in f"{one.name}."] or found
    return sorted(own, key=lambda one: (not one.is_complete, one.name.count("."), one.name))


def _named(checkpoint: Checkpoint, expected: Mapping[str, torch.Tensor], parameters: set[str]) -> Iterator[Candidate]:
    needed = {name for name in expected if not _is_counter(name)}
    for separator in _SEPARATORS:
        written = {name: name.replace(".", separator) for name in expected}
        if separator != "." and all(name == text for name, text in written.items()):
            continue
        for prefix in _prefixes(checkpoint.tensors, [written[name] for name in parameters or needed]):
            found = {name: checkpoint.tensors.get(prefix + written[name]) for name in expected}
            weights = {
                name: value for name, value in found.items() if value is not None and _fits(value, expected[name])
            }
            if needed <= weights.keys() or (parameters and parameters <= weights.keys()):
                yield Candidate(
                    name=prefix.removesuffix(".") or TOP,
                    weights=weights,
                    is_complete=needed <= weights.keys(),
                    prefix=prefix if separator == "." else None,
                )


def _prefixes(tensors: Mapping[str, torch.Tensor], names: list[str]) -> list[str]:
    """What may stand before the names: tried on one of them, which any set of weights has."""
    longest = max(names, key=len, default=None)
    if longest is None:
        return []
    found = (name[: -len(longest)] for name in tensors if name.endswith(longest))
    return [prefix for prefix in found if not prefix or prefix.endswith((".", "_"))]


def _beside(
    checkpoint: Checkpoint, chosen: Candidate, expected: Mapping[str, torch.Tensor], every: list[Candidate]
) -> dict[str, torch.Tensor]:
    """What lies in the same mappings under the same prefix, and belongs to no other set."""
    prefix = chosen.prefix
    if prefix is None:
        return {}
    mappings = {checkpoint.containers[prefix + name] for name in chosen.weights}
    inner = tuple(
        entry_prefix(one.name) for one in every if one.name.startswith(prefix) and one.name not in (TOP, chosen.name)
    )
    return {
        name.removeprefix(prefix): value
        for name, value in checkpoint.tensors.items()
        if name.startswith(prefix)
        and checkpoint.containers[name] in mappings
        and name.removeprefix(prefix) not in (*expected, *_BOOKKEEPING)
        and not (inner and name.startswith(inner))
    }


def _listed(checkpoint: Checkpoint, expected: Mapping[str, torch.Tensor], parameters: set[str]) -> Iterator[Candidate]:
    """Lists in the order of the model's parameters, as averages keep them."""
    order = [name for name in expected if name in parameters]
    for path, values in checkpoint.lists.items():
        if order and len(values) == len(order) and all(map(_fits, values, (expected[name] for name in order))):
            weights = dict(zip(order, values, strict=True))
            yield Candidate(name=path or TOP, weights=weights, is_complete=parameters == expected.keys())


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    distinct: list[Candidate] = []
    for one in candidates:
        if not any(_are_same(one, other) for other in distinct):
            distinct.append(one)
    return distinct


def _are_same(one: Candidate, other: Candidate) -> bool:
    """Whether two sets have the same values, where both have some."""
    common = (name for name in one.weights if name in other.weights and not _is_counter(name))
    return all(is_same(one.weights[name], other.weights[name]) for name in common)


def _fits(value: torch.Tensor, expected: torch.Tensor) -> bool:
    return shape(value) == shape(expected)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _is_statistic(name: str) -> bool:
    """Of batch normalisation, which is no parameter."""
    return name.endswith(("running_mean", "running_var")) or _is_counter(name)
