"""Inspected models in ONNX files, run by onnxruntime.

Such a file is a graph of known operations and runs no code of its own. It gives outputs only: neither features nor
gradients, so the feature model must be another one.
"""

import importlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["OnnxModel", "build_onnx"]

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


class OnnxModel(nn.Module):
    """A graph of onnxruntime as a module: images (B, C, H, W) to outputs (B, n_outputs).

    It runs where its images are, if the installed onnxruntime can, and else on the processor. A graph for a fixed
    number of images gets as many as it needs.

    Attributes:
        size: Height and width that its images must have; None where they are free.
    """

    def __init__(self, path: Path, *, output: str | None, where: str) -> None:
        super().__init__()
        self._runtime = _import_runtime(where)
        self._path = path
        self._where = where
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()
        session = self._session("cpu")
        self._input, self.n_channels, self._channel_axis = _image_input(session, where=where)
        self.size = _fixed_size(self._input.shape, self._channel_axis)
        self._output = _chosen_output(session, output, where=where)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the outputs on the device of `images`, float32."""
        if images.shape[1] != self.n_channels:
            raise ValueError(f"expected {self.n_channels} channels, found {images.shape[1]}")
        if self.size is not None and tuple(images.shape[2:]) != self.size:
            (height, width), given = self.size, " × ".join(map(str, images.shape[2:]))
            raise ModelError(
                f"{self._where}: {self._path.name} takes images of {height} × {width} pixels, the preprocessing gives "
                f"{given}. Set 'preprocessing: {{resize: [{height}, {width}]}}', or the resize and crop that it was "
                "trained with; or export it with free sizes."
            )
        session = self._session(images.device.type)
        values = images.detach().float().cpu().numpy()
        shape, dtype = self._input.shape, _TYPES[self._input.type]
        if self._channel_axis == 3:
            values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
        n, fixed = len(values), shape[0] if isinstance(shape[0], int) else len(values)
        filled = np.concatenate([values, np.repeat(values[-1:], -n % fixed, axis=0)]) if n % fixed else values
        try:
            found = [
                session.run([self._output], {self._input.name: filled[start : start + fixed].astype(dtype)})[0]
                for start in range(0, len(filled), fixed)
            ]
        except Exception as error:  # onnxruntime's own kinds of errors, such as another size of images
            raise ModelError(f"{self._where}: {self._path.name} failed: {error}") from error
        return torch.from_numpy(np.concatenate(found)[:n].astype(np.float32)).to(images.device)

    def __deepcopy__(self, memo: Any) -> "OnnxModel":
        return self  # it has no state, and a session runs in many threads at once

    def _session(self, device: str) -> Any:
        provider = _PROVIDERS.get(device, _PROVIDERS["cpu"])
        if provider not in self._runtime.get_available_providers():
            provider = _PROVIDERS["cpu"]
        with self._lock:
            if provider not in self._sessions:
                options = self._runtime.SessionOptions()
                options.intra_op_num_threads = 1  # every thread of the pass runs a batch of its own
                options.log_severity_level = 3
                try:
                    self._sessions[provider] = self._runtime.InferenceSession(
                        str(self._path), sess_options=options, providers=[provider]
                    )
                except Exception as error:  # a damaged file, an operation that it does not know
                    raise ModelError(
                        f"{self._where}: {self._path} cannot be read as an ONNX model ({error}). Export it again, or "
                        "upgrade onnxruntime."
                    ) from error
            return self._sessions[provider]


def build_onnx(path: Path, arguments: Mapping[str, Any], *, where: str) -> OnnxModel:
    """Load an ONNX file.

    Args:
        path: The file.
        arguments: At most `output`, the name of the output where there are several.
        where: Names the model in errors.

    Raises:
        ModelError: onnxruntime is not installed, the file cannot be read, takes no images, or several outputs may be
            meant.
    """
    if not path.is_file():
        raise ModelError(f"{where}: found no file {path}; correct 'onnx'.")
    if unknown := sorted(set(arguments) - {"output"}):
        raise ModelError(f"{where}: 'arguments' has {', '.join(unknown)}; of an ONNX model it can say 'output' only.")
    return OnnxModel(path, output=arguments.get("output"), where=where)


def _import_runtime(where: str) -> Any:
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ModelError(
            f"{where}: 'onnxruntime' cannot be imported ({error}). Install it: pip install 'barlow-report[onnx]', or "
            "onnxruntime-gpu for CUDA."
        ) from error


_MOST_BANDS = 64
"""A longer side of an input is no number of channels."""


def _image_input(session: Any, *, where: str) -> tuple[Any, int, int]:
    """The input, how many channels it takes, and the axis on which they are."""
    inputs = session.get_inputs()
    places = [(i.shape[axis], axis) for i in inputs[:1] if len(i.shape) == 4 for axis in (1, 3)]
    channels = [place for n in (3, 1) for place in places if place[0] == n] or [
        place for place in places if isinstance(place[0], int) and place[0] <= _MOST_BANDS
    ]
    if (
        len(inputs) != 1
        or not channels
        or (len(channels) > 1 and channels[0][0] not in (1, 3))
        or inputs[0].type not in _TYPES
    ):
        found = ", ".join(f"{i.name} {i.shape} {i.type}" for i in inputs) or "none"
        raise ModelError(
            f"{where}: the ONNX model has the inputs {found}; expected one, floating-point images of three channels "
            "(RGB), one (grey) or a fixed number of bands, first or last. Export it with images as its only input."
        )
    return inputs[0], *channels[0]


def _fixed_size(shape: Sequence[Any], channel_axis: int) -> tuple[int, int] | None:
    """Height and width where the graph fixes both; a free one is a name or nothing."""
    height, width = (shape[axis] for axis in range(1, 4) if axis != channel_axis)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _chosen_output(session: Any, output: str | None, *, where: str) -> str:
    names = {found.name: found.shape for found in session.get_outputs()}
    if output is not None and output not in names:
        raise ModelError(f"{where}: the ONNX model has no output {output!r}; it has {', '.join(names)}.")
    if output is None and len(names) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in names.items())
        raise ModelError(
            f"{where}: the ONNX model has several outputs: {listed}. Say which one tells the classes apart: "
            f"arguments: {{output: {next(iter(names))}}}."
        )
    return output or next(iter(names))
