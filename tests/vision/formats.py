"""Tiny models with random weights in the formats of other libraries."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["N_CLASSES", "PROCESSOR", "graph_outputs", "save_tiny_classifier", "save_tiny_graph"]

N_CLASSES = 5
PROCESSOR: dict[str, Any] = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 48, "width": 48},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.4, 0.5, 0.6],
    "image_std": [0.2, 0.25, 0.3],
}
"""What the processor of `save_tiny_classifier` does."""

_WEIGHTS = np.random.default_rng(0).normal(size=(16, N_CLASSES)).astype("float32")


def save_tiny_classifier(folder: Path, *, family: str = "vit", num_channels: int = 3, **processor: Any) -> Any:
    """Write a classifier as `save_pretrained` does, with a processor, and return it."""
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    if family == "vit":
        config = transformers.ViTConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            image_size=48,
            patch_size=12,
            num_labels=N_CLASSES,
            num_channels=num_channels,
        )
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=N_CLASSES
        )
    model = transformers.AutoModelForImageClassification.from_config(config)
    model.save_pretrained(folder)
    settings = {**PROCESSOR, **processor}
    transformers.ViTImageProcessor(
        **{k: v for k, v in settings.items() if k != "image_processor_type"}
    ).save_pretrained(folder)
    return model.eval()


def save_tiny_graph(
    path: Path,
    *,
    batch: int | str = "n",
    channels_last: bool = False,
    n_channels: int = 3,
    outputs: tuple[str, ...] = ("logits",),
    size: tuple[int | str, int | str] = ("h", "w"),
    weights: npt.NDArray[np.float32] = _WEIGHTS,
) -> None:
    """Write an ONNX file whose outputs are the mean of each channel times `weights`; see `graph_outputs`."""
    import onnx
    from onnx import TensorProto, helper

    shape = [batch, *size, n_channels] if channels_last else [batch, n_channels, *size]
    n_classes = weights.shape[1]
    axes = [1, 2] if channels_last else [2, 3]
    nodes = [
        helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=0),
        *(helper.make_node("MatMul", ["mean", "weights"], [name]) for name in outputs),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, n_classes]) for name in outputs],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], axes),
            helper.make_tensor(
                "weights", TensorProto.FLOAT, [n_channels, n_classes], weights[:n_channels].flatten().tolist()
            ),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def graph_outputs(images: torch.Tensor) -> torch.Tensor:
    """What the graph gives for images (B, C, H, W)."""
    return images.mean(dim=(2, 3)) @ torch.from_numpy(_WEIGHTS[: images.shape[1]])
