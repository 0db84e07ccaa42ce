"""A program of torch.export as a model whose inner tensors can be watched."""

from typing import Any

import torch
from torch import fx, nn

from barlow_report.errors import ModelError
from barlow_report.vision.taps import TAPS, LinearTap, Program, Tap, tap_name

__all__ = ["ExportedProgram"]

_LINEAR_INPUT: dict[Any, int] = {
    torch.ops.aten.linear.default: 0,
    torch.ops.aten.addmm.default: 1,
    torch.ops.aten.mm.default: 0,
    torch.ops.aten.conv2d.default: 0,
    torch.ops.aten.convolution.default: 0,
}
"""Operations that may be the last linear layer, and which of their arguments its input is."""

_CONVOLUTIONS = (torch.ops.aten.conv2d.default, torch.ops.aten.convolution.default)


class ExportedProgram(Program):
    """The graph of an exported program, with a tap behind every tensor that may be features or a map.

    Raises:
        ModelError: It takes something else than one batch of RGB images, or was exported in training mode.
    """

    def __init__(self, program: torch.export.ExportedProgram, *, where: str) -> None:
        super().__init__()
        module = program.module()
        if not isinstance(module, fx.GraphModule):
            raise ModelError(f"{where}: the program holds no graph, found {type(module).__name__}.")
        _refuse_training_mode(module, where=where)
        self.size, self.n_per_call, self.n_channels = _input_shape(module, where=where)
        _insert_taps(module)
        self.add_module(TAPS, module.get_submodule(TAPS))  # before the graph, so that taps go by this shorter name
        # A plain graph module: the one that torch.export returns has no evaluation mode.
        self.graph = fx.GraphModule(module, module.graph)

    def forward(self, images: torch.Tensor) -> Any:
        """Run the program on images (B, C, H, W), normalised."""
        return self.graph(images)


def _input_shape(module: fx.GraphModule, *, where: str) -> tuple[tuple[int, int] | None, int | None, int | None]:
    """The size, and the numbers of images and channels that the program was exported for, where they are fixed."""
    inputs = [node for node in module.graph.nodes if node.op == "placeholder"]
    value = inputs[0].meta.get("val") if len(inputs) == 1 else None
    if not isinstance(value, torch.Tensor) or value.ndim != 4 or not value.is_floating_point():
        shapes = [_shape(node.meta.get("val")) for node in inputs]
        raise ModelError(f"{where}: the program takes {shapes}, expected one batch of images (B, C, H, W).")
    batch, n_channels, height, width = (length if isinstance(length, int) else None for length in value.shape)
    size = (height, width) if height is not None and width is not None else None
    return size, batch, n_channels


def _shape(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__


def _refuse_training_mode(module: fx.GraphModule, *, where: str) -> None:
    graphs = [part.graph for part in module.modules() if isinstance(part, fx.GraphModule)]
    for node in [node for graph in graphs for node in graph.nodes]:
        name = str(node.target)
        is_dropout = name.startswith("aten.dropout") and len(node.args) > 2 and node.args[2] is True
        is_norm = name.startswith("aten.batch_norm") and len(node.args) > 5 and node.args[5] is True
        if is_dropout or is_norm or name == "aten._native_batch_norm_legit_functional.default":
            raise ModelError(
                f"{where}: the program was exported in training mode ({node.name}), so that its outputs depend on "
                "chance or on the other images. Call model.eval() before torch.export.export."
            )


def _insert_taps(module: fx.GraphModule) -> None:
    taps = nn.Module()
    module.add_submodule(TAPS, taps)
    for node in [node for node in module.graph.nodes if _is_tensor(node)]:
        source = _linear_input(node)
        name = f"{TAPS}.{tap_name(node.name)}"
        module.add_submodule(name, Tap() if source is None else LinearTap())
        with module.graph.inserting_after(node):
            tap = module.graph.call_module(name, (node,))
        node.replace_all_uses_with(tap, delete_user_cb=lambda user, tap=tap: user is not tap)
        if source is not None:
            tap.args = (source, node)
        tap.meta["val"] = node.meta["val"]
    module.graph.lint()


def _is_tensor(node: fx.Node) -> bool:
    """Whether a node of the graph gives one tensor that may be features or a map."""
    value = node.meta.get("val")
    if node.op != "call_function" or not isinstance(value, torch.Tensor):
        return False
    return value.is_floating_point() and value.ndim in (2, 3, 4)


def _linear_input(node: fx.Node) -> fx.Node | None:
    """What goes into a linear layer or a convolution of one pixel; None for other operations."""
    position = _LINEAR_INPUT.get(node.target)
    if position is None:
        return None
    if node.target in _CONVOLUTIONS:
        weight = node.args[1]
        value = weight.meta.get("val") if isinstance(weight, fx.Node) else None
        if not isinstance(value, torch.Tensor) or tuple(value.shape[2:]) != (1, 1):
            return None
    source = node.args[position]
    return source if isinstance(source, fx.Node) else None
