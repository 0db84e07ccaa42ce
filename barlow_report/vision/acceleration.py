"""The same model, faster: batch normalisation folded, memory laid out for convolutions, bfloat16, compilation.

A network that only runs needs no batch normalisation of its own: a fixed scale and shift per channel go into the
weights of the convolution before it. Convolutions are faster where the channels of a pixel lie side by side. Both
leave the results as they are up to rounding, so they are always done; whether the result is still the same is
checked by running both models, and what does not work for a model is left out. bfloat16 changes the third digit and
is done when it is asked for; what the reader sees is kept better than that: the last linear layer, and the pooling
that gives the features, are computed in float32.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from barlow_report.vision.models import LoadedModel
from barlow_report.vision.probing import difference, watch
from barlow_report.vision.taps import Program

__all__ = ["AcceleratedModel", "Precision", "accelerate", "guide_precision", "has_fast_bfloat16", "replicate"]

Precision = Literal["float32", "bfloat16"]

TOLERANCE = 1e-4
"""Largest difference that counts as rounding, relative to the largest value of its kind."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AcceleratedModel(LoadedModel):
    """A model that was prepared for speed; computes what `LoadedModel` says.

    Attributes:
        precision: Of convolutions and matrix products; whatever is returned is float32.
        memory_format: The layout that images are brought into.
        is_compiled: Parts of it are compiled, at the first images of each new shape.
    """

    precision: Precision = "float32"
    memory_format: torch.memory_format = field(default=torch.contiguous_format, repr=False)
    is_compiled: bool = False

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """Return outputs, as `LoadedModel.predict` does."""
        with self._autocast():
            return super().predict(images)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return outputs, features and maps, as `LoadedModel.features` does."""
        with self._autocast():
            outputs, features, maps = super().features(images)
            is_pooled = maps is not None and self.map_place is not None and self.map_place.is_exact
            if self.precision == "bfloat16" and is_pooled and maps is not None:
                features = maps.mean(dim=(2, 3))  # the model's own mean was rounded to three digits
            return outputs, features, maps

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return super()._normalised(images).contiguous(memory_format=self.memory_format)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")


class _Float32Linear(nn.Linear):
    """A linear layer that stays in float32 under autocast."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            return F.linear(inputs.float(), self.weight, self.bias)


def accelerate(
    model: LoadedModel, *, precision: Precision = "float32", channels_last: bool = True, compiled: bool = False
) -> LoadedModel:
    """Return a model that computes the same as `model` in less time; `model` itself is left as it is.

    Args:
        model: Any model; one that cannot be copied or run on random images is returned itself.
        precision: Of convolutions and matrix products.
        channels_last: Lay images out with the channels of a pixel side by side.
        compiled: Compile its parts with torch.compile; takes up to minutes at the first images.
    """
    example = _example(model)
    if example is None or replicate(model) is None:
        return model
    images, expected = example
    values = {item.name: getattr(model, item.name) for item in fields(LoadedModel)}
    best = AcceleratedModel(**values)
    for change in (_fold, *([_lay_out] if channels_last else [])):
        changed = _attempt(best, change, images)
        if changed is not None and _is_same(changed, images, expected):
            best = changed
    if precision == "bfloat16":
        best = _attempt(best, _to_bfloat16, images) or best
    if compiled:
        best = _attempt(best, _compile, images) or best
    return best


def replicate(model: LoadedModel) -> LoadedModel | None:
    """Return a copy that shares the weights and can run in another thread; None if there can be none."""
    if isinstance(model.module, Program) or (isinstance(model, AcceleratedModel) and model.is_compiled):
        return None
    shared = {id(tensor): tensor for tensor in (*model.module.parameters(), *model.module.buffers())}
    try:
        module = copy.deepcopy(model.module, shared)
    except Exception:  # somebody else's code: a lock, a stream, a program
        return None
    return replace(model, module=module)


