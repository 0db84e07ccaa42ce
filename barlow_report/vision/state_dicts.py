"""State dicts as training programs leave them: inside of checkpoints, under prefixes, beside other entries.

The layout of the `robustness` library, in which the published adversarially trained ImageNet and CIFAR models come,
is one of them: the network under `module.model.`, a second time inside of its attacker, and the normalisation as
the buffers `module.normalizer.new_mean` and `new_std`, which would be lost if only the network was read.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["State", "explain_misfit", "find_state", "match", "normalisation", "some", "strip_wrappers"]

State = dict[str, torch.Tensor]

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "state_dict_ema", "model_ema")
"""Entries under which training programs put the state dict; the first that is there is taken."""

N_SHOWN = 3
_WRAPPER_PREFIX = re.compile(r"^(module\.|_orig_mod\.)+")
_ATTACKER = "attacker."


def find_state(content: Any, *, where: str) -> tuple[State, tuple[str, ...]]:
    """Return the state dict in what a file held, and the names of the other entries.

    Raises:
        ModelError: There is none; the message says what was found.
    """
    if isinstance(content, nn.Module):
        return content.state_dict(), ()
    if isinstance(content, Mapping):
        if content and all(isinstance(value, torch.Tensor) for value in content.values()):
            return dict(content), ()
        for key in WRAPPERS:
            if isinstance(content.get(key), (Mapping, nn.Module)):
                state, others = find_state(content[key], where=where)
                return state, (*others, *(str(other) for other in content if other != key))
        weights = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
        if len(weights) > len(content) / 2:
            return weights, tuple(str(key) for key in content if str(key) not in weights)
    keys = some([str(key) for key in content]) if isinstance(content, Mapping) else type(content).__name__
    raise ModelError(
        f"{where} holds no state dict; found {keys or 'nothing'}. Expected names of weights and tensors, alone "
        f"or under {', '.join(WRAPPERS)}."
    )


def match(state: State, expected: Mapping[str, torch.Tensor], *, where: str) -> State:
    """Rename a file's weights to a model's names, by dropping the prefix that fits best.

    Weights under other prefixes are dropped if the model is complete without them (an attacker's copy, a loss, a
    projection head); where nothing fits, the file's names without wrappers are returned, to be compared.

    Raises:
        ModelError: Two prefixes fit equally well and their weights differ.
    """
    needed = {key for key in expected if not _is_counter(key)}
    if not needed:
        return state
    fits = {prefix: len(needed & _under(state, prefix).keys()) for prefix in _prefixes(state, needed)}
    best = max(fits.values(), default=0)
    if best == 0:
        return strip_wrappers(state)
    # An attacker's copy of the model is never meant; else the shortest prefix is.
    order = sorted((p for p, n in fits.items() if n == best), key=lambda p: (_ATTACKER in p, p.count("."), p))
    chosen = _under(state, order[0])
    if best < len(needed):
        return chosen
    _refuse_ambiguity(state, order, needed, where=where)
    return chosen


def _refuse_ambiguity(state: State, prefixes: list[str], needed: set[str], *, where: str) -> None:
    first = prefixes[0]
    for other in prefixes[1:]:
        if other.count(".") != first.count(".") or _ATTACKER in other:
            continue
        if any(not torch.equal(state[first + key], state[other + key]) for key in needed):
            raise ModelError(
                f"{where} holds two sets of weights that fit, under {first!r} and {other!r}. Save the one that is "
                "meant alone, and give that file."
            )


def _prefixes(state: State, needed: set[str]) -> set[str]:
    """What may stand before the model's names: tried on a few of them, which any complete copy has."""
    tried = sorted(needed, key=len, reverse=True)[:2] + sorted(needed)[:2]
    found = {name[: -len(key)] for key in tried for name in state if name.endswith(key)}
    return {"", *(prefix for prefix in found if prefix.endswith("."))}


def _under(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def strip_wrappers(state: State) -> State:
    """Undo what wrappers add to every name, without knowing the model.

    That is `module.` of data parallelism, `_orig_mod.` of torch.compile, and the layout of the `robustness`
    library, of which the network alone is kept.
    """
    if not state:
        return state
    if all(_WRAPPER_PREFIX.match(name) for name in state):
        state = {_WRAPPER_PREFIX.sub("", name): value for name, value in state.items()}
    if any(name.startswith("model.") for name in state) and all(
        name.startswith(("model.", _ATTACKER, "normalizer.")) for name in state
    ):
        return _under(state, "model.")
    return state


def normalisation(state: State) -> dict[str, tuple[float, ...]]:
    """Return mean and std of the `robustness` library's normaliser, if the state dict holds one."""
    found: dict[str, tuple[float, ...]] = {}
    for key, entry in (("mean", "new_mean"), ("std", "new_std")):
        names = [name for name in state if name.endswith(f"normalizer.{entry}")]
        if len(names) == 1 and state[names[0]].numel() == 3:
            # To the digits a float32 holds, so that 0.485 is told as 0.485.
            values = state[names[0]].double().flatten().tolist()
            found[key] = tuple(float(f"{value:.7g}") for value in values)
    return found if len(found) == 2 else {}


def explain_misfit(state: State, expected: Mapping[str, torch.Tensor]) -> str:
    """Say which names are missing, unexpected or of another shape, and what to do; empty where all fit."""
    missing = [key for key in expected if key not in state and not _is_counter(key)]
    unexpected = [key for key in state if key not in expected]
    misshapen = [key for key in expected if key in state and _shape(state[key]) != _shape(expected[key])]
    if not (missing or unexpected or misshapen):
        return ""
    shapes = [f"{key} {_shape(state[key])} instead of {_shape(expected[key])}" for key in misshapen]
    problems = [
        f"{len(names)} {kind}: {some(names)}"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if names
    ]
    return f"{'; '.join(problems)}. {_advice(state, expected, misshapen, only_shapes=not (missing or unexpected))}"


def _advice(state: State, expected: Mapping[str, torch.Tensor], misshapen: list[str], *, only_shapes: bool) -> str:
    """Name the number of classes where it alone differs; the general advice otherwise."""
    found = {(_shape(state[key]) or (0,))[0] for key in misshapen}
    wanted = {(_shape(expected[key]) or (0,))[0] for key in misshapen}
    same_rest = all((_shape(state[key]) or ())[1:] == (_shape(expected[key]) or ())[1:] for key in misshapen)
    if only_shapes and len(misshapen) <= 2 and same_rest and len(found) == len(wanted) == 1:
        return (
            f"The file is for {found.pop()} classes and the model for {wanted.pop()}: set the number of classes in "
            "'arguments' (num_classes for torchvision and timm)."
        )
    return (
        "Check 'factory', 'torchvision' or 'timm', its 'arguments' (such as the number of classes) and 'weights': "
        "they must be of one architecture."
    )


def _is_counter(key: str) -> bool:
    """Counters that old files lack and that are not used in evaluation."""
    return key.endswith("num_batches_tracked")


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def some(values: Iterable[str]) -> str:
    """The first few of `values`, and how many more there are."""
    shown = list(values)
    rest = len(shown) - N_SHOWN
    return ", ".join(shown[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
