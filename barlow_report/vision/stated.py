"""What a network says of itself: the size of the images it is for, and what its outputs are called.

Files state it (ONNX, exported programs, configurations of transformers), and so do some classes of torchvision and
timm. Nothing is run.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from barlow_report.vision.onnx_models import OnnxModel
from barlow_report.vision.taps import Program

__all__ = ["fixed_size", "output_names", "size_advice", "stated_size"]


def fixed_size(module: nn.Module) -> tuple[int, int] | None:
    """Return height and width of the only images that a program or an ONNX file takes; None where they are free."""
    return module.size if isinstance(module, Program | OnnxModel) else None


def stated_size(module: nn.Module) -> tuple[int, int] | None:
    """Return height and width of the images that a network was made for, in pixels; None where it says nothing.

    Some run on other sizes as well, see `fixed_size`.
    """
    if isinstance(module, Program | OnnxModel):
        return module.size
    places = (
        (_settings(module), "image_size"),
        (module, "image_size"),  # transformers of torchvision
        (getattr(module, "patch_embed", None), "img_size"),  # those of timm
    )
    return next((size for part, name in places if (size := _pair(getattr(part, name, None)))), None)


def output_names(module: nn.Module) -> tuple[str, ...] | None:
    """Return what the outputs are called, in their order; None where nobody named them.

    A configuration of transformers that was never told calls them LABEL_0, LABEL_1 and so on.
    """
    names = getattr(_settings(module), "id2label", None)
    if not isinstance(names, Mapping) or set(names) != set(range(len(names))):
        return None
    found = tuple(str(names[i]) for i in range(len(names)))
    return None if all(name == f"LABEL_{i}" for i, name in enumerate(found)) else found


def size_advice(module: nn.Module) -> str:
    """Return what to write into the preprocessing for the stated size; empty where none is stated."""
    size = stated_size(module)
    if size is None:
        return ""
    height, width = size
    return (
        f" It is made for images of {height} × {width} pixels: set 'preprocessing: {{resize: [{height}, {width}]}}', "
        "or the resize and crop that it was trained with."
    )


def _settings(module: nn.Module) -> Any:
    """The configuration of a model of transformers, or of one that is wrapped as `model`."""
    return getattr(module, "config", None) or getattr(getattr(module, "model", None), "config", None)


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value, value
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(v, int) and v > 0 for v in value):
        return value[0], value[1]
    return None
