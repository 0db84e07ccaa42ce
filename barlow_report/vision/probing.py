"""Finding the penultimate features of a model by running it once.

No architecture is known by name. Every module is watched while the model runs on random images; the features are
the input of the last `nn.Linear` whose output is the model's output. `maps.py` finds the map they are pooled from.

Tensors are compared after the run and not when the hook sees them, because a later in-place activation still
changes them, and the changed values are what is pooled.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.output_shapes import as_table, has_values
from barlow_report.vision.taps import LinearTap

__all__ = [
    "Layout",
    "Place",
    "Probe",
    "describe_outputs",
    "difference",
    "equal",
    "find_feature_module",
    "is_linear_output",
    "record",
    "run_probe",
    "watch",
]

Side = Literal["input", "output"]
Layout = Literal["channels_first", "channels_last", "tokens"]

N_CANDIDATES_SHOWN = 12
RELATIVE_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Place:
    """A tensor inside of a model: what goes into or comes out of a module, perhaps rectified.

    Attributes:
        module: Name as in `named_modules`; empty for the model itself.
        side: Input or output of the module.
        rectified: Take max(x, 0) of the tensor.
        is_exact: For a map: its mean over positions is the features.
        layout: For a map: (B, D, h, w), (B, h, w, D), or a sequence of tokens (B, n_prefix + h·w, D).
        n_prefix: Tokens before those of the positions, such as a class token.
    """

    module: str
    side: Side
    rectified: bool = False
    is_exact: bool = False
    layout: Layout = "channels_first"
    n_prefix: int = 0


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What one run showed.

    Attributes:
        output: Of the model, (B, n_outputs).
        places: Every tensor at a module's border, in order of time.
        size: Height and width of the images.
    """

    output: torch.Tensor
    places: list[tuple[Place, torch.Tensor]]
    size: tuple[int, int]


Seen = Callable[[str, Side, torch.Tensor], None]


