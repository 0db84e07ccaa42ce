"""A TorchScript program as a model whose inner tensors can be watched.

The program is frozen, which writes its modules out into one graph; the tensors of that graph become further outputs,
which pass through taps. The interpreter runs without its optimiser, so that every operation has its own gradient.
"""

import io
import warnings
from collections import Counter
from typing import Any

import torch
from torch import nn

from barlow_report.vision.taps import TAPS, LinearTap, Program, Tap, tap_name

__all__ = ["ScriptedProgram", "load_script"]

_LINEAR_INPUT = {"aten::linear": 0, "aten::addmm": 1, "aten::conv2d": 0, "aten::_convolution": 0}
"""Operations that may be the last linear layer, and which of their arguments its input is."""


def load_script(archive: io.BytesIO) -> Any:
    """Read a TorchScript archive to the processor's memory, in evaluation mode; it runs what code the archive holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript's development has ended
        return torch.jit.load(archive, map_location="cpu").eval()  # type: ignore[no-untyped-call]


class ScriptedProgram(Program):
    """A TorchScript module with taps behind the tensors of its graph."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        # In a list, so that it is no submodule: hooks on the parts of a script never run.
        self._script: list[Any] = [script]
        self._kept: set[str] | None = None
        self._defaults: list[Any] = []
        self._compiled: tuple[Any, Any, list[str]] | None = None
        self.add_module(TAPS, nn.Module())
        self._compile()

    def keep(self, places: set[str]) -> None:
        """Show only the tensors at these modules from now on; the others cost memory."""
        self._kept = {place.removeprefix(f"{TAPS}.") for place in places}
        self._compiled = None

    def shown(self) -> list[str]:
        """The names of the tensors that are shown."""
        return list((self._compiled or self._compile())[2])

    def _apply(self, fn: Any, recurse: bool = True) -> "ScriptedProgram":
        """Move the script, whose weights become constants again where it goes."""
        self._script[0]._apply(fn)
        self._compiled = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The script's weights."""
        return self._script[0].state_dict(*args, **kwargs)

    def forward(self, images: torch.Tensor) -> Any:
        """Run the program on images (B, C, H, W), normalised."""
        owner, function, names = self._compiled or self._compile()
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            if function is None:
                return owner(images)
            output, *values = function(owner._c, images, *self._defaults)
        taps = self.get_submodule(TAPS)
        position = 0
        for name in names:
            tap = taps.get_submodule(name)
            n_values = 2 if isinstance(tap, LinearTap) else 1
            tap(*values[position : position + n_values])
            position += n_values
        return output

    def _compile(self) -> tuple[Any, Any, list[str]]:
        """Freeze the script and add the tensors of its graph to its outputs."""
        for parameter in self._script[0].parameters():
            parameter.requires_grad_(False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript's development has ended
            frozen = torch.jit.freeze(self._script[0], optimize_numerics=False)
        # What is made of the graph has no default values: arguments behind the images are given theirs.
        arguments = frozen._c._get_method("forward").schema.arguments[2:]
        self._defaults = [argument.default_value for argument in arguments if argument.has_default_value()]
        graph = frozen.graph.copy()
        outputs = list(graph.outputs())
        if len(outputs) != 1 or str(outputs[0].type()) != "Tensor":
            self._compiled = (frozen, None, [])  # the error about its output is that of any other model
            return self._compiled
        names, values = self._choose(graph)
        result = graph.create("prim::ListConstruct", [outputs[0], *values])
        result.output().setType(torch._C.ListType(torch._C.TensorType.get()))
        graph.appendNode(result)
        graph.eraseOutput(0)
        graph.registerOutput(result.output())
        self._compiled = (frozen, torch._C._create_function_from_graph("forward", graph), names)
        return self._compiled

    def _choose(self, graph: Any) -> tuple[list[str], list[Any]]:
        """Name the graph's tensors in their order, and make their taps."""
        taps = self.get_submodule(TAPS)
        names: list[str] = []
        values: list[Any] = []
        counts: Counter[str] = Counter()
        for node in graph.nodes():
            if node.kind().startswith(("prim::Constant", "prim::Uninitialized")) or node.outputsSize() != 1:
                continue
            if not node.output().type().isSubtypeOf(torch._C.TensorType.get()):
                continue
            kind = node.kind().rpartition("::")[2]
            name = tap_name(f"{kind}_{counts[kind]}" if counts[kind] else kind)
            counts[kind] += 1
            if self._kept is not None and name not in self._kept:
                continue
            source = _linear_input(node)
            if not hasattr(taps, name):  # hooks may be on it already
                taps.add_module(name, Tap() if source is None else LinearTap())
            names.append(name)
            values += [node.output()] if source is None else [source, node.output()]
        return names, values


def _linear_input(node: Any) -> Any:
    """What goes into a linear layer or a convolution of one pixel; None for other operations."""
    position = _LINEAR_INPUT.get(node.kind())
    if position is None:
        return None
    inputs = list(node.inputs())
    if "conv" in node.kind():
        weight = inputs[1].toIValue()
        if not isinstance(weight, torch.Tensor) or tuple(weight.shape[2:]) != (1, 1):
            return None
    return inputs[position]
