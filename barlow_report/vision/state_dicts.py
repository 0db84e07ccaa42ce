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
from barlow_report.vision.tensors import dense, misfit, shape

__all__ = ["State", "closest", "explain_misfit", "find_state", "normalisation", "some", "strip_wrappers"]

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
            return {str(key): value for key, value in content.items()}, ()
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


def closest(state: State, expected: Mapping[str, torch.Tensor]) -> State:
    """Rename the weights of a file that do not fit a model to its names, by dropping the prefix that fits best.

    Where nothing fits, the file's names without wrappers are returned, to be compared.
    """
    needed = {key for key in expected if not _is_counter(key)}
    fits = {prefix: len(needed & _under(state, prefix).keys()) for prefix in _prefixes(state, needed)}
    best = max(fits.values(), default=0)
    if best == 0:
        return strip_wrappers(state)
    return _under(state, min((prefix for prefix, n in fits.items() if n == best), key=_rank))


def _rank(prefix: str) -> tuple[bool, int, str]:
    """An attacker's copy of the model is never meant; else the shortest prefix is."""
    return (_ATTACKER in prefix, prefix.count("."), prefix)


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


def normalisation(state: State, *, where: str) -> dict[str, tuple[float, ...]]:
    """Return mean and std of the `robustness` library's normaliser, if the state dict holds one.

    Raises:
        ModelError: It holds several that differ.
    """
    found: dict[str, tuple[float, ...]] = {}
    for key, entry in (("mean", "new_mean"), ("std", "new_std")):
        # To the digits a float32 holds, so that 0.485 is told as 0.485.
        values = {  # a set, as copies of the model have the same
            tuple(float(f"{number:.7g}") for number in dense(value).double().flatten().tolist())
            for name, value in state.items()
            if name.endswith(f"normalizer.{entry}") and value.numel() in (1, 3) and not value.is_meta
        }
        if len(values) > 1:
            raise ModelError(f"{where} holds normalisers that differ; save the weights that are meant alone.")
        if values:
            found[key] = values.pop()
    return found if len(found) == 2 else {}


def explain_misfit(state: State, expected: Mapping[str, torch.Tensor]) -> str:
    """Say which names are missing, unexpected or of another shape, and what to do; empty where all fit."""
    missing = [key for key in expected if key not in state and not _is_counter(key)]
    unexpected = [key for key in state if key not in expected]
    misshapen = [key for key in expected if key in state and shape(state[key]) != shape(expected[key])]
    skipped = {*misshapen, *(key for key in expected if _is_counter(key))}
    changed = {key: misfit(state[key], expected[key]) for key in expected if key in state and key not in skipped}
    others = [f"{key} {problem}" for key, problem in changed.items() if problem]
    if not (missing or unexpected or misshapen or others):
        return ""
    shapes = [f"{key} {shape(state[key])} instead of {shape(expected[key])}" for key in misshapen]
    problems = [
        f"{len(names)} {kind}: {some(names)}"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", shapes),
            ("of another kind of numbers", others),
        )
        if names
    ]
    if others and len(problems) == 1:
        return f"{problems[0]}. Their numbers would change. Save them in the model's own kind of numbers."
    return f"{'; '.join(problems)}. {_advice(state, expected, misshapen, only_shapes=not (missing or unexpected))}"


def _advice(state: State, expected: Mapping[str, torch.Tensor], misshapen: list[str], *, only_shapes: bool) -> str:
    """Name the number of classes where it alone differs; the general advice otherwise."""
    found = {(shape(state[key]) or (0,))[0] for key in misshapen}
    wanted = {(shape(expected[key]) or (0,))[0] for key in misshapen}
    same_rest = all((shape(state[key]) or ())[1:] == (shape(expected[key]) or ())[1:] for key in misshapen)
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


def some(values: Iterable[str]) -> str:
    """The first few of `values`, and how many more there are."""
    shown = list(values)
    rest = len(shown) - N_SHOWN
    return ", ".join(shown[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