def guide_precision(wanted: Literal["auto", "float32", "bfloat16"], device: torch.device) -> Precision:
    """The precision of passes that only find a way: as wanted; auto: bfloat16 where the device is faster with it."""
    if wanted == "auto":
        return "bfloat16" if has_fast_bfloat16(device) else "float32"
    return wanted


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself, faster than in float32, instead of imitating it."""
    if device.type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        is_there = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # older versions cannot say
        return is_there is not None and bool(is_there())
    return False


def _example(model: LoadedModel) -> tuple[torch.Tensor, list[torch.Tensor]] | None:
    """Random images, and what the model computes from them."""
    shape = (2, model.n_channels, *model.probed_size)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(model.device)
    try:
        return images, _outputs(model, images)
    except Exception:  # somebody else's code
        return None


def _outputs(model: LoadedModel, images: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        if not model.has_features:
            return [model.predict(images)]
        return [output for output in model.features(images) if output is not None]


def _is_same(model: LoadedModel, images: torch.Tensor, expected: list[torch.Tensor]) -> bool:
    pairs = zip(_outputs(model, images), expected, strict=True)
    return all(found.shape == wanted.shape and difference(found, wanted) <= TOLERANCE for found, wanted in pairs)


def _attempt(
    model: AcceleratedModel, change: Callable[[AcceleratedModel, torch.Tensor], AcceleratedModel], images: torch.Tensor
) -> AcceleratedModel | None:
    """Apply `change` to a copy; None where the result does not run, forwards and backwards."""
    try:
        copied = replicate(model)
        if not isinstance(copied, AcceleratedModel):
            return None
        changed = change(copied, images)
        _outputs(changed, images)
        if changed.has_features and changed.has_gradients:
            with torch.enable_grad():
                inputs = images.clone().requires_grad_()
                torch.autograd.grad(changed.features(inputs)[1].sum(), inputs)
    except Exception:  # somebody else's code, in ways it was not written for
        return None
    return changed


def _fold(model: AcceleratedModel, images: torch.Tensor) -> AcceleratedModel:
    """Move each batch normalisation that follows a convolution, and nothing else does, into its weights."""
    modules = dict(model.module.named_modules())
    came_from: dict[int, str] = {}
    seen: list[torch.Tensor] = []  # kept, so that no two tensors have the same id
    runs: dict[str, int] = {}
    pairs: dict[str, str] = {}

    def note(name: str, side: str, tensor: torch.Tensor) -> None:
        seen.append(tensor)
        if side == "output":
            runs[name] = runs.get(name, 0) + 1
            if type(modules[name]) is nn.Conv2d:
                came_from[id(tensor)] = name
        elif id(tensor) in came_from:
            pairs[name] = came_from[id(tensor)]

    kinds = (nn.Conv2d, nn.BatchNorm2d)
    watched = {name: {"input", "output"} for name, module in modules.items() if type(module) in kinds}
    with watch(model.module, watched, note), torch.no_grad():  # type: ignore[arg-type]
        model.predict(images)
    for norm_name, conv_name in pairs.items():
        norm, conv = modules[norm_name], modules[conv_name]
        is_pair = isinstance(norm, nn.BatchNorm2d) and isinstance(conv, nn.Conv2d) and norm.running_mean is not None
        if is_pair and runs[norm_name] == runs[conv_name] == 1:
            _fold_pair(conv, norm)
            parent, _, child = norm_name.rpartition(".")
            setattr(modules[parent], child, nn.Identity())
    return model


def _fold_pair(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    if norm.running_mean is None or norm.running_var is None:
        return  # it normalises by the batch
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.double()
    if conv.bias is not None:
        shift = shift + conv.bias.double() * scale
    conv.weight = _frozen((conv.weight.double() * scale.view(-1, 1, 1, 1)).float())
    conv.bias = _frozen(shift.float())


def _frozen(weights: torch.Tensor) -> nn.Parameter:
    """A parameter of a copy; one that is changed in place would change the original too."""
    return nn.Parameter(weights, requires_grad=False)


def _lay_out(model: AcceleratedModel, _: torch.Tensor) -> AcceleratedModel:
    for module in model.module.modules():
        if isinstance(module, nn.Conv2d):
            module.weight = _frozen(module.weight.contiguous(memory_format=torch.channels_last))
    return replace(model, memory_format=torch.channels_last)


def _to_bfloat16(model: AcceleratedModel, _: torch.Tensor) -> AcceleratedModel:
    """Store in bfloat16 the weights that autocast would otherwise convert at every run."""
    head = model.feature_place.module
    for name, module in list(model.module.named_modules()):
        if type(module) is nn.Linear and name == head:
            module.__class__ = _Float32Linear
        elif type(module) in (nn.Conv2d, nn.Linear):
            for part, weights in module.named_parameters():
                setattr(module, part, _frozen(weights.to(torch.bfloat16)))
    return replace(model, precision="bfloat16")


def _compile(model: AcceleratedModel, _: torch.Tensor) -> AcceleratedModel:
    """Compile the largest parts in which nothing is watched: hooks and compiled code do not go together."""
    places = [model.feature_place.module, *([model.map_place.module] if model.map_place else [])]
    waiting = [("", model.module)]
    while waiting:
        name, module = waiting.pop()
        inside = [place for place in places if place == name or place.startswith(f"{name}." if name else "")]
        if inside or isinstance(module, nn.ModuleList | nn.ModuleDict):
            waiting += [(f"{name}.{child}".lstrip("."), part) for child, part in module.named_children()]
        elif next(module.parameters(), None) is not None:
            module.compile()
    return replace(model, is_compiled=True)