@contextmanager
def watch(model: nn.Module, names: dict[str, set[Side]], seen: Seen) -> Iterator[None]:
    """Call `seen` with each tensor at the named borders while the block runs; the hooks never stay."""
    handles = []
    try:
        for name, sides in names.items():
            module = model.get_submodule(name)
            if "input" in sides:
                handles.append(module.register_forward_pre_hook(_input_hook(name, seen), with_kwargs=True))
            if "output" in sides:
                handles.append(module.register_forward_hook(_output_hook(name, seen)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _input_hook(name: str, seen: Seen) -> Callable[..., None]:
    def hook(_: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        for value in (*arguments, *keywords.values()):
            if isinstance(value, torch.Tensor):
                seen(name, "input", value)
                return

    return hook


def _output_hook(name: str, seen: Seen) -> Callable[..., None]:
    def hook(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor):
            seen(name, "output", output)

    return hook


@contextmanager
def record(model: nn.Module, places: list[Place]) -> Iterator[dict[Place, torch.Tensor]]:
    """Yield a mapping that holds the tensor at each of `places` once the model has run inside of the block."""
    found: dict[Place, torch.Tensor] = {}
    names: dict[str, set[Side]] = {}
    for place in places:
        names.setdefault(place.module, set()).add(place.side)

    def seen(name: str, side: Side, tensor: torch.Tensor) -> None:
        found.update({place: tensor for place in places if (place.module, place.side) == (name, side)})

    with watch(model, names, seen):
        yield found


def run_probe(model: nn.Module, images: torch.Tensor, *, where: str) -> Probe:
    """Run `model` on images (B, C, H, W), with gradients, and keep every tensor at a module's border.

    Raises:
        ModelError: The output is no tensor of shape (B, n_outputs) or (B,), or holds NaN or no finite value.
    """
    places: list[tuple[Place, torch.Tensor]] = []

    def seen(name: str, side: Side, tensor: torch.Tensor) -> None:
        places.append((Place(module=name, side=side), tensor))

    every: set[Side] = {"input", "output"}
    with watch(model, {name: every for name, _ in model.named_modules()}, seen), torch.enable_grad():
        # A copy that is no leaf: the model may normalise its input in place.
        output = model(images.clone().requires_grad_().clone())
    output = as_table(output, n_images=len(images), where=where)
    if not has_values(output):
        raise ModelError(
            f"{where}: the model computes NaN or infinite values on ordinary images. Check that its weights belong to "
            "it and that 'preprocessing: mean' and 'std' are those it was trained with; a model in half precision "
            "must not overflow."
        )
    return Probe(output=output, places=places, size=(images.shape[2], images.shape[3]))


def find_feature_module(model: nn.Module, probe: Probe, *, where: str) -> str:
    """Return the name of the last linear layer whose output is the model's, up to a (log-)softmax.

    Raises:
        ModelError: There is none; the message lists modules to choose from, with the shapes they see.
    """
    modules = dict(model.named_modules())
    for place, tensor in reversed(probe.places):
        is_linear = place.side == "output" and _is_linear(modules[place.module])
        if is_linear and _gives(tensor.flatten(1), probe.output):
            return place.module
    shapes = {
        place.module: (tuple(tensor.shape), type(modules[place.module]).__name__)
        for place, tensor in probe.places
        if place.side == "input" and place.module and tensor.flatten(1).shape[1] == tensor.shape[1]
    }
    shown = [f"{name} ({kind}, input {shape})" for name, (shape, kind) in shapes.items()][-N_CANDIDATES_SHOWN:]
    listed = "; ".join(shown) or "none: call the last layer as a module, or pass the features through an nn.Identity()"
    raise ModelError(
        f"{where}: the features were not found, because the model's output is not that of a linear layer. Name the "
        f"module whose input they are as 'feature_module'. Modules with one vector per image as input: {listed}. "
        "Last outputs: "
        f"{describe_outputs(model, probe)}."
    )


def _is_linear(module: nn.Module) -> bool:
    """A linear layer, or its twin: a convolution of one pixel, behind pooling."""
    return isinstance(module, (nn.Linear, LinearTap)) or (
        isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
    )


def _gives(found: torch.Tensor, output: torch.Tensor) -> bool:
    """Whether `found` is the model's output, or its softmax, log-softmax or sigmoid is."""
    if found.shape != output.shape:
        return False
    if equal(found, output) or equal(found.sigmoid(), output):
        return True
    if found.shape[1] == 1:
        return False  # its softmax is always 1
    softmax = found.softmax(dim=1)
    return equal(softmax, output) or equal(softmax, output.exp())


def describe_outputs(model: nn.Module, probe: Probe) -> str:
    """The last modules of a run with the shapes of their outputs."""
    modules = dict(model.named_modules())
    shown = [
        f"{place.module} ({type(modules[place.module]).__name__}, output {tuple(tensor.shape)})"
        for place, tensor in probe.places
        if place.side == "output" and place.module
    ]
    return "; ".join(shown[-N_CANDIDATES_SHOWN:]) or "none"


def is_linear_output(model: nn.Module, probe: Probe) -> bool:
    """Whether the model's output is a linear layer's, with nothing behind it: logits, whatever their values."""
    modules = dict(model.named_modules())
    return any(
        place.side == "output"
        and _is_linear(modules[place.module])
        and tensor.flatten(1).shape == probe.output.shape
        and equal(tensor.flatten(1), probe.output)
        for place, tensor in reversed(probe.places)
    )


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference of two tensors of one shape, relative to the largest finite value expected.

    NaN in both is no difference, NaN in one of them is infinite.
    """
    found, expected = found.detach().float(), expected.detach().float()
    if not found.numel():
        return 0.0
    is_same = (found == expected) | (found.isnan() & expected.isnan())
    largest = torch.where(is_same, 0, (found - expected).abs()).nan_to_num(nan=torch.inf).max()
    scale = torch.where(expected.isfinite(), expected, 0).abs().max()
    return float(largest / scale.clamp_min(torch.finfo(torch.float32).tiny))


def equal(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two tensors of one shape hold the same values, up to rounding."""
    found, expected = found.detach().float(), expected.detach().float()
    scale = float(torch.where(expected.isfinite(), expected, 0).abs().max())
    return bool(torch.allclose(found, expected, rtol=RELATIVE_TOLERANCE, atol=1e-6 + 1e-5 * scale))
